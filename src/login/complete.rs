//! Completion of a login: from the callback to a user who is known and enabled.

use std::fmt;
use std::sync::Arc;

use super::token::{CodeExchange, Refresh, Tokens};
use super::user_info::{UserInfo, UserInfoQuery};
use super::{Exchange, LoginDirectory, LoginError, OAuthCallback, TenantLogin, unified_login};
use crate::redact::Sensitive;
use crate::transport::Transport;

/// Completes logins for one application. Clones share everything.
///
/// Time limits are the transport's. Nothing is sent twice, because codes and tickets work once.
///
/// ```
/// # async fn sso(
/// #     directory: impl koogallery::login::LoginDirectory,
/// #     transport: impl koogallery::transport::Transport,
/// #     query: &str,
/// # ) -> Result<(), koogallery::login::LoginError> {
/// use koogallery::login::Login;
///
/// let login = Login::new("app-77", directory, transport);
/// // GET /            no session: redirect to
/// let page = login.url();
/// // GET /sso?code=...&tenant=...
/// let identity = login.complete(query.parse()?).await?;
/// println!("a user of {} is in", identity.tenant_id);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "SSO")]
#[doc(alias = "OAuth")]
#[derive(Clone)]
pub struct Login {
    app_id: String,
    redirect_uri: Option<String>,
    directory: Arc<dyn LoginDirectory>,
    transport: Arc<dyn Transport>,
}

/// A user who logged in, is known from `authSync`, and is enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The tenant. With `user.user_name` this is what identifies the user.
    pub tenant_id: String,
    /// The authentication center's information on the user.
    pub user: UserInfo,
    /// Its tokens; none from CAS.
    pub tokens: Option<Tokens>,
}

impl Identity {
    /// Returns a user without tokens.
    pub fn new(tenant_id: impl Into<String>, user: UserInfo) -> Self {
        Self { tenant_id: tenant_id.into(), user, tokens: None }
    }
}

impl Login {
    /// Returns logins of the application with this id (`appId` of the application credential).
    pub fn new(app_id: impl Into<String>, directory: impl LoginDirectory, transport: impl Transport) -> Self {
        Self {
            app_id: app_id.into(),
            redirect_uri: None,
            directory: Arc::new(directory),
            transport: Arc::new(transport),
        }
    }

    /// Sets the callback address registered in the application credential, to be sent with every code. Needed where
    /// logins begin with [`authorize::url`](super::authorize::url).
    #[must_use]
    pub fn with_redirect_uri(mut self, redirect_uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(redirect_uri.into());
        self
    }

    /// Returns the address to send a browser to that has no session, see [`unified_login`].
    pub fn url(&self) -> String {
        unified_login::url(&self.app_id)
    }

    /// Returns the stored data of a tenant; for addresses such as [`logout::url`](super::logout::url).
    ///
    /// # Errors
    ///
    /// The tenant is unknown, or the store cannot be asked.
    pub async fn tenant(&self, tenant_id: &str) -> Result<TenantLogin, LoginError> {
        let tenant = self.directory.tenant_login(tenant_id, &self.app_id).await?;
        // A store that ignores the case of letters must not give one tenant's login to another.
        let tenant = tenant.filter(|tenant| tenant.tenant_id == tenant_id);
        tenant.ok_or_else(|| LoginError::UnknownTenant(tenant_id.to_owned()))
    }

    /// Exchanges the code and finds out who it is.
    ///
    /// # Errors
    ///
    /// Any of [`LoginError`]; the code is used up.
    pub async fn complete(&self, callback: OAuthCallback) -> Result<Identity, LoginError> {
        let tenant = self.tenant(&callback.tenant_id).await?;
        let exchange = CodeExchange { code: callback.code, redirect_uri: self.redirect_uri.clone() };
        let tokens = self.send(&tenant, &exchange).await?;
        let user = self.send(&tenant, &UserInfoQuery { access_token: tokens.access_token.clone() }).await?;
        self.admit(tenant, user, Some(tokens)).await
    }

    /// Validates the ticket of CAS, which identifies the user.
    ///
    /// # Errors
    ///
    /// Any of [`LoginError`]; the ticket is used up.
    #[cfg(feature = "cas")]
    pub async fn complete_cas(&self, callback: super::CasCallback) -> Result<Identity, LoginError> {
        let tenant = self.tenant(&callback.tenant_id).await?;
        let user = self.send(&tenant, &super::cas::Validation::new(callback.service, callback.ticket)).await?;
        self.admit(tenant, user, None).await
    }

    /// Requests new tokens for a session that lasts longer than its access token. Whether the user is still enabled is
    /// not asked.
    ///
    /// # Errors
    ///
    /// The tenant is unknown, or the center refuses or does not answer.
    pub async fn refresh(&self, tenant_id: &str, refresh_token: Sensitive) -> Result<Tokens, LoginError> {
        let tenant = self.tenant(tenant_id).await?;
        self.send(&tenant, &Refresh { refresh_token }).await
    }

    async fn send<E: Exchange>(&self, tenant: &TenantLogin, exchange: &E) -> Result<E::Answer, LoginError> {
        let tenant_id = || tenant.tenant_id.clone();
        let response = self.transport.send(exchange.to_http(tenant)).await;
        let response =
            response.map_err(|source| LoginError::NoAnswer { tenant_id: tenant_id(), request: E::NAME, source })?;
        E::from_http(&response).map_err(|error| LoginError::Center { tenant_id: tenant_id(), error: Box::new(error) })
    }

    async fn admit(&self, tenant: TenantLogin, user: UserInfo, tokens: Option<Tokens>) -> Result<Identity, LoginError> {
        let tenant_id = tenant.tenant_id;
        if let Some(found) = user.tenant_id.as_ref().filter(|found| **found != tenant_id) {
            return Err(LoginError::TenantMismatch { expected: tenant_id, found: found.clone() });
        }
        let known = self.directory.user(&tenant_id, &self.app_id, user.user_name.expose()).await?;
        match known {
            None => Err(LoginError::UnknownUser { tenant_id, user_name: user.user_name }),
            Some(known) if !known.enabled => Err(LoginError::DisabledUser { tenant_id, user_name: user.user_name }),
            Some(_) => Ok(Identity { tenant_id, user, tokens }),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}
