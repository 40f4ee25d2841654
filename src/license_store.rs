//! Stores of applications for Licenses: the application, the License that was issued for it, and whether it was
//! delivered.
//!
//! A License is issued once per application and kept, so that the marketplace gets the same one however often it asks,
//! also after a crash between issuing and delivering it.
//!
//! [`MemoryLicenseStore`] is for tests; `SqliteLicenseStore` (feature `sqlite`) survives a restart;
//! `PostgresLicenseStore` (feature `deadpool-postgres-0_14`) and `MysqlLicenseStore` (feature `mysql_async-0_37`) also
//! serve several replicas. A store on another database implements [`LicenseStore`]; the rules that all stores share are
//! methods of [`StoredApplication`], and `testing::license_store` (feature `testing`) checks that it keeps them.

mod application;
mod memory;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod row;
mod scoped;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use application::{ApplicationId, Applied, License, LicenseApplication, Progress, StoredApplication};
pub use memory::MemoryLicenseStore;
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlLicenseStore;
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresLicenseStore;
pub(crate) use scoped::ScopedStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLicenseStore;

use crate::lease::Lease;
use crate::shareable::shareable;
use crate::timestamp::Timestamp;

shareable! {
    /// A store of applications. Every method is atomic and durable when its future resolves.
    ///
    /// Ids are compared byte by byte and take up to some 200 bytes.
    #[doc(alias = "database")]
    pub trait LicenseStore: Send + Sync + 'static {
        /// Stores an application, to be worked on from now; one that was delivered is to be delivered again. The record
        /// becomes what [`StoredApplication::apply`] returns; nothing changes on a conflict.
        fn apply(
            &self,
            application: LicenseApplication,
            now: Timestamp,
        ) -> BoxFuture<'_, Result<Applied, LicenseStoreError>>;

        /// Leases one application to a holder if [`StoredApplication::claim`] allows it. Returns `None` if the
        /// application is unknown, another holder has it, or nothing is to be done for it. Then it takes no lock, since
        /// it is polled by calls that wait for a License.
        ///
        /// An application without a holder is due by `now`; one that a holder has, at the end of the lease by the
        /// [clock of the store](Lease).
        fn claim<'a>(
            &'a self,
            id: &'a ApplicationId,
            lease: Lease,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>>;

        /// Leases applications that are due, as [`claim`](Self::claim) does, at most `limit`.
        fn claim_due(
            &self,
            lease: Lease,
            now: Timestamp,
            limit: usize,
        ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>>;

        /// Extends a lease while the work goes on: it lasts for its duration from now. Does nothing if another holder
        /// has the application.
        fn extend<'a>(
            &'a self,
            id: &'a ApplicationId,
            lease: Lease,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<(), LicenseStoreError>>;

        /// Stores the License that was issued and returns the one that counts: the first.
        fn keep<'a>(
            &'a self,
            id: &'a ApplicationId,
            license: License,
        ) -> BoxFuture<'a, Result<License, LicenseStoreError>>;

        /// Ends the work on an application and its lease: delivered, to be retried later, or given up until it is
        /// applied for again. Does nothing if another holder has the application.
        fn settle<'a>(
            &'a self,
            id: &'a ApplicationId,
            lease: Lease,
            outcome: ApplicationOutcome,
        ) -> BoxFuture<'a, Result<(), LicenseStoreError>>;

        /// Returns one application.
        fn application<'a>(
            &'a self,
            id: &'a ApplicationId,
        ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>>;
    }
}

/// The end of the work on an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplicationOutcome {
    /// The marketplace has the License.
    Delivered,
    /// Retry at this time.
    Later(Timestamp),
    /// No retry unless it is applied for again.
    GivenUp,
}

/// A failure of the store; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("License store operation failed")]
pub struct LicenseStoreError(#[source] Arc<dyn Error + Send + Sync>);

impl LicenseStoreError {
    /// Wraps the error of the database.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}
