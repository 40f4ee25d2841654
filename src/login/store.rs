//! A login on a directory store.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{
    AuthenticationCenter, AuthenticationCenterError, DirectoryError, DirectoryUser, LoginDirectory, TenantLogin,
    TenantLoginError,
};
use crate::directory::{DirectoryStore, DirectoryStoreError};

/// Logs in the users of a [`DirectoryStore`].
///
/// A tenant logs in while it is bound and the application has a client for it. Both are the latest that any purchase
/// brought, because the documents give a tenant one authentication center and an application one client for
/// it: of two purchases by the same tenant, a new address of one holds for the other. Nothing stale can be taken,
/// because the end of a purchase's binding removes its client and users.
///
/// The address is read here and not when it arrives, because on the debugging page it is any text.
///
/// ```
/// # async fn example(transport: impl koogallery::transport::Transport) {
/// use std::sync::Arc;
///
/// use koogallery::directory::MemoryDirectory;
/// use koogallery::login::{Login, StoreLogin};
///
/// let directory = Arc::new(MemoryDirectory::new());
/// let login = Login::new("app-77", StoreLogin::new(Arc::clone(&directory)), transport);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StoreLogin<S> {
    store: S,
    is_http_allowed: bool,
}

impl<S: DirectoryStore> StoreLogin<S> {
    /// Returns a login directory on that store.
    pub fn new(store: S) -> Self {
        Self { store, is_http_allowed: false }
    }

    /// Allows authentication centers at `http://` addresses. For tests and simulators: client secrets cross the network
    /// in the open.
    #[must_use]
    pub fn allow_http(mut self) -> Self {
        self.is_http_allowed = true;
        self
    }

    fn center(&self, domain_name: &str) -> Result<AuthenticationCenter, AuthenticationCenterError> {
        if self.is_http_allowed { AuthenticationCenter::insecure(domain_name) } else { domain_name.parse() }
    }

    async fn find(&self, tenant_id: &str, app_id: &str) -> Result<Option<TenantLogin>, DirectoryError> {
        let Some(tenant) = self.store.tenant(tenant_id).await? else { return Ok(None) };
        let Some(application) = self.store.application(tenant_id, app_id).await? else { return Ok(None) };
        let center = self.center(&tenant.domain_name).map_err(|source| {
            let (tenant_id, domain_name) = (tenant_id.to_owned(), tenant.domain_name);
            DirectoryError::new(Unusable::DomainName { tenant_id, domain_name, source })
        })?;
        let login = TenantLogin::new(tenant_id, center, application.client_id, application.client_secret.plain);
        login.map(Some).map_err(|source| {
            DirectoryError::new(Unusable::Client { tenant_id: tenant_id.to_owned(), app_id: app_id.to_owned(), source })
        })
    }
}

/// Stored data that do not suffice for a login.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the domain name {domain_name:?} of tenant {tenant_id:?} leads to no authentication center")]
    DomainName { tenant_id: String, domain_name: String, source: AuthenticationCenterError },
    #[error("application {app_id:?} has no usable client for tenant {tenant_id:?}")]
    Client { tenant_id: String, app_id: String, source: TenantLoginError },
}

impl<S: DirectoryStore> LoginDirectory for StoreLogin<S> {
    fn tenant_login<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<TenantLogin>, DirectoryError>> {
        self.find(tenant_id, app_id).boxed()
    }

    fn user<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
        user_name: &'a str,
    ) -> BoxFuture<'a, Result<Option<DirectoryUser>, DirectoryError>> {
        async move {
            let user = self.store.user(tenant_id, app_id, user_name).await?;
            Ok(user.map(|user| DirectoryUser::new(user.is_enabled())))
        }
        .boxed()
    }
}

impl From<DirectoryStoreError> for DirectoryError {
    fn from(error: DirectoryStoreError) -> Self {
        Self::new(error)
    }
}
