//! Changes that are made in one transaction: decided one after the other on what was read once, and written once.

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Decision, Outcome, PackageError, PackageState, ReservationState, Scope, Shelf};
use super::{StoredPackage, StoredReservation};
use crate::amount::Amount;
use crate::metering::{Entry, Recorded};
use crate::timestamp::Timestamp;

/// A change that waits for its transaction.
pub(super) struct Asked {
    instance_id: String,
    now: Timestamp,
    package: Option<String>,
    reservation: Option<String>,
    usage: Option<String>,
    everything: bool,
    pub(super) decision: Decision,
}

impl Asked {
    pub(super) fn new(scope: Scope<'_>, decision: Decision) -> Self {
        Self {
            instance_id: scope.instance_id.to_owned(),
            now: scope.now,
            package: scope.package_instance_id.map(str::to_owned),
            reservation: scope.reservation_id.map(str::to_owned),
            usage: scope.usage_id.map(str::to_owned),
            everything: scope.everything,
            decision,
        }
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        let mut scope = Scope::new(&self.instance_id, self.now);
        scope.package_instance_id = self.package.as_deref();
        scope.reservation_id = self.reservation.as_deref();
        scope.usage_id = self.usage.as_deref();
        scope.everything = self.everything;
        scope
    }

    /// Returns whether a [`Group`] can decide it: what it asks for in particular is at most a package.
    pub(super) fn is_shareable(&self) -> bool {
        !self.everything && self.reservation.is_none()
    }
}

/// What the instances of a group of changes have, as the changes that were decided leave it.
#[derive(Default)]
pub(super) struct Group {
    /// The places of the instances.
    places: HashMap<String, usize>,
    contents: Vec<Contents>,
}

/// What an instance has, in the order of the ids.
#[derive(Default)]
struct Contents {
    packages: Vec<Known<Arc<StoredPackage>>>,
    reservations: Vec<Known<StoredReservation>>,
}

/// What was read, or decided since.
struct Known<T> {
    stored: T,
    is_changed: bool,
}

/// What a group has decided.
pub(super) struct Decided<'a> {
    pub(super) outcomes: Vec<Result<Outcome, PackageError>>,
    /// New usage ids whose usage was not recorded.
    pub(super) unused: Vec<&'a str>,
}

impl Group {
    /// Creates a group, given what was read: all packages that a change of the group asks for, and all open reservations
    /// whose lease is over by then, both in the order of their ids.
    pub(super) fn new(packages: Vec<Arc<StoredPackage>>, reservations: Vec<StoredReservation>) -> Self {
        let mut group = Self::default();
        for stored in packages {
            group.contents_of(&stored.package.pay_per_use_instance_id).packages.push(Known::read(stored));
        }
        for stored in reservations {
            group.contents_of(&stored.instance_id).reservations.push(Known::read(stored));
        }
        group
    }

