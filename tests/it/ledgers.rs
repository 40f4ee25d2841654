//! Every ledger engine keeps the same rules.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use koogallery::ledger::{
    Begin, Effect, Lease, Ledger, LedgerError, Look, MemoryLedger, OrderKey, SqliteLedger, State, Step, Target,
};
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;

use crate::support::NOW;

const HOUR: Duration = Duration::from_secs(3600);

fn lease(holder: u128) -> Lease {
    Lease { holder, until: NOW.saturating_add(HOUR) }
}

fn create(order: OrderKey, id: &str) -> Step {
    let target = Target::Purchase { order, proposed_id: id.to_owned() };
    Step { target, effect: Effect::Create { product_id: Some("P1".to_owned()), expire_time: None } }
}

fn renew(id: &str, key: &str, expire_time: Timestamp) -> Step {
    Step::on(id, Effect::Renew { key: key.to_owned(), expire_time, product_id: None, unfreezes: false })
}

/// Does a step as a run does.
async fn perform(ledger: &dyn Ledger, step: &Step) -> Begin {
    let begin = ledger.begin(step, lease(7), NOW).await.unwrap();
    if let Begin::Run(instance) = &begin {
        ledger.complete(step, &instance.instance_id, lease(7), NOW).await.unwrap();
    }
    begin
}

/// Runs a check on every engine.
async fn each(check: impl AsyncFn(&dyn Ledger)) {
    check(&MemoryLedger::new()).await;
    let folder = tempfile::tempdir().unwrap();
    check(&open(&folder.path().join("ledger.db")).await).await;
}

async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::new(&Database::open(path).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_id_of_an_order_is_fixed_before_any_work() {
    each(async |ledger| {
        let first = create(OrderKey::new("CS1"), "first");
        assert_eq!(ledger.look(&first).await.unwrap(), Look::Unknown);
        assert!(matches!(ledger.begin(&first, lease(1), NOW).await.unwrap(), Begin::Run(_)));
        let second = create(OrderKey::new("CS1"), "second");
        let Begin::Busy(instance) = ledger.begin(&second, lease(2), NOW).await.unwrap() else { panic!() };
        assert_eq!((instance.instance_id.as_str(), instance.state), ("first", State::Creating));
        ledger.abandon("first", lease(1)).await.unwrap();
        let Begin::Run(instance) = ledger.begin(&second, lease(2), NOW).await.unwrap() else { panic!() };
        assert_eq!((instance.instance_id.as_str(), instance.handler_runs), ("first", 1));
        let done = ledger.complete(&second, "first", lease(2), NOW).await.unwrap();
        assert_eq!((done.state, done.product_id.as_deref(), done.handler_runs), (State::Active, Some("P1"), 2));
        assert_eq!(ledger.look(&first).await.unwrap(), Look::Done(done));
    })
    .await;
}

#[tokio::test]
async fn purchases_differ_by_every_part_of_their_key() {
    each(async |ledger| {
        let orders = [
            OrderKey::new("CS1"),
            OrderKey::new("CS1").with_order_line("1"),
            OrderKey::new("CS1").with_product("1"),
            OrderKey::new("CS1").with_order_line("1").with_product("1"),
        ];
        for (index, order) in orders.iter().enumerate() {
            assert!(matches!(perform(ledger, &create(order.clone(), &format!("id{index}"))).await, Begin::Run(_)));
        }
        let taken = create(OrderKey::new("CS2"), "id0");
        assert_eq!(ledger.begin(&taken, lease(1), NOW).await.unwrap(), Begin::IdTaken);
        assert_eq!(ledger.look(&taken).await.unwrap(), Look::Unknown, "nothing was written");
    })
    .await;
}

#[tokio::test]
async fn a_lease_keeps_others_out_until_it_ends() {
    each(async |ledger| {
        let step = create(OrderKey::new("CS1"), "id");
        let short = Lease { holder: 1, until: NOW.saturating_add(Duration::from_secs(5)) };
        ledger.begin(&step, short, NOW).await.unwrap();
        ledger.extend("id", lease(1)).await.unwrap();
        let later = NOW.saturating_add(Duration::from_secs(60));
        assert!(matches!(ledger.begin(&step, lease(2), later).await.unwrap(), Begin::Busy(_)));
        let too_late = NOW.saturating_add(2 * HOUR);
        assert!(matches!(ledger.begin(&step, lease(2), too_late).await.unwrap(), Begin::Run(_)));

        assert!(matches!(ledger.extend("id", lease(1)).await, Err(LedgerError::LeaseLost(_))));
        assert!(matches!(ledger.abandon("id", lease(1)).await, Err(LedgerError::LeaseLost(_))));
        assert!(matches!(ledger.complete(&step, "id", lease(1), NOW).await, Err(LedgerError::LeaseLost(_))));
        assert_eq!(ledger.instance("id").await.unwrap().unwrap().state, State::Creating);
        ledger.complete(&step, "id", lease(2), NOW).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn steps_are_done_once() {
    each(async |ledger| {
        perform(ledger, &create(OrderKey::new("CS1"), "id")).await;
        let expiry = |days: u64| NOW.saturating_add(Duration::from_secs(86_400 * days));
        for (step, runs) in [
            (renew("id", "a", expiry(30)), true),
            (renew("id", "b", expiry(10)), true),
            (renew("id", "a", expiry(30)), false),
            (Step::on("id", Effect::Unfreeze), false),
            (Step::on("id", Effect::Freeze), true),
            (Step::on("id", Effect::Freeze), false),
            (Step::on("id", Effect::Unfreeze), true),
            (Step::on("id", Effect::Upgrade { key: "a".to_owned(), product_id: Some("P2".to_owned()) }), false),
            (Step::on("id", Effect::Upgrade { key: "c".to_owned(), product_id: Some("P2".to_owned()) }), true),
        ] {
            assert_eq!(matches!(perform(ledger, &step).await, Begin::Run(_)), runs, "{step:?}");
        }
        let instance = ledger.instance("id").await.unwrap().unwrap();
        assert_eq!(instance.expire_time, Some(expiry(10)), "the late copy did not move it again");
        assert_eq!(instance.product_id.as_deref(), Some("P2"));
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Release)).await, Begin::Run(_)));
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Release)).await, Begin::Done(_)));
        assert_eq!(perform(ledger, &renew("id", "d", expiry(1))).await, Begin::Unknown);
        assert_eq!(perform(ledger, &renew("nobody", "d", expiry(1))).await, Begin::Unknown);
    })
    .await;
}

