//! Usage from the seller's call to the marketplace's bill, on real SQLite.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::amount::Amount;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::KeyRing;
use koogallery::metering::{
    Correction, Meter, MeteringError, MeteringEvent, Observer, Period, Pusher, RecordState, Recorded, SqliteUsageStore,
    Usage, UsageError,
};
use koogallery::open_api::push_usage::UsageRecord;
use koogallery::open_api::{Client, RetryPolicy};
use koogallery::site::Site;
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::intake::{Fate, Intake, sum};
use crate::support::{NOW, key};

/// Keeps what is reported to the seller.
#[derive(Clone, Default)]
pub struct Reports(pub Arc<Mutex<Vec<String>>>);

impl Observer for Reports {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

struct Stage {
    _directory: tempfile::TempDir,
    database: Database,
    clock: Arc<ManualClock>,
    intake: Intake,
    reported: Reports,
    meter: Meter,
    pusher: Pusher,
}

impl Stage {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(directory.path().join("usage.db")).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap()).with_clock(Arc::clone(&clock));
        let (intake, reported) = (Intake::default(), Reports::default());
        let pusher = pusher(&meter, &clock, &intake, &reported);
        Self { _directory: directory, database, clock, intake, reported, meter, pusher }
    }

    async fn record(&self, instance_id: &str, amount: &str) {
        self.meter.record(Usage::new(instance_id, amount.parse().unwrap())).await.unwrap();
    }

    /// Goes to three minutes after the next full hour.
    fn next_hour(&self) {
        let (_, end) = Period::Hourly.around(self.clock.now());
        self.clock.set(end.saturating_add(Duration::from_secs(180)));
    }

    /// Rounds until nothing is pending.
    async fn push_all(&self) {
        for _ in 0..100 {
            self.pusher.run_once().await.unwrap();
            if self.meter.status().await.unwrap().pending.records == 0 {
                return;
            }
            self.clock.advance(Duration::from_secs(600));
        }
        panic!("{:?}", self.meter.status().await);
    }

    fn reported(&self) -> String {
        self.reported.0.lock().unwrap().join("\n")
    }
}

fn pusher(meter: &Meter, clock: &Arc<ManualClock>, intake: &Intake, reported: &Reports) -> Pusher {
    let mut once = RetryPolicy::default();
    once.attempts = 1;
    let client = Client::builder(Site::China, intake.clone(), TokioRuntime)
        .access_key(KeyRing::new(key()).signing_key().clone())
        .clock(Arc::clone(clock))
        .retry_policy(once)
        .build()
        .unwrap();
    Pusher::new(meter.clone(), client, TokioRuntime).with_observer(reported.clone())
}

#[tokio::test]
async fn usage_adds_up_per_instance_and_hour() {
    let stage = Stage::new().await;
    stage.record("a", "0.1").await;
    stage.record("a", "0.2").await;
    stage.record("b", "7").await;
    let before = stage.pusher.run_once().await.unwrap();
    assert_eq!((before.closed, before.delivered), (0, 0), "the hour is not over");
    stage.next_hour();
    stage.record("a", "1").await;
    let round = stage.pusher.run_once().await.unwrap();
    assert_eq!((round.closed, round.delivered), (2, 2));
    let records = stage.intake.records();
    assert_eq!(records[0]["usage_value"], "0.3", "no float on the way");
    assert_eq!(records[0]["begin_time"], "20250102T030405Z", "not before the first usage: the instance may be new");
    assert_eq!(records[0]["end_time"], "20250102T040000Z");
    assert_eq!(records[0].get("relate_pkg_instance"), None);
    assert_eq!(records[0]["metering_sn"].as_str().unwrap().len(), 32);

    let status = stage.meter.status().await.unwrap();
    assert_eq!((status.open.records, status.pending.records, status.delivered.records), (1, 0, 2));
    assert_eq!(status.delivered.usage, "7.3".parse().unwrap());
    stage.next_hour();
    stage.push_all().await;
    assert_eq!(stage.intake.total(), "8.3".parse().unwrap());
    let metrics = stage.meter.status().await.unwrap().to_string();
    assert!(metrics.contains("koogallery_usage_records{state=\"delivered\"} 3\n"), "{metrics}");
    assert!(metrics.contains("koogallery_usage_amount{state=\"delivered\"} 8.3\n"), "{metrics}");
}

