//! A licensed application from its first start to its last, under a clock that is moved by hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all, pending};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::ManualClock;
use koogallery::heartbeat::{
    Denial, FileStateStore, Heartbeat, HeartbeatBuilder, HeartbeatError, HeartbeatEvent, LicenseCodeError,
    MemoryStateStore, Observer, OfflinePolicy, Permit, StateError, StateStore,
};
use koogallery::key::Credentials;
use koogallery::open_api::{CallError, Client, RetryPolicy};
use koogallery::runtime::Runtime;
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use koogallery::transport::{Transport, TransportError};
use time::UtcOffset;

use crate::license_desk::{ACCESS, Desk, Fate, LICENSE, SECRET};
use crate::support::NOW;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const THREE_DAYS: OfflinePolicy = OfflinePolicy::FailOpen { for_at_most: Duration::from_secs(3 * 24 * 3600) };

/// Keeps what is reported to the seller.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl Observer for Reports {
    fn on_event(&self, event: &HeartbeatEvent<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

/// A marketplace, a clock, and what stays of the application between its starts.
struct Stage {
    desk: Desk,
    clock: Arc<ManualClock>,
    store: MemoryStateStore,
    reported: Reports,
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        Self {
            desk: Desk::new(Arc::clone(&clock)),
            clock,
            store: MemoryStateStore::default(),
            reported: Reports::default(),
        }
    }

    /// Starts the application.
    fn start(&self, policy: OfflinePolicy) -> Heartbeat {
        self.builder(self.desk.clone(), self.store.clone()).offline_policy(policy).build().unwrap()
    }

    fn builder(&self, transport: impl Transport, store: impl StateStore) -> HeartbeatBuilder {
        let mut once = RetryPolicy::default();
        once.attempts = 1;
        let client = Client::builder(Site::China, transport, TokioRuntime)
            .credentials(Credentials::new(ACCESS, SECRET).unwrap())
            .clock(Arc::clone(&self.clock))
            .retry_policy(once)
            .build()
            .unwrap();
        Heartbeat::builder(LICENSE, store, client, TokioRuntime)
            .clock(Arc::clone(&self.clock))
            .observer(self.reported.clone())
    }

    fn at(&self, time: &str) {
        self.clock.set(Timestamp::parse_basic_iso(time).unwrap());
    }

    fn reported(&self) -> String {
        self.reported.0.lock().unwrap().join("\n")
    }

    /// No more answers, until the desk is open again.
    fn close_desk(&self) {
        self.desk.fates((0..1000).map(|_| Fate::NoConnection));
    }

    fn open_desk(&self) {
        self.desk.change(|book| book.fates.clear());
    }
}

