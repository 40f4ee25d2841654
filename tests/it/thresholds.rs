//! Thresholds: each is reported once, whatever happens, and no report changes what is recorded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use koogallery::clock::ManualClock;
use koogallery::metering::package::{
    MemoryPackageStore, Package, PackageBook, PackageStore, SqlitePackageStore, WhenUsedUp,
};
use koogallery::metering::{
    Cycle, Limit, MemoryUsageStore, Meter, MeteringEvent, Observer, Recorded, SqliteUsageStore, Thresholds, Usage,
    UsageStore,
};
use koogallery::sqlite::{Database, rusqlite};
use koogallery::timestamp::CHINA;

use crate::support::NOW;

/// Remembers what was reported.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl Observer for Reports {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        assert!(matches!(event, MeteringEvent::ThresholdReached(_)), "{event}");
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl Reports {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Panics;

impl Observer for Panics {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        panic!("{event}");
    }
}

fn meter(store: impl UsageStore, observer: impl Observer) -> Meter {
    Meter::new(store).with_clock(ManualClock::new(NOW)).with_observer(observer)
}

fn package(id: &str, quota: u32) -> Package {
    Package::new(id, "inst", quota.into(), NOW, NOW.saturating_add(Duration::from_secs(3600)))
}

fn usage(amount: u32) -> Usage {
    Usage::new("inst", amount.into())
}

async fn in_memory(observer: impl Observer) -> PackageBook {
    let store = MemoryUsageStore::new();
    let packages = MemoryPackageStore::new(&store);
    PackageBook::new(meter(store, observer), packages)
}

#[tokio::test]
async fn a_threshold_of_a_package_is_reported_when_it_is_used() {
    let reports = Reports::default();
    let book = in_memory(reports.clone()).await;
    book.add(package("pack", 100)).await.unwrap();
    book.record(usage(79)).await.unwrap();
    // What is reserved is not used.
    let reservation = book.reserve(usage(20).with_id("job"), Duration::from_secs(60)).await.unwrap();
    assert_eq!(reports.take(), Vec::<String>::new());
    reservation.clone().commit(2.into()).await.unwrap();
    assert_eq!(reports.take(), ["package pack of instance inst: 81 of 100 are used, 80 % or more"]);
    reservation.commit(2.into()).await.unwrap();
    book.record(usage(19).with_id("last")).await.unwrap();
    assert_eq!(reports.take(), ["package pack of instance inst: 100 of 100 are used, 100 % or more"]);
    book.record(usage(19).with_id("last")).await.unwrap();
    book.record(usage(1)).await.unwrap_err();
    assert_eq!(reports.take(), Vec::<String>::new(), "repeated and refused usage reaches nothing");

    book.set_quota("pack", "inst", 200.into()).await.unwrap();
    book.record(usage(60)).await.unwrap();
    assert_eq!(reports.take(), ["package pack of instance inst: 160 of 200 are used, 80 % or more"]);
    book.set_quota("pack", "inst", 160.into()).await.unwrap();
    assert_eq!(reports.take(), ["package pack of instance inst: 160 of 160 are used, 100 % or more"]);
}

#[tokio::test]
async fn usage_may_reach_several_thresholds_of_several_packages() {
    let reports = Reports::default();
    let store = MemoryUsageStore::new();
    let packages = MemoryPackageStore::new(&store);
    let meter = meter(store, reports.clone()).with_thresholds(Thresholds::new([50, 100]).unwrap());
    let book = PackageBook::new(meter, packages).when_used_up(WhenUsedUp::PayPerUse);
    book.add(package("a", 10)).await.unwrap();
    book.add(package("b", 10)).await.unwrap();
    book.record(usage(15)).await.unwrap();
    let of = |package: &str, used: u32, percent: u8| {
        format!("package {package} of instance inst: {used} of 10 are used, {percent} % or more")
    };
    assert_eq!(reports.take(), [of("a", 10, 50), of("a", 10, 100), of("b", 5, 50)]);
    book.record(usage(50)).await.unwrap();
    assert_eq!(reports.take(), [of("b", 10, 100)]);
}

#[tokio::test]
async fn many_callers_processes_and_restarts_report_a_threshold_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let reports = Reports::default();
    let open = async || {
        let usage = SqliteUsageStore::new(&Database::open(&path).unwrap()).await.unwrap();
        let packages = SqlitePackageStore::new(&usage).await.unwrap();
        PackageBook::new(meter(usage, reports.clone()), packages)
    };
    open().await.add(package("pack", 120)).await.unwrap();
    for _ in 0..3 {
        let books = [open().await, open().await];
        let recorded = join_all((0..40).map(|caller| books[caller % 2].record(usage(1)))).await;
        assert!(recorded.into_iter().all(|recorded| recorded.is_ok()));
    }
    let percents: Vec<String> = reports.take().iter().map(|text| text[text.len() - 13..].to_owned()).collect();
    assert_eq!(percents, [" 80 % or more", "100 % or more"]);
}

#[tokio::test]
async fn an_observer_that_panics_neither_loses_nor_doubles_usage() {
    let book = in_memory(Panics).await;
    book.add(package("pack", 10)).await.unwrap();
    let consumed = book.record(usage(10).with_id("all")).await.unwrap();
    assert_eq!((consumed.recorded, consumed.parts.len()), (Recorded::First, 1));
    assert_eq!(book.record(usage(10).with_id("all")).await.unwrap().recorded, Recorded::Repeated);
    assert_eq!(book.packages("inst").await.unwrap()[0].used, 10.into());

    let store = MemoryUsageStore::new();
    let meter = meter(store, Panics);
    meter.record(usage(10)).await.unwrap();
    let limits = [Limit::new("inst", 10.into()).unwrap()];
    assert_eq!(meter.check_limits(&limits).await.unwrap(), 2);
    assert_eq!(meter.check_limits(&limits).await.unwrap(), 0);
    assert_eq!(meter.usage_info("inst").await.unwrap()[0].usage_value, 10.into());
}