#[tokio::test]
async fn a_usage_with_an_id_counts_once() {
    let stage = Stage::new().await;
    let usage = || Usage::new("a", Amount::from(1)).with_id("request-1");
    assert_eq!(stage.meter.record(usage()).await.unwrap(), Recorded::First);
    assert_eq!(stage.meter.record(usage()).await.unwrap(), Recorded::Repeated);
    stage.next_hour();
    stage.push_all().await;
    assert_eq!(stage.meter.record(usage()).await.unwrap(), Recorded::Repeated, "also after delivery");
    let all = stage.meter.record_all([usage(), usage().with_id("request-2")]).await.unwrap();
    assert_eq!(all, [Recorded::Repeated, Recorded::First]);
    stage.next_hour();
    stage.push_all().await;
    assert_eq!(stage.intake.total(), Amount::from(2));
}

#[tokio::test]
async fn usage_that_comes_late_counts_in_the_next_hour() {
    let stage = Stage::new().await;
    stage.record("a", "1").await;
    stage.next_hour();
    stage.push_all().await;
    let late = Usage::new("a", Amount::from(5)).with_time(NOW.saturating_sub(Duration::from_secs(60)));
    stage.meter.record(late).await.unwrap();
    assert_eq!(stage.pusher.run_once().await.unwrap().closed, 0, "the hour that it belongs to was reported");
    stage.next_hour();
    stage.push_all().await;
    let records = stage.intake.records();
    assert_eq!(
        (&records[1]["begin_time"], &records[1]["end_time"]),
        (&"20250102T040000Z".into(), &"20250102T050000Z".into())
    );
    assert_eq!(stage.intake.total(), Amount::from(6));
}

#[tokio::test]
async fn several_packages_share_the_hour_without_overlap() {
    let stage = Stage::new().await;
    for package in ["p1", "p2", "p1"] {
        let usage = Usage::new("a", Amount::from(1)).with_package(package);
        stage.meter.record(usage).await.unwrap();
    }
    stage.record("a", "1").await;
    stage.next_hour();
    stage.push_all().await;
    let records = stage.intake.records();
    assert_eq!(records.len(), 3);
    assert!(records.windows(2).all(|pair| pair[0]["end_time"] == pair[1]["begin_time"]));
    let of_p1 = records.iter().find(|record| record["relate_pkg_instance"] == "p1").unwrap();
    assert_eq!(of_p1["usage_value"], "2");
    assert_eq!(stage.intake.total(), Amount::from(4));
}

#[tokio::test]
async fn a_closed_instance_is_reported_up_to_its_end() {
    let stage = Stage::new().await;
    stage.record("a", "1").await;
    stage.clock.advance(Duration::from_secs(90));
    assert_eq!(stage.meter.close_instance("a", stage.clock.now()).await.unwrap(), 1);
    stage.pusher.run_once().await.unwrap();
    let records = stage.intake.records();
    assert_eq!(records[0]["end_time"], "20250102T030535Z");
    // Whatever comes after all the same is not lost; the marketplace decides.
    stage.record("a", "2").await;
    stage.next_hour();
    stage.push_all().await;
    assert_eq!(stage.intake.total(), Amount::from(3));
}

