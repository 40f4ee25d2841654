//! The packages of a seller's customers.

mod changes;
mod reserving;
mod thresholds;

use std::fmt;
use std::sync::Arc;

use super::model::{check_id, units};
use super::plan::{Demand, Draft, Rules, entries};
use super::{
    Change, Consumption, Decision, Deduction, Outcome, PackageError, PackageStatus, PackageStore, Part, Scope,
    StoredPackage, StoredReservation, WhenUsedUp,
};
use crate::amount::Amount;
use crate::metering::{Entry, Meter, Recorded, ShownTotal, Usage};
use crate::random::{OsRandom, Random};
use crate::timestamp::Timestamp;

/// Records usage and deducts it from packages, in one transaction. Clones share the store.
///
/// Every method can be called again after an unknown outcome, such as in a handler that runs again.
///
/// When usage reaches a [threshold](Meter::with_thresholds) of a package, the meter's [observer](Meter::with_observer) is
/// called with [`ThresholdReached`](crate::metering::MeteringEvent::ThresholdReached), after the usage is on disk. Exactly one
/// recording reaches it, whatever the number of processes, and it stays reached, so it is reported once for each package,
/// pay-per-use instance and quota; not at all if the process ends between the commit and the call. A smaller
/// [quota](Self::set_quota) may reach thresholds as well, and those of a larger one can be reached again.
#[doc(alias = "套餐包")]
#[derive(Clone)]
pub struct PackageBook {
    store: Arc<dyn PackageStore>,
    meter: Meter,
    random: Arc<dyn Random>,
    rules: Rules,
}

/// What became of usage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumed {
    /// Whether it counts. A repeated usage id adds nothing.
    pub recorded: Recorded,
    /// What each package bears, in the order of their use; the sum is the usage. Empty for usage that was repeated,
    /// except for a repeated [commit](super::Reservation::commit).
    pub parts: Vec<Part>,
}

impl PackageBook {
    /// Creates a book that uses the package that expires first, and refuses usage beyond the packages. The store is on
    /// the database of the meter's store; clock, period, thresholds and observer are those of the meter.
    pub fn new(meter: Meter, store: impl PackageStore) -> Self {
        Self { store: Arc::new(store), meter, random: Arc::new(OsRandom), rules: Rules::default() }
    }

    /// Sets the order in which packages are used (default: [`Consumption::SoonestExpiry`]).
    #[must_use]
    pub fn with_consumption(mut self, consumption: Consumption) -> Self {
        self.rules.consumption = consumption;
        self
    }

    /// Sets what becomes of usage that no package can bear (default: [`WhenUsedUp::Stop`]).
    #[must_use]
    pub fn when_used_up(mut self, when_used_up: WhenUsedUp) -> Self {
        self.rules.when_used_up = when_used_up;
        self
    }

    /// Returns all packages of a pay-per-use instance with what is used, reserved and left, in the order of their ids,
    /// also those that are over.
    ///
    /// # Errors
    ///
    /// The id is invalid, or the store failed.
    pub async fn packages(&self, pay_per_use_instance_id: &str) -> Result<Vec<StoredPackage>, PackageError> {
        Ok(self.contents(pay_per_use_instance_id).await?.0)
    }

