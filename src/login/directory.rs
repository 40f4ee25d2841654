//! The application's store, as a login queries it.

use std::error::Error;

use futures_util::future::BoxFuture;

use super::TenantLogin;
use crate::shareable::shareable;

shareable! {
    /// Looks up the data of `tenantSync`, `applicationSync` and `authSync`.
    ///
    /// Ids are compared exactly, upper and lower case included.
    pub trait LoginDirectory: Send + Sync + 'static {
        /// Returns the application of a tenant; `None` for a tenant that is unknown, or no longer bound to the application.
        fn tenant_login<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
        ) -> BoxFuture<'a, Result<Option<TenantLogin>, DirectoryError>>;

        /// Returns a user of the tenant who was granted the application; `None` for any other. `authSync` grants by
        /// application, and a store that serves one application only may pass over `app_id`.
        fn user<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
            user_name: &'a str,
        ) -> BoxFuture<'a, Result<Option<DirectoryUser>, DirectoryError>>;
    }
}

/// A user of `authSync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryUser {
    /// Whether the account may be used (`enable`).
    pub enabled: bool,
}

impl DirectoryUser {
    /// Returns an enabled or a disabled user.
    pub fn new(enabled: bool) -> Self {
        Self { enabled }
    }
}

/// The store failed, or holds something with which no login is possible.
#[derive(Debug, thiserror::Error)]
#[error("directory operation failed")]
pub struct DirectoryError(#[source] Box<dyn Error + Send + Sync>);

impl DirectoryError {
    /// Wraps the store's error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
