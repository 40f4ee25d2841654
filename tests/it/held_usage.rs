//! Usage of which the marketplace's answers are unclear: it is held, asked about, and settled once answers are clear.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::KeyRing;
use koogallery::metering::{Correction, Meter, Period, Pusher, RecordState, SqliteUsageStore, Status, Usage};
use koogallery::open_api::{Client, RetryPolicy};
use koogallery::site::Site;
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use koogallery::transport::{Transport, TransportError};
use koogallery_simulator::{Fault, FaultRule, Instance, OpenApiCall, OpenApiServer, RefusalForm};
use serde_json::{Value, json};

use crate::metering::Reports;
use crate::support::{NOW, key};

const BAD: &str = "nobody's";

struct Stage {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    open_api: OpenApiServer,
    reported: Reports,
    meter: Meter,
    pusher: Pusher,
}

impl Stage {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let open_api = OpenApiServer::builder().clock(Arc::clone(&clock)).access_keys(key()).build();
        let (directory, reported) = (tempfile::tempdir().unwrap(), Reports::default());
        let (meter, pusher) = open(directory.path(), &clock, open_api.clone(), &reported).await;
        Self { directory, clock, open_api, reported, meter, pusher }
    }

    /// Records usage of good instances and of one that the desk does not know, and goes on to when it is due.
    async fn record(&self, good: usize, bad: &[&str]) {
        let ids: Vec<_> = (0..good).map(|index| format!("i-{index}")).collect();
        ids.iter().for_each(|id| self.open_api.put_instance(Instance::on_demand(id, self.clock.now())));
        let ids = ids.iter().map(String::as_str).chain(bad.iter().copied());
        self.meter.record_all(ids.map(|id| Usage::new(id, 1.into()))).await.unwrap();
        self.next_hour();
    }

    fn next_hour(&self) {
        let (_, end) = Period::Hourly.around(self.clock.now());
        self.clock.set(end.saturating_add(Duration::from_secs(180)));
    }

    fn answers_as(&self, form: RefusalForm) {
        self.open_api.clear_faults();
        self.open_api.add_fault(FaultRule::new(Fault::RefusalForm(form)));
    }

    async fn status(&self) -> Status {
        self.meter.status().await.unwrap()
    }

    /// Delivered, held, refused and pending records.
    async fn counts(&self) -> [u64; 4] {
        let status = self.status().await;
        [&status.delivered, &status.held, &status.dead, &status.pending].map(|total| total.records)
    }

    async fn pass(&self, rounds: u32, pause: u64) {
        for _ in 0..rounds {
            self.clock.advance(Duration::from_secs(pause));
            self.pusher.run_once().await.unwrap();
        }
    }

    fn reported(&self) -> String {
        self.reported.0.lock().unwrap().join("\n")
    }
}

async fn open(
    directory: &Path,
    clock: &Arc<ManualClock>,
    transport: impl Transport,
    reported: &Reports,
) -> (Meter, Pusher) {
    let database = Database::open(directory.join("usage.db")).unwrap();
    let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap()).with_clock(Arc::clone(clock));
    let mut once = RetryPolicy::default();
    once.attempts = 1;
    let client = Client::builder(Site::China, transport, TokioRuntime)
        .access_key(KeyRing::new(key()).signing_key().clone())
        .clock(Arc::clone(clock))
        .retry_policy(once)
        .build()
        .unwrap();
    let pusher = Pusher::new(meter.clone(), client, TokioRuntime).with_observer(reported.clone());
    (meter, pusher)
}

fn sizes(calls: &[OpenApiCall]) -> Vec<usize> {
    calls.iter().map(|call| call.records.len()).collect()
}

#[tokio::test]
async fn of_three_records_with_one_bad_two_are_delivered() {
    for form in RefusalForm::ALL {
        let stage = Stage::new().await;
        stage.answers_as(form);
        stage.record(2, &[BAD]).await;
        let round = stage.pusher.run_once().await.unwrap();
        assert_eq!(stage.status().await.fix.records, 0, "{form}");
        match form {
            _ if form.is_clear() => assert_eq!(stage.counts().await, [2, 0, 1, 0], "{form}"),
            // Halves that hold good records alone are reported as before, each by its code.
            RefusalForm::NoNames => assert_eq!(stage.counts().await, [2, 0, 1, 0], "{form}"),
            _ => {
                assert_eq!(stage.counts().await, [0, 3, 0, 0], "{form}");
                assert_eq!(round.held, 3);
                let reported = "3 usage records are held: the answer refused some and does not say which";
                assert!(stage.reported().contains(reported), "{form}: {}", stage.reported());
                assert!(stage.status().await.to_string().contains("koogallery_usage_records{state=\"held\"} 3\n"));
                assert!(stage.status().await.to_string().contains("koogallery_usage_amount{state=\"held\"} 3\n"));
                assert_eq!(stage.meter.records(RecordState::Held, None, 10).await.unwrap().len(), 3);
                // For a day they are asked about, each alone, and nothing is made up.
                stage.open_api.take_log();
                stage.pass(96, 900).await;
                assert_eq!(stage.counts().await, [0, 3, 0, 0], "{form}");
                assert!(sizes(&stage.open_api.take_log()).iter().all(|size| *size == 1), "{form}");
            }
        }
        stage.open_api.clear_faults();
        stage.pass(3, 900).await;
        assert_eq!(stage.counts().await, [2, 0, 1, 0], "{form}");
        assert_eq!(stage.open_api.usage().len(), 2);
    }
}

