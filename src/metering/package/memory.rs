//! The package store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::model::units;
use super::{
    Change, Decision, Outcome, PackageError, PackageStatus, PackageStore, ReservationState, Scope, Shelf,
    StoredPackage, StoredReservation,
};
use crate::amount::Amount;
use crate::metering::{MemoryUsageStore, MeteringError, Recorded};
use crate::timestamp::Timestamp;

/// A package store that lives as long as the process, for tests. Clones share what they have.
///
/// ```
/// use koogallery::metering::package::{MemoryPackageStore, PackageBook};
/// use koogallery::metering::{MemoryUsageStore, Meter};
///
/// let usage = MemoryUsageStore::new();
/// let packages = MemoryPackageStore::new(&usage);
/// let book = PackageBook::new(Meter::new(usage), packages);
/// ```
#[derive(Clone, Debug)]
pub struct MemoryPackageStore {
    usage: MemoryUsageStore,
    kept: Arc<Mutex<Kept>>,
}

/// Packages and reservations, by instance and id.
#[derive(Debug, Default)]
struct Kept {
    packages: BTreeMap<(String, String), Arc<StoredPackage>>,
    reservations: BTreeMap<(String, String), StoredReservation>,
}

impl MemoryPackageStore {
    /// Creates an empty store beside a usage store.
    pub fn new(usage: &MemoryUsageStore) -> Self {
        Self { usage: usage.clone(), kept: Arc::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_now(&self, scope: Scope<'_>, decision: &Decision) -> Result<Outcome, PackageError> {
        // Held to the end, so that it excludes all other changes.
        let mut kept = self.kept();
        let mut shelf = kept.read(scope);
        shelf.is_recorded = scope.usage_id.is_some_and(|id| self.usage.is_recorded(id));
        let change = decision.make(&shelf)?;
        if self.usage.record_if_new(&change.entries) == Recorded::Repeated {
            return Ok(Outcome::new(shelf, change, Recorded::Repeated));
        }
        kept.write(scope.instance_id, &change);
        Ok(Outcome::new(shelf, change, Recorded::First))
    }
}

impl Kept {
    fn read(&self, scope: Scope<'_>) -> Shelf {
        let mut shelf = Shelf::new(scope.now);
        let is_asked_for = |stored: &&Arc<StoredPackage>| {
            let is_named = scope.package_instance_id == Some(&stored.package.instance_id);
            let holds = stored.reserved > Amount::ZERO;
            scope.everything || is_named || holds || stored.state != super::PackageState::Ended
        };
        shelf.packages = of(&self.packages, scope.instance_id).filter(is_asked_for).cloned().collect();
        let is_asked_for = |stored: &&StoredReservation| {
            let is_named = scope.reservation_id == Some(&stored.id);
            let is_open = stored.state == ReservationState::Open;
            is_named || is_open && (scope.everything || stored.ends_at <= scope.now)
        };
        shelf.reservations = of(&self.reservations, scope.instance_id).filter(is_asked_for).cloned().collect();
        shelf
    }

    fn write(&mut self, instance_id: &str, change: &Change) {
        for stored in &change.packages {
            let package = &stored.package;
            let key = (package.pay_per_use_instance_id.clone(), package.instance_id.clone());
            self.packages.insert(key, stored.clone());
        }
        for stored in &change.reservations {
            self.reservations.insert((stored.instance_id.clone(), stored.id.clone()), stored.clone());
        }
        if let Some(before) = change.forget_before {
            self.reservations.retain(|_, stored| {
                let is_open = stored.state == ReservationState::Open;
                stored.instance_id != instance_id || is_open || stored.settled_at.is_none_or(|at| at >= before)
            });
        }
    }

    fn status(&self, now: Timestamp) -> PackageStatus {
        let stored = self.packages.values().map(|stored| &**stored);
        let valid: Vec<&StoredPackage> = stored.filter(|stored| stored.covers(now)).collect();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let sum = |amount: fn(&StoredPackage) -> Amount| {
            Amount::from_ten_thousandths(valid.iter().map(|stored| units(amount(stored))).sum())
        };
        let is_open = |stored: &&StoredReservation| stored.state == ReservationState::Open && stored.ends_at > now;
        PackageStatus {
            packages: count(valid.len()),
            used_up: count(valid.iter().filter(|stored| stored.used >= stored.quota).count()),
            quota: sum(|stored| stored.quota),
            used: sum(|stored| stored.used),
            reserved: sum(|stored| stored.reserved),
            reservations: count(self.reservations.values().filter(is_open).count()),
        }
    }
}

/// Returns what an instance has, in the order of the ids.
fn of<'a, T>(all: &'a BTreeMap<(String, String), T>, instance_id: &'a str) -> impl Iterator<Item = &'a T> {
    let of_instance = all.range((instance_id.to_owned(), String::new())..);
    of_instance.take_while(move |((owner, _), _)| owner == instance_id).map(|(_, stored)| stored)
}

impl PackageStore for MemoryPackageStore {
    fn change<'a>(&'a self, scope: Scope<'a>, decision: Decision) -> BoxFuture<'a, Result<Outcome, PackageError>> {
        ready(self.change_now(scope, &decision)).boxed()
    }

    fn covered<'a>(&'a self, package_instance_id: &'a str) -> BoxFuture<'a, Result<Vec<String>, MeteringError>> {
        let kept = self.kept();
        let covered = kept.packages.keys().filter(|(_, package)| package == package_instance_id);
        ready(Ok(covered.map(|(instance_id, _)| instance_id.clone()).collect())).boxed()
    }

    fn status(&self, now: Timestamp) -> BoxFuture<'_, Result<PackageStatus, MeteringError>> {
        ready(Ok(self.kept().status(now))).boxed()
    }
}
