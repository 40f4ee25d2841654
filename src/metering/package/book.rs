//! The packages of a seller's customers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::model::{check_id, check_quota, check_validity, units};
use super::plan::{Demand, Draft, Rules, borne, entries, merge};
use super::{
    Change, Consumption, Decision, Outcome, Package, PackageError, PackageState, PackageStore, Part, Reservation,
    ReservationState, Scope, Shelf, StoredPackage, StoredReservation, WhenUsedUp,
};
use crate::amount::Amount;
use crate::metering::{Entry, Meter, Recorded, Usage};
use crate::random::{OsRandom, Random, hex};
use crate::timestamp::Timestamp;

/// Time after its use until which a reservation may last: its usage must be reported within 21 days.
const LONGEST: Duration = Duration::from_secs(19 * 24 * 3600);
/// Time for which reservations are kept after they were settled, so that a commit can be repeated.
const KEPT: Duration = Duration::from_secs(21 * 24 * 3600);

/// Records usage and deducts it from packages, in one transaction. Clones share the store.
///
/// Every method can be called again after an unknown outcome, such as in a handler that runs again.
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
    /// except for a repeated [commit](Reservation::commit).
    pub parts: Vec<Part>,
}

impl PackageBook {
    /// Creates a book that uses the package that expires first, and refuses usage beyond the packages. The store is on
    /// the database of the meter's store; clock and period are those of the meter.
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

    /// Adds a package. Adding it again changes nothing, also after it was extended or ended.
    ///
    /// # Errors
    ///
    /// The package is invalid, was added with other data, which the error names, or the store failed.
    pub async fn add(&self, package: Package) -> Result<(), PackageError> {
        package.check()?;
        let now = self.now();
        let mut scope = Scope::new(&package.pay_per_use_instance_id, now);
        scope.package_instance_id = Some(&package.instance_id);
        let given = package.clone();
        let decision = Decision::new(move |shelf| {
            if let Some(known) = find(shelf, &given.instance_id) {
                return same(&known.package, &given).map(|()| Change::default());
            }
            let mut draft = Draft::new(shelf, now);
            draft.add(StoredPackage::new(given.clone()));
            Ok(draft.into_change(Vec::new()))
        });
        self.store.change(scope, decision).await.map(drop)
    }

    /// Sets the end of a package's validity, which may be before the present one: that of a renewal, or of its
    /// cancellation. It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The package is unknown, the validity would end before it begins, or the store failed.
    pub async fn extend(&self, package_instance_id: &str, valid_until: Timestamp) -> Result<(), PackageError> {
        let extend = move |stored: &mut StoredPackage| {
            check_validity(stored.package.valid_from, valid_until)?;
            stored.valid_until = valid_until;
            Ok(())
        };
        self.each(package_instance_id, None, extend).await
    }

    /// Sets the quota that a package has for a pay-per-use instance, for instance after an upgrade. It is the whole
    /// quota, not what is added. It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The quota is invalid, or below what is used and reserved; the package is unknown or does not cover the instance;
    /// or the store failed.
    pub async fn set_quota(
        &self,
        package_instance_id: &str,
        pay_per_use_instance_id: &str,
        quota: Amount,
    ) -> Result<(), PackageError> {
        check_quota(quota)?;
        let set = move |stored: &mut StoredPackage| {
            let bound = Amount::from_ten_thousandths(units(stored.used) + units(stored.reserved));
            if quota < bound {
                return Err(PackageError::QuotaInUse { quota, bound });
            }
            stored.quota = quota;
            Ok(())
        };
        self.each(package_instance_id, Some(pay_per_use_instance_id), set).await
    }

    /// Stops deducting from a package until it is [unfrozen](Self::unfreeze). It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The package is unknown, or the store failed.
    pub async fn freeze(&self, package_instance_id: &str) -> Result<(), PackageError> {
        self.set_state(package_instance_id, PackageState::Frozen).await
    }

    /// Deducts from a package again. It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The package is unknown, or the store failed.
    pub async fn unfreeze(&self, package_instance_id: &str) -> Result<(), PackageError> {
        self.set_state(package_instance_id, PackageState::Active).await
    }