#[tokio::test]
async fn lost_pushes_and_lost_answers_lose_and_double_nothing() {
    let stage = Stage::new().await;
    for index in 0..20 {
        stage.record(&format!("i{index}"), "1.5").await;
    }
    stage.next_hour();
    stage.intake.fate(Fate::Lost);
    stage.intake.fate(Fate::AnswerLost);
    stage.intake.fate(Fate::Answered(500, json!({"error_code": "94060001"})));
    stage.intake.fate(Fate::Answered(429, json!({"error_code": "APIGW.0308"})));
    stage.intake.fate(Fate::Answered(502, Value::Null));
    stage.intake.fate(Fate::Answered(401, json!({"error_code": "94060002"})));
    stage.push_all().await;
    assert_eq!(stage.intake.total(), Amount::from(30));
    let status = stage.meter.status().await.unwrap();
    assert_eq!((status.delivered.records, status.delivered.usage), (20, Amount::from(30)));
    assert!(stage.reported().contains("20 usage records could not be sent"), "{}", stage.reported());
    let pushes = stage.intake.pushes.lock().unwrap().clone();
    assert!(pushes.iter().all(|push| push.len() == 20 && push == &pushes[0]), "the same records at every try");
}

#[tokio::test]
async fn a_failed_push_is_not_repeated_at_once() {
    let stage = Stage::new().await;
    stage.record("a", "1").await;
    stage.next_hour();
    stage.intake.fate(Fate::Lost);
    assert_eq!(stage.pusher.run_once().await.unwrap().failed, 1);
    assert_eq!(stage.pusher.run_once().await.unwrap().delivered, 0);
    assert_eq!(stage.intake.pushes.lock().unwrap().len(), 1);
    stage.clock.advance(Duration::from_secs(6));
    assert_eq!(stage.pusher.run_once().await.unwrap().delivered, 1);
}

#[tokio::test]
async fn refused_records_are_sorted_by_their_codes() {
    for names in [&["metering_sn"][..], &["instance_id"], &[]] {
        let stage = Stage::new().await;
        for (code, state) in [("012", Some(RecordState::Dead)), ("015", Some(RecordState::Fix)), ("016", None)] {
            for index in 0..5 {
                stage.record(&format!("fine{index}"), "1").await;
            }
            stage.record("odd", "10").await;
            stage.next_hour();
            stage.intake.fate(Fate::Refuses { instance_id: "odd", code, names });
            stage.pusher.run_once().await.unwrap();
            stage.intake.fates.lock().unwrap().clear();
            assert!(
                stage.reported().contains(&format!("instance odd was refused with {code}")),
                "{}",
                stage.reported()
            );
            match state {
                Some(state) => {
                    let records = stage.meter.records(state, None, 10).await.unwrap();
                    assert_eq!(records.len(), 1);
                    assert_eq!(records[0].record.instance_id, "odd");
                    assert_eq!(records[0].refusal.as_ref().unwrap().code.as_str(), code);
                    assert_eq!(records[0].refusal.as_ref().unwrap().description.as_deref(), Some("refused"));
                }
                None => {
                    let before = stage.intake.total();
                    assert_eq!(stage.meter.status().await.unwrap().pending.records, 1);
                    stage.clock.advance(Duration::from_secs(301));
                    assert_eq!(stage.pusher.run_once().await.unwrap().delivered, 1);
                    assert_eq!(sum([before, Amount::from(10)].into_iter()), stage.intake.total());
                }
            }
        }
        assert_eq!(stage.intake.total(), Amount::from(25), "the others were taken each time");
    }
}

#[tokio::test]
async fn a_record_that_spoils_its_push_is_found() {
    let stage = Stage::new().await;
    for index in 0..30 {
        stage.record(&format!("fine{index:02}"), "1").await;
    }
    stage.record("odd", "1").await;
    stage.next_hour();
    stage.intake.fate(Fate::Spoiled("odd"));
    stage.pusher.run_once().await.unwrap();
    let status = stage.meter.status().await.unwrap();
    assert_eq!((status.delivered.records, status.fix.records, status.pending.records), (30, 1, 0));
    assert_eq!(stage.intake.total(), Amount::from(30));
    assert!(stage.intake.pushes.lock().unwrap().len() < 15, "halving, not one by one");
}

/// A stage with one record, which was refused by its content.
async fn one_refused() -> (Stage, UsageRecord) {
    let stage = Stage::new().await;
    stage.record("a", "1").await;
    stage.next_hour();
    stage.intake.fate(Fate::Refuses { instance_id: "a", code: "017", names: &["metering_sn"] });
    stage.pusher.run_once().await.unwrap();
    let refused = stage.meter.records(RecordState::Fix, None, 10).await.unwrap().remove(0).record;
    (stage, refused)
}

