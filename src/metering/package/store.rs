//! Stores of packages and reservations.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{PackageError, PackageStatus, StoredPackage, StoredReservation};
use crate::metering::{Entry, MeteringError, Recorded};
use crate::shareable::shareable;
use crate::timestamp::Timestamp;

shareable! {
    /// A store of packages and reservations, in the same database as a [`UsageStore`](crate::metering::UsageStore).
    ///
    /// What is deducted from which package is decided in one place for all engines: an engine reads, lets decide, and
    /// writes. `testing::package_store` (feature `testing`) checks that it keeps the rules.
    ///
    /// ```
    /// use koogallery::metering::package::{Decision, Outcome, PackageError, PackageStore, Scope};
    /// use koogallery::Timestamp;
    ///
    /// /// What a book does: reads the packages of each instance, and lets a decision change them.
    /// async fn change(store: &impl PackageStore, decision: Decision, now: Timestamp) -> Result<Vec<Outcome>, PackageError> {
    ///     let mut outcomes = Vec::new();
    ///     for instance_id in store.covered("package-1").await? {
    ///         outcomes.push(store.change(Scope::new(&instance_id, now), decision.clone()).await?);
    ///     }
    ///     println!("{:?}", store.status(now).await?);
    ///     Ok(outcomes)
    /// }
    /// ```
    pub trait PackageStore: Send + Sync + 'static {
        /// Changes what a pay-per-use instance has, in one transaction that excludes all others on the instance:
        ///
        /// 1. reads what the scope asks for, after others have ended, and the clock by which leases end;
        /// 2. asks the decision, which is asked again where the transaction has to begin again;
        /// 3. records the entries as [`UsageStore::record`](crate::metering::UsageStore::record) does, the first one
        ///    first. If its usage id is known by then, nothing is written, and the outcome is
        ///    [`Recorded::Repeated`];
        /// 4. inserts or replaces the packages and reservations of the change, and deletes what is to be forgotten.
        ///
        /// Durable when the future resolves. If the decision fails, nothing is written, and its error is returned.
        fn change<'a>(
            &'a self,
            scope: Scope<'a>,
            decision: Decision,
        ) -> BoxFuture<'a, Result<Outcome, PackageError>>;

        /// Returns the pay-per-use instances that a package covers, in the order of their ids.
        fn covered<'a>(
            &'a self,
            package_instance_id: &'a str,
        ) -> BoxFuture<'a, Result<Vec<String>, MeteringError>>;

        /// Returns the figures of all packages that are [valid](StoredPackage::covers) at a time, and the number of open
        /// reservations whose lease is not over.
        fn status(&self, now: Timestamp) -> BoxFuture<'_, Result<PackageStatus, MeteringError>>;
    }
}

/// What a [change](PackageStore::change) reads.
///
/// Whatever is asked for: packages that are not ended or of which something is reserved, and open reservations whose
/// lease is over (`ends_at` at the clock or before).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Scope<'a> {
    /// The pay-per-use instance.
    pub instance_id: &'a str,
    /// The time by the caller's clock. For engines without a clock of their own, it is also that of leases.
    pub now: Timestamp,
    /// A package to be read also if it is ended.
    pub package_instance_id: Option<&'a str>,
    /// A reservation to be read in any state.
    pub reservation_id: Option<&'a str>,
    /// A usage id of which is to be found out whether it was recorded.
    pub usage_id: Option<&'a str>,
    /// Whether all packages and all open reservations are read.
    pub everything: bool,
}

impl<'a> Scope<'a> {
    /// Creates a scope that asks for nothing in particular.
    pub const fn new(instance_id: &'a str, now: Timestamp) -> Self {
        Self { instance_id, now, package_instance_id: None, reservation_id: None, usage_id: None, everything: false }
    }
}

/// What was read for a [change](PackageStore::change).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shelf {
    /// The clock by which leases end.
    pub clock: Timestamp,
    /// Packages, in the order of their ids. Changes that are made at once share them.
    pub packages: Vec<Arc<StoredPackage>>,
    /// Reservations, in the order of their ids.
    pub reservations: Vec<StoredReservation>,
    /// Whether the usage id of the scope was recorded.
    pub is_recorded: bool,
}

impl Shelf {
    /// Creates what an instance without packages has.
    pub const fn new(clock: Timestamp) -> Self {
        Self { clock, packages: Vec::new(), reservations: Vec::new(), is_recorded: false }
    }
}

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Usage to be recorded, all of the pay-per-use instance. Only the first may have an id.
    pub entries: Vec<Entry>,
    /// Packages to be inserted or replaced.
    pub packages: Vec<Arc<StoredPackage>>,
    /// Reservations to be inserted or replaced.
    pub reservations: Vec<StoredReservation>,
    /// Reservations of the instance that are not open and were settled before are deleted; at most some hundred.
    pub forget_before: Option<Timestamp>,
}

/// The outcome of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// What was read.
    pub shelf: Shelf,
    /// What was written, unless the usage was repeated.
    pub change: Change,
    /// Whether the usage counts. [`Recorded::First`] where there was none.
    pub recorded: Recorded,
}

impl Outcome {
    /// Creates the outcome of a change.
    pub const fn new(shelf: Shelf, change: Change, recorded: Recorded) -> Self {
        Self { shelf, change, recorded }
    }
}

type Decide = dyn Fn(&Shelf) -> Result<Change, PackageError> + Send + Sync;

/// Decides what is to be written, given what was read. Clones are the same decision.
#[derive(Clone)]
pub struct Decision(Arc<Decide>);

impl Decision {
    /// Creates a decision. It may be made several times, and only the last one counts.
    pub fn new(decide: impl Fn(&Shelf) -> Result<Change, PackageError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    /// Returns what is to be written.
    ///
    /// # Errors
    ///
    /// Nothing is to be written.
    pub fn make(&self, shelf: &Shelf) -> Result<Change, PackageError> {
        (self.0)(shelf)
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decision")
    }
}
