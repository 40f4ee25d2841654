//! What one tenant sees of a store of Licenses.

use std::borrow::Cow;
use std::sync::Arc;

use super::{
    Application, ApplicationId, Applied, Claim, License, LicenseStore, LicenseStoreError, Outcome, StoredApplication,
};
use crate::scope::Scope;
use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

/// A store of which a tenant sees its own applications alone.
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
        mut application: Application,
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
        claim: Claim,
    ) -> Result<Option<StoredApplication>, LicenseStoreError> {
        Ok(self.store.claim(&self.stored(id), claim).await?.map(|stored| self.read(stored)))
    }

    /// Takes applications of this tenant that are due. A store may give out those of others before; they are given back when
    /// there is one of this tenant among them, or nothing is left.
    pub(crate) async fn claim_due(
        &self,
        claim: Claim,
        limit: usize,
    ) -> Result<Vec<StoredApplication>, LicenseStoreError> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let mut failure = None;
        while own.is_empty() && failure.is_none() {
            match self.store.claim_due(claim, limit).await {
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
            self.store.settle(&id, claim, Outcome::Later(claim.now)).await?;
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(own.into_iter().map(|stored| self.read(stored)).collect()),
        }
    }

    pub(crate) async fn extend(&self, id: &ApplicationId, claim: Claim) -> Result<(), LicenseStoreError> {
        self.store.extend(&self.stored(id), claim).await
    }

    pub(crate) async fn keep(&self, id: &ApplicationId, license: License) -> Result<License, LicenseStoreError> {
        self.store.keep(&self.stored(id), license).await
    }

    pub(crate) async fn settle(
        &self,
        id: &ApplicationId,
        claim: Claim,
        outcome: Outcome,
    ) -> Result<(), LicenseStoreError> {
        self.store.settle(&self.stored(id), claim, outcome).await
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