/// The figure: pushes for one bad record of 1000.
#[tokio::test]
async fn one_bad_record_of_1000_costs_at_most_15_pushes_in_every_form() {
    for form in RefusalForm::ALL {
        let stage = Stage::new().await;
        stage.answers_as(form);
        stage.record(999, &[BAD]).await;
        stage.pusher.run_once().await.unwrap();
        let pushes = stage.open_api.take_log().len();
        let [delivered, held, dead, pending] = stage.counts().await;
        println!("{form}: {pushes} pushes, {delivered} delivered, {held} held, {dead} refused");
        assert!(pushes <= 15, "{form}: {pushes}");
        assert_eq!((delivered + held + dead, pending, stage.status().await.fix.records), (1000, 0, 0), "{form}");
        if form.is_clear() {
            assert_eq!((pushes, delivered, dead), (1, 999, 1), "{form}");
        }
        // Unclear answers for a day: three asks, and then a pause of 7.5 to 15 minutes, which is 10 at least in these steps.
        stage.pass(288, 300).await;
        let asked = stage.open_api.take_log().len();
        assert!(asked <= 144 * 3 + 20, "{form}: {asked} pushes in a day");
        stage.open_api.clear_faults();
        stage.pass(3, 900).await;
        let settled = stage.open_api.take_log();
        println!("{form}: {asked} pushes in a day of it, {} to settle the rest", settled.len());
        assert_eq!(stage.counts().await, [999, 0, 1, 0], "{form}");
        assert!(settled.len() <= 15, "{form}: {:?}", sizes(&settled));
        assert_eq!(stage.open_api.usage().len(), 999);
    }
}

/// An intake that refuses every push with a bad record in it, with this status and body, and takes every other one.
#[derive(Clone)]
struct Refusing {
    bad: &'static [&'static str],
    answer: (u16, Value),
    pushes: Arc<Mutex<Vec<usize>>>,
}

impl Transport for Refusing {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let records = body["usage_records"].as_array().unwrap();
        self.pushes.lock().unwrap().push(records.len());
        let is_bad = |record: &Value| self.bad.iter().any(|bad| record["instance_id"] == *bad);
        let (status, body) = match records.iter().any(is_bad) {
            true => self.answer.clone(),
            false => (200, json!({"error_code": "MKT.0000"})),
        };
        ready(Ok(Response::builder().status(status).body(body.to_string().into()).unwrap())).boxed()
    }
}

async fn refused_as_a_whole(good: usize, bad: &'static [&'static str], status: u16, answer: Value) -> (Status, usize) {
    let stage = Stage::new().await;
    let refusing = Refusing { bad, answer: (status, answer), pushes: Arc::default() };
    let pushes = Arc::clone(&refusing.pushes);
    let (_, pusher) = open(stage.directory.path(), &stage.clock, refusing, &stage.reported).await;
    stage.record(good, bad).await;
    pusher.run_once().await.unwrap();
    let pushes = pushes.lock().unwrap().len();
    (stage.status().await, pushes)
}

#[tokio::test]
async fn a_bad_record_is_found_wherever_it_stands() {
    // Numbers of records follow from their instances, so each of these stands elsewhere.
    const BAD_ONES: [&[&str]; 8] = [&["b0"], &["b1"], &["b2"], &["b3"], &["b4"], &["b5"], &["b6"], &["b7"]];
    let mut most = 0;
    for bad in BAD_ONES {
        let (status, pushes) = refused_as_a_whole(999, bad, 200, json!({"error_code": "94060999"})).await;
        assert_eq!((status.delivered.records, status.held.records, status.fix.records), (999, 1, 0));
        most = most.max(pushes);
        let (status, pushes) = refused_as_a_whole(999, bad, 500, json!({"error_code": "MKT.9002"})).await;
        assert_eq!((status.delivered.records, status.held.records, status.fix.records), (999, 0, 1));
        most = most.max(pushes);
        // What the code means is not known, so that it refuses no record for good.
        let (status, pushes) = refused_as_a_whole(999, bad, 400, json!({"error_code": 94_060_005})).await;
        assert_eq!((status.delivered.records, status.held.records, status.fix.records), (999, 1, 0));
        most = most.max(pushes);
    }
    println!("refused as a whole: at most {most} pushes for 1 bad of 1000");
    assert!(most <= 15, "{most}");
}