    /// Stops deducting from a package forever, since it was released. Open reservations keep what they hold of it.
    ///
    /// # Errors
    ///
    /// The package is unknown, or the store failed.
    pub async fn end(&self, package_instance_id: &str) -> Result<(), PackageError> {
        self.set_state(package_instance_id, PackageState::Ended).await
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
        let entry = self.meter.entry(usage)?;
        let (rules, now) = (self.rules, self.now());
        let usage = entry.usage.clone();
        let mut scope = Scope::new(&usage.instance_id, now);
        scope.package_instance_id = usage.package_instance_id.as_deref();
        scope.usage_id = usage.usage_id.as_deref();
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
        let outcome = self.store.change(scope, decision).await;
        self.explained(outcome).await.map(consumed)
    }

    /// Reserves an amount for a while, so that a long job cannot use more than the packages have. The amount is that of
    /// the usage, and its time is that of the usage recorded by the [commit](Reservation::commit) (default: now).
    ///
    /// The id of the reservation is that of the usage, or drawn. Reserving again with an id returns the open
    /// reservation; one that was canceled or is over is made again.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record); or the lease is invalid, a reservation with the id is open for another amount or
    /// package, or the usage was [recorded](PackageError::AlreadyRecorded) already.
    pub async fn reserve(&self, usage: Usage, lease: Duration) -> Result<Reservation, PackageError> {
        let entry = self.meter.entry(usage)?;
        let (rules, now, at) = (self.rules, self.now(), entry.at);
        check_lease(lease, now, at)?;
        let usage = entry.usage;
        let id = match &usage.usage_id {
            Some(id) => id.clone(),
            None => hex(&*self.random)?,
        };
        check_id(&id)?;
        let wanted = usage.clone();
        let mut scope = Scope::new(&wanted.instance_id, now);
        scope.package_instance_id = wanted.package_instance_id.as_deref();
        (scope.reservation_id, scope.usage_id) = (Some(id.as_str()), Some(id.as_str()));
        let reservation_id = id.clone();
        let decision = Decision::new(move |shelf| {
            let mut draft = Draft::new(shelf, now);
            let known = draft.find(&reservation_id).map(|index| draft.reservation(index));
            match known.map(|known| known.state) {
                _ if shelf.is_recorded => return Err(PackageError::AlreadyRecorded(reservation_id.clone())),
                Some(ReservationState::Committed) => {
                    return Err(PackageError::AlreadyRecorded(reservation_id.clone()));
                }
                Some(ReservationState::Open) => {
                    known.map_or(Ok(()), |known| same_reservation(known, &usage))?;
                    return Ok(draft.into_change(Vec::new()));
                }
                _ => {}
            }
            let demand = Demand { instance_id: &usage.instance_id, at, only: usage.package_instance_id.as_deref() };
            let parts = draft.split(rules, demand, units(usage.amount))?;
            draft.hold(&parts);
            let mut reservation = StoredReservation::new(&*reservation_id, &usage, at, end_of(lease, shelf.clock));
            reservation.parts = parts;
            draft.put(reservation);
            let mut change = draft.into_change(Vec::new());
            change.forget_before = Some(now.saturating_sub(KEPT));
            Ok(change)
        });
        let outcome = self.store.change(scope, decision).await;
        let Outcome { shelf, change, .. } = self.explained(outcome).await?;
        let mut found = change.reservations.into_iter().chain(shelf.reservations);
        let stored = found.find(|reservation| reservation.id == id);
        let stored = stored.ok_or(PackageError::UnknownReservation(id))?;
        Ok(Reservation::new(self.clone(), stored))
    }

    /// Returns the open reservations of a pay-per-use instance, in the order of their ids, for instance to cancel them
    /// after a restart.
    ///
    /// # Errors
    ///
    /// The id is invalid, or the store failed.
    pub async fn reservations(&self, pay_per_use_instance_id: &str) -> Result<Vec<Reservation>, PackageError> {
        let (_, open) = self.contents(pay_per_use_instance_id).await?;
        Ok(open.into_iter().map(|stored| Reservation::new(self.clone(), stored)).collect())
    }

