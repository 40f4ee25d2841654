//! A tenant's view of a License store.

use std::borrow::Cow;
use std::sync::Arc;

use super::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError,
    StoredApplication,
};
use crate::lease::Lease;
use crate::scope::Scope;
use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

/// A view of a store with the applications of one tenant alone.
pub(crate) struct ScopedStore {
    store: Arc<dyn LicenseStore>,
    scope: Scope,
}

impl ScopedStore {
    pub(crate) fn new(store: Arc<dyn LicenseStore>, tenant: Option<&TenantName>) -> Self {
        Self { store, scope: Scope::new(tenant, "") }
    }

    pub(crate) async fn apply(
        &self,
        mut application: LicenseApplication,
        now: Timestamp,
    ) -> Result<Applied, LicenseStoreError> {
        application.id = self.stored(&application.id).into_owned();
        Ok(match self.store.apply(application, now).await? {
            Applied::Accepted(stored) => Applied::Accepted(self.read(stored)),
            Applied::Conflict => Applied::Conflict,
        })
    }

    pub(crate) async fn claim(
        &self,
        id: &ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> Result<Option<StoredApplication>, LicenseStoreError> {
        Ok(self.store.claim(&self.stored(id), lease, now).await?.map(|stored| self.read(stored)))
    }

    /// Leases applications of this tenant that are due. A store may give out those of others before; they are released
    /// once there is one of this tenant among them, or nothing is left.
    pub(crate) async fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<StoredApplication>, LicenseStoreError> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let mut failure = None;
        while own.is_empty() && failure.is_none() {
            match self.store.claim_due(lease, now, limit).await {
                Ok(due) if due.is_empty() => break,
                Ok(due) => {
                    let is_own = |stored: &StoredApplication| self.own(&stored.application.id).is_some();
                    let (mine, theirs) = due.into_iter().partition::<Vec<_>, _>(is_own);
                    own = mine;
                    others.extend(theirs.into_iter().map(|stored| stored.application.id));
                }
                Err(error) => failure = Some(error),
            }
        }
        for id in others {
            self.store.settle(&id, lease, ApplicationOutcome::Later(now)).await?;
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(own.into_iter().map(|stored| self.read(stored)).collect()),
        }
    }

    pub(crate) async fn extend(
        &self,
        id: &ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> Result<(), LicenseStoreError> {
        self.store.extend(&self.stored(id), lease, now).await
    }

    pub(crate) async fn keep(&self, id: &ApplicationId, license: License) -> Result<License, LicenseStoreError> {
        self.store.keep(&self.stored(id), license).await
    }

    pub(crate) async fn settle(
        &self,
        id: &ApplicationId,
        lease: Lease,
        outcome: ApplicationOutcome,
    ) -> Result<(), LicenseStoreError> {
        self.store.settle(&self.stored(id), lease, outcome).await
    }

    pub(crate) async fn application(&self, id: &ApplicationId) -> Result<Option<StoredApplication>, LicenseStoreError> {
        Ok(self.store.application(&self.stored(id)).await?.map(|stored| self.read(stored)))
    }

    fn stored<'i>(&self, id: &'i ApplicationId) -> Cow<'i, ApplicationId> {
        let stored = match id {
            ApplicationId::Event(text) | ApplicationId::Order(text) => self.scope.stored(text),
        };
        match (id, stored) {
            (_, Cow::Borrowed(_)) => Cow::Borrowed(id),
            (ApplicationId::Event(_), Cow::Owned(text)) => Cow::Owned(ApplicationId::Event(text)),
            (ApplicationId::Order(_), Cow::Owned(text)) => Cow::Owned(ApplicationId::Order(text)),
        }
    }

    fn own(&self, stored: &ApplicationId) -> Option<ApplicationId> {
        Some(match stored {
            ApplicationId::Event(text) => ApplicationId::Event(self.scope.own(text)?.to_owned()),
            ApplicationId::Order(text) => ApplicationId::Order(self.scope.own(text)?.to_owned()),
        })
    }

    fn read(&self, mut stored: StoredApplication) -> StoredApplication {
        if let Some(id) = self.own(&stored.application.id) {
            stored.application.id = id;
        }
        stored
    }
}