#[tokio::test]
async fn several_bad_records_are_found_and_many_end_the_search() {
    let answer = || json!({"error_code": "MKT.9002"});
    let (status, pushes) = refused_as_a_whole(998, &["b0", "b1"], 500, answer()).await;
    assert_eq!((status.delivered.records, status.fix.records), (998, 2));
    assert!(pushes <= 30, "{pushes}");
    const MANY: [&str; 40] = ["bad"; 40];
    let (status, pushes) = refused_as_a_whole(0, &MANY, 500, answer()).await;
    assert_eq!((status.fix.records, pushes), (1, 1), "one instance and hour is one record");
    const FEW: [&str; 10] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"];
    let (status, pushes) = refused_as_a_whole(90, &FEW, 500, answer()).await;
    assert_eq!(status.delivered.records + status.fix.records + status.held.records, 100);
    assert!(status.fix.records >= 4 && status.pending.records == 0, "{status}");
    assert!(pushes <= 50, "{pushes}");
}

#[tokio::test]
async fn a_push_that_failed_for_another_reason_is_sent_again_unchanged() {
    for (status, code) in [(200, "94060010"), (401, "94060002"), (500, "94060005"), (200, "MKT.0001"), (200, "0")] {
        let (status, pushes) = refused_as_a_whole(20, &["b0"], status, json!({"error_code": code})).await;
        assert_eq!((status.pending.records, pushes), (21, 1), "{code}");
    }
}

#[tokio::test]
async fn an_error_that_lists_records_delivers_none_of_the_others() {
    for status in [400, 500] {
        let answer = json!({
            "error_code": "94060999",
            "data": {"abnormal_usage_data": [{"error_code": "001", "instance_id": "b0"}]},
        });
        let (status, _) = refused_as_a_whole(1, &["b0"], status, answer).await;
        assert_eq!((status.delivered.records, status.held.records, status.fix.records), (1, 1, 0), "{status}");
    }
}

/// Takes a hundred records at a time, as one page of the documents says.
struct Small(Mutex<Vec<usize>>);

impl Transport for Small {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let size = body["usage_records"].as_array().unwrap().len();
        self.0.lock().unwrap().push(size);
        let (status, code) = if size > 100 { (500, "MKT.9003") } else { (200, "MKT.0000") };
        ready(Ok(Response::builder().status(status).body(json!({"error_code": code}).to_string().into()).unwrap()))
            .boxed()
    }
}

#[tokio::test]
async fn too_many_records_are_sent_in_parts_and_nothing_is_held() {
    let stage = Stage::new().await;
    let (_, pusher) = open(stage.directory.path(), &stage.clock, Small(Mutex::default()), &stage.reported).await;
    stage.record(1000, &[]).await;
    let round = pusher.run_once().await.unwrap();
    assert_eq!((round.delivered, round.held, round.rejected), (1000, 0, 0));
}

#[tokio::test]
async fn held_records_are_asked_about_singly_with_growing_pauses_over_restarts() {
    let stage = Stage::new().await;
    stage.answers_as(RefusalForm::NoList);
    stage.record(0, &[BAD]).await;
    stage.pusher.run_once().await.unwrap();
    assert_eq!(stage.counts().await, [0, 1, 0, 0]);
    assert!(stage.reported().contains("of instance nobody's is held"), "{}", stage.reported());
    stage.open_api.take_log();
    let mut asked_at: Vec<Timestamp> = vec![stage.clock.now()];
    for _ in 0..600 {
        stage.clock.advance(Duration::from_secs(10));
        // Every time as after a restart.
        let (_, pusher) = open(stage.directory.path(), &stage.clock, stage.open_api.clone(), &stage.reported).await;
        pusher.run_once().await.unwrap();
        if !stage.open_api.take_log().is_empty() {
            asked_at.push(stage.clock.now());
        }
    }
    let pauses: Vec<_> = asked_at.windows(2).map(|pair| pair[0].abs_diff(pair[1]).as_secs()).collect();
    assert!((5..=14).contains(&pauses.len()), "{pauses:?}");
    for (index, pause) in pauses.iter().enumerate() {
        // Half of each pause is drawn; rounds are ten seconds apart.
        let whole = (60 << index.min(8)).min(900);
        assert!((whole / 2..=whole + 10).contains(pause), "{pauses:?}");
    }
    assert_eq!(stage.counts().await, [0, 1, 0, 0]);
    assert_eq!(stage.reported().matches("is held").count(), 1, "reported once, not each time that it is asked about");
}