#[tokio::test]
async fn a_corrected_record_is_sent_under_its_number() {
    let (stage, refused) = one_refused().await;
    assert_eq!(stage.pusher.run_once().await.unwrap().delivered, 0);
    let mut correction = Correction::default();
    correction.package_instance_id = Some("p1".to_owned());
    assert!(stage.meter.correct(&refused.metering_sn, correction).await.unwrap());
    assert!(!stage.meter.correct(&refused.metering_sn, Correction::default()).await.unwrap(), "it is pending now");
    assert_eq!(stage.pusher.run_once().await.unwrap().delivered, 1);
    let taken = stage.intake.records();
    assert_eq!(taken[0]["relate_pkg_instance"], "p1");
    assert_eq!(taken[0]["metering_sn"], refused.metering_sn);
    assert!(!stage.meter.correct(&refused.metering_sn, Correction::default()).await.unwrap(), "delivered is final");
}

#[tokio::test]
async fn a_record_that_breaks_a_limit_holds_up_no_other() {
    let (stage, refused) = one_refused().await;
    let mut correction = Correction::default();
    correction.package_instance_id = Some("p".repeat(65));
    assert!(stage.meter.correct(&refused.metering_sn, correction).await.unwrap());
    stage.record("b", "1").await;
    stage.record("c", "1").await;
    stage.next_hour();
    assert_eq!(stage.pusher.run_once().await.unwrap().delivered, 2);
    let held = stage.meter.records(RecordState::Fix, None, 10).await.unwrap().remove(0);
    assert_eq!(held.record.metering_sn, refused.metering_sn);
    let why = held.refusal.unwrap().description.unwrap();
    assert_eq!(why, "relate_pkg_instance has 65 characters, and may have 64");
    assert!(stage.intake.records().iter().all(|record| record["metering_sn"] != refused.metering_sn.as_str()));
}

#[tokio::test]
async fn the_seller_is_warned_before_records_are_too_old() {
    let stage = Stage::new().await;
    stage.record("a", "1").await;
    stage.next_hour();
    stage.intake.fate(Fate::Lost);
    stage.pusher.run_once().await.unwrap();
    assert!(!stage.reported().contains("cannot be billed"));
    stage.clock.advance(Duration::from_secs(14 * 24 * 3600));
    stage.intake.fate(Fate::Lost);
    stage.pusher.run_once().await.unwrap();
    assert!(stage.reported().contains("1 usage records since"), "{}", stage.reported());
    assert_eq!(stage.meter.status().await.unwrap().at_risk.records, 1);
}

#[tokio::test]
async fn what_cannot_be_billed_is_refused_at_once() {
    let stage = Stage::new().await;
    let error = stage.meter.record(Usage::new("a", Amount::ZERO)).await.unwrap_err();
    assert!(matches!(error, MeteringError::Usage(UsageError::Amount(_))), "{error:?}");
    let one_bad = [Usage::new("a", Amount::from(1)), Usage::new("", Amount::from(1))];
    assert!(stage.meter.record_all(one_bad).await.is_err());
    assert_eq!(stage.meter.status().await.unwrap().open.records, 0, "all or none");
}

