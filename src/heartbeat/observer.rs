//! Events behind the checks, and their observers.

use std::fmt;

use super::StateError;
use crate::open_api::CallError;
use crate::text::chain::Chain;
use crate::timestamp::Timestamp;

/// An observer of the events behind the checks, of which callers only see the outcome.
///
/// ```
/// use koogallery::heartbeat::{HeartbeatEvent, Observer};
///
/// struct Log;
///
/// impl Observer for Log {
///     fn on_event(&self, event: &HeartbeatEvent<'_>) {
///         match event {
///             HeartbeatEvent::Activated => println!("activated"),
///             event => eprintln!("{event}"),
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Handles an event. Must not block.
    fn on_event(&self, event: &HeartbeatEvent<'_>);
}

/// An event behind the checks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum HeartbeatEvent<'a> {
    /// The License code was activated.
    Activated,
    /// A call of the marketplace failed; it is retried at the first check after a pause.
    CallFailed(CallFailure<'a>),
    /// The marketplace did not count the reported clients, for instance because of the License's state.
    ClientsRefused {
        /// The number of clients.
        clients: usize,
    },
    /// The state could not be saved. It is retried after a pause; without a saved state, the marketplace is asked again
    /// after a restart.
    SaveFailed(&'a StateError),
}

impl fmt::Display for HeartbeatEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activated => f.write_str("the License code was activated"),
            Self::CallFailed(failure) => failure.fmt(f),
            Self::ClientsRefused { clients } => {
                write!(f, "the marketplace did not count {clients} clients of the License")
            }
            Self::SaveFailed(error) => Chain(*error).fmt(f),
        }
    }
}

/// A call that failed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallFailure<'a> {
    /// The error, which names the call.
    pub error: &'a CallError,
    /// Time of the earliest retry.
    pub retry_at: Timestamp,
}

impl<'a> CallFailure<'a> {
    /// Creates the event, for tests of an observer.
    pub fn new(error: &'a CallError, retry_at: Timestamp) -> Self {
        Self { error, retry_at }
    }
}

impl fmt::Display for CallFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; retry after {} UTC", Chain(self.error), self.retry_at)
    }
}

/// An observer that writes every failure to standard error.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn on_event(&self, event: &HeartbeatEvent<'_>) {
        if !matches!(event, HeartbeatEvent::Activated) {
            eprintln!("koogallery: {event}");
        }
    }
}
