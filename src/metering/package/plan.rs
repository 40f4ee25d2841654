//! What is deducted from which package: decided here for all engines.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::units;
use super::{
    Change, Consumption, PackageError, Part, ReservationState, Shelf, StoredPackage, StoredReservation, WhenUsedUp,
};
use crate::amount::Amount;
use crate::metering::Entry as UsageEntry;
use crate::timestamp::Timestamp;

/// How usage is deducted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub(super) consumption: Consumption,
    pub(super) when_used_up: WhenUsedUp,
}

/// Usage that is to be deducted.
#[derive(Clone, Copy)]
pub(super) struct Demand<'a> {
    pub(super) instance_id: &'a str,
    pub(super) at: Timestamp,
    /// The package from which alone it is deducted.
    pub(super) only: Option<&'a str>,
}

/// What an instance has, with a change that is tried on it.
pub(super) struct Draft<'a> {
    known: &'a [Arc<StoredPackage>],
    /// Packages that are changed or added, by their places.
    changed: BTreeMap<usize, Arc<StoredPackage>>,
    reservations: Vec<StoredReservation>,
    settled: BTreeSet<usize>,
    now: Timestamp,
}

impl<'a> Draft<'a> {
    /// Begins a change by ending the reservations whose lease is over.
    pub(super) fn new(shelf: &'a Shelf, now: Timestamp) -> Self {
        let mut draft = Self {
            known: &shelf.packages,
            changed: BTreeMap::new(),
            reservations: shelf.reservations.clone(),
            settled: BTreeSet::new(),
            now,
        };
        for index in 0..draft.reservations.len() {
            let reservation = &draft.reservations[index];
            if reservation.state == ReservationState::Open && reservation.ends_at <= shelf.clock {
                draft.settle(index, ReservationState::Over);
            }
        }
        draft
    }

    /// Returns what is to be written.
    pub(super) fn into_change(self, entries: Vec<UsageEntry>) -> Change {
        let packages = self.changed.into_values().collect();
        let reservations = self.settled.iter().map(|index| self.reservations[*index].clone()).collect();
        Change { entries, packages, reservations, forget_before: None }
    }

    /// Returns the packages and the open reservations as they are after the change.
    pub(super) fn into_contents(self) -> (Vec<StoredPackage>, Vec<StoredReservation>) {
        let is_open = |reservation: &StoredReservation| reservation.state == ReservationState::Open;
        let packages = self.packages().map(|stored| StoredPackage::clone(stored)).collect();
        (packages, self.reservations.into_iter().filter(is_open).collect())
    }

