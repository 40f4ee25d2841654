//! Usage, pushed by hand and by the pusher.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::amount::Amount;
use koogallery::clock::Clock as _;
use koogallery::metering::{Meter, Period, Pusher, SqliteUsageStore, Usage};
use koogallery::open_api::push_usage::{self, RecordFate, RejectedRecord, UsageRecord};
use koogallery::open_api::push_usage_old;
use koogallery::open_api::query_order::ChargingMode;
use koogallery::signature::usage_push;
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{Fault, FaultRule, Instance, InstanceState, Operation, RefusalForm};

use super::{NOW, Stage, access_key};

fn hours_ago(hours: u64) -> Timestamp {
    NOW.saturating_sub(Duration::from_secs(hours * 3600))
}

/// Of the last hour but one.
fn record(sn: &str, instance_id: &str) -> UsageRecord {
    UsageRecord::new(sn, instance_id, hours_ago(2), hours_ago(1), "12.5".parse().unwrap())
}

async fn push(stage: &Stage, records: Vec<UsageRecord>) -> Vec<(String, String)> {
    let response = stage.call(push_usage::Request::new(records).unwrap()).await.unwrap();
    let reported = |record: &RejectedRecord| (record.metering_sn.clone().unwrap(), record.code.as_str().to_owned());
    response.refusals().map(reported).collect()
}

fn stage() -> Stage {
    let stage = Stage::new();
    let put = |change: &dyn Fn(&mut Instance), id: &str| {
        let mut instance = Instance::on_demand(id, hours_ago(24 * 30));
        change(&mut instance);
        stage.open_api.put_instance(instance);
    };
    put(&|_| (), "fine");
    put(&|instance| instance.is_of_another_seller = true, "another's");
    put(&|instance| instance.is_withdrawn = true, "withdrawn");
    put(&|instance| instance.is_blocked = true, "blocked");
    put(&|instance| instance.charging_mode = ChargingMode::Period, "yearly");
    put(&|instance| instance.charging_mode = ChargingMode::OnDemandPackage, "package");
    put(&|instance| instance.state = InstanceState::Opening, "opening");
    put(&|instance| instance.state = InstanceState::Abnormal, "frozen");
    put(&|instance| instance.needs_package = true, "stops");
    put(&|instance| instance.opened_at = hours_ago(1), "new");
    stage.open_api.put_instance(Instance::on_demand("closed", hours_ago(48)).closed(hours_ago(2)));
    stage
}

#[tokio::test]
async fn usage_is_taken_once() {
    let stage = stage();
    assert_eq!(push(&stage, vec![record("sn-1", "fine")]).await, []);
    let again = vec![record("sn-1", "fine"), record("sn-2", "fine")];
    let reported = [("sn-1".to_owned(), "005".to_owned()), ("sn-2".to_owned(), "010".to_owned())];
    assert_eq!(push(&stage, again).await, reported);
    let taken = stage.open_api.usage();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].usage_value, taken[0].begin_time), ("12.5".parse().unwrap(), hours_ago(2)));
    let call = stage.open_api.log().pop().unwrap();
    assert_eq!((call.about.as_str(), call.code.as_str()), ("2 records", "94060999"));
    assert_eq!(call.explanation[0], r#"record "sn-1": "005", "the unique id was reported before""#);
}

/// What the answer says of each of three records, the second of which is bad.
async fn fates(stage: &Stage, sns: [&str; 3]) -> Vec<String> {
    let hours = |sn: &str, instance_id: &str, hours| {
        UsageRecord::new(sn, instance_id, hours_ago(hours + 1), hours_ago(hours), "1".parse().unwrap())
    };
    let records = vec![hours(sns[0], "fine", 1), hours(sns[1], "nobody's", 1), hours(sns[2], "fine", 2)];
    let response = stage.call(push_usage::Request::new(records.clone()).unwrap()).await.unwrap();
    let fate = |fate: RecordFate<'_>| match fate {
        RecordFate::Taken => "taken".to_owned(),
        RecordFate::Refused(record) => record.code.as_str().to_owned(),
        _ => "unclear".to_owned(),
    };
    response.fates(&records).into_iter().map(fate).collect()
}

