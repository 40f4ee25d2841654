//! Running totals: in the marketplace's queries, beside a naive model, and in databases of before.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::callback::HandlerError;
use koogallery::callback::subscription::*;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::lease::Lease;
use koogallery::ledger::MemoryLedger;
use koogallery::metering::{
    Cycle, MemoryUsageStore, Meter, MeteringError, RecordOutcome, SqliteUsageStore, Usage, UsageStore,
};
use koogallery::sqlite::Database;
use koogallery::testing;
use koogallery::timestamp::{CHINA, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;

use crate::support::*;

const HOUR: u64 = 3600;

/// A seller that answers queries with the meter's totals.
struct Metered(Meter);

impl SubscriptionHandler for Metered {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        self.0.begin_cycle(&renewal.instance_id, renewal.expire_time).await.map_err(HandlerError::failed)?;
        Ok(())
    }
    async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn release(&self, _: Release) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let mut description = Description::new(AccessInfo::new("https://app.example.com"));
        description.usage = self.0.usage_info(&query.instance_id).await.map_err(HandlerError::failed)?;
        Ok(description)
    }
}

fn usage(instance_id: &str, amount: &str) -> Usage {
    Usage::new(instance_id, amount.parse().unwrap())
}

#[tokio::test]
async fn both_generations_of_queries_show_the_totals() {
    let clock = Arc::new(ManualClock::new(NOW));
    let meter = Meter::new(MemoryUsageStore::new()).with_clock(Arc::clone(&clock));
    let stage = Stage::with(|builder| builder.subscription(Metered(meter.clone()), MemoryLedger::new()));
    for instance_id in ["cpu", "disk", "pack"] {
        assert_eq!(stage.post(&purchase(instance_id, instance_id)).await.code, "000000");
    }
    let record = async |usage| meter.record(usage).await.unwrap();
    record(usage("cpu", "0.1")).await;
    record(usage("cpu", "0.2").with_package("pack").with_id("once")).await;
    record(usage("cpu", "0.2").with_package("pack").with_id("once")).await;
    record(usage("disk", "12.3456").with_package("pack")).await;
    let time = NOW.to_compact_millis();
    for (instance_id, expected) in [
        ("cpu", json!([{"usageValue": 0.3, "statisticalTime": time}])),
        ("disk", json!([{"usageValue": 12.3456, "statisticalTime": time}])),
        (
            "pack",
            json!([{"relatedInstanceId": "cpu", "usageValue": 0.2, "statisticalTime": time},
                   {"relatedInstanceId": "disk", "usageValue": 12.3456, "statisticalTime": time}]),
        ),
    ] {
        let v2 = stage.post(&format!(r#"{{"activity":"queryInstance","instanceId":"{instance_id}"}}"#)).await;
        assert_eq!(v2.json["info"][0]["usageInfo"], expected, "V2.0 {instance_id}");
        let v1 = stage.get(&format!("activity=queryInstance&instanceId={instance_id}")).await;
        assert_eq!(v1.json["info"][0]["usageInfo"], expected, "V1.0 {instance_id}");
    }
}

#[tokio::test]
async fn a_total_that_the_answer_cannot_hold_is_no_number() {
    let meter = Meter::new(MemoryUsageStore::new());
    meter.record(usage("a", "99999999.9999")).await.unwrap();
    assert_eq!(meter.usage_info("a").await.unwrap()[0].usage_value.to_string(), "99999999.9999");
    meter.record(usage("a", "0.0001").with_package("p")).await.unwrap();
    let error = meter.usage_info("a").await.unwrap_err();
    assert!(matches!(&error, MeteringError::TotalTooLarge { instance_id } if instance_id == "a"), "{error}");
    assert_eq!(meter.usage_info("p").await.unwrap()[0].usage_value.to_string(), "0.0001", "others are shown");
}

#[tokio::test]
#[should_panic(expected = "a statement has its month, also what was deleted")]
async fn a_store_whose_statement_goes_with_the_records_fails() {
    let trigger = "CREATE TRIGGER t AFTER DELETE ON koogallery_usage_record BEGIN \
                   DELETE FROM koogallery_usage_month; END";
    testing::usage_store(async || with_trigger(trigger).await).await;
}

/// The month of the handbook.
#[tokio::test]
async fn a_month_adds_up_as_the_handbook_has_it() {
    let clock = Arc::new(ManualClock::new(NOW));
    let store = Arc::new(MemoryUsageStore::new());
    let cycle = Cycle::Monthly { day: 31, zone: CHINA };
    let meter = Meter::new(Arc::clone(&store)).with_clock(Arc::clone(&clock)).with_cycle(cycle);
    let noon = |day: &str| Timestamp::parse_compact(&format!("{day}120000"), CHINA).unwrap();
    for (recorded, package, amount, used, of_instance, of_package) in [
        ("20261101", Some("pack"), "60.5", "20261101", "60.5", "60.5"),
        ("20261115", Some("pack"), "39.5", "20261115", "100", "100"),
        ("20261116", None, "0.25", "20261116", "100.25", "100"),
        ("20261130", Some("pack"), "7", "20261130", "7", "7"),
        ("20261201", Some("pack"), "1", "20261129", "7", "7"),
    ] {
        clock.set(noon(recorded));
        let mut usage = usage("cpu", amount).with_time(noon(used));
        usage.package_instance_id = package.map(str::to_owned);
        meter.record(usage).await.unwrap();
        for (instance_id, related, expected) in [("cpu", None, of_instance), ("pack", Some("cpu"), of_package)] {
            let infos = meter.usage_info(instance_id).await.unwrap();
            let [info] = &infos[..] else { panic!("{infos:?}") };
            let shown = (info.related_instance_id.as_deref(), info.usage_value.to_string());
            assert_eq!(shown, (related, expected.to_owned()), "{recorded} {instance_id}");
        }
    }
    let totals = store.totals("cpu").await.unwrap();
    let begin = Timestamp::parse_compact("20261031000000", CHINA).unwrap();
    assert_eq!((totals[0].cycle_begin, totals[0].ten_thousandths), (begin, 1_012_500));
}

async fn on_sqlite(database: &Database) -> SqliteUsageStore {
    SqliteUsageStore::new(database).await.unwrap()
}

/// A store whose tables do something else at a change.
async fn with_trigger(trigger: &'static str) -> SqliteUsageStore {
    let database = Database::open(":memory:").unwrap();
    let store = on_sqlite(&database).await;
    database.transaction(move |transaction| transaction.execute_batch(trigger)).await.unwrap();
    store
}

#[tokio::test]
#[should_panic(expected = "totals stay")]
async fn a_store_whose_totals_go_with_the_records_fails() {
    let trigger = "CREATE TRIGGER t AFTER DELETE ON koogallery_usage_record BEGIN \
                   DELETE FROM koogallery_usage_total; END";
    testing::usage_store(async || with_trigger(trigger).await).await;
}

#[tokio::test]
#[should_panic(expected = "a total has each usage of its instance once")]
async fn a_store_that_keeps_the_first_usage_fails() {
    let trigger = "CREATE TRIGGER t BEFORE UPDATE ON koogallery_usage_total BEGIN SELECT RAISE(IGNORE); END";
    testing::usage_store(async || with_trigger(trigger).await).await;
}

#[tokio::test]
#[should_panic(expected = "usage counts in the cycle of its time")]
async fn a_store_that_knows_one_cycle_fails() {
    let trigger = "CREATE TRIGGER t AFTER INSERT ON koogallery_usage_total WHEN new.cycle_begin = 1738339200000 BEGIN \
                   DELETE FROM koogallery_usage_total WHERE cycle_begin < new.cycle_begin; END";
    testing::usage_store(async || with_trigger(trigger).await).await;
}

/// Checks that a database of before begins with what it has. `open` opens its store, and `make_old` makes it as it was
/// before.
pub async fn of_before<S: UsageStore>(open: impl AsyncFn() -> S, make_old: impl AsyncFn()) {
    let clock = Arc::new(ManualClock::new(NOW));
    let meter = Meter::new(open().await).with_clock(Arc::clone(&clock));
    meter.record(usage("a", "1.5")).await.unwrap();
    meter.close_instance("a", NOW).await.unwrap();
    let (lease, store) = (Lease::new(1, Duration::from_secs(60)), open().await);
    let delivered = store.claim(lease, NOW, 9).await.unwrap().remove(0).metering_sn;
    store.settle(lease, NOW, vec![(delivered, RecordOutcome::Delivered)]).await.unwrap();
    meter.record(usage("a", "2").with_package("p")).await.unwrap();
    meter.record(usage("b", "0.0001")).await.unwrap();
    let shown = async || {
        let mut shown = vec![];
        for instance_id in ["a", "b", "p"] {
            let infos = Meter::new(open().await).usage_info(instance_id).await.unwrap();
            shown.extend(infos.into_iter().map(|info| (info.related_instance_id, info.usage_value.to_string())));
        }
        shown
    };
    let statement = async || {
        let month = "2025-01".parse().unwrap();
        Meter::new(open().await).statement(month, None, 9).await.unwrap()
    };
    let of_month = statement().await;
    let delivered = of_month.iter().map(|line| (&*line.instance_id, line.delivered_records)).collect::<Vec<_>>();
    assert_eq!(delivered, [("a", 1), ("a", 0), ("b", 0)]);
    let before = shown().await;
    let expected = [(None, "3.5"), (None, "0.0001"), (Some("a"), "2")];
    assert_eq!(before, expected.map(|(related, value)| (related.map(str::to_owned), value.to_owned())));
    make_old().await;
    assert_eq!(shown().await, before, "as if totals had been kept all along");
    assert_eq!(shown().await, before, "they are filled once");
    assert_eq!(statement().await, of_month, "the statement as well");
}

#[tokio::test]
async fn a_database_of_before_begins_with_what_it_has() {
    let database = Database::open(":memory:").unwrap();
    let make_old = async || {
        let before = "DROP TABLE koogallery_usage_total; DROP TABLE koogallery_usage_month;";
        database.transaction(move |transaction| transaction.execute_batch(before)).await.unwrap();
    };
    of_before(async || on_sqlite(&database).await, make_old).await;
}

/// What happens to a meter.
#[derive(Clone, Debug)]
enum Action {
    /// Usage so many hours ago, and whether the caller goes away, restarts and repeats it.
    Record { instance: u8, package: Option<u8>, ten_thousandths: i64, hours_ago: u64, is_killed: bool },
    /// So many hours pass.
    Wait(u64),
    /// Everything is made records, delivered, and forgotten.
    Push,
    /// A renewal so many hours ago, or ahead.
    Renew { is_package: bool, index: u8, hours: i64 },
}

/// The usage of the model: instance, package, amount, and the begin of its cycle for either.
type Counted = (u8, Option<u8>, i64, (i64, i64));

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0_u8..3, proptest::option::of(0_u8..2), 1_i64..1_000_000, 0_u64..400, any::<bool>()).prop_map(
            |(instance, package, ten_thousandths, hours_ago, is_killed)| {
                Action::Record { instance, package, ten_thousandths, hours_ago, is_killed }
            }
        ),
        2 => (1_u64..300).prop_map(Action::Wait),
        1 => Just(Action::Push),
        1 => (any::<bool>(), 0_u8..2, -300_i64..100)
            .prop_map(|(is_package, index, hours)| Action::Renew { is_package, index, hours }),
    ]
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    prop_oneof![
        Just(Cycle::Never),
        (1_u8..32, any::<bool>()).prop_map(|(day, is_china)| {
            Cycle::Monthly { day, zone: if is_china { CHINA } else { time::UtcOffset::UTC } }
        }),
        Just(Cycle::AtRenewal),
    ]
}