    pub(super) async fn commit(
        &self,
        reservation: &StoredReservation,
        actual: Amount,
    ) -> Result<Consumed, PackageError> {
        let StoredReservation { id, instance_id, at, .. } = reservation;
        let entry = self.meter.entry(Usage::new(instance_id, actual).with_time(*at).with_id(id))?;
        let (rules, now, reservation_id) = (self.rules, self.now(), id.clone());
        let only = reservation.package_instance_id.clone();
        let mut scope = Scope::new(instance_id, now);
        (scope.reservation_id, scope.usage_id) = (Some(id.as_str()), Some(id.as_str()));
        scope.package_instance_id = reservation.package_instance_id.as_deref();
        let decision = Decision::new(move |shelf| {
            let mut draft = Draft::new(shelf, now);
            let (index, state) = found(&draft, &reservation_id)?;
            match state {
                ReservationState::Committed => return Ok(Change::default()),
                ReservationState::Open => {}
                state => return Err(PackageError::Settled { id: reservation_id.clone(), state }),
            }
            let mut reservation = draft.reservation(index).clone();
            if shelf.is_recorded {
                draft.settle(index, ReservationState::Canceled);
                return Ok(draft.into_change(Vec::new()));
            }
            draft.settle(index, ReservationState::Committed);
            let (mut parts, rest) = borne(&reservation.parts, units(actual));
            draft.deduct(&parts);
            if rest > 0 {
                let demand =
                    Demand { instance_id: &reservation.instance_id, at: reservation.at, only: only.as_deref() };
                let more = draft.split(rules, demand, rest)?;
                draft.deduct(&more);
                merge(&mut parts, more);
            }
            reservation.parts.clone_from(&parts);
            (reservation.state, reservation.settled_at) = (ReservationState::Committed, Some(now));
            draft.put(reservation);
            Ok(draft.into_change(entries(&entry, &parts)))
        });
        let outcome = self.store.change(scope, decision).await?;
        let known = outcome.shelf.reservations.iter().find(|known| known.id == *id);
        if let Some(known) = known.filter(|known| known.state == ReservationState::Committed) {
            return Ok(Consumed { recorded: Recorded::Repeated, parts: known.parts.clone() });
        }
        Ok(consumed(outcome))
    }

    pub(super) async fn cancel(&self, reservation: &StoredReservation) -> Result<(), PackageError> {
        let now = self.now();
        let id = reservation.id.clone();
        let mut scope = Scope::new(&reservation.instance_id, now);
        scope.reservation_id = Some(&reservation.id);
        let decision = Decision::new(move |shelf| {
            let mut draft = Draft::new(shelf, now);
            match found(&draft, &id)? {
                (index, ReservationState::Open) => draft.settle(index, ReservationState::Canceled),
                (_, ReservationState::Canceled | ReservationState::Over) => {}
                (_, state) => return Err(PackageError::Settled { id: id.clone(), state }),
            }
            Ok(draft.into_change(Vec::new()))
        });
        self.store.change(scope, decision).await.map(drop)
    }

    pub(super) async fn extend_reservation(
        &self,
        reservation: &StoredReservation,
        lease: Duration,
    ) -> Result<StoredReservation, PackageError> {
        let now = self.now();
        check_lease(lease, now, reservation.at)?;
        let id = reservation.id.clone();
        let mut scope = Scope::new(&reservation.instance_id, now);
        scope.reservation_id = Some(&reservation.id);
        let decision = Decision::new(move |shelf| {
            let mut draft = Draft::new(shelf, now);
            match found(&draft, &id)? {
                (index, ReservationState::Open) => {
                    let later = draft.reservation(index).ends_at.max(end_of(lease, shelf.clock));
                    draft.set_end(index, later);
                }
                (_, state) => return Err(PackageError::Settled { id: id.clone(), state }),
            }
            Ok(draft.into_change(Vec::new()))
        });
        let changed = self.store.change(scope, decision).await?.change.reservations;
        let extended = changed.into_iter().find(|changed| changed.id == reservation.id);
        extended.ok_or_else(|| PackageError::UnknownReservation(reservation.id.clone()))
    }

