//! Usage that is deducted from packages.

use std::time::Duration;

use koogallery::amount::Amount;
use koogallery::open_api::push_usage::{self, RejectedRecord, UsageRecord};
use koogallery::open_api::{push_usage_old, query_order::ChargingMode};
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{Instance, OpenApiServerBuilder, PackageProblem, Quota, UsageTotal};

use super::{NOW, Stage};

const RENDERING: &str = "OFFI000000000000000001";

fn hours_ago(hours: u64) -> Timestamp {
    NOW.saturating_sub(Duration::from_secs(hours * 3600))
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// Two instances of one customer and one of another, and packages in every state.
fn stage(configure: impl FnOnce(OpenApiServerBuilder) -> OpenApiServerBuilder) -> Stage {
    let stage = Stage::with(configure);
    let put = |mut instance: Instance, customer: &str, change: &dyn Fn(&mut Instance)| {
        instance.customer_id = (!customer.is_empty()).then(|| customer.to_owned());
        change(&mut instance);
        stage.open_api.put_instance(instance);
    };
    let month = hours_ago(24 * 30);
    let package = |id: &str| Instance::package(id, 10.into(), month);
    put(Instance::on_demand("render", month), "c-1", &|_| ());
    put(Instance::on_demand("store", month), "c-1", &|store| store.product_id = "OFFI000000000000000002".to_owned());
    put(Instance::on_demand("theirs", month), "c-2", &|_| ());
    put(package("ten"), "c-1", &|_| ());
    put(package("both"), "c-1", &|both| both.quotas.push(Quota::new("OFFI000000000000000002", amount("0.5"))));
    put(package("unlimited"), "", &|package| package.quotas.clear());
    put(package("new"), "c-1", &|package| package.opened_at = hours_ago(1));
    put(package("expired"), "c-1", &|package| package.frozen_at = Some(hours_ago(5)));
    put(package("released"), "c-1", &|package| *package = package.clone().closed(hours_ago(5)));
    put(package("yearly"), "c-1", &|package| package.charging_mode = ChargingMode::Period);
    stage
}

/// Each record is of an hour of its own: the last hours begin 2 hours ago, 3 hours ago and so on.
fn record(instance: &str, hour: u64, package: &str, value: &str) -> UsageRecord {
    let sn = format!("{instance} {hour} {package}");
    let mut record = UsageRecord::new(sn, instance, hours_ago(hour + 1), hours_ago(hour), amount(value));
    record.relate_pkg_instance = Some(package.to_owned());
    record
}

/// The code of each record, or nothing.
async fn push(stage: &Stage, records: &[UsageRecord]) -> Vec<Option<String>> {
    let response = stage.call(push_usage::Request::new(records.to_vec()).unwrap()).await.unwrap();
    let refused: Vec<&RejectedRecord> = response.refusals().collect();
    let code = |record: &UsageRecord| {
        let refused = refused.iter().find(|it| it.metering_sn.as_deref() == Some(&record.metering_sn));
        refused.map(|it| it.code.as_str().to_owned())
    };
    records.iter().map(code).collect()
}

fn problems(stage: &Stage) -> Vec<Option<PackageProblem>> {
    stage.open_api.usage().iter().map(|usage| usage.package_problem).collect()
}

#[tokio::test]
async fn what_is_no_package_of_the_instance_is_refused() {
    let stage = stage(|open_api| open_api);
    let records = [
        record("render", 1, "nobody's", "1"),
        record("render", 2, "store", "1"),
        record("render", 3, "yearly", "1"),
        record("theirs", 4, "ten", "1"),
        record("store", 5, "ten", "1"),
        record("render", 6, "ten", "1"),
        record("store", 7, "both", "0.5"),
        record("theirs", 8, "unlimited", "100000"),
    ];
    let invalid = Some("018".to_owned());
    let mut expected = vec![invalid; 5];
    expected.extend([None, None, None]);
    assert_eq!(push(&stage, &records).await, expected);
    assert_eq!(problems(&stage), [None; 3]);
    let remarks = stage.open_api.log().pop().unwrap().remarks;
    assert_eq!(remarks[0], r#"record "render 1 nobody's", package "nobody's": no package has this id"#);
    assert_eq!(remarks[3], r#"record "theirs 4 ten", package "ten": the package is one of another customer"#);
    assert_eq!(remarks.len(), 5);
}

/// Usage of hours in which each package was not usable, and more than it has.
fn doubtful() -> [(UsageRecord, Option<PackageProblem>); 9] {
    use PackageProblem::{Expired, NotOpenYet, Overdrawn, Released};
    [
        (record("render", 1, "new", "1"), None),
        (record("render", 3, "new", "1"), Some(NotOpenYet)),
        // It began in the hour in which the package expired.
        (record("render", 5, "expired", "1"), None),
        (record("render", 4, "expired", "1"), None),
        (record("render", 2, "expired", "1"), Some(Expired)),
        (record("render", 2, "released", "1"), Some(Released)),
        (record("render", 6, "ten", "9.9999"), None),
        (record("render", 7, "ten", "0.0002"), Some(Overdrawn)),
        (record("store", 7, "both", "0.5001"), Some(Overdrawn)),
    ]
}

#[tokio::test]
async fn what_the_documents_leave_open_is_noted_or_refused_as_set() {
    let (records, expected): (Vec<_>, Vec<_>) = doubtful().into_iter().unzip();
    // Of an instance and a period the first record counts.
    let (one, other): (Vec<_>, Vec<_>) =
        records.iter().cloned().partition(|record| record.relate_pkg_instance.as_deref() != Some("released"));
    let lenient = stage(|open_api| open_api);
    assert_eq!(push(&lenient, &one).await, vec![None; one.len()]);
    let noted: Vec<_> = expected.iter().copied().filter(|it| *it != Some(PackageProblem::Released)).collect();
    assert_eq!(problems(&lenient), noted);
    let call = lenient.open_api.log().pop().unwrap();
    assert_eq!((call.code.as_str(), call.remarks.len()), ("MKT.0000", 4), "{call}");
    assert!(call.to_string().contains("the package has less left than the usage"), "{call}");

    let strict = stage(OpenApiServerBuilder::strict_packages);
    let code = |problem: &Option<PackageProblem>| problem.map(|_| "018".to_owned());
    assert_eq!(push(&strict, &one).await, noted.iter().map(code).collect::<Vec<_>>());
    assert_eq!(push(&strict, &other).await, [Some("018".to_owned())]);
    assert!(problems(&strict).iter().all(Option::is_none));
    assert_eq!(push(&strict, &[record("render", 8, "ten", "0.0001")]).await, [None], "exactly what is left");
}

#[tokio::test]
async fn totals_are_those_of_instances_and_packages() {
    let stage = stage(|open_api| open_api);
    let mut alone = record("render", 4, "", "2");
    alone.relate_pkg_instance = None;
    let records = [
        record("render", 1, "both", "0.1"),
        record("render", 2, "both", "0.2"),
        record("store", 3, "both", "0.4"),
        alone,
    ];
    assert_eq!(push(&stage, &records).await, [None, None, None, None]);
    let totals = |id: &str| -> Vec<(Option<String>, String)> {
        let shown = |UsageTotal { related_instance_id, usage, .. }| (related_instance_id, usage.to_string());
        stage.open_api.usage_totals(id).into_iter().map(shown).collect()
    };
    assert_eq!(totals("render"), [(None, "2.3".to_owned())]);
    assert_eq!(totals("store"), [(None, "0.4".to_owned())]);
    assert_eq!(
        totals("both"),
        [(Some("render".to_owned()), "0.3".to_owned()), (Some("store".to_owned()), "0.4".to_owned())]
    );
    assert_eq!(totals("ten"), []);
    let mut precise = record("render", 5, "both", "0.1");
    precise.usage_value = amount("0.00001");
    assert_eq!(push(&stage, &[precise]).await, [Some("003".to_owned())], "four decimals are allowed");
}

/// A push of the old form is taken as a whole, so that its records count together.
#[tokio::test]
async fn the_old_push_knows_packages_too() {
    let old = |instance: &str, hour: u64, package: &str, value: &str| {
        let (begin, end) = (hours_ago(hour + 1), hours_ago(hour));
        let mut record = push_usage_old::UsageRecord::new(instance, RENDERING, begin, end, amount(value));
        record.relate_pkg_instance = Some(package.to_owned());
        record
    };
    let together =
        || push_usage_old::Request::new(vec![old("render", 1, "ten", "6"), old("render", 2, "ten", "6")]).unwrap();
    let strict = stage(OpenApiServerBuilder::strict_packages);
    assert_eq!(strict.refusal(together()).await, "MKT.9002");
    assert!(strict.open_api.usage().is_empty(), "all or none");
    let lenient = stage(|open_api| open_api);
    lenient.call(together()).await.unwrap();
    assert_eq!(problems(&lenient), [None, Some(PackageProblem::Overdrawn)]);
    lenient.call(together()).await.unwrap();
    assert_eq!(lenient.open_api.usage_totals("ten")[0].usage, amount("12"), "the first of a period counts");
    let wrong = push_usage_old::Request::new(vec![old("theirs", 1, "ten", "1")]).unwrap();
    assert_eq!(lenient.refusal(wrong).await, "MKT.9002");
}