    /// Decides changes one after the other, given for each whether its usage id was new, and is stored with it, and the clock
    /// by which leases end, if that is not the caller's. Returns `None` if one is of a kind that a group cannot make.
    pub(super) fn decide_all<'a>(
        &mut self,
        all: &[&'a Asked],
        is_new: &[bool],
        clock: Option<Timestamp>,
    ) -> Option<Decided<'a>> {
        let ids = || all.iter().enumerate().filter_map(|(place, asked)| Some((asked.usage.as_deref()?, place)));
        let firsts: HashMap<&str, usize> = match ids().all(|(_, place)| is_new[place]) {
            true => HashMap::new(),
            false => ids().filter(|(_, place)| is_new[*place]).collect(),
        };
        let mut is_used = vec![false; all.len()];
        let mut outcomes = Vec::with_capacity(all.len());
        for (place, asked) in all.iter().enumerate() {
            // Of several changes with one id those after the first that was recorded are repeated.
            let first =
                if is_new[place] { Some(place) } else { asked.usage.as_deref().and_then(|id| firsts.get(id).copied()) };
            let is_recorded = asked.usage.is_some() && first.is_none_or(|first| is_used[first]);
            let outcome = self.decide(asked, is_recorded, clock.unwrap_or(asked.now))?;
            if let (Some(first), Ok(Outcome { recorded: Recorded::First, change, .. })) = (first, &outcome) {
                is_used[first] |= change.entries.first().is_some_and(|entry| entry.usage.usage_id.is_some());
            }
            outcomes.push(outcome);
        }
        let unused = ids().filter(|(_, place)| is_new[*place] && !is_used[*place]).map(|(id, _)| id).collect();
        Some(Decided { outcomes, unused })
    }

    fn decide(&mut self, asked: &Asked, is_recorded: bool, clock: Timestamp) -> Option<Result<Outcome, PackageError>> {
        let contents = self.contents_of(&asked.instance_id);
        let mut shelf = Shelf::new(clock);
        shelf.packages = contents.asked_for(asked.package.as_deref());
        shelf.reservations = contents.over(clock);
        shelf.is_recorded = is_recorded;
        let change = match asked.decision.make(&shelf) {
            Ok(change) => change,
            Err(refused) => return Some(Err(refused)),
        };
        let id = change.entries.first().and_then(|entry| entry.usage.usage_id.as_ref());
        let is_odd = id.is_some() && id != asked.usage.as_ref()
            || change.entries.iter().skip(1).any(|entry| entry.usage.usage_id.is_some())
            || change.entries.iter().any(|entry| entry.usage.instance_id != asked.instance_id)
            || change.forget_before.is_some();
        if is_odd {
            return None;
        }
        if id.is_some() && is_recorded {
            return Some(Ok(Outcome::new(shelf, change, Recorded::Repeated)));
        }
        for stored in &change.packages {
            put(&mut contents.packages, stored, |stored| &stored.package.instance_id);
        }
        for stored in &change.reservations {
            put(&mut contents.reservations, stored, |stored| &stored.id);
        }
        Some(Ok(Outcome::new(shelf, change, Recorded::First)))
    }

    fn contents_of(&mut self, instance_id: &str) -> &mut Contents {
        let place = match self.places.get(instance_id) {
            Some(place) => *place,
            None => {
                self.contents.push(Contents::default());
                self.places.insert(instance_id.to_owned(), self.contents.len() - 1);
                self.contents.len() - 1
            }
        };
        &mut self.contents[place]
    }

    /// Returns the packages to be inserted or replaced.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Arc<StoredPackage>> {
        self.contents.iter().flat_map(|contents| changed(&contents.packages))
    }

    /// Returns the reservations to be inserted or replaced.
    pub(super) fn reservations(&self) -> impl Iterator<Item = &StoredReservation> {
        self.contents.iter().flat_map(|contents| changed(&contents.reservations))
    }
}

impl Contents {
    /// Returns what a [scope](Scope) reads of the packages.
    fn asked_for(&self, named: Option<&str>) -> Vec<Arc<StoredPackage>> {
        let is_asked_for = |stored: &&Arc<StoredPackage>| {
            let is_named = named == Some(&*stored.package.instance_id);
            stored.state != PackageState::Ended || is_named || stored.reserved > Amount::ZERO
        };
        self.packages.iter().map(|known| &known.stored).filter(is_asked_for).cloned().collect()
    }

    fn over(&self, clock: Timestamp) -> Vec<StoredReservation> {
        let is_over = |stored: &&StoredReservation| stored.state == ReservationState::Open && stored.ends_at <= clock;
        self.reservations.iter().map(|known| &known.stored).filter(is_over).cloned().collect()
    }
}

impl<T> Known<T> {
    fn read(stored: T) -> Self {
        Self { stored, is_changed: false }
    }
}

fn changed<T>(all: &[Known<T>]) -> impl Iterator<Item = &T> {
    all.iter().filter(|known| known.is_changed).map(|known| &known.stored)
}

/// Inserts or replaces what has an id, in the order of the ids.
fn put<T: Clone>(all: &mut Vec<Known<T>>, stored: &T, id: impl Fn(&T) -> &str) {
    let known = Known { stored: stored.clone(), is_changed: true };
    match all.binary_search_by(|known| id(&known.stored).cmp(id(stored))) {
        Ok(place) => all[place] = known,
        Err(place) => all.insert(place, known),
    }
}

/// Returns the usage ids of changes in order, with the time of the first change that has it.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
pub(super) fn usage_ids<'a>(all: &[&'a Asked]) -> BTreeMap<&'a str, i64> {
    let mut times = BTreeMap::new();
    for asked in all {
        if let Some(id) = asked.usage.as_deref() {
            times.entry(id).or_insert(asked.now.as_unix_millis());
        }
    }
    times
}

/// Returns the entries that changes have recorded, in order.
pub(super) fn entries<'a>(
    outcomes: impl IntoIterator<Item = &'a Result<Outcome, PackageError>>,
) -> impl Iterator<Item = &'a Entry> {
    let made = outcomes.into_iter().flatten().filter(|outcome| outcome.recorded == Recorded::First);
    made.flat_map(|outcome| &outcome.change.entries)
}
