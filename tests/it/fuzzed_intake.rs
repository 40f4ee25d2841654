//! An intake that answers anything: nothing is delivered without evidence, and nothing is lost.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::KeyRing;
use koogallery::metering::{Meter, Period, Pusher, RecordState, SqliteUsageStore, Status, Usage};
use koogallery::open_api::{Client, RetryPolicy};
use koogallery::random::Random as _;
use koogallery::site::Site;
use koogallery::sqlite::Database;
use koogallery::transport::{Transport, TransportError};
use koogallery_simulator::SeededRandom;
use serde_json::{Map, Value, json};

use crate::metering::Reports;
use crate::support::{NOW, key};

const ANSWERS: usize = 10_000;

#[derive(Clone)]
struct Fuzzed(Arc<Mutex<State>>);

struct State {
    random: SeededRandom,
    is_well: bool,
    answers: usize,
    /// Numbers of the records that were taken.
    taken: HashSet<String>,
    /// Numbers of records that an answer which arrived clearly says were taken.
    shown: HashSet<String>,
    /// The same for those that were refused, with their code.
    refused: HashMap<String, u16>,
}

impl Transport for Fuzzed {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let records = body["usage_records"].as_array().unwrap().clone();
        ready(self.0.lock().unwrap().answer(&records)).boxed()
    }
}

/// Bad records are bad for ever, one in seven instances.
fn bad(record: &Value) -> Option<u16> {
    let number: usize = record["instance_id"].as_str().unwrap()[1..].parse().unwrap();
    (number % 7 == 3).then(|| [1, 15, 17, 19][number % 4])
}

