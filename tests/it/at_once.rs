//! Several replicas that use a store at the same time, whichever engine it has.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use koogallery::clock::ManualClock;
use koogallery::lease::Lease;
use koogallery::license_store::{ApplicationId, Applied, License, LicenseApplication, LicenseStore};
use koogallery::metering::package::{Deduction, Package, PackageBook};
use koogallery::metering::{Meter, RecordOutcome, Recorded, Usage, UsageStore};
use koogallery::timestamp::Timestamp;

use crate::support::NOW;

const HOUR: u64 = 3600;

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

/// Three replicas record, close and push, and nothing is lost or doubled. `overlaps` counts the records of one instance
/// that cover one time.
pub async fn bill<S: UsageStore + Clone>(stores: [S; 3], overlaps: impl AsyncFnOnce() -> i64) {
    let entry = |store: &S, instance: String, second: u64, id: String| {
        let usage = Usage::new(instance, "0.0001".parse().unwrap()).with_time(later(second)).with_id(id);
        Meter::new(store.clone()).with_clock(ManualClock::new(later(second))).entry(usage).unwrap()
    };
    let recorders = (0..60_u64).map(|number| {
        let store = stores[(number % 3) as usize].clone();
        // Forwards and backwards, and every id twice.
        let mut entries: Vec<_> = (0..40)
            .map(|index| {
                let (instance, second) = (format!("inst{}", index % 5), (index * number) % (2 * HOUR));
                entry(&store, instance, second, format!("id{}", (number / 2) * 40 + index))
            })
            .collect();
        if number % 2 == 1 {
            entries.reverse();
        }
        tokio::spawn(async move {
            let recorded = store.record(entries).await.unwrap();
            recorded.iter().filter(|recorded| **recorded == Recorded::First).count()
        })
    });
    let recorders: Vec<_> = recorders.collect();
    let closers = stores.iter().cloned().map(|store| {
        tokio::spawn(async move {
            let mut made = 0;
            for index in 0..10 {
                made += store.close_periods(later(HOUR)).await.unwrap();
                // Before the ends of the periods, so that usage comes late.
                made += store.close_instance(&format!("inst{}", index % 5), later(999 * HOUR)).await.unwrap();
            }
            made
        })
    });
    let closers: Vec<_> = closers.collect();
    let first: usize = join_all(recorders).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(first, 30 * 40, "each id counts once");
    let mut made: usize = join_all(closers).await.into_iter().map(Result::unwrap).sum();
    loop {
        match stores[0].close_periods(later(999 * HOUR)).await.unwrap() {
            0 => break,
            more => made += more,
        }
    }
    let status = stores[0].status(NOW).await.unwrap();
    assert_eq!((status.open.records, status.pending.records), (0, made as u64));
    assert_eq!(status.pending.usage.to_string(), "0.12");

    assert_eq!(overlaps().await, 0, "no two records of an instance cover one time");

    // Each record goes to one pusher, and is counted once.
    let pushers = stores.iter().cloned().enumerate().map(|(number, store)| {
        tokio::spawn(async move {
            let (lease, mut sent) = (Lease::new(number as u128, Duration::from_secs(HOUR)), vec![]);
            loop {
                let claimed = store.claim(lease, later(1000 * HOUR), 3).await.unwrap();
                let numbers: Vec<_> = claimed.into_iter().map(|record| record.metering_sn).collect();
                if numbers.is_empty() {
                    return sent;
                }
                let outcomes = numbers.iter().map(|number| (number.clone(), RecordOutcome::Delivered)).collect();
                store.settle(lease, later(1000 * HOUR), outcomes).await.unwrap();
                sent.extend(numbers);
            }
        })
    });
    let sent: Vec<String> = join_all(pushers.collect::<Vec<_>>()).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len(), "a record was sent twice");
    let status = stores[1].status(NOW).await.unwrap();
    assert_eq!((status.delivered.records, status.pending.records), (made as u64, 0));
    assert_eq!(status.delivered.usage.to_string(), "0.12");
}

/// Three replicas take the same application, and agree about its device, its lease and its License.
pub async fn license<S: LicenseStore + Clone>(stores: [S; 3]) {
    let applied = |device: usize| {
        let store = stores[device % 3].clone();
        tokio::spawn(async move {
            let mut application = LicenseApplication::new(ApplicationId::Event("E1".into()), "inst");
            application.device = Some(format!("device{}", device % 2).into());
            store.apply(application, NOW).await.unwrap()
        })
    };
    let applied = join_all((0..12).map(applied)).await.into_iter().map(Result::unwrap);
    assert_eq!(applied.filter(|applied| *applied == Applied::Conflict).count(), 6, "one of two devices has the id");

    let id = ApplicationId::Event("E1".into());
    let lease = |holder: usize| Lease::new(holder as u128, Duration::from_secs(60));
    let claimed = join_all((0..9).map(|holder| stores[holder % 3].claim(&id, lease(holder), NOW))).await;
    assert_eq!(claimed.into_iter().filter(|claimed| claimed.as_ref().unwrap().is_some()).count(), 1);
    let kept = join_all((0..9).map(|n| stores[n % 3].keep(&id, License::text(format!("LICENSE-{n}"))))).await;
    let kept: Vec<License> = kept.into_iter().map(Result::unwrap).collect();
    assert!(kept.iter().all(|license| *license == kept[0]), "the first counts");
}

/// Adds a package of ten, and wants four of it.
pub async fn package_of_ten(book: &PackageBook) -> Deduction {
    let end = NOW.saturating_add(Duration::from_secs(3600));
    book.add(Package::new("pack", "inst", 10.into(), NOW, end)).await.unwrap();
    book.deduction(Usage::new("inst", 4.into()).with_id("call")).unwrap()
}

/// Checks what was recorded and deducted.
pub async fn has_used(book: &PackageBook, usage: &impl UsageStore, used: u32) {
    let stored = book.packages("inst").await.unwrap().remove(0);
    let recorded = usage.status(NOW).await.unwrap().open.usage;
    assert_eq!((stored.used, recorded), (used.into(), used.into()));
}
