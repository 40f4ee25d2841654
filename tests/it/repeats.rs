//! The same bytes again, as proxies send them: one effect, one answer, and no second look at access data.

use std::sync::Arc;
use std::time::Duration;

use koogallery::ledger::{MemoryLedger, State};
use koogallery::replay::{MemoryReplayGuard, SqliteReplayGuard};
use koogallery::signature::callback_v2;
use koogallery::sqlite::Database;
use tokio::runtime::Runtime;

use crate::support::*;

/// A call of V2.0 to the byte.
#[derive(Clone)]
struct Bytes {
    query: String,
    body: String,
}

impl Bytes {
    fn of(body: impl Into<String>) -> Self {
        Self::under(&nonce(), body)
    }

    fn under(nonce: &str, body: impl Into<String>) -> Self {
        let body = body.into();
        Self { query: callback_v2::signed_query(&key(), nonce, NOW, body.as_bytes()), body }
    }

    async fn to(&self, stage: &Stage) -> Answer {
        stage.post_signed(&self.query, self.body.clone()).await
    }
}

fn status(to: &str) -> String {
    format!(r#"{{"activity":"updateInstanceStatus","instanceId":"b","status":"{to}"}}"#)
}

/// Replicas that share ledger and guard.
fn replicas<const N: usize>() -> [Stage; N] {
    let (ledger, guard) = (Arc::new(MemoryLedger::new()), Arc::new(MemoryReplayGuard::default()));
    std::array::from_fn(|_| {
        let on = |builder: koogallery::callback::CallbackServiceBuilder| {
            builder.replay_guard(Arc::clone(&guard)).v2_deadline(Duration::from_millis(150))
        };
        Stage::on(Arc::clone(&ledger), on)
    })
}

#[tokio::test]
async fn a_finished_change_gets_the_same_answer_and_has_no_second_effect() {
    let stage = Stage::new();
    let create = Bytes::of(purchase("CS1", "b"));
    let first = create.to(&stage).await;
    assert_eq!((first.code.as_str(), first.instance_id()), ("000000", "b"));
    assert_eq!(create.to(&stage).await.body, first.body);

    // What came after it is not undone.
    let freeze = Bytes::of(status("FREEZE"));
    assert_eq!(freeze.to(&stage).await.code, "000000");
    assert_eq!(Bytes::of(status("NORMAL")).to(&stage).await.code, "000000");
    assert_eq!(freeze.to(&stage).await.code, "000000");
    let instance = stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap();
    assert_eq!(instance.state, State::Active);
    assert_eq!(stage.seller.runs(), 3);
}

#[tokio::test]
async fn what_is_not_signed_does_not_count() {
    let stage = Stage::new();
    let create = Bytes::of(purchase("CS1", "b"));
    let first = create.to(&stage).await;
    let [signature, time, nonce] = create.query.split('&').collect::<Vec<_>>().try_into().unwrap();
    let (name, digits) = signature.split_once('=').unwrap();
    let capital = format!("{nonce}&{name}={}&{time}&more=1", digits.to_uppercase());
    let request = http::Request::post(format!("/another/path?{capital}")).header("x-request-id", "1");
    let again = stage.send(request.body(create.body.clone().into()).unwrap()).await;
    assert_eq!(again.body, first.body);
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn another_call_under_the_nonce_is_refused() {
    let stage = Stage::new();
    assert_eq!(Bytes::under("n", purchase("CS1", "b")).to(&stage).await.code, "000000");
    for other in
        [purchase("CS2", "c"), status("FREEZE"), r#"{"activity":"releaseInstance","instanceId":"b"}"#.to_owned()]
    {
        assert_eq!(Bytes::under("n", &other).to(&stage).await.code, "000002", "{other}");
        assert!(stage.log.last().contains("the nonce was used before"), "{}", stage.log.last());
    }
    // The same body at another time is another call.
    let body = purchase("CS1", "b");
    let later = NOW.saturating_add(Duration::from_secs(1));
    let query = callback_v2::signed_query(&key(), "n", later, body.as_bytes());
    assert_eq!(stage.post_signed(&query, body).await.code, "000002");
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn access_data_are_shown_once_per_call_and_checks_may_run_again() {
    let stage = Stage::new();
    assert_eq!(Bytes::of(purchase("CS1", "b")).to(&stage).await.code, "000000");
    let query = Bytes::of(r#"{"activity":"queryInstance","instanceId":"b"}"#);
    let answer = query.to(&stage).await;
    assert!(answer.json.to_string().contains("Init#2025pw"), "{}", answer.json);
    for _ in 0..2 {
        assert_eq!(query.to(&stage).await.code, "000002");
    }
    let check = Bytes::of(r#"{"activity":"changeInstanceCheck","instanceId":"b","productInfo":{}}"#);
    let first = check.to(&stage).await;
    assert_eq!(first.code, "000000");
    assert_eq!(check.to(&stage).await.body, first.body);
}

#[tokio::test]
async fn a_failed_change_may_be_tried_again_with_the_same_bytes() {
    let stage = Stage::new();
    let create = Bytes::of(purchase("CS1", "b"));
    stage.seller.set(Mood::Failing);
    assert_eq!(create.to(&stage).await.code, "000005");
    stage.seller.set(Mood::Willing);
    let first = create.to(&stage).await;
    assert_eq!((first.code.as_str(), first.instance_id()), ("000000", "b"));
    assert_eq!(create.to(&stage).await.body, first.body);
    assert_eq!(stage.seller.runs(), 2);
}

#[tokio::test]
async fn while_the_first_copy_works_its_repeats_wait_for_it() {
    let [a, b] = replicas();
    a.seller.set(Mood::Slow(Duration::from_millis(400)));
    let create = Bytes::of(purchase("CS1", "b"));
    let hedged = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        (create.to(&a).await, create.to(&b).await)
    };
    let (first, (at_a, at_b)) = tokio::join!(create.to(&a), hedged);
    for answer in [first, at_a, at_b] {
        assert_eq!((answer.code.as_str(), answer.instance_id()), ("000004", "b"));
    }
    // Until the other replica has seen the end as well, it answers as before.
    tokio::join!(a.service.wait_idle(), b.service.wait_idle());
    let done = create.to(&b).await;
    assert_eq!((done.code.as_str(), done.instance_id()), ("000000", "b"));
    assert_eq!(create.to(&a).await.body, done.body);
    b.service.wait_idle().await;
    assert_eq!((a.seller.runs(), b.seller.runs()), (1, 0));
}

#[test]
fn when_the_replica_dies_its_lease_runs_out_and_the_same_bytes_succeed() {
    let [a, b] = replicas();
    a.seller.set(Mood::Slow(Duration::from_secs(60)));
    let create = Bytes::of(purchase("CS1", "b"));
    let dying = Runtime::new().unwrap();
    assert_eq!(dying.block_on(create.to(&a)).code, "000004");
    dying.shutdown_background();

    Runtime::new().unwrap().block_on(async {
        let waiting = create.to(&b).await;
        assert_eq!((waiting.code.as_str(), waiting.instance_id()), ("000004", "b"));
        assert_eq!(b.seller.runs(), 0);
        b.clock.advance(Duration::from_secs(6));
        b.service.wait_idle().await;
        let done = create.to(&b).await;
        assert_eq!((done.code.as_str(), done.instance_id()), ("000000", "b"));
        assert_eq!(b.seller.runs(), 1);
    });
}

#[tokio::test]
async fn an_answer_outlives_the_process_where_the_guard_does() {
    let folder = tempfile::tempdir().unwrap();
    let create = Bytes::of(purchase("CS1", "b"));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let database = Database::open(folder.path().join("guard.db")).unwrap();
        let guard = SqliteReplayGuard::new(&database).await.unwrap();
        // Its ledger is lost, so only the guard can answer.
        let stage = Stage::with(|builder| builder.replay_guard(guard));
        answers.push((create.to(&stage).await, stage.seller.runs()));
    }
    assert_eq!(answers[0].0.body, answers[1].0.body);
    assert_eq!((answers[0].1, answers[1].1), (1, 0));
}