impl State {
    fn below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes) % limit
    }

    fn one_of<'v, T: ?Sized>(&self, values: &[&'v T]) -> &'v T {
        values[self.below(values.len() as u64) as usize]
    }

    /// What becomes of the records in truth: those refused, with their codes.
    fn process(&mut self, records: &[Value]) -> Vec<(String, String, u16)> {
        let mut refused = Vec::new();
        for record in records {
            let text = |name: &str| record[name].as_str().unwrap().to_owned();
            let sn = text("metering_sn");
            let code = match bad(record) {
                Some(code) => code,
                None if self.taken.insert(sn.clone()) => continue,
                None => 5,
            };
            refused.push((sn, text("instance_id"), code));
        }
        refused
    }

    /// An answer that arrives tells the truth of all records.
    fn show(&mut self, records: &[Value]) {
        for record in records {
            let sn = record["metering_sn"].as_str().unwrap().to_owned();
            match bad(record) {
                Some(code) => drop(self.refused.insert(sn, code)),
                None => drop(self.shown.insert(sn)),
            }
        }
    }

    fn element(&self, sn: &str, instance_id: &str, code: u16) -> Value {
        let code = match self.below(5) {
            0 => json!(code),
            1 => json!(f64::from(code)),
            2 => json!(code.to_string()),
            3 => json!(format!(" {code:03} ")),
            _ => json!(format!("{code:03}")),
        };
        let mut element = Map::new();
        element.insert(self.one_of(&["error_code", "errorCode", "code", "ResultCode", "result_code"]).to_owned(), code);
        element.insert(self.one_of(&["metering_sn", "meteringSn", "MeteringSN"]).to_owned(), sn.into());
        if self.below(2) == 0 {
            element.insert("instance_id".to_owned(), instance_id.into());
        }
        if self.below(2) == 0 {
            element.insert("error_msg".to_owned(), "refused".into());
        }
        Value::Object(element)
    }

    fn listed(&self, list: Vec<Value>) -> (String, Value) {
        let name = self.one_of(&["abnormal_usage_data", "abnormalUsageData", "Abnormal_Usage_Data"]);
        let (at, value) = match self.below(7) {
            0 => (name, json!(list)),
            1 => ("data", json!(list)),
            2 => ("data", json!({"list": list})),
            3 => ("data", json!({name: list}).to_string().into()),
            4 => ("x", json!([{"y": {"z": {name: list}}}])),
            5 if list.len() == 1 => ("data", json!({name: list[0]})),
            _ => ("data", json!({name: list})),
        };
        (at.to_owned(), value)
    }

    fn code(&self, code: &str) -> (String, Value) {
        let value = match (self.below(4), code.parse::<u32>()) {
            (0, Ok(number)) => json!(number),
            (1, _) => json!(format!(" {code} ")),
            _ => json!(code),
        };
        let name = self.one_of(&["error_code", "errorCode", "resultCode", "result_code", "ErrorCode"]);
        (name.to_owned(), value)
    }

    /// Makes one thing unreadable.
    fn damage(&self, list: &mut [Value]) {
        let at = self.below(list.len() as u64) as usize;
        let element = list[at].as_object_mut().unwrap();
        let codes: Vec<_> = element.keys().filter(|name| name.to_lowercase().contains("code")).cloned().collect();
        let set = |element: &mut Map<String, Value>, value: Value| {
            codes.iter().for_each(|name| drop(element.insert(name.clone(), value.clone())));
        };
        match self.below(7) {
            0 => codes.iter().for_each(|name| drop(element.remove(name))),
            1 => set(element, self.any(2)),
            2 => set(element, json!("E_UNKNOWN")),
            3 => element.retain(|name, _| codes.contains(name)),
            4 => list[at] = json!("refused"),
            5 => list[at] = Value::Null,
            _ => drop(element.insert("metering_sn".to_owned(), json!("nobody's"))),
        }
    }

    /// Any JSON without a code that could be a record's own.
    fn any(&self, depth: u32) -> Value {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(100) as i64 - 200),
            3 => json!("abnormal_usage_data"),
            4 => json!(self.one_of(&["", "x", "94060999x", "{", "[1", "\u{feff}"])),
            5 => (0..self.below(4)).map(|_| self.any(depth - 1)).collect(),
            6 => self.any(depth - 1).to_string().into(),
            _ => (0..self.below(4))
                .map(|_| {
                    let name =
                        self.one_of(&["abnormal_usage_data", "data", "error_code", "code", "metering_sn", "list"]);
                    (name.to_owned(), self.any(depth - 1))
                })
                .collect(),
        }
    }

    fn answer(&mut self, records: &[Value]) -> Result<Response<Bytes>, TransportError> {
        self.answers += 1;
        let reply = |status: u16, body: String| Ok(Response::builder().status(status).body(body.into()).unwrap());
        let refused = match self.is_well || self.below(3) > 0 {
            true => Some(self.process(records)),
            false => None,
        };
        let elements = |state: &Self, refused: &[(String, String, u16)]| -> Vec<Value> {
            refused.iter().map(|(sn, instance_id, code)| state.element(sn, instance_id, *code)).collect()
        };
        let kind = if self.is_well { 0 } else { self.below(10) };
        let (mut body, mut status) = (Map::new(), 200);
        match (kind, &refused) {
            (0 | 1, Some(refused)) => {
                let code = if refused.is_empty() { "MKT.0000" } else { "94060999" };
                body.extend([self.code(code)]);
                if !refused.is_empty() {
                    let list = elements(self, refused);
                    body.extend([self.listed(list)]);
                }
                self.show(records);
            }
            // A success that is none: of what was not taken the list tells.
            (2, Some(refused)) if !refused.is_empty() => {
                body.extend([self.code("MKT.0000")]);
                body.insert("data".to_owned(), json!({"abnormal_usage_data": elements(self, refused)}));
                self.show(records);
            }
            (3, Some(refused)) if !refused.is_empty() => {
                let mut list = elements(self, refused);
                self.damage(&mut list);
                body.extend([self.code("94060999"), self.listed(list)]);
                // Elements that are left tell of their own records, whatever the others are.
                let reported: HashSet<_> = refused.iter().map(|(sn, ..)| sn.clone()).collect();
                let reported: Vec<_> = records
                    .iter()
                    .filter(|record| reported.contains(record["metering_sn"].as_str().unwrap()))
                    .cloned()
                    .collect();
                self.show(&reported);
            }
            (4, _) => body.extend([self.code("94060999")]),
            (5, _) => {
                let (code, value) = (self.code("94060999"), self.any(4));
                body.extend([code, ("data".to_owned(), value)]);
            }
            (6, _) => {
                // A success of another status.
                status = *self.one_of(&[&302, &400, &404, &500, &503]);
                body.extend([self.code(self.one_of(&["MKT.0000", "94060999"]))]);
                let list =
                    records.iter().map(|record| json!({"error_code": "005", "metering_sn": record["metering_sn"]}));
                body.extend([self.listed(list.collect())]);
            }
            (7, _) => {
                let code = self.one_of(&[
                    "MKT.0101",
                    "MKT.9003",
                    "94060001",
                    "94060005",
                    "94060010",
                    "APIGW.0308",
                    "MKT.0001",
                    "?",
                ]);
                // A refusal of a single record by its content is reported as such.
                if let ([record], "MKT.0101") = (records, code) {
                    self.refused.insert(record["metering_sn"].as_str().unwrap().to_owned(), 0);
                }
                status = *self.one_of(&[&200, &400, &500]);
                body.extend([self.code(code)]);
            }
            (8, _) => {
                return reply(
                    200,
                    self.one_of(&[
                        "",
                        "<html>",
                        "[]",
                        "\"MKT.0000\"",
                        "{\"error_code\":\"MKT.0000\"",
                        "{\"error_code\":\"MKT.0000\",\"error_code\":\"1\"}",
                        "null",
                        "{}",
                    ])
                    .to_owned(),
                );
            }
            _ => return Err(TransportError::Timeout),
        }
        reply(status, Value::Object(body).to_string())
    }
}

