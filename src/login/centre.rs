//! Where a tenant's authentication centre is.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};

use crate::open_api::BaseUrl;

/// The address of a tenant's authentication centre, read from the `domainName` of `tenantSync`.
///
/// `domainName` comes with `https://` or without, and may end with `/`. During debugging it is any text that somebody
/// typed; so keep it as text, and read it when a login needs it.
///
/// ```
/// use koogallery::login::AuthenticationCentre;
///
/// let centre: AuthenticationCentre = "acme.idp.example.com/".parse()?;
/// assert_eq!(centre.to_string(), "https://acme.idp.example.com");
/// assert!("http://acme.idp.example.com".parse::<AuthenticationCentre>().is_err());
/// # Ok::<(), koogallery::login::AuthenticationCentreError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationCentre(BaseUrl);

impl AuthenticationCentre {
    /// As `parse`, and lets `http://` pass. For tests and simulators: the client secret crosses the network in the open.
    ///
    /// # Errors
    ///
    /// The text is no address of that form.
    pub fn insecure(domain_name: &str) -> Result<Self, AuthenticationCentreError> {
        let domain_name = domain_name.trim();
        let scheme = if domain_name.contains("://") { "" } else { "https://" };
        let address = format!("{scheme}{domain_name}");
        let base = address.trim_end_matches('/').parse();
        base.map(Self).map_err(|_| AuthenticationCentreError::Malformed)
    }

    /// An address for a browser.
    pub(super) fn url(&self, path: &str, query: &str) -> String {
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{}{path}{separator}{query}", self.0)
    }

    pub(super) fn get(&self, path_and_query: &str) -> Request<Bytes> {
        self.0.request(Method::GET, path_and_query, Bytes::new())
    }

    pub(super) fn post_form(&self, path: &str, form: String) -> Request<Bytes> {
        let mut request = self.0.request(Method::POST, path, form.into());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }
}

impl FromStr for AuthenticationCentre {
    type Err = AuthenticationCentreError;

    fn from_str(domain_name: &str) -> Result<Self, AuthenticationCentreError> {
        let centre = Self::insecure(domain_name)?;
        if centre.0.is_https() { Ok(centre) } else { Err(AuthenticationCentreError::NotHttps) }
    }
}

impl fmt::Display for AuthenticationCentre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a `domainName` is not the address of an authentication centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationCentreError {
    /// Not a host with or without `https://`; typically invented on the debugging page.
    #[error("the domain name of the tenant is not of the form https://HOST[:PORT]")]
    Malformed,
    /// The client secret would cross the network in the open.
    #[error("the domain name of the tenant is not https")]
    NotHttps,
}
