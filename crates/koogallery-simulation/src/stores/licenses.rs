//! The store of Licenses.

use futures_util::future::BoxFuture;
use koogallery::lease::Lease;
use koogallery::license_store::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError,
    StoredApplication,
};
use koogallery::timestamp::Timestamp;

use super::{Stores, now};
use crate::Bug;
use crate::monitor::millis;
use crate::simulation::{Injected, Simulation};

/// The name of an application among what can be leased.
pub(super) fn key(id: &ApplicationId) -> String {
    format!("application {}", id.value())
}

fn fail(injected: Injected) -> LicenseStoreError {
    LicenseStoreError::new(injected)
}

/// Tells the monitor of leases that were given.
fn granted(stores: &Stores, simulation: &Simulation, lease: Lease, applications: &[StoredApplication]) {
    let at = simulation.scheduler.now();
    let mut monitor = simulation.monitor();
    for stored in applications {
        let key = key(&stored.application.id);
        monitor.note(stores.owner, format_args!("{key} is taken, attempt {}", stored.attempts));
        monitor.granted(&key, stored.attempts, lease.holder, stores.owner, millis(at), millis(lease.end(at)));
    }
    if stores.is_cut_off() {
        monitor.disturb(lease.holder);
    }
}

impl LicenseStore for Stores {
    fn apply(
        &self,
        application: LicenseApplication,
        _asked: Timestamp,
    ) -> BoxFuture<'_, Result<Applied, LicenseStoreError>> {
        self.operate("licenses apply", None, fail, move |simulation| {
            now(simulation.licenses.apply(application, simulation.scheduler.now()), fail)
        })
    }

    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        _asked: Timestamp,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        let (id, stores) = (id.clone(), self.clone());
        self.operate("licenses claim", Some(lease.holder), fail, move |simulation| {
            let claimed = now(simulation.licenses.claim(&id, lease, simulation.scheduler.now()), fail)?;
            granted(&stores, simulation, lease, claimed.as_slice());
            Ok(claimed)
        })
    }

    fn claim_due(
        &self,
        lease: Lease,
        _asked: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>> {
        let stores = self.clone();
        self.operate("licenses claim due", Some(lease.holder), fail, move |simulation| {
            let claimed = now(simulation.licenses.claim_due(lease, simulation.scheduler.now(), limit), fail)?;
            granted(&stores, simulation, lease, &claimed);
            Ok(claimed)
        })
    }

    fn extend<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        _asked: Timestamp,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let id = id.clone();
        self.operate("licenses extend", Some(lease.holder), fail, move |simulation| {
            let at = simulation.scheduler.now();
            now(simulation.licenses.extend(&id, lease, at), fail)?;
            simulation.monitor().extended_if_held(&key(&id), lease.holder, millis(lease.end(at)));
            Ok(())
        })
    }

    fn keep<'a>(
        &'a self,
        id: &'a ApplicationId,
        license: License,
    ) -> BoxFuture<'a, Result<License, LicenseStoreError>> {
        let id = id.clone();
        self.operate("licenses keep", None, fail, move |simulation| {
            let kept = now(simulation.licenses.keep(&id, license.clone()), fail)?;
            let kept = if simulation.has(Bug::LastLicense) { license } else { kept };
            if let License::Text(text) = &kept {
                simulation.monitor().saw_license(id.value(), text.expose());
            }
            Ok(kept)
        })
    }

    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        outcome: ApplicationOutcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let (id, stores) = (id.clone(), self.clone());
        self.operate("licenses settle", Some(lease.holder), fail, move |simulation| {
            now(simulation.licenses.settle(&id, lease, outcome), fail)?;
            let mut monitor = simulation.monitor();
            monitor.note(stores.owner, format_args!("{} settled: {outcome:?}", key(&id)));
            monitor.ended_if_held(&key(&id), lease.holder);
            Ok(())
        })
    }

    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        let id = id.clone();
        self.operate("licenses application", None, fail, move |simulation| {
            now(simulation.licenses.application(&id), fail)
        })
    }
}
