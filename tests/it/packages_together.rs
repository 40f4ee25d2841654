//! Recordings that wait for SQLite at the same time share their statements: what becomes of each is what would have become of
//! them one after the other, as the store in memory does it.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use futures_util::future::{join, join_all};
use koogallery::amount::Amount;
use koogallery::clock::ManualClock;
use koogallery::metering::package::{
    Consumed, MemoryPackageStore, Package, PackageBook, PackageError, SqlitePackageStore, StoredPackage, WhenUsedUp,
};
use koogallery::metering::{
    Cycle, MemoryUsageStore, Meter, RecordState, Recorded, RunningTotal, SqliteUsageStore, StoredRecord, Usage,
    UsageStore,
};
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::Transaction;
use koogallery::timestamp::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::NOW;

const INSTANCES: [&str; 3] = ["i", "j", "k"];
const MINUTE: u64 = 60;

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

/// Calls what waits for a database at the same time, in order.
async fn together<T>(database: &Database, calls: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let busy = database.transaction(|_| {
        sleep(Duration::from_millis(20));
        Ok(())
    });
    let (busy, outcomes) = join(busy, join_all(calls)).await;
    busy.unwrap();
    outcomes
}

#[derive(Clone, Debug)]
struct Recording {
    instance: usize,
    units: i64,
    id: Option<u8>,
    package: Option<u8>,
    /// How long ago.
    minutes: u64,
}

impl Recording {
    fn usage(&self, now: Timestamp) -> Usage {
        let amount = Amount::from_ten_thousandths(self.units);
        let at = now.saturating_sub(Duration::from_secs(self.minutes * MINUTE));
        let mut usage = Usage::new(INSTANCES[self.instance], amount).with_time(at);
        usage.usage_id = self.id.map(|id| format!("u{id}"));
        usage.package_instance_id = self.package.map(|number| format!("p{number}"));
        usage
    }
}

fn recording() -> impl Strategy<Value = Recording> {
    let id = prop_oneof![1 => Just(None), 3 => (0..40_u8).prop_map(Some)];
    let package = prop_oneof![4 => Just(None), 1 => (0..9_u8).prop_map(Some)];
    (0..INSTANCES.len(), 1..60_i64, id, package, select(vec![0, 0, 30, 70, 130]))
        .prop_map(|(instance, units, id, package, minutes)| Recording { instance, units, id, package, minutes })
}

/// Stores of one engine.
struct Desk<U> {
    usage: U,
    book: PackageBook,
}

impl<U: UsageStore + Clone> Desk<U> {
    fn new(usage: U, book: impl FnOnce(Meter) -> PackageBook, clock: &Arc<ManualClock>, cycle: Cycle) -> Self {
        let meter = Meter::new(usage.clone()).with_clock(Arc::clone(clock)).with_cycle(cycle);
        Self { usage, book: book(meter) }
    }

    /// Three packages for each instance; the last one of `k` covers `i` as well.
    async fn fill(&self, quota: i64) {
        for number in 0..9_usize {
            let bought = |instance: usize| {
                let until = later(3 * 3600 + 60 * number as u64);
                let from = NOW.saturating_sub(Duration::from_secs(100 * MINUTE));
                Package::new(
                    format!("p{number}"),
                    INSTANCES[instance],
                    Amount::from_ten_thousandths(quota),
                    from,
                    until,
                )
            };
            self.book.add(bought(number / 3)).await.unwrap();
            if number == 8 {
                self.book.add(bought(0)).await.unwrap();
            }
        }
    }

    /// Between two rounds: an hour is over, a package ends, another has a reservation whose lease will be over.
    async fn go_on(&self, round: usize, now: Timestamp) {
        self.usage.close_periods(now).await.unwrap();
        self.usage.begin_cycle("i", now).await.unwrap();
        self.book.end(&format!("p{}", 3 * round)).await.unwrap();
        let held = Usage::new("j", Amount::from_ten_thousandths(20)).with_id(format!("job {round}"));
        drop(self.book.reserve(held, Duration::from_secs(MINUTE)).await);
    }