struct Stage {
    clock: Arc<ManualClock>,
    intake: Fuzzed,
    meter: Meter,
    pusher: Pusher,
    _directory: tempfile::TempDir,
}

impl Stage {
    async fn new(seed: u64) -> Self {
        // In memory where that can be had: what is tried is not the disk.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let database = Database::open(directory.path().join("usage.db")).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap()).with_clock(Arc::clone(&clock));
        let intake = Fuzzed(Arc::new(Mutex::new(State {
            random: SeededRandom::new(seed),
            is_well: false,
            answers: 0,
            taken: HashSet::new(),
            shown: HashSet::new(),
            refused: HashMap::new(),
        })));
        let mut once = RetryPolicy::default();
        once.attempts = 1;
        let client = Client::builder(Site::China, intake.clone(), TokioRuntime)
            .access_key(KeyRing::new(key()).signing_key().clone())
            .clock(Arc::clone(&clock))
            .random(SeededRandom::new(seed))
            .retry_policy(once)
            .build()
            .unwrap();
        let pusher = Pusher::new(meter.clone(), client, TokioRuntime)
            .with_observer(Reports::default())
            .with_random(SeededRandom::new(seed))
            .with_batch(1 + seed as usize % 20);
        Self { clock, intake, meter, pusher, _directory: directory }
    }

    async fn all(&self, state: RecordState) -> Vec<String> {
        let records = self.meter.records(state, None, 100_000).await.unwrap();
        records.into_iter().map(|stored| stored.record.metering_sn).collect()
    }

    /// Nothing is lost, and what is settled is so on evidence.
    async fn check(&self, recorded: u64) -> Status {
        let status = self.meter.status().await.unwrap();
        let totals = [&status.pending, &status.delivered, &status.held, &status.fix, &status.dead];
        assert_eq!(totals.iter().map(|total| total.records).sum::<u64>(), recorded, "{status}");
        let delivered = self.all(RecordState::Delivered).await;
        let refused = [self.all(RecordState::Fix).await, self.all(RecordState::Dead).await].concat();
        let state = self.intake.0.lock().unwrap();
        for sn in &delivered {
            assert!(state.taken.contains(sn) && state.shown.contains(sn), "{sn} was delivered without evidence");
        }
        for sn in &refused {
            assert!(state.refused.contains_key(sn), "{sn} was refused without evidence");
        }
        status
    }
}

#[tokio::test]
async fn ten_thousand_random_answers_deliver_nothing_without_evidence_and_lose_nothing() {
    const INSTANCES: u64 = 40;
    let (mut answers, mut seed) = (0, 0);
    let mut sums = [0; 4];
    while answers < ANSWERS {
        seed += 1;
        let stage = Stage::new(seed).await;
        let mut recorded = 0;
        for _ in 0..4 {
            let usages = (0..INSTANCES).map(|index| Usage::new(format!("i{index}"), 1.into()));
            stage.meter.record_all(usages).await.unwrap();
            recorded += INSTANCES;
            let (_, end) = Period::Hourly.around(stage.clock.now());
            stage.clock.set(end.saturating_add(Duration::from_secs(180)));
            for _ in 0..6 {
                stage.pusher.run_once().await.unwrap();
                stage.clock.advance(Duration::from_secs(400));
            }
            // What is settled stays so, so that nothing is missed in between.
            stage.check(recorded).await;
        }
        let before = stage.check(recorded).await;
        sums[0] += before.delivered.records;
        sums[1] += before.held.records;
        sums[2] += before.fix.records + before.dead.records;
        sums[3] += before.pending.records;
        answers += stage.intake.0.lock().unwrap().answers;
        // From now on the intake answers well.
        stage.intake.0.lock().unwrap().is_well = true;
        // What was refused as a whole while nothing was well is sent again by hand.
        for sn in stage.all(RecordState::Fix).await {
            if stage.intake.0.lock().unwrap().refused.get(&sn) == Some(&0) {
                assert!(stage.meter.correct(&sn, Default::default()).await.unwrap());
            }
        }
        for _ in 0..6 {
            stage.clock.advance(Duration::from_secs(901));
            stage.pusher.run_once().await.unwrap();
        }
        let after = stage.check(recorded).await;
        assert_eq!((after.pending.records, after.held.records), (0, 0), "seed {seed}: {after}");
        let good = (0..INSTANCES).filter(|index| index % 7 != 3).count() as u64 * 4;
        assert_eq!((after.delivered.records, after.fix.records + after.dead.records), (good, recorded - good));
    }
    let [delivered, held, refused, pending] = sums;
    println!(
        "{answers} answers, {seed} seeds: {delivered} delivered, {held} held, {refused} refused, {pending} pending; then all settled"
    );
}