    /// Returns the place of a reservation.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.reservations.iter().position(|reservation| reservation.id == id)
    }

    pub(super) fn reservation(&self, index: usize) -> &StoredReservation {
        &self.reservations[index]
    }

    /// Returns a package to change it.
    pub(super) fn package(&mut self, package_instance_id: &str) -> Option<&mut StoredPackage> {
        let place = self.place(package_instance_id)?;
        let known = self.known.get(place);
        match self.changed.entry(place) {
            Entry::Occupied(changed) => Some(changed.into_mut()),
            Entry::Vacant(vacant) => known.map(|known| vacant.insert(Arc::clone(known))),
        }
        .map(Arc::make_mut)
    }

    /// Returns the packages as they are after the change.
    fn packages(&self) -> impl Iterator<Item = &Arc<StoredPackage>> {
        let known = self.known.iter().enumerate().map(|(place, known)| self.changed.get(&place).unwrap_or(known));
        known.chain(self.changed.range(self.known.len()..).map(|(_, added)| added))
    }

    fn place(&self, package_instance_id: &str) -> Option<usize> {
        self.packages().position(|stored| stored.package.instance_id == package_instance_id)
    }

    pub(super) fn add(&mut self, package: StoredPackage) {
        let place = self.packages().count();
        self.changed.insert(place, Arc::new(package));
    }

    /// Ends an open reservation, and frees what it holds.
    pub(super) fn settle(&mut self, index: usize, state: ReservationState) {
        let reservation = &mut self.reservations[index];
        reservation.state = state;
        reservation.settled_at = Some(self.now);
        self.settled.insert(index);
        for part in reservation.parts.clone() {
            let Some(stored) = part.package_instance_id.as_deref().and_then(|id| self.package(id)) else { continue };
            stored.reserved = amount(units(stored.reserved) - units(part.amount));
        }
    }

    pub(super) fn set_end(&mut self, index: usize, ends_at: Timestamp) {
        self.reservations[index].ends_at = ends_at;
        self.settled.insert(index);
    }

    /// Stores a reservation, in place of one of its id that is not open.
    pub(super) fn put(&mut self, reservation: StoredReservation) {
        let index = self.find(&reservation.id).unwrap_or(self.reservations.len());
        match self.reservations.get_mut(index) {
            Some(known) => *known = reservation,
            None => self.reservations.push(reservation),
        }
        self.settled.insert(index);
    }

    /// Splits an amount over the packages.
    pub(super) fn split(&self, rules: Rules, demand: Demand<'_>, wanted: i64) -> Result<Vec<Part>, PackageError> {
        let Demand { instance_id, at, only } = demand;
        if let Some(only) = only.filter(|only| self.place(only).is_none()) {
            let (package_instance_id, instance_id) = (only.to_owned(), instance_id.to_owned());
            return Err(PackageError::NotCovered { package_instance_id, instance_id });
        }
        let may_bear = |stored: &&StoredPackage| {
            let is_wanted = only.is_none_or(|only| stored.package.instance_id == only);
            is_wanted && stored.covers(at)
        };
        let mut bearers: Vec<&StoredPackage> = self.packages().map(|stored| &**stored).filter(may_bear).collect();
        bearers.sort_by(|one, other| rules.consumption.compare(one, other));
        let (mut parts, mut rest) = (Vec::new(), wanted);
        for stored in bearers {
            if rest == 0 {
                break;
            }
            let borne = rest.min(stored.units_left());
            if borne > 0 {
                parts.push(Part::new(stored.package.instance_id.clone(), amount(borne)));
                rest -= borne;
            }
        }
        match rules.when_used_up {
            _ if rest == 0 => {}
            WhenUsedUp::PayPerUse => parts.push(Part::new(None, amount(rest))),
            WhenUsedUp::Stop if self.packages().next().is_none() => {
                return Err(PackageError::NoPackage(instance_id.to_owned()));
            }
            WhenUsedUp::Stop => return Err(PackageError::UsedUp { left: amount(wanted - rest) }),
        }
        Ok(parts)
    }

    pub(super) fn deduct(&mut self, parts: &[Part]) {
        self.bear(parts, |stored| &mut stored.used);
    }

    pub(super) fn hold(&mut self, parts: &[Part]) {
        self.bear(parts, |stored| &mut stored.reserved);
    }

    fn bear(&mut self, parts: &[Part], column: fn(&mut StoredPackage) -> &mut Amount) {
        for part in parts {
            let Some(stored) = part.package_instance_id.as_deref().and_then(|id| self.package(id)) else { continue };
            let sum = column(stored);
            *sum = amount(units(*sum) + units(part.amount));
        }
    }
}

/// Returns what a reservation bears of the actual amount, and how much of it is left.
pub(super) fn borne(held: &[Part], actual: i64) -> (Vec<Part>, i64) {
    let (mut parts, mut rest) = (Vec::new(), actual);
    for part in held.iter().filter(|part| part.package_instance_id.is_some()) {
        let borne = rest.min(units(part.amount));
        if borne > 0 {
            parts.push(Part::new(part.package_instance_id.clone(), amount(borne)));
            rest -= borne;
        }
    }
    (parts, rest)
}