    fn now(&self) -> Timestamp {
        self.meter.clock.now()
    }

    async fn set_state(&self, package_instance_id: &str, state: PackageState) -> Result<(), PackageError> {
        let set = move |stored: &mut StoredPackage| {
            stored.state = state;
            Ok(())
        };
        self.each(package_instance_id, None, set).await
    }

    /// Changes a package for each pay-per-use instance that it covers, or for one, unless it is ended.
    async fn each(
        &self,
        package_instance_id: &str,
        only: Option<&str>,
        change: impl Fn(&mut StoredPackage) -> Result<(), PackageError> + Copy + Send + Sync + 'static,
    ) -> Result<(), PackageError> {
        let covered = self.covered(package_instance_id).await?;
        if let Some(instance_id) = only.filter(|only| !covered.iter().any(|covered| covered == only)) {
            let (package_instance_id, instance_id) = (package_instance_id.to_owned(), instance_id.to_owned());
            return Err(PackageError::NotCovered { package_instance_id, instance_id });
        }
        let now = self.now();
        for instance_id in covered.iter().filter(|covered| only.is_none_or(|only| *covered == only)) {
            let id = package_instance_id.to_owned();
            let mut scope = Scope::new(instance_id, now);
            scope.package_instance_id = Some(package_instance_id);
            let decision = Decision::new(move |shelf| {
                if find(shelf, &id).is_none_or(|known| known.state == PackageState::Ended) {
                    return Ok(Change::default());
                }
                let mut draft = Draft::new(shelf, now);
                draft.package(&id).map_or(Ok(()), change)?;
                Ok(draft.into_change(Vec::new()))
            });
            self.store.change(scope, decision).await?;
        }
        Ok(())
    }

    async fn covered(&self, package_instance_id: &str) -> Result<Vec<String>, PackageError> {
        let covered = self.store.covered(package_instance_id).await?;
        if covered.is_empty() {
            return Err(PackageError::UnknownPackage(package_instance_id.to_owned()));
        }
        Ok(covered)
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
        let outcome = self.store.change(scope, decision).await?;
        Ok(Draft::new(&outcome.shelf, now).into_contents())
    }

    /// Distinguishes a package of another instance from one that nobody knows.
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

fn find<'a>(shelf: &'a Shelf, package_instance_id: &str) -> Option<&'a StoredPackage> {
    shelf.packages.iter().find(|stored| stored.package.instance_id == package_instance_id)
}

fn found(draft: &Draft, id: &str) -> Result<(usize, ReservationState), PackageError> {
    let index = draft.find(id).ok_or_else(|| PackageError::UnknownReservation(id.to_owned()))?;
    Ok((index, draft.reservation(index).state))
}

fn end_of(lease: Duration, clock: Timestamp) -> Timestamp {
    clock.saturating_add(lease)
}

fn check_lease(lease: Duration, now: Timestamp, at: Timestamp) -> Result<(), PackageError> {
    if lease < Duration::from_millis(1) || now.saturating_add(lease) > at.saturating_add(LONGEST) {
        return Err(PackageError::Lease(lease));
    }
    Ok(())
}

fn same(known: &Package, given: &Package) -> Result<(), PackageError> {
    let order = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    let fields = |package: &Package| {
        [
            ("quota", package.quota.to_string()),
            ("begin", package.valid_from.to_string()),
            ("end", package.valid_until.to_string()),
            ("order id", order(&package.order_id)),
            ("order line id", order(&package.order_line_id)),
        ]
    };
    let mut pairs = fields(known).into_iter().zip(fields(given));
    match pairs.find(|(known, given)| known != given) {
        None => Ok(()),
        Some(((field, known), (_, value))) => {
            let package_instance_id = given.instance_id.clone();
            Err(PackageError::Differs { package_instance_id, field, known, given: value })
        }
    }
}

fn same_reservation(known: &StoredReservation, usage: &Usage) -> Result<(), PackageError> {
    let field = if known.amount != usage.amount {
        "amount"
    } else if known.package_instance_id != usage.package_instance_id {
        "package"
    } else {
        return Ok(());
    };
    Err(PackageError::OtherReservation { id: known.id.clone(), field })
}