#[tokio::test]
async fn refused_records_are_reported_in_every_form() {
    for form in RefusalForm::ALL {
        let stage = stage();
        stage
            .open_api
            .add_fault(FaultRule::new(Fault::RefusalForm(form)).with_operation(Operation::PushUsage).with_times(2));
        let reported = fates(&stage, ["1", "2", "3"]).await;
        let call = stage.open_api.log().pop().unwrap();
        assert_eq!(call.faults, [format!("refused records as {form}")]);
        let logged: Vec<_> = call.records.iter().map(|record| record.code.as_deref()).collect();
        if form.is_clear() {
            assert_eq!(reported, ["taken", "001", "taken"], "{form}");
            assert_eq!(logged, [None, Some("001"), None], "{form}");
        } else {
            assert_eq!(reported, ["unclear"; 3], "{form}");
            assert_eq!(logged, [None; 3], "what the answer does not tell");
        }
        assert!(call.explanation[0].contains("record \"2\": \"001\""), "the log tells it in any form");
        assert_eq!(stage.open_api.usage().len(), 2, "{form}: the others were taken");
        // Together with another fault, and then in the default form again.
        stage.open_api.add_fault(FaultRule::new(Fault::Duplicate).with_times(1));
        let reported = fates(&stage, ["1", "2", "3"]).await;
        assert_eq!(reported, if form.is_clear() { ["005", "001", "005"] } else { ["unclear"; 3] }, "{form}");
        assert_eq!(fates(&stage, ["1", "2", "3"]).await, ["005", "001", "005"], "{form}");
    }
}

#[tokio::test]
async fn the_desk_nests_its_list_and_takes_usage_by_the_second() {
    let stage = stage();
    let half_past = NOW.saturating_sub(Duration::from_millis(3_600_000 - 500));
    stage.open_api.put_instance(Instance::on_demand("opened", half_past));
    let record = |sn: &str, begin| UsageRecord::new(sn, "opened", begin, NOW, Amount::from(1));
    assert_eq!(push(&stage, vec![record("1", hours_ago(1))]).await, []);
    let before = hours_ago(1).saturating_sub(Duration::from_secs(1));
    assert_eq!(push(&stage, vec![record("2", before)]).await, [("2".to_owned(), "015".to_owned())]);
    let product = "OFFI000000000000000001";
    let old = |begin| push_usage_old::UsageRecord::new("opened", product, begin, NOW, Amount::from(1));
    stage.call(push_usage_old::Request::new(vec![old(hours_ago(1))]).unwrap()).await.unwrap();
    assert_eq!(stage.refusal(push_usage_old::Request::new(vec![old(before)]).unwrap()).await, "MKT.9002");

    let body = r#"{"usage_records":[{"instance_id":"nobody's","metering_sn":"9"}]}"#;
    let request = Request::post("https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/isv/usage-data")
        .header("content-type", "application/json")
        .header("ts", NOW.as_unix_millis().to_string())
        .header("nonce", "n")
        .header("signature", usage_push::sign(&access_key(), &NOW.as_unix_millis().to_string(), "n", body.as_bytes()))
        .body(body.into())
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(stage.open_api.answer(request).body()).unwrap();
    let element = serde_json::json!({
        "error_code": "001", "error_msg": "the instance does not exist", "instance_id": "nobody's", "metering_sn": "9",
    });
    let data = serde_json::json!({"abnormal_usage_data": [element]});
    assert_eq!(answer, serde_json::json!({"error_code": "94060999", "error_msg": "Failed", "data": data}));
}

#[tokio::test]
async fn every_record_gets_its_own_code_and_the_others_are_taken() {
    let stage = stage();
    let with = |sn: &str, change: &dyn Fn(&mut UsageRecord)| {
        let mut record = record(sn, "fine");
        change(&mut record);
        record
    };
    let old = hours_ago(24 * 21 + 1);
    let cases = [
        ("001", record("1", "nobody's")),
        ("009", record("2", "another's")),
        ("006", record("3", "withdrawn")),
        ("019", record("4", "blocked")),
        ("012", record("5", "yearly")),
        ("016", record("6", "opening")),
        ("013", record("7", "frozen")),
        ("017", record("8", "stops")),
        ("015", record("9", "new")),
        ("014", record("10", "closed")),
        ("003", with("11", &|record| record.usage_value = Amount::ZERO)),
        ("011", with("12", &|record| (record.begin_time, record.end_time) = (hours_ago(1), hours_ago(2)))),
        ("011", with("13", &|record| record.end_time = NOW.saturating_add(Duration::from_secs(1)))),
        ("007", with("14", &|record| record.begin_time = old)),
        ("018", with("15", &|record| record.relate_pkg_instance = Some("fine".to_owned()))),
        ("004", with("", &|_| ())),
        ("004", with(&"x".repeat(65), &|_| ())),
    ];
    let mut stops = record("16", "stops");
    stops.relate_pkg_instance = Some("package".to_owned());
    let mut closing = record("17", "closed");
    (closing.begin_time, closing.end_time) = (hours_ago(3), hours_ago(2));
    let good = [record("18", "fine"), stops, closing];
    let expected: Vec<_> =
        cases.iter().map(|(code, record)| (record.metering_sn.clone(), (*code).to_owned())).collect();
    let records = cases.into_iter().map(|(_, record)| record).chain(good).collect();
    assert_eq!(push(&stage, records).await, expected);
    let taken: Vec<_> = stage.open_api.usage().into_iter().map(|usage| usage.metering_sn.unwrap()).collect();
    assert_eq!(taken, ["18", "16", "17"]);
}

