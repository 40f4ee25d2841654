//! The License store in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError, Progress,
    StoredApplication,
};
use crate::lease::Lease;
use crate::timestamp::Timestamp;

/// A store that lives as long as the process, for tests.
///
/// A seller's server must not use it: after a restart every application would be unknown.
#[derive(Debug, Default)]
pub struct MemoryLicenseStore {
    records: Mutex<BTreeMap<ApplicationId, Record>>,
}

#[derive(Debug)]
struct Record {
    stored: StoredApplication,
    holder: Option<u128>,
}

impl MemoryLicenseStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<ApplicationId, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn claim(&mut self, lease: Lease, now: Timestamp) -> Option<StoredApplication> {
        self.stored.claim(lease, now).then(|| {
            self.holder = Some(lease.holder);
            self.stored.clone()
        })
    }
}

impl LicenseStore for MemoryLicenseStore {
    fn apply(
        &self,
        application: LicenseApplication,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Applied, LicenseStoreError>> {
        let mut records = self.records();
        let known = records.get(&application.id).map(|record| record.stored.clone());
        let applied = StoredApplication::apply(known, application, now);
        if let Applied::Accepted(stored) = &applied {
            let id = stored.application.id.clone();
            let record = records.entry(id).or_insert_with(|| Record { stored: stored.clone(), holder: None });
            record.stored = stored.clone();
        }
        ready(Ok(applied)).boxed()
    }

    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        ready(Ok(self.records().get_mut(id).and_then(|record| record.claim(lease, now)))).boxed()
    }

    fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>> {
        let taken = self.records().values_mut().filter_map(|record| record.claim(lease, now)).take(limit).collect();
        ready(Ok(taken)).boxed()
    }

    fn extend<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        if let Some(record) = self.records().get_mut(id).filter(|record| record.holder == Some(lease.holder)) {
            record.stored.progress = Progress::Due(lease.end(now));
        }
        ready(Ok(())).boxed()
    }

    fn keep<'a>(
        &'a self,
        id: &'a ApplicationId,
        license: License,
    ) -> BoxFuture<'a, Result<License, LicenseStoreError>> {
        let kept = match self.records().get_mut(id) {
            Some(record) => record.stored.license.get_or_insert(license).clone(),
            None => license,
        };
        ready(Ok(kept)).boxed()
    }

    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        outcome: ApplicationOutcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        if let Some(record) = self.records().get_mut(id).filter(|record| record.holder == Some(lease.holder)) {
            record.stored.progress = outcome.into();
            record.holder = None;
        }
        ready(Ok(())).boxed()
    }

    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        ready(Ok(self.records().get(id).map(|record| record.stored.clone()))).boxed()
    }
}
