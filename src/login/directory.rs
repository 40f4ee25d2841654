//! What a login asks of the application's store.

use std::error::Error;

use futures_util::future::BoxFuture;

use super::TenantLogin;
use crate::shareable::shareable;

shareable! {
    /// Looks up what `tenantSync`, `applicationSync` and `authSync` told.
    ///
    /// Ids are compared exactly, upper and lower case included.
    pub trait LoginDirectory: Send + Sync + 'static {
        /// The application of a tenant; `None` for a tenant that is unknown, or no longer bound to the application.
        fn tenant_login<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
        ) -> BoxFuture<'a, Result<Option<TenantLogin>, DirectoryError>>;

        /// A user of the tenant who was granted the application; `None` for somebody else. `authSync` grants by
        /// application, and a store that serves one application only may pass over `app_id`.
        fn user<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
            user_name: &'a str,
        ) -> BoxFuture<'a, Result<Option<DirectoryUser>, DirectoryError>>;
    }
}

/// A user as `authSync` told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryUser {
    /// Whether the account may be used (`enable`).
    pub enabled: bool,
}

impl DirectoryUser {
    /// An enabled or a disabled user.
    pub fn new(enabled: bool) -> Self {
        Self { enabled }
    }
}

/// The store failed, or holds something with which no login is possible.
#[derive(Debug, thiserror::Error)]
#[error("the directory cannot be asked")]
pub struct DirectoryError(#[source] Box<dyn Error + Send + Sync>);

impl DirectoryError {
    /// Wraps the store's error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