/// The begin of a cycle, looked for day by day.
fn cycle_begin(cycle: Cycle, at: Timestamp, renewals: &[i64]) -> i64 {
    let millis = at.as_unix_millis();
    match cycle {
        Cycle::Monthly { day, zone } => {
            let local = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).unwrap().to_offset(zone);
            let mut date = local.date();
            let is_first = |date: time::Date| {
                let is_last = date.next_day().unwrap().month() != date.month();
                date.day() == day || is_last && date.day() < day
            };
            while !is_first(date) {
                date = date.previous_day().unwrap();
            }
            date.midnight().assume_offset(zone).unix_timestamp() * 1000
        }
        Cycle::AtRenewal => renewals.iter().copied().filter(|renewal| *renewal <= millis).max().unwrap_or(0),
        _ => 0,
    }
}

/// Makes records of everything, delivers and forgets them. Ids are kept, since a recording that was given up may end later.
async fn push_and_forget(store: &dyn UsageStore, now: Timestamp) {
    let far = now.saturating_add(Duration::from_secs(HOUR));
    while store.close_periods(far).await.unwrap() > 0 {}
    let lease = Lease::new(1, Duration::from_secs(60));
    let records = store.claim(lease, far, 1000).await.unwrap();
    let outcomes = records.into_iter().map(|record| (record.metering_sn, RecordOutcome::Delivered)).collect();
    store.settle(lease, NOW.saturating_sub(Duration::from_secs(1)), outcomes).await.unwrap();
    while store.forget(NOW).await.unwrap() > 0 {}
}

