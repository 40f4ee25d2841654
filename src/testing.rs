//! For tests (feature `testing`): suites for stores on other databases, and a handler that does nothing.
//!
//! Every suite is an asynchronous function that checks an implementation of a store trait against the rules that all
//! stores of this crate keep, and panics with the rule that is broken. It needs no test framework and runs on any
//! executor:
//!
//! ```
//! use futures_util::FutureExt as _;
//! use koogallery::ledger::MemoryLedger;
//! use koogallery::testing;
//!
//! // In a real test: #[tokio::test] async fn ..., and .await.
//! testing::ledger(async || MemoryLedger::new()).now_or_never().unwrap();
//! ```
//!
//! | trait | suite for every store | suite for stores that several processes share | suite for stores that several machines share |
//! |---|---|---|---|
//! | [`Ledger`](crate::ledger::Ledger) | [`ledger`] | [`shared_ledger`] | [`replicated_ledger`] |
//! | [`PrunableLedger`](crate::ledger::PrunableLedger) | [`prunable_ledger`] | | |
//! | [`ReplayGuard`](crate::replay::ReplayGuard) | [`replay_guard`] | [`shared_replay_guard`] | |
//! | [`LicenseStore`](crate::license_store::LicenseStore) | [`license_store`] | [`shared_license_store`] | [`replicated_license_store`] |
//! | [`UsageStore`](crate::metering::UsageStore) | [`usage_store`] | [`shared_usage_store`] | [`replicated_usage_store`] |
//! | [`PackageStore`](crate::metering::package::PackageStore) | [`package_store`] | [`shared_package_store`] | [`replicated_package_store`] |
//! | [`DirectoryStore`](crate::directory::DirectoryStore) | [`directory_store`] | [`shared_directory_store`] | |
//! | [`StateStore`](crate::heartbeat::StateStore) | | [`state_store`] | |
//!
//! A suite in the first column takes a function that makes a new, empty store at every call. A suite in the others
//! takes a function that opens the same store at every call, as another process or a restart does; the store is empty
//! before the suite. A store is correct if it passes all suites of its trait that apply to it.
//! `examples/custom_ledger.rs` in the repository shows a ledger with its tests.
//!
//! Stores must not depend on the system clock: a suite passes times of its own, in another year. Only about leases a
//! store that several machines share decides by its own clock, so these suites wait for some tenths of a second until a
//! lease is over, and block the thread meanwhile. A replay guard may delete calls by the clock of its database.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a suite reports what is wrong by a panic")]

mod accept_all;
mod directory;
mod ledger;
mod license_store;
mod package;
mod prune;
mod replay;
mod state;
mod usage;

pub use accept_all::AcceptAll;
pub use directory::{directory_store, shared_directory_store};
pub use ledger::{ledger, replicated_ledger, shared_ledger};
pub use license_store::{license_store, replicated_license_store, shared_license_store};
pub use package::{package_store, replicated_package_store, shared_package_store};
pub use prune::prunable_ledger;
pub use replay::{replay_guard, shared_replay_guard};
pub use state::state_store;
pub use usage::{replicated_usage_store, shared_usage_store, usage_store};

use std::error::Error;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::text::chain::Chain;
use crate::timestamp::Timestamp;

/// 2025-01-02 03:04:05.678 UTC.
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// A lease that is awaited.
const SHORT: Duration = Duration::from_millis(100);

/// Returns the value, or panics with the operation that failed and all causes.
#[track_caller]
fn ok<T, E: Error + 'static>(operation: &str, outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|error| panic!("{operation} failed: {}", Chain(&error)))
}

/// Lets the other futures of a group go on.
async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A time that goes on, by the clock of the store and for stores without one.
#[derive(Clone, Copy)]
struct Time {
    began: Instant,
    start: Timestamp,
}

impl Time {
    fn from(start: Timestamp) -> Self {
        Self { began: Instant::now(), start }
    }

    fn now(self) -> Timestamp {
        self.start.saturating_add(self.began.elapsed())
    }

    /// Returns what an attempt finds once a short lease is over.
    async fn when_over<T>(self, mut attempt: impl AsyncFnMut(Timestamp) -> Option<T>) -> T {
        while self.began.elapsed() < 100 * SHORT {
            if let Some(found) = attempt(self.now()).await {
                return found;
            }
            std::thread::sleep(SHORT / 4);
        }
        panic!("a lease of {SHORT:?} is not over after {:?}", self.began.elapsed());
    }
}

fn later(duration: Duration) -> Timestamp {
    NOW.saturating_add(duration)
}
