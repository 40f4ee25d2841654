//! Telling the seller what happens behind the checks.

use std::fmt;

use super::StateError;
use crate::open_api::CallError;
use crate::text::chain::Chain;
use crate::timestamp::Timestamp;

/// Is told what happens behind the checks, of which the callers see the outcome only. Do not block.
pub trait Observer: Send + Sync + 'static {
    /// The code was activated.
    fn activated(&self) {}

    /// A call of the marketplace failed; it is made again, at the first check after a pause.
    fn call_failed(&self, failure: &CallFailure<'_>);

    /// The marketplace did not count the clients reported, for instance because of the License's state.
    fn clients_refused(&self, clients: usize);

    /// What is known could not be saved. It is tried again after a pause; what is not saved is asked again after a restart.
    fn save_failed(&self, error: &StateError);
}

/// A call that failed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallFailure<'a> {
    /// Which, and why.
    pub error: &'a CallError,
    /// From when on it is made again.
    pub retry_at: Timestamp,
}

impl fmt::Display for CallFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; again after {} UTC", Chain(self.error), self.retry_at)
    }
}

/// Writes to standard error what somebody must know.
#[derive(Clone, Copy, Debug, Default)]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn call_failed(&self, failure: &CallFailure<'_>) {
        eprintln!("koogallery: {failure}");
    }

    fn clients_refused(&self, clients: usize) {
        eprintln!("koogallery: the marketplace did not count {clients} clients of the License");
    }

    fn save_failed(&self, error: &StateError) {
        eprintln!("koogallery: {}", Chain(error));
    }
}
