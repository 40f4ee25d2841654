//! Good receivers of the other families.

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::directory::*;
use koogallery::callback::licensing::{License, LicenseKey, LicensingHandler};
use koogallery::callback::orders::{OrderNotice, OrdersHandler};
use koogallery::callback::subscription::{Freeze, Purchase, Release, Renewal, Unfreeze};
use koogallery::callback::{CallbackService, HandlerError};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::issuing::MemoryLicenseStore;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::redact::Sensitive;
use koogallery::simulator::{Checker, LedgerProbe, Outcome, Profile};
use std::sync::Arc;

use super::good::{Shop, Silence};

fn keys() -> AccessKeys {
    use InterfaceType::{Basic, General, Kit, License, V1};
    [Basic, V1, Kit, License, General].into_iter().fold(AccessKeys::new(), |keys, interface| {
        keys.with(interface, AccessKey::new(format!("key-of-{interface:?}")).unwrap()).unwrap()
    })
}

struct Everything;

impl DirectoryHandler for Everything {
    async fn put_tenant(&self, _: Tenant) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn remove_tenant(&self, _: TenantRemoval) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn put_application(&self, _: Application) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn remove_application(&self, _: ApplicationRemoval) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn put_users(&self, _: Users) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn revoke_users(&self, _: UserNames) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn remove_users(&self, _: UserNames) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn put_department(&self, _: DepartmentChange) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn remove_department(&self, _: DepartmentRemoval) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn put_departments(&self, _: Departments) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl LicensingHandler for Everything {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn issue(&self, _: koogallery::callback::licensing::Application) -> Result<License, HandlerError> {
        Ok(License::text("LICENSE"))
    }
    async fn renew(&self, _: LicenseKey, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn freeze(&self, _: LicenseKey, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn unfreeze(&self, _: LicenseKey, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn release(&self, _: LicenseKey, _: Release) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl OrdersHandler for Everything {
    async fn notified(&self, _: OrderNotice) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl ClientSecretDecryptor for Everything {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        Err(ClientSecretError)
    }
}

/// What is not run, besides what is slow.
const NOT_RUN: [(Profile, &[&str]); 6] = [
    (Profile::KitV1, &["F4"]),
    (Profile::KitV2, &[]),
    (Profile::LicenseCode, &[]),
    (Profile::LicenseOnline, &[]),
    (Profile::LicenseV1, &["F4"]),
    (Profile::OrderNotify, &[]),
];

#[tokio::test]
async fn good_receivers_of_every_family_pass() {
    for (profile, not_run) in NOT_RUN {
        let ledger = Arc::new(MemoryLedger::new());
        let builder = CallbackService::builder(keys(), TokioRuntime).observer(Silence);
        let builder = match profile {
            Profile::KitV1 | Profile::KitV2 => {
                builder.directory(Everything, Everything).subscription(Shop, MemoryLedger::new())
            }
            Profile::OrderNotify => builder.orders(Everything, MemoryLedger::new()),
            _ => builder.licensing(Everything, Arc::clone(&ledger), MemoryLicenseStore::new()),
        };
        let checker = Checker::new(builder.build(), keys()).profile(profile).timing_checks(true);
        let report = checker.probe(LedgerProbe::new(ledger)).run().await.unwrap();
        assert!(report.failures().next().is_none(), "{}", report.to_text(false));
        let skipped = report.results.iter().filter(|result| matches!(result.outcome, Outcome::NotRun { .. }));
        let skipped: Vec<_> = skipped.map(|result| result.check.id).collect();
        assert_eq!(skipped, not_run, "{}", report.to_text(false));
        assert!(report.passed() > 20);
    }
}