fn denial(outcome: Result<Permit, HeartbeatError>) -> Denial {
    match outcome {
        Err(HeartbeatError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

fn assert_unreachable(outcome: Result<Permit, HeartbeatError>) {
    assert!(matches!(outcome, Err(HeartbeatError::Unreachable { .. })), "{outcome:?}");
}

#[tokio::test]
async fn it_is_activated_once_and_asked_once_a_day() {
    let stage = Stage::new();
    let heartbeat = stage.start(OfflinePolicy::FailClosed);
    let permit = heartbeat.check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query", "activate", "query"]);
    assert_eq!(permit.usable_until.unwrap().to_string(), "20260101155959", "the query's expiry, not the estimate");
    assert_eq!((permit.amount, permit.product_id.as_deref()), (Some(25), Some("OFFI000001")));
    assert_eq!(permit.to_string(), "the License is valid until 20260101155959 UTC");
    assert!(permit.unconfirmed.is_none() && permit.answered_at == NOW);
    assert_eq!(stage.reported(), "the License code was activated");

    // Beijing's midnight is at 16:00 UTC.
    for time in ["20250102T030405Z", "20250102T120000Z", "20250102T155959Z"] {
        stage.at(time);
        heartbeat.check().await.unwrap();
        stage.start(OfflinePolicy::FailClosed).check().await.unwrap();
    }
    assert_eq!(stage.desk.calls(), [""; 0]);
    stage.at("20250102T160000Z");
    heartbeat.check().await.unwrap();
    heartbeat.flush().await;
    stage.start(OfflinePolicy::FailClosed).check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query"]);
    stage.clock.advance(30 * DAY);
    stage.start(OfflinePolicy::FailClosed).check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query"], "none for the days without use");
    assert_eq!(stage.desk.change(|book| book.activations), 1);
}

#[tokio::test]
async fn the_zone_of_the_day_is_a_setting() {
    let stage = Stage::new();
    let heartbeat = stage.builder(stage.desk.clone(), stage.store.clone()).day_zone(UtcOffset::UTC).build().unwrap();
    heartbeat.check().await.unwrap();
    stage.desk.calls();
    stage.at("20250102T235959Z");
    heartbeat.check().await.unwrap();
    assert_eq!(stage.desk.calls(), [""; 0]);
    stage.at("20250103T000000Z");
    heartbeat.check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query"]);
}

#[tokio::test]
async fn a_lost_activation_or_a_lost_state_activates_nothing_twice() {
    let stage = Stage::new();
    let not_activated = || Fate::Answered(200, r#"{"error_code":"92020011"}"#);
    stage.desk.fates([not_activated(), Fate::AnswerLost]);
    assert_unreachable(stage.start(OfflinePolicy::FailClosed).check().await);
    stage.start(OfflinePolicy::FailClosed).check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query", "activate", "query"]);

    let elsewhere = stage.builder(stage.desk.clone(), MemoryStateStore::default()).build().unwrap();
    elsewhere.check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query"]);

    // Another installation activates in between.
    let elsewhere = stage.builder(stage.desk.clone(), MemoryStateStore::default()).build().unwrap();
    stage.desk.fates([not_activated()]);
    elsewhere.check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query", "activate", "query"]);
    // An activation in another form than documented.
    let elsewhere = stage.builder(stage.desk.clone(), MemoryStateStore::default()).build().unwrap();
    let odd = r#"{"error_code":"92020000","data":{"license_code_info":"{"}}"#;
    stage.desk.fates([not_activated(), Fate::Answered(200, odd)]);
    elsewhere.check().await.unwrap();
    assert_eq!(stage.desk.change(|book| book.activations), 1);
}

#[tokio::test]
async fn activation_can_be_left_to_the_seller() {
    let stage = Stage::new();
    let heartbeat = stage.builder(stage.desk.clone(), stage.store.clone()).auto_activate(false).build().unwrap();
    assert_eq!(denial(heartbeat.check().await), Denial::NotActivated);
    assert_eq!(stage.desk.calls(), ["query"]);
}

#[tokio::test]
async fn a_no_is_never_overridden() {
    let expiry = Some("20260101155959".parse().unwrap());
    let code = |code: &str| Denial::Refused { code: code.to_owned() };
    for (status, refusal, expected) in [
        ("EXPIRED", None, Denial::Expired { expire_time: expiry }),
        ("RELEASED", None, Denial::Released),
        ("FREEZE", None, Denial::Frozen),
        ("PAUSED", None, Denial::Unknown { status: "PAUSED".to_owned() }),
        ("ALIVE", Some("92020005"), Denial::NotFound),
        ("ALIVE", Some("92020004"), Denial::NotReceived),
        ("ALIVE", Some("92020002"), code("92020002")),
        ("ALIVE", Some("92029999"), code("92029999")),
    ] {
        let stage = Stage::new();
        let heartbeat = stage.start(THREE_DAYS);
        heartbeat.check().await.unwrap();
        stage.clock.advance(DAY);
        stage.desk.change(|book| (book.status, book.refusal) = (Some(status), refusal));
        assert_eq!(denial(heartbeat.check().await), expected);
        stage.desk.calls();

        // Not asked again at once, but after a minute; an outage, a restart or another day does not help.
        stage.clock.advance(MINUTE / 2);
        assert_eq!(denial(heartbeat.check().await), expected);
        assert_eq!(stage.desk.calls(), [""; 0]);
        stage.clock.advance(MINUTE / 2);
        assert_eq!(denial(heartbeat.check().await), expected);
        assert_eq!(stage.desk.calls(), ["query"]);
        heartbeat.flush().await;
        stage.close_desk();
        for _ in 0..3 {
            stage.clock.advance(DAY / 2);
            assert_eq!(denial(heartbeat.check().await), expected);
            assert_eq!(denial(stage.start(THREE_DAYS).check().await), expected);
        }

        // Renewed: noticed as soon as the pause is over.
        stage.open_desk();
        stage.desk.change(|book| (book.status, book.refusal) = (Some("ALIVE"), None));
        stage.clock.advance(HOUR / 4);
        heartbeat.check().await.unwrap();
    }
}

#[tokio::test]
async fn without_the_marketplace_the_policy_decides() {
    for fate in [
        || Fate::NoConnection,
        || Fate::Lost,
        || Fate::AnswerLost,
        || Fate::Answered(500, r#"{"error_code":"92020001"}"#),
        || Fate::Answered(403, r#"{"error_code":"92020001"}"#),
        || Fate::Answered(503, "<html>maintenance</html>"),
        || Fate::Answered(200, "<html>log in to the hotel's network</html>"),
        || Fate::Answered(200, ""),
        || Fate::Answered(302, ""),
        || Fate::Answered(200, r#"{"error_code":"92020000","data":{}}"#),
        || Fate::Answered(401, r#"{"error_code":"APIGW.0301","error_msg":"x"}"#),
        || Fate::Answered(429, r#"{"error_code":"APIGW.0308","error_msg":"x"}"#),
        || Fate::Answered(400, r#"{"error_code":"95000001"}"#),
    ] {
        for policy in [OfflinePolicy::FailClosed, THREE_DAYS] {
            let stage = Stage::new();
            stage.desk.fates([fate()]);
            assert_unreachable(stage.start(policy).check().await);

            let heartbeat = stage.start(policy);
            heartbeat.check().await.unwrap();
            stage.clock.advance(DAY);
            stage.desk.fates([fate()]);
            let outcome = heartbeat.check().await;
            match policy {
                OfflinePolicy::FailClosed => assert_unreachable(outcome),
                _ => {
                    let permit = outcome.unwrap();
                    assert_eq!(permit.usable_until, Some(NOW.saturating_add(3 * DAY)));
                    assert_eq!(permit.answered_at, NOW);
                    assert!(permit.unconfirmed.is_some() && permit.to_string().contains("could not be asked today"));
                }
            }
            assert!(stage.reported().contains("; retry after 2025010"), "{}", stage.reported());
            // The pause is over, and so is the outage.
            stage.clock.advance(MINUTE);
            assert!(heartbeat.check().await.unwrap().unconfirmed.is_none());
        }
    }
}

#[tokio::test]
async fn use_without_the_marketplace_ends() {
    for expiry in ["20260101155959", "20250104000000"] {
        let stage = Stage::new();
        stage.desk.change(|book| book.expire_time = Some(expiry));
        let heartbeat = stage.start(THREE_DAYS);
        heartbeat.check().await.unwrap();
        stage.close_desk();
        let last = NOW.saturating_add(3 * DAY).min(expiry.parse().unwrap());
        stage.clock.set(last.saturating_sub(Duration::from_millis(1)));
        assert_eq!(heartbeat.check().await.unwrap().usable_until, Some(last));
        stage.clock.set(last);
        for heartbeat in [heartbeat, stage.start(THREE_DAYS)] {
            match expiry {
                "20260101155959" => assert_unreachable(heartbeat.check().await),
                _ => assert!(matches!(denial(heartbeat.check().await), Denial::Expired { .. })),
            }
        }
    }
}

#[tokio::test]
async fn an_outage_is_not_hammered() {
    let stage = Stage::new();
    let heartbeat = stage.start(THREE_DAYS);
    heartbeat.check_client("account-17").await.unwrap();
    heartbeat.flush().await;
    stage.clock.advance(DAY);
    stage.desk.fates((0..10_000).map(|_| Fate::Answered(503, "")));
    stage.desk.calls();
    for _ in 0..8640 {
        heartbeat.check_client("account-17").await.unwrap();
        stage.clock.advance(Duration::from_secs(10));
    }
    // Pauses of 15 minutes, of which half is drawn.
    let calls = stage.desk.calls().len();
    assert!((96..=200).contains(&calls), "{calls} calls in a day");
    assert_eq!(stage.reported().lines().count(), calls + 1);
}

#[tokio::test]
async fn a_clock_turned_back_extends_nothing() {
    let stage = Stage::new();
    stage.start(THREE_DAYS).check().await.unwrap();
    stage.close_desk();
    stage.clock.advance(2 * DAY);
    let heartbeat = stage.start(THREE_DAYS);
    heartbeat.check().await.unwrap();
    heartbeat.flush().await;

    // Back to the day of the answer, or by less than the tolerance.
    for (back, noticed) in [(2 * DAY, true), (HOUR, true), (MINUTE / 2, false)] {
        stage.clock.set(NOW.saturating_add(2 * DAY).saturating_sub(back));
        for heartbeat in [&heartbeat, &stage.start(THREE_DAYS)] {
            match heartbeat.check().await {
                Err(HeartbeatError::ClockTurnedBack { seen_at, .. }) => {
                    assert!(noticed && seen_at == NOW.saturating_add(2 * DAY), "{back:?}, {seen_at}");
                }
                outcome => assert!(!noticed && outcome.is_ok(), "{back:?}, {outcome:?}"),
            }
        }
    }

    // The marketplace takes the signature, so the clock was wrong before.
    stage.open_desk();
    stage.clock.set(NOW.saturating_add(HOUR));
    assert!(heartbeat.check().await.unwrap().unconfirmed.is_none());
    heartbeat.flush().await;
    stage.desk.calls();
    stage.start(THREE_DAYS).check().await.unwrap();
    assert_eq!(stage.desk.calls(), [""; 0]);
}

#[tokio::test]
async fn the_time_seen_is_kept_by_the_hour() {
    let stage = Stage::new();
    let heartbeat = stage.start(THREE_DAYS);
    heartbeat.check().await.unwrap();
    stage.clock.advance(4 * HOUR);
    heartbeat.check().await.unwrap();
    heartbeat.flush().await;
    assert_eq!(stage.desk.calls().len(), 3);
    stage.clock.set(NOW.saturating_add(HOUR));
    stage.close_desk();
    let outcome = stage.start(THREE_DAYS).check().await;
    assert!(matches!(outcome, Err(HeartbeatError::ClockTurnedBack { .. })), "{outcome:?}");
}

#[tokio::test]
async fn the_expiry_counts_within_the_day() {
    let stage = Stage::new();
    stage.desk.change(|book| book.expire_time = Some("20250102060000"));
    let heartbeat = stage.start(THREE_DAYS);
    heartbeat.check().await.unwrap();
    stage.desk.calls();
    stage.at("20250102T055959Z");
    heartbeat.check().await.unwrap();
    assert_eq!(stage.desk.calls(), [""; 0]);
    stage.at("20250102T060000Z");
    let expired = Denial::Expired { expire_time: Some("20250102060000".parse().unwrap()) };
    assert_eq!(denial(heartbeat.check().await), expired, "the status is still ALIVE");
    assert_eq!(stage.desk.calls(), ["query"]);
    assert_eq!(denial(heartbeat.check().await), expired);
    assert_eq!(stage.desk.calls(), [""; 0]);
    stage.clock.advance(MINUTE);
    stage.desk.change(|book| book.expire_time = Some("20250202060000"));
    assert_eq!(heartbeat.check().await.unwrap().expire_time, Some("20250202060000".parse().unwrap()));
    // No expiry: the status alone counts.
    stage.desk.change(|book| book.expire_time = None);
    stage.clock.advance(400 * DAY);
    assert_eq!(heartbeat.check().await.unwrap().usable_until, None);
}

#[tokio::test(start_paused = true)]
async fn checks_at_the_same_time_share_one_call() {
    let stage = Stage::new();
    stage.desk.change(|book| (book.status, book.delay) = (Some("ALIVE"), Duration::from_secs(5)));
    let heartbeat = stage.start(OfflinePolicy::FailClosed);
    // The check that began it is dropped; the call continues.
    assert!(heartbeat.check().now_or_never().is_none());
    for outcome in join_all((0..100).map(|_| heartbeat.check())).await {
        outcome.unwrap();
    }
    assert_eq!(stage.desk.calls(), ["query"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_waits_no_longer_than_its_patience() {
    for policy in [OfflinePolicy::FailClosed, THREE_DAYS] {
        let stage = Stage::new();
        let heartbeat = stage.start(policy);
        heartbeat.check().await.unwrap();
        stage.clock.advance(DAY);
        stage.desk.calls();
        stage.desk.change(|book| book.delay = Duration::from_secs(15));
        let begin = tokio::time::Instant::now();
        match (policy, heartbeat.check().await) {
            (OfflinePolicy::FailClosed, outcome) => assert_unreachable(outcome),
            (_, outcome) => assert!(outcome.unwrap().unconfirmed.unwrap().to_string().contains("no answer")),
        }
        assert_eq!(begin.elapsed(), Duration::from_secs(10));
        // The next check waits for the same call, and has its answer.
        assert!(heartbeat.check().await.unwrap().unconfirmed.is_none());
        assert_eq!(begin.elapsed(), Duration::from_secs(15));
        assert_eq!(stage.desk.calls(), ["query"]);
    }
}

#[tokio::test(start_paused = true)]
async fn every_client_is_reported_once_a_day() {
    let stage = Stage::new();
    let heartbeat = stage.start(OfflinePolicy::FailClosed);
    for _ in 0..3 {
        for client in ["account-17", "account-18"] {
            heartbeat.check_client(client).await.unwrap();
            heartbeat.check().await.unwrap();
        }
        heartbeat.flush().await;
        stage.start(OfflinePolicy::FailClosed).check_client("account-17").await.unwrap();
    }
    let clients = |stage: &Stage| stage.desk.change(|book| std::mem::take(&mut book.clients));
    assert_eq!(clients(&stage), [("account-17".to_owned(), 1), ("account-18".to_owned(), 1)].into());

    // The next day, many at once: they wait for the query, and for no report.
    stage.clock.advance(DAY);
    stage.desk.calls();
    stage.desk.change(|book| book.delay = Duration::from_secs(5));
    let begin = tokio::time::Instant::now();
    for client in 0..250 {
        heartbeat.check_client(&format!("client-{client}")).await.unwrap();
        assert_eq!(begin.elapsed(), Duration::from_secs(5));
    }
    heartbeat.flush().await;
    let clients = clients(&stage);
    assert!(clients.len() == 250 && clients.values().all(|&reports| reports == 1));
    assert_eq!(stage.desk.calls(), ["query", "report", "report", "report", "report"], "a hundred per call at most");
}

#[tokio::test]
async fn a_failed_report_is_made_again_and_hinders_no_one() {
    let stage = Stage::new();
    let heartbeat = stage.start(OfflinePolicy::FailClosed);
    heartbeat.check().await.unwrap();
    stage.desk.fates([Fate::AnswerLost]);
    for _ in 0..3 {
        heartbeat.check_client("account-17").await.unwrap();
        heartbeat.flush().await;
    }
    assert!(stage.reported().contains("report software usage: no answer"), "{}", stage.reported());
    stage.clock.advance(MINUTE);
    heartbeat.check().await.unwrap();
    heartbeat.flush().await;
    assert_eq!(stage.desk.change(|book| book.clients["account-17"]), 2, "distinct clients are counted");

    stage.desk.change(|book| book.counts_clients = false);
    heartbeat.check_client("account-18").await.unwrap();
    heartbeat.flush().await;
    assert!(
        stage.reported().ends_with("the marketplace did not count 1 clients of the License"),
        "{}",
        stage.reported()
    );

    // Yesterday's are not reported today, and nobody is who was not let in.
    stage.desk.change(|book| (book.counts_clients, book.fates) = (true, [Fate::Lost].into()));
    heartbeat.check_client("account-19").await.unwrap();
    heartbeat.flush().await;
    stage.clock.advance(DAY);
    heartbeat.check().await.unwrap();
    heartbeat.flush().await;
    stage.clock.advance(DAY);
    stage.desk.change(|book| book.status = Some("EXPIRED"));
    denial(heartbeat.check_client("account-20").await);
    stage.clock.advance(DAY);
    stage.desk.change(|book| book.status = Some("ALIVE"));
    heartbeat.check_client("account-21").await.unwrap();
    heartbeat.flush().await;
    let clients = stage.desk.change(|book| book.clients.keys().cloned().collect::<BTreeSet<_>>());
    assert_eq!(clients, ["account-17", "account-21"].map(str::to_owned).into());

    for id in ["", &"x".repeat(257)] {
        assert!(matches!(heartbeat.check_client(id).await, Err(HeartbeatError::ClientId)));
    }
}

/// Hangs for good when as many steps were made as the process lives, before or after the step.
#[derive(Clone)]
struct Mortal<T> {
    inner: T,
    steps_left: Arc<AtomicUsize>,
}

impl<T> Mortal<T> {
    async fn step(&self) {
        if self.steps_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            pending::<()>().await;
        }
    }
}

impl Transport for Mortal<Desk> {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            self.step().await;
            let answer = self.inner.send(request).await;
            self.step().await;
            answer
        }
        .boxed()
    }
}

impl StateStore for Mortal<MemoryStateStore> {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        async move {
            self.step().await;
            self.inner.load(key).await
        }
        .boxed()
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        async move {
            self.step().await;
            self.inner.save(key, state).await?;
            self.step().await;
            Ok(())
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_anywhere_loses_and_doubles_nothing() {
    let mut deaths = 0;
    for steps in 0.. {
        let stage = Stage::new();
        let steps_left = Arc::new(AtomicUsize::new(steps));
        let mortal = || Arc::clone(&steps_left);
        let transport = Mortal { inner: stage.desk.clone(), steps_left: mortal() };
        let store = Mortal { inner: stage.store.clone(), steps_left: mortal() };
        let doomed = stage.builder(transport, store).build().unwrap();
        let _ = doomed.check_client("account-17").await;
        let survived = tokio::time::timeout(MINUTE, doomed.flush()).await.is_ok();

        let heartbeat = stage.start(OfflinePolicy::FailClosed);
        heartbeat.check_client("account-17").await.unwrap();
        heartbeat.flush().await;
        stage.start(OfflinePolicy::FailClosed).check_client("account-17").await.unwrap();
        stage.desk.change(|book| {
            assert_eq!(book.activations, 1, "death after {steps} steps");
            assert_eq!(book.calls.iter().filter(|call| **call == "activate").count(), 1, "death after {steps} steps");
            // A process that dies between the report and its record reports again, which counts once.
            assert!((1..=2).contains(&book.clients["account-17"]), "death after {steps} steps");
        });
        if survived {
            break;
        }
        deaths += 1;
    }
    // Three calls and a report, each before and after; two saves, each with what is read before them; the first load.
    assert_eq!(deaths, 4 * 2 + 2 * 3 + 1);
}

/// A store on a folder of its own, which is not there yet.
fn files() -> (tempfile::TempDir, FileStateStore, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("made").join("when needed");
    (directory, FileStateStore::new(&folder), folder)
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_left_as_it_is() {
    let stage = Stage::new();
    let (_directory, store, folder) = files();
    let start = || stage.builder(stage.desk.clone(), store.clone()).offline_policy(THREE_DAYS).build().unwrap();
    let heartbeat = start();
    heartbeat.check().await.unwrap();
    heartbeat.flush().await;
    stage.desk.calls();
    let file = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let [file] = &file[..] else { panic!("{file:?}") };
    let good = fs::read(file).unwrap();
    for damaged in [&good[..good.len() / 2], b"", b"\0\0\0", b"{}", &[&good[..], b"x"].concat(), &[b' '; 9_000_000]] {
        fs::write(file, damaged).unwrap();
        for _ in 0..2 {
            let error = start().check().await.unwrap_err();
            assert!(matches!(error, HeartbeatError::State(StateError::Damaged { .. })), "{error:?}");
            assert!(error.to_string().contains(file.file_stem().unwrap().to_str().unwrap()), "{error}");
        }
        // Nor does a process that is running.
        stage.clock.advance(HOUR);
        heartbeat.check().await.unwrap();
        heartbeat.flush().await;
        assert_eq!(fs::read(file).unwrap(), damaged);
    }
    assert_eq!(stage.desk.calls(), [""; 0]);
    fs::rename(file, folder.join("moved away")).unwrap();
    start().check().await.unwrap();
    assert_eq!(stage.desk.calls(), ["query"]);
}

#[tokio::test]
async fn a_store_that_cannot_write_stops_no_one() {
    let stage = Stage::new();
    let (directory, _, _) = files();
    let in_the_way = directory.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let heartbeat = stage.builder(stage.desk.clone(), FileStateStore::new(&in_the_way)).build().unwrap();
    let error = heartbeat.check().await.unwrap_err();
    assert!(matches!(error, HeartbeatError::State(StateError::Store(_))), "{error:?}");

    struct ReadOnly;
    impl StateStore for ReadOnly {
        fn load<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
            futures_util::future::ready(Ok(None)).boxed()
        }
        fn save<'a>(&'a self, _: &'a str, _: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
            let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
            futures_util::future::ready(Err(StateError::Store(Arc::new(error)))).boxed()
        }
    }
    let heartbeat = stage.builder(stage.desk.clone(), ReadOnly).build().unwrap();
    for _ in 0..10 {
        heartbeat.check_client("account-17").await.unwrap();
        heartbeat.flush().await;
    }
    assert_eq!(stage.desk.change(|book| book.clients["account-17"]), 1, "known as long as the process lives");
    assert_eq!(stage.reported().matches("cannot be read or written").count(), 1, "{}", stage.reported());
}

#[tokio::test]
async fn two_processes_share_a_state() {
    let stage = Stage::new();
    let (one, other) = (stage.start(THREE_DAYS), stage.start(THREE_DAYS));
    one.check_client("account-17").await.unwrap();
    one.flush().await;
    stage.clock.advance(DAY);
    other.check().await.unwrap();
    other.flush().await;
    stage.clock.advance(DAY);
    stage.desk.change(|book| book.status = Some("RELEASED"));
    denial(other.check().await);
    other.flush().await;
    // The one that cannot ask learns it of the other, and does not bring back what it knew before.
    stage.close_desk();
    assert_eq!(denial(one.check().await), Denial::Released);
    one.flush().await;
    assert_eq!(denial(stage.start(THREE_DAYS).check().await), Denial::Released);
}

#[tokio::test]
async fn a_runtime_that_runs_nothing_is_reported_and_delays_no_caller() {
    struct Stopped;
    impl Runtime for Stopped {
        fn spawn(&self, _task: BoxFuture<'static, ()>) {}
        fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
            pending().boxed()
        }
    }
    let stage = Stage::new();
    let client = Client::builder(Site::China, stage.desk.clone(), Stopped).build().unwrap();
    let heartbeat = Heartbeat::builder(LICENSE, stage.store.clone(), client, Stopped).build().unwrap();
    for _ in 0..2 {
        assert!(matches!(heartbeat.check().await, Err(HeartbeatError::Interrupted)));
        heartbeat.flush().await;
    }
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let stage = Stage::new();
    let builder = stage.builder(stage.desk.clone(), stage.store.clone());
    let builder_text = format!("{builder:?}");
    let heartbeat = builder.build().unwrap();
    let permit = heartbeat.check_client("account-17").await.unwrap();
    stage.clock.advance(DAY);
    stage.close_desk();
    let error = heartbeat.check_client("account-18").await.unwrap_err();
    let texts = [builder_text, format!("{heartbeat:?} {permit:?} {permit} {error:?} {error}"), stage.reported()];
    for secret in [LICENSE, SECRET, "account-1"] {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret} in {texts:?}");
    }

    for code in ["", " PL1", "PL1\n", &"x".repeat(65)] {
        let client = Client::builder(Site::China, stage.desk.clone(), TokioRuntime).build().unwrap();
        let built = Heartbeat::builder(code, stage.store.clone(), client, TokioRuntime).build();
        assert!(matches!(built.unwrap_err(), LicenseCodeError { .. }));
    }
}

#[tokio::test]
async fn without_ak_and_sk_the_error_says_so() {
    let stage = Stage::new();
    let client = Client::builder(Site::China, stage.desk.clone(), TokioRuntime).build().unwrap();
    let heartbeat = Heartbeat::builder(LICENSE, stage.store.clone(), client, TokioRuntime).build().unwrap();
    let Err(HeartbeatError::Unreachable { source, last_answer: None }) = heartbeat.check().await else { panic!() };
    assert!(matches!(*source, CallError::NoCredentials(_)), "{source:?}");
}