#[tokio::test]
async fn a_limit_is_reported_once_in_each_cycle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let clock = Arc::new(ManualClock::new("20261129160000".parse().unwrap()));
    let reports = Reports::default();
    let open = async || {
        let usage = SqliteUsageStore::new(&Database::open(&path).unwrap()).await.unwrap();
        let meter = Meter::new(usage).with_cycle(Cycle::Monthly { day: 1, zone: CHINA });
        meter.with_clock(Arc::clone(&clock)).with_observer(reports.clone())
    };
    let of = |amount: u32| Limit::new("inst", amount.into()).unwrap();
    let limits = [of(10), of(20), Limit::new("unused", 1.into()).unwrap()];
    let meter = open().await;
    meter.record(usage(7)).await.unwrap();
    assert_eq!(meter.check_limits(&limits).await.unwrap(), 0);
    meter.record(usage(3)).await.unwrap();
    // Two replicas at once, and a restart.
    let (one, other) = (open().await, open().await);
    let (one, other) = tokio::join!(one.check_limits(&limits), other.check_limits(&limits));
    assert_eq!(one.unwrap() + other.unwrap(), 2);
    assert_eq!(open().await.check_limits(&limits).await.unwrap(), 0);
    let mut texts = reports.take();
    texts.sort_by_key(String::len);
    let expected = ["80 %", "100 %"].map(|part| format!("limit of instance inst: 10 of 10 are used, {part} or more"));
    assert_eq!(texts, expected);

    // December begins in Beijing.
    clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(meter.check_limits(&limits).await.unwrap(), 0);
    meter.record(usage(20)).await.unwrap();
    assert_eq!(meter.check_limits(&limits).await.unwrap(), 4);
    assert_eq!(meter.usage_info("inst").await.unwrap()[0].usage_value, 20.into(), "marks are no usage");
    assert_eq!(meter.check_limits(&[of(19)]).await.unwrap(), 2, "another amount is another limit");
}

#[test]
fn a_limit_that_no_usage_can_have_is_refused() {
    for amount in ["0", "-1", "0.00001", "100000000"] {
        let error = Limit::new("inst", amount.parse().unwrap()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("invalid usage amount {amount}")), "{error}");
    }
    assert!(Limit::new("", 1.into()).is_err());
}

#[tokio::test]
async fn the_figures_of_packages_are_metrics() {
    let store = MemoryUsageStore::new();
    let packages = Arc::new(MemoryPackageStore::new(&store));
    let book = PackageBook::new(meter(store, Reports::default()), Arc::clone(&packages));
    book.add(package("a", 10)).await.unwrap();
    book.add(package("b", 20)).await.unwrap();
    book.record(usage(12)).await.unwrap();
    let _job = book.reserve(usage(3), Duration::from_secs(60)).await.unwrap();
    let status = book.status().await.unwrap();
    assert_eq!(PackageStore::status(&packages, NOW).await.unwrap(), status);
    assert_eq!(
        status.to_string(),
        "# TYPE koogallery_packages gauge\nkoogallery_packages 2\n\
         # TYPE koogallery_packages_used_up gauge\nkoogallery_packages_used_up 1\n\
         # TYPE koogallery_package_reservations gauge\nkoogallery_package_reservations 1\n\
         # TYPE koogallery_package_amount gauge\nkoogallery_package_amount{kind=\"quota\"} 30\n\
         koogallery_package_amount{kind=\"used\"} 12\nkoogallery_package_amount{kind=\"reserved\"} 3\n\
         koogallery_package_amount{kind=\"left\"} 15\n"
    );
}

#[tokio::test]
async fn a_deduction_in_a_transaction_of_the_sellers_own_counts_and_is_reported_if_that_commits() {
    let database = Database::open(":memory:").unwrap();
    let usage_store = SqliteUsageStore::new(&database).await.unwrap();
    let packages = SqlitePackageStore::new(&usage_store).await.unwrap();
    let reports = Reports::default();
    let book = PackageBook::new(meter(usage_store, reports.clone()), packages);
    book.add(package("pack", 10)).await.unwrap();
    let deduction = book.deduction(usage(8).with_id("call")).unwrap();
    for (commits, recorded, reported) in
        [(false, Recorded::First, 0), (true, Recorded::First, 1), (true, Recorded::Repeated, 0)]
    {
        let wanted = deduction.clone();
        let outcome = database
            .transaction(move |transaction| {
                let outcome = SqlitePackageStore::record_in(transaction, &wanted)?;
                let undone = || rusqlite::Error::QueryReturnedNoRows;
                if commits { Ok(outcome) } else { Err(undone()) }
            })
            .await;
        assert_eq!(outcome.is_ok(), commits);
        if let Ok(outcome) = outcome {
            assert_eq!(book.committed(outcome.unwrap()).recorded, recorded);
        }
        assert_eq!(reports.take().len(), reported);
    }
    assert_eq!(book.left("inst").await.unwrap(), 2.into());
    let too_much = book.deduction(usage(3)).unwrap();
    let refused = move |transaction: &rusqlite::Transaction<'_>| SqlitePackageStore::record_in(transaction, &too_much);
    let refused = database.transaction(refused).await.unwrap();
    assert_eq!(refused.unwrap_err().to_string(), "packages are used up: 2 left");
}
