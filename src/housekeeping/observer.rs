//! Events of housekeeping, and their observers.

use std::fmt;
use std::time::Duration;

use crate::ledger::{LedgerError, Pruned};
use crate::text::chain::Chain;

/// An observer of housekeeping, for logs and alarms.
///
/// ```
/// use koogallery::housekeeping::{HousekeepingEvent, Observer};
///
/// struct Log;
///
/// impl Observer for Log {
///     fn on_event(&self, event: &HousekeepingEvent<'_>) {
///         match event {
///             HousekeepingEvent::Pruned(pruned) => println!("{} instances were deleted", pruned.instances),
///             event => eprintln!("{event}"),
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Handles an event. Called on the housekeeper's task, so it must not block.
    fn on_event(&self, event: &HousekeepingEvent<'_>);
}

/// An event of housekeeping. `Display` writes it as one line.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum HousekeepingEvent<'a> {
    /// Old records were deleted.
    Pruned(Pruned),
    /// The ledger failed; the housekeeper retries.
    Failed(PruneFailure<'a>),
}

impl fmt::Display for HousekeepingEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pruned(Pruned { instances, steps, .. }) => {
                write!(f, "{instances} old instances and {steps} old steps were deleted from the ledger")
            }
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

/// A failure to delete old records.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PruneFailure<'a> {
    /// The error.
    pub error: &'a LedgerError,
    /// The pause before the retry.
    pub pause: Duration,
}

impl<'a> PruneFailure<'a> {
    /// Creates the event, for tests of an observer.
    pub fn new(error: &'a LedgerError, pause: Duration) -> Self {
        Self { error, pause }
    }
}

impl fmt::Display for PruneFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, pause } = *self;
        write!(f, "old records could not be deleted from the ledger, retry after {pause:.1?}: {}", Chain(error))
    }
}

/// An observer that writes every failure to standard error.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn on_event(&self, event: &HousekeepingEvent<'_>) {
        if !matches!(event, HousekeepingEvent::Pruned(_)) {
            eprintln!("koogallery: {event}");
        }
    }
}
