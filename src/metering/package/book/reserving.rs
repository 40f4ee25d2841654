//! Reserving an amount, and what becomes of it.

use std::time::Duration;

use super::super::model::{check_id, units};
use super::super::plan::{Demand, Draft, borne, entries, merge};
use super::super::{Change, Decision, Outcome, PackageError, Reservation, ReservationState, Scope, StoredReservation};
use super::{Consumed, PackageBook, consumed};
use crate::amount::Amount;
use crate::metering::{Recorded, Usage};
use crate::random::hex;
use crate::timestamp::Timestamp;

/// Time after its use until which a reservation may last: its usage must be reported within 21 days.
const LONGEST: Duration = Duration::from_secs(19 * 24 * 3600);
/// Time for which reservations are kept after they were settled, so that a commit can be repeated.
const KEPT: Duration = Duration::from_secs(21 * 24 * 3600);

impl PackageBook {
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
        let outcome = self.change(scope, decision).await;
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

    pub(in crate::metering::package) async fn commit(
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
        let outcome = self.change(scope, decision).await?;
        let known = outcome.shelf.reservations.iter().find(|known| known.id == *id);
        if let Some(known) = known.filter(|known| known.state == ReservationState::Committed) {
            return Ok(Consumed { recorded: Recorded::Repeated, parts: known.parts.clone() });
        }
        Ok(consumed(outcome))
    }

    pub(in crate::metering::package) async fn cancel(
        &self,
        reservation: &StoredReservation,
    ) -> Result<(), PackageError> {
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
        self.change(scope, decision).await.map(drop)
    }

    pub(in crate::metering::package) async fn extend_reservation(
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
        let changed = self.change(scope, decision).await?.change.reservations;
        let extended = changed.into_iter().find(|changed| changed.id == reservation.id);
        extended.ok_or_else(|| PackageError::UnknownReservation(reservation.id.clone()))
    }
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
