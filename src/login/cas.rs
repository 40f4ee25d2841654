//! CAS 3.0: browser and application to authentication center, `GET {domainName}/api/v1/cas/login` and
//! `GET {domainName}/api/v1/cas/p3/serviceValidate`. Joint-operation access guide, "workbench login, CAS" (V2).
//!
//! A newer guide of the workbench (2025-09-22) says that it supports OAuth 2.0 only; prefer that.

mod answer;

use bytes::Bytes;
use http::{Request, Response};

use super::exchange::sealed::Sealed;
use super::user_info::UserInfo;
use super::{CenterError, Exchange, TenantLogin};
use crate::query::push_pair;
use crate::redact::Sensitive;

/// Returns the address to send a browser to whose tenant is known. It comes back to `service`, which must be the
/// registered callback address, with a `ticket`. CAS has no `state`.
///
/// Let the service carry the tenant, since nothing else does:
///
/// ```
/// use koogallery::login::{CasCallback, TenantLogin, cas};
///
/// let tenant = TenantLogin::new("t-5f0c", "https://acme.idp.example.com".parse()?, "c-90af", "s3cr3t")?;
/// let service = "https://app.example.com/sso?tenant=t-5f0c";
/// assert_eq!(
///     cas::login_url(&tenant, service),
///     "https://acme.idp.example.com/api/v1/cas/login\
///      ?service=https%3A%2F%2Fapp.example.com%2Fsso%3Ftenant%3Dt-5f0c"
/// );
///
/// // The browser comes back.
/// let callback = CasCallback::new("https://app.example.com/sso", "tenant=t-5f0c&ticket=ST-1")?;
/// assert_eq!(callback.service, service);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn login_url(tenant: &TenantLogin, service: &str) -> String {
    let mut query = String::new();
    push_pair(&mut query, "service", service);
    tenant.center.url("/api/v1/cas/login", &query)
}

/// Validates a service ticket. A ticket works once: it must not be sent again, whatever comes back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Validation {
    /// Exactly the service that the login began with.
    pub service: String,
    /// The ticket that the browser brought.
    pub ticket: Sensitive,
    /// The form of the answer.
    pub format: Format,
}

/// The form of the answer (`format`). It is always sent, because the documents disagree on the default; and either form
/// is read, whichever was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "CAS 3.0 has these two")]
pub enum Format {
    /// `XML`, of which the documents print an answer.
    #[default]
    Xml,
    /// `JSON`, in the form that CAS servers have in common (unverified).
    Json,
}

impl Validation {
    /// Returns a validation that asks for XML.
    pub fn new(service: impl Into<String>, ticket: impl Into<Sensitive>) -> Self {
        Self { service: service.into(), ticket: ticket.into(), format: Format::default() }
    }

    /// Sets the form of the answer (default: XML).
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }
}

impl Sealed for Validation {}

impl Exchange for Validation {
    /// The attributes of the user. `user` stands in for a missing `userName`.
    type Answer = UserInfo;

    const NAME: &'static str = "validate ticket";

    fn to_http(&self, tenant: &TenantLogin) -> Request<Bytes> {
        let mut query = String::new();
        push_pair(&mut query, "service", &self.service);
        push_pair(&mut query, "ticket", self.ticket.expose());
        push_pair(&mut query, "format", if self.format == Format::Json { "JSON" } else { "XML" });
        tenant.center.get(&format!("/api/v1/cas/p3/serviceValidate?{query}"))
    }

    fn from_http(response: &Response<Bytes>) -> Result<UserInfo, CenterError> {
        answer::read(response)
    }
}