/// Adds parts to others, so that each package has one.
pub(super) fn merge(parts: &mut Vec<Part>, more: Vec<Part>) {
    for part in more {
        match parts.iter_mut().find(|known| known.package_instance_id == part.package_instance_id) {
            Some(known) => known.amount = amount(units(known.amount) + units(part.amount)),
            None => parts.push(part),
        }
    }
}

/// Returns an entry for each part. The first has the usage id, so that the usage counts once as a whole.
pub(super) fn entries(entry: &UsageEntry, parts: &[Part]) -> Vec<UsageEntry> {
    let part = |(index, part): (usize, &Part)| {
        let mut entry = entry.clone();
        entry.usage.amount = part.amount;
        entry.usage.package_instance_id.clone_from(&part.package_instance_id);
        if index > 0 {
            entry.usage.usage_id = None;
        }
        entry
    };
    parts.iter().enumerate().map(part).collect()
}

fn amount(units: i64) -> Amount {
    Amount::from_ten_thousandths(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::package::Package;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

    fn stored(id: &str, quota: u32, days: i64) -> StoredPackage {
        let day = |days: i64| Timestamp::from_unix_millis(NOW.as_unix_millis() + days * 86_400_000);
        StoredPackage::new(Package::new(id, "i", quota.into(), day(-days), day(days)))
    }

    fn split(rules: Rules, packages: Vec<StoredPackage>, wanted: u32) -> Result<Vec<(String, String)>, PackageError> {
        let shelf = Shelf { packages: packages.into_iter().map(Arc::new).collect(), ..Shelf::new(NOW) };
        let demand = Demand { instance_id: "i", at: NOW, only: None };
        let parts = Draft::new(&shelf, NOW).split(rules, demand, units(wanted.into()))?;
        let text = |part: Part| (part.package_instance_id.unwrap_or_default(), part.amount.to_string());
        Ok(parts.into_iter().map(text).collect())
    }

    fn parts(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(id, amount)| ((*id).to_owned(), (*amount).to_owned())).collect()
    }

    #[test]
    fn usage_is_split_in_the_order_asked_for() {
        let three = || vec![stored("late", 10, 9), stored("soon", 20, 1), stored("middle", 5, 5)];
        let by = |consumption| split(Rules { consumption, ..Rules::default() }, three(), 27).unwrap();
        assert_eq!(by(Consumption::SoonestExpiry), parts(&[("soon", "20"), ("middle", "5"), ("late", "2")]));
        assert_eq!(by(Consumption::EarliestBegin), parts(&[("late", "10"), ("middle", "5"), ("soon", "12")]));
        assert_eq!(by(Consumption::LeastLeft), parts(&[("middle", "5"), ("late", "10"), ("soon", "12")]));
    }

    #[test]
    fn orders_decide_between_packages_of_one_expiry() {
        let mut packages = vec![stored("a", 1, 1), stored("b", 1, 1), stored("c", 1, 1)];
        for (stored, line) in packages.iter_mut().zip(["2", "1", "3"]) {
            stored.package.order_id = Some("CS1".to_owned());
            stored.package.order_line_id = Some(line.to_owned());
        }
        assert_eq!(split(Rules::default(), packages, 2).unwrap(), parts(&[("b", "1"), ("a", "1")]));
    }

    #[test]
    fn what_packages_cannot_bear_is_refused_or_paid_per_use() {
        let pay = Rules { when_used_up: WhenUsedUp::PayPerUse, ..Rules::default() };
        assert_eq!(split(pay, vec![stored("a", 1, 1)], 3).unwrap(), parts(&[("a", "1"), ("", "2")]));
        assert_eq!(split(pay, vec![], 3).unwrap(), parts(&[("", "3")]));
        let used_up = split(Rules::default(), vec![stored("a", 1, 1)], 3).unwrap_err();
        assert!(matches!(used_up, PackageError::UsedUp { left } if left == Amount::from(1)), "{used_up}");
        let none = split(Rules::default(), vec![], 3).unwrap_err();
        assert!(matches!(none, PackageError::NoPackage(_)), "{none}");
    }
}