#[tokio::test]
async fn an_ask_that_fails_leaves_the_record_held() {
    let stage = Stage::new().await;
    stage.answers_as(RefusalForm::NoCodes);
    stage.record(1, &[BAD]).await;
    stage.pusher.run_once().await.unwrap();
    for fault in [
        Fault::NoConnection,
        Fault::LostAnswer,
        Fault::ServerError(503),
        Fault::HtmlPage,
        Fault::TruncatedAnswer,
        Fault::Refused("94060001".to_owned()),
        Fault::Refused("94060007".to_owned()),
        Fault::Refused("94060002".to_owned()),
    ] {
        stage.open_api.add_fault(FaultRule::new(fault.clone()).with_times(1));
        stage.pass(1, 900).await;
        assert_eq!(stage.counts().await, [0, 2, 0, 0], "{fault}");
    }
}

#[tokio::test]
async fn correcting_a_record_that_was_taken_ends() {
    for form in RefusalForm::ALL {
        let stage = Stage::new().await;
        stage.answers_as(form);
        stage.record(1, &[BAD]).await;
        stage.pusher.run_once().await.unwrap();
        // The good one was taken, and is held where the answer does not say so.
        for record in stage.meter.records(RecordState::Held, None, 10).await.unwrap() {
            let mut correction = Correction::default();
            correction.begin_time = Some(record.record.begin_time.saturating_add(Duration::from_secs(1)));
            assert!(stage.meter.correct(&record.record.metering_sn, correction).await.unwrap(), "{form}");
        }
        stage.open_api.take_log();
        stage.pass(48, 900).await;
        let status = stage.status().await;
        assert_eq!((status.fix.records, status.pending.records), (0, 0), "{form}: {status}");
        assert!(stage.open_api.take_log().len() <= 48 * 2 + 5, "{form}: no loop");
        stage.open_api.clear_faults();
        stage.pass(3, 900).await;
        assert_eq!(stage.counts().await, [1, 0, 1, 0], "{form}");
        assert_eq!(stage.open_api.usage().len(), 1, "what was taken first counts");
    }
}

#[tokio::test]
async fn a_pusher_that_died_at_any_answer_loses_and_doubles_nothing() {
    for form in RefusalForm::ALL {
        let stage = Stage::new().await;
        stage.answers_as(form);
        stage.record(6, &[BAD]).await;
        // Dropped at points at which it waits, which is at the store: before and after what was answered is noted.
        for milliseconds in 0..40 {
            let (_, pusher) = open(stage.directory.path(), &stage.clock, stage.open_api.clone(), &stage.reported).await;
            let _ = tokio::time::timeout(Duration::from_millis(milliseconds % 10), pusher.run_once()).await;
            stage.clock.advance(Duration::from_secs(301));
        }
        let status = stage.status().await;
        assert_eq!(status.fix.records, 0, "{form}");
        assert!(usize::try_from(status.delivered.records).unwrap() <= stage.open_api.usage().len(), "{form}: {status}");
        stage.open_api.clear_faults();
        stage.pass(4, 900).await;
        assert_eq!(stage.counts().await, [6, 0, 1, 0], "{form}");
        assert_eq!(stage.open_api.usage().len(), 6, "{form}");
    }
}

#[tokio::test]
async fn usage_in_the_second_of_the_opening_is_taken() {
    let stage = Stage::new().await;
    let at = |milliseconds| NOW.saturating_add(Duration::from_millis(milliseconds));
    for (id, opened, used) in [("a", 300, 600), ("b", 999, 999), ("c", 0, 0), ("d", 999, 0)] {
        stage.open_api.put_instance(Instance::on_demand(id, at(opened)));
        stage.clock.set(at(1000));
        stage.meter.record(Usage::new(id, 1.into()).with_time(at(used))).await.unwrap();
    }
    stage.open_api.put_instance(Instance::on_demand("early", at(1000)));
    stage.meter.record(Usage::new("early", 1.into()).with_time(at(999))).await.unwrap();
    stage.next_hour();
    stage.pusher.run_once().await.unwrap();
    assert_eq!(stage.status().await.delivered.records, 4);
    let refused = stage.meter.records(RecordState::Fix, None, 10).await.unwrap();
    assert_eq!(refused.len(), 1, "the second before is too early");
    assert_eq!(refused[0].refusal.as_ref().unwrap().code.as_str(), "015");
}