    async fn state(&self) -> (Vec<StoredPackage>, Vec<RunningTotal>, Vec<StoredRecord>, String) {
        let (mut packages, mut totals) = (Vec::new(), Vec::new());
        for instance in INSTANCES {
            packages.extend(self.book.packages(instance).await.unwrap());
        }
        for owner in INSTANCES.map(str::to_owned).into_iter().chain((0..9).map(|number| format!("p{number}"))) {
            totals.extend(self.usage.totals(&owner).await.unwrap());
        }
        let records = self.usage.records(RecordState::Pending, None, 1000).await.unwrap();
        (packages, totals, records, format!("{:?}", self.usage.status(NOW).await.unwrap()))
    }
}

fn shown(outcome: Result<Consumed, PackageError>) -> Result<Consumed, String> {
    outcome.map_err(|error| error.to_string())
}

async fn compare(rounds: Vec<Vec<Recording>>, quota: i64, when: WhenUsedUp, cycle: Cycle) {
    let clock = Arc::new(ManualClock::new(NOW));
    let memory = MemoryUsageStore::new();
    let packages = MemoryPackageStore::new(&memory);
    let book = |meter| PackageBook::new(meter, packages).when_used_up(when);
    let model = Desk::new(memory, book, &clock, cycle);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("packages.db")).unwrap();
    let usage = SqliteUsageStore::new(&database).await.unwrap();
    let packages = SqlitePackageStore::new(&usage).await.unwrap();
    let desk = Desk::new(usage, |meter| PackageBook::new(meter, packages).when_used_up(when), &clock, cycle);
    model.fill(quota).await;
    desk.fill(quota).await;
    for (round, recordings) in rounds.into_iter().enumerate() {
        let now = later(round as u64 * 65 * MINUTE);
        clock.set(now);
        let outcomes = together(&database, recordings.iter().map(|one| desk.book.record(one.usage(now)))).await;
        for (one, outcome) in recordings.iter().zip(outcomes) {
            assert_eq!(shown(outcome), shown(model.book.record(one.usage(now)).await), "{one:?}");
        }
        assert_eq!(desk.state().await, model.state().await, "after round {round}");
        model.go_on(round, now).await;
        desk.go_on(round, now).await;
    }
    assert_eq!(desk.state().await, model.state().await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_recorded_at_once_is_recorded_as_one_after_the_other(
        rounds in proptest::collection::vec(proptest::collection::vec(recording(), 1..60), 3),
        quota in 20..400_i64,
        when in select(vec![WhenUsedUp::Stop, WhenUsedUp::PayPerUse]),
        cycle in select(vec![Cycle::Never, Cycle::AtRenewal]),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(compare(rounds, quota, when, cycle));
    }
}

#[tokio::test]
async fn a_recording_that_fails_spoils_none_that_waits_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("packages.db")).unwrap();
    let usage = SqliteUsageStore::new(&database).await.unwrap();
    let packages = SqlitePackageStore::new(&usage).await.unwrap();
    let book = PackageBook::new(Meter::new(usage.clone()), packages);
    let [from, until] = ["20200101000000", "29990101000000"].map(|text| text.parse().unwrap());
    book.add(Package::new("p", "i", 100.into(), from, until)).await.unwrap();
    // A failure of the database in the midst of what a recording writes.
    let fail = "CREATE TRIGGER fail BEFORE INSERT ON koogallery_usage_id WHEN NEW.usage_id IN ('u3', 'u7') \
                BEGIN SELECT RAISE(ABORT, 'the statement fails'); END";
    database.transaction(move |work: &Transaction<'_>| work.execute_batch(fail)).await.unwrap();

    let recordings = (0..20).map(|number| {
        let amount = if number == 5 { 1000 } else { 2 };
        book.record(Usage::new("i", amount.into()).with_id(format!("u{number}")))
    });
    for (number, outcome) in together(&database, recordings).await.into_iter().enumerate() {
        match (number, outcome) {
            (3 | 7, outcome) => assert!(matches!(outcome, Err(PackageError::Metering(_))), "{number}: {outcome:?}"),
            (5, outcome) => assert!(matches!(outcome, Err(PackageError::UsedUp { .. })), "{number}: {outcome:?}"),
            (_, outcome) => assert_eq!(outcome.unwrap().recorded, Recorded::First, "{number}"),
        }
    }
    let sum = Amount::from(17 * 2);
    assert_eq!(book.packages("i").await.unwrap()[0].used, sum);
    assert_eq!(usage.status(NOW).await.unwrap().open.usage, sum);
    assert_eq!(book.usage_info("p").await.unwrap()[0].usage_value, sum);
    assert_eq!(book.usage_info("i").await.unwrap()[0].usage_value, sum);
}