#[test]
fn pushes_that_are_no_pushes_are_refused() {
    let path = "https://mkt.myhuaweicloud.com/rest/marketplace/v1/isv/usage-data";
    let many = format!(r#"{{"usage_records":[{}]}}"#, ["{}"; 1001].join(","));
    for (body, status, code) in [
        ("[", 400, "MKT.0101"),
        ("{}", 400, "MKT.0101"),
        (r#"{"usage_records":[]}"#, 400, "MKT.0101"),
        (&many, 500, "MKT.9003"),
        (r#"{"usage_records":[{"instance_id":"fine"}]}"#, 400, "MKT.0199"),
    ] {
        let request = Request::post(path).header("content-type", "application/json").body(body).unwrap();
        let (found, answer) = stage().signed(request);
        assert_eq!((found, answer["error_code"].as_str()), (status, Some(code)), "{answer}");
    }
}

#[tokio::test]
async fn the_old_push_is_taken_as_a_whole_or_not_at_all() {
    let stage = stage();
    let product = "OFFI000000000000000001";
    let usage = |instance: &str, product: &str| {
        push_usage_old::UsageRecord::new(instance, product, hours_ago(2), hours_ago(1), Amount::from(7))
    };
    let mut old = usage("fine", product);
    old.begin_time = hours_ago(24 * 21 + 1);
    let mut nothing = usage("fine", product);
    nothing.usage_value = Amount::ZERO;
    for (code, wrong) in [
        ("MKT.9001", usage("nobody's", product)),
        ("MKT.0150", usage("another's", product)),
        ("MKT.9002", usage("fine", "OFFI2")),
        ("MKT.9002", usage("yearly", product)),
        ("MKT.9002", usage("new", product)),
        ("MKT.9002", usage("closed", product)),
        ("MKT.9002", usage("stops", product)),
        ("MKT.9004", old),
        ("MKT.0101", nothing),
    ] {
        let records = vec![usage("fine", product), wrong];
        assert_eq!(stage.refusal(push_usage_old::Request::new(records).unwrap()).await, code);
    }
    assert!(stage.open_api.usage().is_empty());
    for _ in 0..2 {
        stage.call(push_usage_old::Request::new(vec![usage("fine", product)]).unwrap()).await.unwrap();
    }
    assert_eq!(stage.open_api.usage().len(), 1, "the first of a period counts, and the second is no error");
}

#[tokio::test]
async fn the_pusher_delivers_everything_once_through_every_fault() {
    let stage = Stage::new();
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("usage.db")).unwrap();
    let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap()).with_clock(Arc::clone(&stage.clock));
    let pusher = Pusher::new(meter.clone(), stage.client.clone(), TokioRuntime);
    let ids: Vec<_> = (0..20).map(|number| format!("inst-{number}")).collect();
    for id in &ids {
        stage.open_api.put_instance(Instance::on_demand(id, NOW));
        meter.record(Usage::new(id, "0.1".parse().unwrap())).await.unwrap();
    }
    let (_, end) = Period::Hourly.around(NOW);
    stage.clock.set(end.saturating_add(Duration::from_secs(180)));
    for fault in [
        Fault::NoConnection,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Duplicate,
        Fault::ServerError(503),
        Fault::Throttled { retry_after: Some(Duration::from_secs(1)) },
        Fault::Refused("94060001".to_owned()),
        Fault::PartialFailure("016".to_owned()),
        Fault::HtmlPage,
        Fault::TruncatedAnswer,
    ] {
        stage.open_api.add_fault(FaultRule::new(fault).with_operation(Operation::PushUsage).with_times(1));
    }
    for _ in 0..200 {
        pusher.run_once().await.unwrap();
        if meter.status().await.unwrap().pending.records == 0 {
            break;
        }
        stage.clock.advance(Duration::from_secs(600));
    }
    let status = meter.status().await.unwrap();
    assert_eq!(status.delivered.records, 20, "{status}");
    let taken = stage.open_api.usage();
    assert_eq!(taken.len(), 20);
    let total: i128 = taken.iter().map(|usage| usage.usage_value.ten_thousandths().unwrap()).sum();
    assert_eq!(total, 20_000);
    assert!(stage.clock.now() > end && stage.open_api.log().iter().any(|call| !call.faults.is_empty()));
}
