//! The data of a tenant that a login needs, all of it from the marketplace's verified calls.

use super::AuthenticationCenter;
use crate::redact::Sensitive;

/// One application of one tenant, as its authentication center knows it.
///
/// Every request of a login is built from this, so that neither address nor credentials can come from a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantLogin {
    /// The tenant (`tenantId`).
    pub tenant_id: String,
    /// Its authentication center (`domainName` of `tenantSync`).
    pub center: AuthenticationCenter,
    /// The application's client id there (`clientId` of `applicationSync`).
    pub client_id: String,
    /// The decrypted client secret (`clientSecret` of `applicationSync`, see
    /// [`cipher::client_secret`](crate::cipher::client_secret)).
    pub client_secret: Sensitive,
}

impl TenantLogin {
    /// Combines the data of `tenantSync` and `applicationSync`.
    ///
    /// ```
    /// use koogallery::login::TenantLogin;
    ///
    /// let tenant = TenantLogin::new("t-5f0c", "https://acme.idp.example.com".parse()?, "c-90af", "s3cr3t")?;
    /// assert!(!format!("{tenant:?}").contains("s3cr3t"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A text is empty.
    pub fn new(
        tenant_id: impl Into<String>,
        center: AuthenticationCenter,
        client_id: impl Into<String>,
        client_secret: impl Into<Sensitive>,
    ) -> Result<Self, TenantLoginError> {
        let tenant = Self {
            tenant_id: tenant_id.into(),
            center,
            client_id: client_id.into(),
            client_secret: client_secret.into(),
        };
        let texts = [
            ("tenantId", tenant.tenant_id.as_str()),
            ("clientId", tenant.client_id.as_str()),
            ("clientSecret", tenant.client_secret.expose()),
        ];
        if let Some((name, _)) = texts.iter().find(|(_, text)| text.is_empty()) {
            return Err(TenantLoginError(name));
        }
        Ok(tenant)
    }
}

/// The stored data of a tenant do not suffice for a login: the named field is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tenant has an empty {0}")]
pub struct TenantLoginError(&'static str);
