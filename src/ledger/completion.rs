//! What a handler needs to mark its change done in a transaction of its own.

use std::fmt;
use std::sync::Arc;

use super::Step;
use crate::lease::Lease;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
use crate::lease::LeaseError;
use crate::timestamp::Timestamp;

/// The right of one run of a handler to mark its change done in the ledger, in a transaction of the handler's own.
///
/// A handler whose tables are in the database of the service's ledger passes this to `complete_in` of that ledger
/// (`PostgresLedger`, `MysqlLedger`, `SqliteLedger`), as the last statement before its commit. Then what the handler
/// wrote and the mark of the ledger are committed together, or neither: a crash after the commit does not run the handler
/// again, and a run that has lost its lease cannot commit. Without it the service marks the change done after the
/// handler has returned, and a crash in between runs the handler again.
///
/// - Pass it on in every transaction that has to be the run's own. Where a change gives two events, such as a renewal
///   that also ends a freeze, only the last one marks it done; for the others `complete_in` checks the lease alone.
/// - A transaction that is rolled back marks nothing. If the handler returns `Ok` nevertheless, the service marks the
///   change done.
/// - It does nothing in test calls, which have no lease, and in events that an application makes itself, for tests for
///   instance: [`Completion::default`].
///
/// The chapter [What happens once](crate::manual::_08_what_happens_once) has an example, and `examples/own_transaction`
/// shows a server.
#[derive(Clone, Default, PartialEq, Eq)]
#[doc(alias = "exactly once")]
#[doc(alias = "transactional outbox")]
pub struct Completion {
    /// `None` without a lease.
    step: Option<Arc<HeldStep>>,
    /// True if the step is done once the event is.
    is_last: bool,
}

/// A step that a handler runs for, on an instance that it holds, as the ledger stores them.
#[derive(PartialEq, Eq)]
pub(crate) struct HeldStep {
    /// The id by which the handler knows the instance.
    pub(super) own_id: String,
    pub(super) place: Place,
    /// Where the instance is if it is from before there were scopes.
    pub(super) old_place: Option<Place>,
    pub(super) lease: Lease,
    pub(super) begun_at: Timestamp,
}

/// A step, and the id of its instance in the ledger.
#[derive(PartialEq, Eq)]
pub(super) struct Place {
    pub(super) step: Step,
    pub(super) instance_id: String,
}

impl Completion {
    /// Returns that of an event, given whether it is the last of its step.
    pub(crate) fn new(step: &Arc<HeldStep>, is_last: bool) -> Self {
        Self { step: Some(Arc::clone(step)), is_last }
    }
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
impl Completion {
    pub(super) fn step(&self) -> Option<&HeldStep> {
        self.step.as_deref()
    }

    /// Returns whether the step is done once the event is.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
impl HeldStep {
    /// Returns where the instance may be.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.place).chain(&self.old_place)
    }

    /// Returns why nothing is marked, given whether the instance is there.
    pub(super) fn refusal(&self, is_there: bool) -> LeaseError {
        let id = self.own_id.clone();
        if is_there { LeaseError::Lost(id) } else { LeaseError::UnknownInstance(id) }
    }
}

impl fmt::Debug for Completion {
    /// Leaves out the holder of the lease and the ids, some of which are authorization codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = self.step.as_ref().map(|held| held.place.step.effect.as_str());
        f.debug_struct("Completion").field("change", &change).field("is_last", &self.is_last).finish()
    }
}
