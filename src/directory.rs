//! Who may use a joint-operation product: enterprises, their OAuth clients, users and departments, free of protocol
//! generations.
//!
//! The marketplace tells it with the [Kit callbacks](crate::kit); the service turns each of them into a [`Change`]. A
//! [`DirectoryStore`] keeps them by their documented identities and answers what a [login](crate::login) asks.
//!
//! Changes set states, so that repeating one changes nothing. Nothing promises their order, and no change waits for another:
//! users may come before their departments and before the enterprise.

mod change;

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use crate::kit::{Department, EmployeeType, Role, User};
pub use change::{
    Application, ApplicationRemoval, Change, ClientSecret, DepartmentChange, DepartmentRemoval, Departments, Scope,
    Tenant, TenantRemoval, UserNames, Users,
};

/// A store of the directory. Every method is atomic and durable when its future resolves.
pub trait DirectoryStore: Send + Sync + 'static {
    /// Does a change; doing it again changes nothing.
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>>;

    /// An enterprise.
    fn tenant<'a>(&'a self, tenant_id: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, DirectoryStoreError>>;

    /// The OAuth client of an application for an enterprise.
    fn application<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Application>, DirectoryStoreError>>;

    /// A user who may use an application.
    fn user<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
        user_name: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, DirectoryStoreError>>;

    /// A department.
    fn department<'a>(
        &'a self,
        tenant_id: &'a str,
        org_code: &'a str,
    ) -> BoxFuture<'a, Result<Option<Department>, DirectoryStoreError>>;

    /// Users who may use an application, in order of their names, from the first after `after`, at most `limit`.
    fn users<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<User>, DirectoryStoreError>>;

    /// Departments of an enterprise, in order of their codes, from the first after `after`, at most `limit`.
    fn departments<'a>(
        &'a self,
        tenant_id: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Department>, DirectoryStoreError>>;
}

/// The store failed; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the directory's store failed")]
pub struct DirectoryStoreError(#[source] Arc<dyn Error + Send + Sync>);

impl DirectoryStoreError {
    /// A failure of the store.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}