    /// Returns what a package is for each pay-per-use instance that it covers; nothing if it is unknown.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn package(&self, package_instance_id: &str) -> Result<Vec<StoredPackage>, PackageError> {
        let mut found = Vec::new();
        for instance_id in self.store.covered(package_instance_id).await? {
            let packages = self.packages(&instance_id).await?;
            found.extend(packages.into_iter().filter(|stored| stored.package.instance_id == package_instance_id));
        }
        Ok(found)
    }

    /// Returns what is left for usage now: the sum over the packages that are active and valid.
    ///
    /// # Errors
    ///
    /// The id is invalid, or the store failed.
    pub async fn left(&self, pay_per_use_instance_id: &str) -> Result<Amount, PackageError> {
        let now = self.now();
        let packages = self.packages(pay_per_use_instance_id).await?;
        let left = packages.iter().filter(|stored| stored.covers(now)).map(StoredPackage::units_left);
        Ok(Amount::from_ten_thousandths(left.sum()))
    }

    /// Returns the figures of all packages that are active and valid now, for metrics. Reads all packages of the store.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn status(&self) -> Result<PackageStatus, PackageError> {
        Ok(self.store.status(self.now()).await?)
    }

    /// Records usage, and deducts it from the packages that are valid at its time. When this returns, both are on disk.
    ///
    /// It is split exactly over as many packages as it takes. If the usage names a
    /// [package](Usage::package_instance_id), it is deducted from that one only.
    ///
    /// # Errors
    ///
    /// The usage cannot be billed; the packages are [used up](PackageError::UsedUp) or the instance has
    /// [none](PackageError::NoPackage), unless the rest is to be [paid per use](WhenUsedUp::PayPerUse); the package
    /// named is unknown or does not cover the instance; or the store failed. Nothing was recorded. A call whose outcome
    /// is unknown can be retried safely with the same [`usage_id`](Usage::usage_id).
    pub async fn record(&self, usage: Usage) -> Result<Consumed, PackageError> {
        let deduction = self.deduction(usage)?;
        let outcome = self.change(deduction.scope(), deduction.decision.clone()).await;
        self.explained(outcome).await.map(consumed)
    }

    /// Checks usage for recording it in a transaction of the seller's own, by `record_in` of the package store. After the
    /// commit, give the outcome to [`committed`](Self::committed).
    ///
    /// # Errors
    ///
    /// The usage cannot be billed.
    ///
    /// ```
    /// use koogallery::metering::Usage;
    /// use koogallery::metering::package::{Consumed, Outcome, PackageBook, PackageError};
    ///
    /// /// What a transaction of the seller's own has to call, before and after its commit.
    /// fn around(book: &PackageBook, usage: Usage, commit: impl FnOnce() -> Outcome) -> Result<Consumed, PackageError> {
    ///     let _deduction = book.deduction(usage)?; // for `record_in` of the store
    ///     Ok(book.committed(commit()))
    /// }
    /// ```
    pub fn deduction(&self, usage: Usage) -> Result<Deduction, PackageError> {
        let entry = Arc::new(self.meter.entry(usage)?);
        let (rules, now) = (self.rules, self.now());
        let known = Arc::clone(&entry);
        let decision = Decision::new(move |shelf| {
            let mut draft = Draft::new(shelf, now);
            if shelf.is_recorded {
                return Ok(Change::default());
            }
            let Usage { instance_id, package_instance_id, amount, .. } = &entry.usage;
            let demand = Demand { instance_id, at: entry.at, only: package_instance_id.as_deref() };
            let parts = draft.split(rules, demand, units(*amount))?;
            draft.deduct(&parts);
            Ok(draft.into_change(entries(&entry, &parts)))
        });
        Ok(Deduction { entry: known, now, decision })
    }

    /// Reports the thresholds that a transaction of the seller's has reached, to be called after its commit, and returns what
    /// became of the usage.
    pub fn committed(&self, outcome: Outcome) -> Consumed {
        self.report_all(&outcome);
        consumed(outcome)
    }

    /// Returns the usage of an instance in the cycle of now, and the time of now. A package has a total for each pay-per-use
    /// instance that it covers.
    pub(crate) async fn shown_totals(&self, instance_id: &str) -> Result<(Vec<ShownTotal>, Timestamp), PackageError> {
        let (mut totals, now) = self.meter.shown_totals(instance_id).await?;
        let covered = self.store.covered(instance_id).await?;
        if !covered.is_empty() {
            totals.retain(|total| total.related_instance_id.is_some() || total.usage > Amount::ZERO);
            for related in covered {
                if !totals.iter().any(|total| total.related_instance_id.as_ref() == Some(&related)) {
                    totals.push(ShownTotal { related_instance_id: Some(related), usage: Amount::ZERO });
                }
            }
            totals.sort_by(|one, other| one.related_instance_id.cmp(&other.related_instance_id));
        }
        Ok((totals, now))
    }

    fn now(&self) -> Timestamp {
        self.meter.clock.now()
    }

    /// Returns packages and open reservations as they are now.
    async fn contents(
        &self,
        pay_per_use_instance_id: &str,
    ) -> Result<(Vec<StoredPackage>, Vec<StoredReservation>), PackageError> {
        check_id(pay_per_use_instance_id)?;
        let now = self.now();
        let mut scope = Scope::new(pay_per_use_instance_id, now);
        scope.everything = true;
        let decision = Decision::new(move |shelf| Ok(Draft::new(shelf, now).into_change(Vec::new())));
        let outcome = self.change(scope, decision).await?;
        Ok(Draft::new(&outcome.shelf, now).into_contents())
    }

    /// Distinguishes a package of another instance from one that is unknown.
    async fn explained(&self, outcome: Result<Outcome, PackageError>) -> Result<Outcome, PackageError> {
        match outcome {
            Err(PackageError::NotCovered { package_instance_id, instance_id }) => {
                self.covered(&package_instance_id).await?;
                Err(PackageError::NotCovered { package_instance_id, instance_id })
            }
            outcome => outcome,
        }
    }
}

impl fmt::Debug for PackageBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackageBook").field("meter", &self.meter).field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Consumed {
    /// Returns what is paid per use, not from a package.
    pub fn paid_per_use(&self) -> Amount {
        let parts = self.parts.iter().filter(|part| part.package_instance_id.is_none());
        Amount::from_ten_thousandths(parts.map(|part| units(part.amount)).sum())
    }
}

fn consumed(outcome: Outcome) -> Consumed {
    if outcome.recorded == Recorded::Repeated || outcome.shelf.is_recorded {
        return Consumed { recorded: Recorded::Repeated, parts: Vec::new() };
    }
    let part = |entry: Entry| Part::new(entry.usage.package_instance_id, entry.usage.amount);
    Consumed { recorded: Recorded::First, parts: outcome.change.entries.into_iter().map(part).collect() }
}
