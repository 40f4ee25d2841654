//! Applications for Licenses: what was applied for, which License was made, and whether it was delivered.
//!
//! A License is made once per application and kept, so that the same one is given however often the marketplace asks, also
//! after a crash between making and delivering it.

mod application;
mod memory;
mod scoped;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use crate::claim::Claim;
pub use application::{Application, ApplicationId, Applied, License, Progress, StoredApplication};
pub use memory::MemoryLicenseStore;
pub(crate) use scoped::ScopedStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLicenseStore;

use crate::timestamp::Timestamp;

/// A store of applications. Every method is atomic and durable when its future resolves.
pub trait LicenseStore: Send + Sync + 'static {
    /// Notes an application, to be worked on from now. One that was delivered is to be delivered again.
    fn apply(&self, application: Application, now: Timestamp) -> BoxFuture<'_, Result<Applied, LicenseStoreError>>;

    /// Takes one application for one holder alone until the claim ends; `None` if somebody else has it, or nothing is to be
    /// done for it.
    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>>;

    /// Takes applications that are due, at most `limit`.
    fn claim_due(&self, claim: Claim, limit: usize)
    -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>>;

    /// Prolongs a claim while the work goes on.
    fn extend<'a>(&'a self, id: &'a ApplicationId, claim: Claim) -> BoxFuture<'a, Result<(), LicenseStoreError>>;

    /// Keeps the License that was made, and gives back the one that counts: the first.
    fn keep<'a>(&'a self, id: &'a ApplicationId, license: License)
    -> BoxFuture<'a, Result<License, LicenseStoreError>>;

    /// Ends the work on an application: delivered, to be gone on with later, or given up until it is applied for again.
    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        claim: Claim,
        outcome: Outcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>>;

    /// One application.
    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>>;
}

impl<S: LicenseStore + ?Sized> LicenseStore for Arc<S> {
    fn apply(&self, application: Application, now: Timestamp) -> BoxFuture<'_, Result<Applied, LicenseStoreError>> {
        (**self).apply(application, now)
    }

    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        (**self).claim(id, claim)
    }

    fn claim_due(
        &self,
        claim: Claim,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>> {
        (**self).claim_due(claim, limit)
    }

    fn extend<'a>(&'a self, id: &'a ApplicationId, claim: Claim) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        (**self).extend(id, claim)
    }

    fn keep<'a>(
        &'a self,
        id: &'a ApplicationId,
        license: License,
    ) -> BoxFuture<'a, Result<License, LicenseStoreError>> {
        (**self).keep(id, license)
    }

    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        claim: Claim,
        outcome: Outcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        (**self).settle(id, claim, outcome)
    }

    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        (**self).application(id)
    }
}

/// How work on an application ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The marketplace has the License.
    Delivered,
    /// To be gone on with at this time.
    Later(Timestamp),
    /// Not to be gone on with unless it is applied for again.
    GivenUp,
}

/// The store failed; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the License store failed")]
pub struct LicenseStoreError(#[source] Arc<dyn Error + Send + Sync>);

impl LicenseStoreError {
    /// A failure of the store.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}
