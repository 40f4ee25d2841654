//! The address of a tenant's authentication center.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};

use crate::transport::BaseUrl;

/// The address of a tenant's authentication center, read from the `domainName` of `tenantSync`.
///
/// `domainName` comes with `https://` or without, and may end with `/`. During debugging it is any text; so
/// keep it as text, and read it when a login needs it.
///
/// ```
/// use koogallery::login::AuthenticationCenter;
///
/// let center: AuthenticationCenter = "acme.idp.example.com/".parse()?;
/// assert_eq!(center.to_string(), "https://acme.idp.example.com");
/// assert!("http://acme.idp.example.com".parse::<AuthenticationCenter>().is_err());
/// # Ok::<(), koogallery::login::AuthenticationCenterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationCenter(BaseUrl);

impl AuthenticationCenter {
    /// Reads an address as `parse` does, `http://` included. For tests and simulators: the client secret crosses the
    /// network in the open.
    ///
    /// # Errors
    ///
    /// The text is no address of that form.
    pub fn insecure(domain_name: &str) -> Result<Self, AuthenticationCenterError> {
        let domain_name = domain_name.trim();
        let scheme = if domain_name.contains("://") { "" } else { "https://" };
        let address = format!("{scheme}{domain_name}");
        let base = address.trim_end_matches('/').parse();
        base.map(Self).map_err(|_| AuthenticationCenterError::Malformed)
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

impl FromStr for AuthenticationCenter {
    type Err = AuthenticationCenterError;

    fn from_str(domain_name: &str) -> Result<Self, AuthenticationCenterError> {
        let center = Self::insecure(domain_name)?;
        if center.0.is_https() { Ok(center) } else { Err(AuthenticationCenterError::NotHttps) }
    }
}

impl fmt::Display for AuthenticationCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A `domainName` is not the address of an authentication center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationCenterError {
    /// Not a host with or without `https://`; typically invented on the debugging page.
    #[error("the domain name of the tenant is not of the form https://HOST[:PORT]")]
    Malformed,
    /// The client secret would cross the network in the open.
    #[error("the domain name of the tenant is not https")]
    NotHttps,
}
