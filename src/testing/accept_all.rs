//! A handler that does nothing.

use crate::callback::HandlerError;
use crate::callback::directory::{
    Application, ApplicationRemoval, DepartmentChange, DepartmentRemoval, Departments, DirectoryHandler, Tenant,
    TenantRemoval, UsersChange, UsersRemoval,
};
use crate::callback::licensing::{License, LicenseApplication, LicenseSubject, LicensingHandler};
use crate::callback::orders::{OrderNotice, OrdersHandler};
use crate::callback::subscription::{
    ChangeCheck, Description, Freeze, InstanceQuery, Purchase, Release, Renewal, SubscriptionHandler, Unfreeze, Upgrade,
};

/// A handler of every family that succeeds at once and does nothing, for tests of everything around a handler.
///
/// **Not for production**: acknowledging a call without doing its work loses what the customer paid for.
///
/// ```
/// use koogallery::callback::subscription::{AccessInfo, Description};
/// use koogallery::testing::AcceptAll;
///
/// let handler = AcceptAll::new().with_description(Description::new(AccessInfo::new("https://app.example.com")));
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "mock")]
#[doc(alias = "noop")]
pub struct AcceptAll {
    description: Description,
}

impl AcceptAll {
    /// Returns the handler, whose instances have no access data.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the answer data of every instance (default: none).
    #[must_use]
    pub fn with_description(mut self, description: Description) -> Self {
        self.description = description;
        self
    }
}

impl SubscriptionHandler for AcceptAll {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn renew(&self, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn release(&self, _: Release) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn upgrade(&self, _: Upgrade) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn check_change(&self, _: ChangeCheck) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn describe(&self, _: InstanceQuery) -> Result<Description, HandlerError> {
        Ok(self.description.clone())
    }
}

impl LicensingHandler for AcceptAll {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        Ok(())
    }
    async fn issue(&self, _: LicenseApplication) -> Result<License, HandlerError> {
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

impl OrdersHandler for AcceptAll {
    async fn notified(&self, _: OrderNotice) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl DirectoryHandler for AcceptAll {
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
