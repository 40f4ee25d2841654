//! Checks whether the software may be used.

use std::fmt;
use std::sync::Arc;

use futures_channel::oneshot;
use futures_util::future::{Either, select};

use super::flight::Flight;
use super::inner::Inner;
use super::record::client_of;
use super::state::{Due, State};
use super::{HeartbeatError, Permit};

/// The heartbeat of one License. Clones share everything; see the [module](super).
#[doc(alias = "license check")]
#[doc(alias = "license server")]
#[derive(Clone)]
pub struct Heartbeat {
    pub(super) inner: Arc<Inner>,
}

impl Heartbeat {
    /// Returns a permit if the software may be used now. Cheap and in memory, except for the first use of a day; checks
    /// made at the same time share one call.
    ///
    /// # Errors
    ///
    /// The software may not be used: the marketplace refuses it, or cannot be asked and the policy does not allow use
    /// without it, or the stored state cannot be read.
    pub async fn check(&self) -> Result<Permit, HeartbeatError> {
        self.decide(None).await
    }

    /// Checks as [`check`](Self::check) does, and reports the client to the marketplace on its first use of the day:
    /// the id of an account or of a device, between 1 and 256 characters. The documents call this report mandatory for
    /// software sold in the public cloud. It is made in the background and delays no check; see [`flush`](Self::flush).
    ///
    /// The ids reported today are stored in the state by a hash of eight bytes each, so this suits some thousand
    /// clients per License.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), or the id is invalid.
    pub async fn check_client(&self, client_id: &str) -> Result<Permit, HeartbeatError> {
        if !(1..=256).contains(&client_id.chars().count()) {
            return Err(HeartbeatError::ClientId);
        }
        self.decide(Some(client_id)).await
    }

    /// Waits until the background work of the checks is done: calls that a check has not waited for, reports, saves.
    /// For programs that end soon after a check.
    pub async fn flush(&self) {
        let end = {
            let mut state = self.inner.state();
            let (sender, end) = oneshot::channel();
            if state.is_flying {
                state.unsettled.push(sender);
            }
            end
        };
        // Ends when the sender is dropped.
        let _ = end.await;
    }

    async fn decide(&self, client_id: Option<&str>) -> Result<Permit, HeartbeatError> {
        let inner = &self.inner;
        let (flight, decision) = {
            let mut state = inner.state();
            let now = inner.clock.now();
            state.see(now);
            if let Some(id) = client_id {
                let client = client_of(inner.license.expose(), id);
                state.want_reported(inner.rules.day_of(now), client, id);
            }
            let Some(due) = state.due(now, &inner.rules) else {
                return state.verdict(now, &inner.rules, false);
            };
            (Flight::begin(inner, &mut state), decision(due, &mut state))
        };
        if let Some(flight) = flight {
            inner.runtime.spawn(flight.run());
        }
        let mut is_late = false;
        if let Some(decision) = decision {
            is_late = matches!(select(decision, inner.runtime.sleep(inner.timeout)).await, Either::Right(_));
        }
        inner.state().verdict(inner.clock.now(), &inner.rules, is_late)
    }
}

/// Returns the end of what a check has to wait for, if anything.
fn decision(due: Due, state: &mut State) -> Option<oneshot::Receiver<()>> {
    due.decides().then(|| {
        let (sender, decision) = oneshot::channel();
        state.undecided.push(sender);
        decision
    })
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("key", &self.inner.key)
            .field("rules", &self.inner.rules)
            .finish_non_exhaustive()
    }
}