#[tokio::test]
async fn an_unfinished_instance_can_only_be_finished_or_released() {
    each(async |ledger| {
        let step = create(OrderKey::new("CS1"), "id");
        ledger.begin(&step, lease(1), NOW).await.unwrap();
        ledger.abandon("id", lease(1)).await.unwrap();
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Freeze)).await, Begin::NotCreated(_)));
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Release)).await, Begin::Run(_)));
        assert!(matches!(perform(ledger, &step).await, Begin::Done(_)), "a released order is not revived");
    })
    .await;
}

#[tokio::test]
async fn instances_are_listed_in_pages() {
    each(async |ledger| {
        for index in 0..25 {
            perform(ledger, &create(OrderKey::new(format!("CS{index}")), &format!("id{index:02}"))).await;
        }
        let mut listed = Vec::new();
        loop {
            let after = listed.last().cloned();
            let page = ledger.instances(after.as_deref(), 10).await.unwrap();
            if page.is_empty() {
                break;
            }
            listed.extend(page.iter().map(|instance| instance.instance_id.clone()));
        }
        assert_eq!(listed, (0..25).map(|index| format!("id{index:02}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn sqlite_keeps_everything_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let expiry = NOW.saturating_add(HOUR);
    let order = OrderKey::new("CS1").with_order_line("1").with_product("P");
    {
        let ledger = open(&path).await;
        perform(&ledger, &create(order.clone(), "id")).await;
        perform(&ledger, &renew("id", "a", expiry)).await;
        perform(&ledger, &Step::on("id", Effect::Freeze)).await;
    }
    let ledger = open(&path).await;
    let Look::Done(instance) = ledger.look(&create(order.clone(), "other")).await.unwrap() else { panic!() };
    assert_eq!((instance.instance_id.as_str(), &instance.order), ("id", &order));
    assert_eq!((instance.state, instance.expire_time, instance.handler_runs), (State::Frozen, Some(expiry), 3));
    assert!(matches!(perform(&ledger, &renew("id", "a", expiry)).await, Begin::Done(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_gets_the_lease_also_across_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledgers: Vec<Arc<dyn Ledger>> = vec![Arc::new(open(&path).await), Arc::new(open(&path).await)];
    let tries: Vec<_> = (0..40)
        .map(|index| {
            let ledger = Arc::clone(&ledgers[index % 2]);
            tokio::spawn(async move {
                let step = create(OrderKey::new("CS1"), &format!("id{index}"));
                matches!(ledger.begin(&step, lease(index as u128), NOW).await.unwrap(), Begin::Run(_))
            })
        })
        .collect();
    let mut leases = 0;
    for attempt in tries {
        leases += u32::from(attempt.await.unwrap());
    }
    assert_eq!(leases, 1);
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not-a-database");
    std::fs::write(
        &path,
        "this is no database, it is longer than a header of a hundred bytes, and it says so all over again",
    )
    .unwrap();
    assert!(Database::open(&path).is_err());
    for url in ["sqlite://", "postgres://localhost/x", "koogallery.db", ""] {
        assert!(Database::open_url(url).is_err(), "{url}");
    }
}
