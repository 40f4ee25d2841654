//! A seller who takes whatever the other families tell him.

use koogallery::callback::HandlerError;
use koogallery::callback::directory::*;
use koogallery::callback::licensing::{License, LicenseSubject, LicensingHandler};
use koogallery::callback::orders::{OrderNotice, OrdersHandler};
use koogallery::callback::subscription::{Freeze, Purchase, Release, Renewal, Unfreeze};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::redact::Sensitive;
use std::time::Duration;

pub struct Everything;

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
    async fn put_users(&self, _: UsersChange) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn revoke_users(&self, _: UsersRemoval) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn remove_users(&self, _: UsersRemoval) -> Result<(), HandlerError> {
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
    async fn issue(&self, _: koogallery::callback::licensing::LicenseApplication) -> Result<License, HandlerError> {
        Ok(License::text("LICENSE"))
    }
    async fn renew(&self, _: LicenseSubject, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn freeze(&self, _: LicenseSubject, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn unfreeze(&self, _: LicenseSubject, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn release(&self, _: LicenseSubject, _: Release) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Issues what is asked for, but takes so long to open.
pub struct Unhurried(pub Duration);

impl LicensingHandler for Unhurried {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
    async fn issue(
        &self,
        application: koogallery::callback::licensing::LicenseApplication,
    ) -> Result<License, HandlerError> {
        Everything.issue(application).await
    }
    async fn renew(&self, key: LicenseSubject, renewal: Renewal) -> Result<(), HandlerError> {
        LicensingHandler::renew(&Everything, key, renewal).await
    }
    async fn freeze(&self, key: LicenseSubject, freeze: Freeze) -> Result<(), HandlerError> {
        LicensingHandler::freeze(&Everything, key, freeze).await
    }
    async fn unfreeze(&self, key: LicenseSubject, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        LicensingHandler::unfreeze(&Everything, key, unfreeze).await
    }
    async fn release(&self, key: LicenseSubject, release: Release) -> Result<(), HandlerError> {
        LicensingHandler::release(&Everything, key, release).await
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
