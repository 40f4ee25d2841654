//! Addresses of the open APIs.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use serde::Serialize;

use crate::site::Site;

/// Scheme and host of the open APIs: a [`Site`], or a custom address (`KOOGALLERY_OPEN_API_URL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
}

impl BaseUrl {
    /// `https` with the host.
    fn of_host(host: &'static str) -> Self {
        Self { scheme: Scheme::HTTPS, authority: Authority::from_static(host) }
    }

    /// Returns the site's documented fallback.
    pub fn fallback_of(site: Site) -> Option<Self> {
        site.fallback_host().map(Self::of_host)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    pub(crate) fn post_json(&self, path: &str, body: &impl Serialize) -> Request<Bytes> {
        // Plain data with text keys: serializing cannot fail.
        let body = Bytes::from(serde_json::to_vec(body).unwrap_or_default());
        let mut request = self.request(Method::POST, path, body);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    /// A request to this host. Paths are made here, of constants and percent-encoded texts.
    pub(crate) fn request<B>(&self, method: Method, path_and_query: &str, body: B) -> Request<B> {
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query.parse().unwrap_or_else(|_| PathAndQuery::from_static("/")));
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        request
    }
}

impl From<Site> for BaseUrl {
    fn from(site: Site) -> Self {
        Self::of_host(site.host())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = BaseUrlError;

    /// Reads `http://HOST[:PORT]` or `https://HOST[:PORT]`, with no path but `/`.
    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let parts = text.parse::<Uri>().map_err(|_| BaseUrlError)?.into_parts();
        let path = parts.path_and_query.map_or_else(String::new, |path| path.to_string());
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority))
                if (scheme == Scheme::HTTP || scheme == Scheme::HTTPS)
                    && !authority.as_str().contains('@')
                    && ["", "/"].contains(&path.as_str()) =>
            {
                Ok(Self { scheme, authority })
            }
            _ => Err(BaseUrlError),
        }
    }
}

/// The address of the open APIs is not of the form `https://HOST[:PORT]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address of the open APIs is not of the form https://HOST[:PORT]")]
#[non_exhaustive]
pub struct BaseUrlError;
