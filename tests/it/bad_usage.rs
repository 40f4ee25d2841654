//! Usage that cannot be billed, and times that do not fit: each is refused or reported clearly, and nothing half is written.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koogallery::amount::Amount;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::metering::package::{MemoryPackageStore, Package, PackageBook, PackageError};
use koogallery::metering::{
    MemoryUsageStore, Meter, MeteringEvent, Observer, Recorded, Usage, UsageError, UsageStore as _,
};

use crate::support::NOW;

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Observer for Events {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl Events {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Place {
    store: MemoryUsageStore,
    clock: Arc<ManualClock>,
    events: Events,
    meter: Meter,
    book: PackageBook,
}

/// A book with a package of 10 for `inst`, and one for `other`.
async fn place() -> Place {
    let (store, clock, events) = (MemoryUsageStore::new(), Arc::new(ManualClock::new(NOW)), Events::default());
    let packages = MemoryPackageStore::new(&store);
    let meter = Meter::new(store.clone()).with_clock(Arc::clone(&clock)).with_observer(events.clone());
    let book = PackageBook::new(meter.clone(), packages);
    for (package, instance) in [("pack", "inst"), ("other-pack", "other")] {
        book.add(Package::new(package, instance, 10.into(), NOW, NOW.saturating_add(24 * HOUR))).await.unwrap();
    }
    Place { store, clock, events, meter, book }
}

impl Place {
    async fn has_nothing(&self) {
        assert_eq!(self.meter.status().await.unwrap().open.records, 0);
        let stored = self.book.packages("inst").await.unwrap().remove(0);
        assert_eq!((stored.used, stored.reserved), (Amount::ZERO, Amount::ZERO));
        assert_eq!(self.store.totals("inst").await.unwrap(), []);
    }
}

fn usage(amount: u32) -> Usage {
    Usage::new("inst", amount.into())
}

#[tokio::test]
async fn an_amount_that_no_record_can_have_is_refused() {
    let place = place().await;
    for text in ["0", "-0.5", "0.00001", "1.23456", "100000000", "1e30"] {
        let amount: Amount = text.parse().unwrap();
        let expected = format!(
            "invalid usage amount {amount}: expected more than 0 and at most 99999999.9999, with at most four decimals"
        );
        let wrong = || Usage::new("inst", amount);
        assert_eq!(place.meter.record(wrong()).await.unwrap_err().to_string(), expected);
        assert_eq!(place.book.record(wrong()).await.unwrap_err().to_string(), expected);
        assert_eq!(place.book.reserve(wrong(), HOUR).await.unwrap_err().to_string(), expected);
        // One of several: none is recorded.
        assert_eq!(place.meter.record_all([usage(1), wrong()]).await.unwrap_err().to_string(), expected);
        let quota = Package::new("new", "inst", amount, NOW, NOW.saturating_add(HOUR));
        let error = place.book.add(quota).await.unwrap_err();
        assert_eq!(error.to_string(), expected.replace("usage amount", "quota"));
        place.has_nothing().await;
    }
    let reservation = place.book.reserve(usage(1).with_id("job"), HOUR).await.unwrap();
    reservation.clone().commit("0.00001".parse().unwrap()).await.unwrap_err();
    reservation.cancel().await.unwrap();
    place.has_nothing().await;
}

#[tokio::test]
async fn packages_of_others_and_unknown_instances_are_refused() {
    let place = place().await;
    let refused = async |usage: Usage| {
        let reserved = place.book.reserve(usage.clone(), HOUR).await.unwrap_err().to_string();
        let recorded = place.book.record(usage).await.unwrap_err().to_string();
        assert_eq!(recorded, reserved);
        recorded
    };
    assert_eq!(refused(Usage::new("unknown", 1.into())).await, r#"instance "unknown" has no package"#);
    assert_eq!(refused(usage(1).with_package("unknown")).await, r#"unknown package "unknown""#);
    let of_another_product = refused(usage(1).with_package("other-pack")).await;
    assert_eq!(of_another_product, r#"package "other-pack" does not cover instance "inst""#);
    assert_eq!(refused(usage(11)).await, "packages are used up: 10 left");
    assert!(matches!(place.book.end("unknown").await.unwrap_err(), PackageError::UnknownPackage(_)));
    place.has_nothing().await;
}

#[tokio::test]
async fn a_clock_that_was_turned_back_is_reported_once_and_refuses_nothing() {
    let place = place().await;
    place.clock.set(NOW.saturating_add(3 * HOUR));
    place.meter.record(usage(1)).await.unwrap();
    // An adjustment.
    place.clock.set(NOW.saturating_add(3 * HOUR).saturating_sub(Duration::from_secs(60)));
    place.meter.record(usage(1)).await.unwrap();
    assert_eq!(place.events.take(), Vec::<String>::new());

    place.clock.set(NOW);
    let clones = [place.meter.clone(), place.meter.clone()];
    for meter in &clones {
        assert_eq!(meter.record(usage(1)).await.unwrap(), Recorded::First);
    }
    place.book.record(usage(1)).await.unwrap();
    let expected = format!(
        "the clock was turned back from {} to {NOW}: usage may be billed in the wrong period",
        NOW.saturating_add(3 * HOUR)
    );
    assert_eq!(place.events.take(), [expected]);
    // A time given by the caller that is ahead of the clock now.
    let ahead = NOW.saturating_add(HOUR);
    assert_eq!(place.meter.entry(usage(1).with_time(ahead)).unwrap_err(), UsageError::Ahead(ahead));
    // Back again, and once more.
    place.clock.set(NOW.saturating_add(HOUR));
    place.meter.record(usage(1)).await.unwrap();
    place.clock.set(NOW);
    place.meter.record(usage(1)).await.unwrap();
    assert_eq!(place.events.take().len(), 1);
    assert_eq!(place.meter.usage_info("inst").await.unwrap()[0].usage_value, 7.into(), "all usage counts");
}

#[tokio::test]
async fn usage_for_a_period_that_was_reported_counts_in_the_next() {
    let place = place().await;
    place.meter.record(usage(1)).await.unwrap();
    place.clock.set(NOW.saturating_add(2 * HOUR));
    assert_eq!(place.store.close_periods(place.clock.now()).await.unwrap(), 1);
    let late = place.book.record(usage(2).with_time(NOW).with_id("late")).await.unwrap();
    assert_eq!(late.recorded, Recorded::First);
    let status = place.meter.status().await.unwrap();
    assert_eq!((status.pending.usage, status.open.usage), (1.into(), 2.into()), "the record is as it was");
    place.clock.set(NOW.saturating_add(30 * 24 * HOUR));
    let too_old = place.meter.record(usage(1).with_time(NOW)).await.unwrap_err();
    assert_eq!(too_old.to_string(), format!("usage of {NOW} is too old to be billed"));
    assert_eq!(place.store.close_periods(place.clock.now()).await.unwrap(), 1);
}