#[tokio::test]
async fn usage_commits_with_the_sellers_transaction() {
    let stage = Stage::new().await;
    stage.database.transaction(|t| t.execute_batch("CREATE TABLE call (id TEXT)")).await.unwrap();
    for commits in [false, true] {
        let entry = stage.meter.entry(Usage::new("a", Amount::from(1)).with_id("r1")).unwrap();
        let outcome = stage
            .database
            .transaction(move |transaction| {
                transaction.execute("INSERT INTO call VALUES ('r1')", [])?;
                SqliteUsageStore::record_in(transaction, &entry)?;
                if commits { Ok(()) } else { transaction.execute("no SQL", []).map(|_| ()) }
            })
            .await;
        assert_eq!(outcome.is_ok(), commits);
        assert_eq!(stage.meter.status().await.unwrap().open.records, u64::from(commits));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_pushers_and_many_recorders_on_one_file() {
    let stage = Stage::new().await;
    let path = stage._directory.path().join("usage.db");
    let other = Database::open(path).unwrap();
    let other_meter = Meter::new(SqliteUsageStore::new(&other).await.unwrap()).with_clock(Arc::clone(&stage.clock));
    let mut expected = 0;
    for hour in 0..3_u32 {
        let recorded = (0..400_u32).map(|index| {
            let meter = if index % 2 == 0 { &stage.meter } else { &other_meter };
            meter.record(Usage::new(format!("i{}", index % 37), Amount::from(1 + index % 3)))
        });
        for outcome in join_all(recorded).await {
            assert_eq!(outcome.unwrap(), Recorded::First);
        }
        expected += (0..400).map(|index| 1 + index % 3).sum::<u32>();
        stage.next_hour();
        let pushers: Vec<_> = (0..4)
            .map(|index| {
                let meter = if index % 2 == 0 { &stage.meter } else { &other_meter };
                Arc::new(pusher(meter, &stage.clock, &stage.intake, &stage.reported).with_batch(5))
            })
            .collect();
        let rounds = pushers.iter().map(|pusher| {
            let pusher = Arc::clone(pusher);
            tokio::spawn(async move { pusher.run_once().await.unwrap() })
        });
        let delivered: usize = join_all(rounds).await.into_iter().map(|round| round.unwrap().delivered).sum();
        assert_eq!(delivered, 37, "hour {hour}");
    }
    assert_eq!(stage.intake.total(), Amount::from(expected));
    let sent: usize = stage.intake.pushes.lock().unwrap().iter().map(Vec::len).sum();
    assert_eq!(sent, 3 * 37, "no record was sent twice");
}

#[tokio::test]
async fn a_pusher_that_died_is_followed_by_another() {
    let stage = Stage::new().await;
    stage.record("a", "1").await;
    stage.next_hour();
    {
        let silent = pusher(&stage.meter, &stage.clock, &stage.intake, &stage.reported);
        stage.intake.fate(Fate::AnswerLost);
        let _ = futures_util::future::poll_immediate(silent.run_once()).await;
    }
    for _ in 0..3 {
        stage.clock.advance(Duration::from_secs(200));
        stage.pusher.run_once().await.unwrap();
    }
    assert_eq!(stage.meter.status().await.unwrap().delivered.usage, Amount::from(1));
    assert_eq!(stage.intake.total(), Amount::from(1));
}

#[tokio::test]
async fn what_is_long_delivered_is_forgotten_and_still_counted() {
    let stage = Stage::new().await;
    stage.meter.record(Usage::new("a", Amount::from(1)).with_id("r")).await.unwrap();
    stage.next_hour();
    stage.push_all().await;
    stage.clock.advance(Duration::from_secs(41 * 24 * 3600));
    stage.pusher.run_once().await.unwrap();
    assert_eq!(stage.meter.records(RecordState::Delivered, None, 10).await.unwrap(), []);
    assert_eq!(stage.meter.status().await.unwrap().delivered.usage, Amount::from(1));
    assert_eq!(stage.meter.record(Usage::new("a", Amount::from(1)).with_id("r")).await.unwrap(), Recorded::First);
}

#[tokio::test]
async fn days_are_those_of_the_zone() {
    let stage = Stage::new().await;
    let beijing = time::UtcOffset::from_hms(8, 0, 0).unwrap();
    let meter = stage.meter.clone().with_period(Period::Daily(beijing));
    meter.record(Usage::new("a", Amount::from(1))).await.unwrap();
    stage.clock.set(Timestamp::parse_basic_iso("20250102T160200Z").unwrap());
    stage.push_all().await;
    assert_eq!(stage.intake.records()[0]["end_time"], "20250102T160000Z");
}