async fn agrees_with_the_model(cycle: Cycle, actions: Vec<Action>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let clock = Arc::new(ManualClock::new(NOW));
    let meter_on = |store: Arc<dyn UsageStore>| Meter::new(store).with_clock(Arc::clone(&clock)).with_cycle(cycle);
    let memory: Arc<dyn UsageStore> = Arc::new(MemoryUsageStore::new());
    let mut sqlite: Arc<dyn UsageStore> = Arc::new(on_sqlite(&Database::open(&path).unwrap()).await);
    let mut counted: Vec<Counted> = vec![];
    let mut renewals = [[vec![], vec![], vec![]], [vec![], vec![], vec![]]];
    for (number, action) in actions.into_iter().enumerate() {
        match action {
            Action::Record { instance, package, ten_thousandths, hours_ago, is_killed } => {
                let at = clock.now().saturating_sub(Duration::from_secs(hours_ago * HOUR));
                let mut usage = Usage::new(
                    format!("i{instance}"),
                    koogallery::amount::Amount::from_ten_thousandths(ten_thousandths),
                )
                .with_time(at)
                .with_id(number.to_string());
                usage.package_instance_id = package.map(|package| format!("p{package}"));
                meter_on(Arc::clone(&memory)).record(usage.clone()).await.unwrap();
                let meter = meter_on(Arc::clone(&sqlite));
                if is_killed {
                    // Given up once it is begun, and repeated after a restart.
                    let _ = meter.record(usage.clone()).now_or_never();
                    sqlite = Arc::new(on_sqlite(&Database::open(&path).unwrap()).await);
                }
                meter_on(Arc::clone(&sqlite)).record(usage).await.unwrap();
                let of_instance = cycle_begin(cycle, at, &renewals[0][usize::from(instance)]);
                let of_package =
                    package.map_or(0, |package| cycle_begin(cycle, at, &renewals[1][usize::from(package)]));
                counted.push((instance, package, ten_thousandths, (of_instance, of_package)));
            }
            Action::Wait(hours) => clock.advance(Duration::from_secs(hours * HOUR)),
            Action::Push => {
                for store in [&memory, &sqlite] {
                    push_and_forget(&**store, clock.now()).await;
                }
            }
            Action::Renew { is_package, index, hours } => {
                let at = Timestamp::from_unix_millis(clock.now().as_unix_millis() + hours * 3_600_000);
                let name = format!("{}{index}", if is_package { "p" } else { "i" });
                let known = &mut renewals[usize::from(is_package)][usize::from(index)];
                let is_new = cycle == Cycle::AtRenewal && !known.contains(&at.as_unix_millis());
                if is_new {
                    known.push(at.as_unix_millis());
                    for store in [&memory, &sqlite] {
                        assert!(meter_on(Arc::clone(store)).begin_cycle(&name, at).await.unwrap());
                        assert!(!meter_on(Arc::clone(store)).begin_cycle(&name, at).await.unwrap());
                    }
                }
            }
        }
    }
    for store in [&memory, &sqlite] {
        let meter = meter_on(Arc::clone(store));
        for (is_package, index) in [(false, 0), (false, 1), (false, 2), (true, 0), (true, 1)] {
            let begin = cycle_begin(cycle, clock.now(), &renewals[usize::from(is_package)][usize::from(index)]);
            let mut expected = std::collections::BTreeMap::new();
            for (instance, package, amount, (of_instance, of_package)) in &counted {
                let (is_of, counts) = match is_package {
                    true => (*package == Some(index), *of_package == begin),
                    false => (*instance == index, *of_instance == begin),
                };
                if is_of {
                    let related = is_package.then(|| format!("i{instance}"));
                    *expected.entry(related).or_insert(0) += if counts { i128::from(*amount) } else { 0 };
                }
            }
            if expected.is_empty() {
                expected.insert(None, 0);
            }
            let name = format!("{}{index}", if is_package { "p" } else { "i" });
            let infos = meter.usage_info(&name).await.unwrap().into_iter();
            let shown = infos.map(|info| (info.related_instance_id, info.usage_value.ten_thousandths().unwrap()));
            assert_eq!(shown.collect::<std::collections::BTreeMap<_, _>>(), expected, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn totals_are_those_of_a_naive_model(cycle in any_cycle(), actions in vec(any_action(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(agrees_with_the_model(cycle, actions));
    }
}
