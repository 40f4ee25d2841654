//! A client set up by the environment.

use super::{BaseUrlError, Client, ClientBuilder, Transport};
use crate::key::{AccessKeys, Credentials, InterfaceType, KeyError};
use crate::runtime::Runtime;
use crate::site::UnknownSite;

impl Client {
    /// Begins with what the environment says: `KOOGALLERY_SITE` (`china` unless set), `KOOGALLERY_OPEN_API_URL` in place of
    /// the site's host, `KOOGALLERY_AK` and `KOOGALLERY_SK`, and `KOOGALLERY_BASIC_KEY` for usage, of which the first key
    /// signs. What is not set is left out.
    ///
    /// # Errors
    ///
    /// A variable does not hold what it should.
    pub fn from_env(transport: impl Transport, runtime: impl Runtime) -> Result<ClientBuilder, FromEnvError> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let site = set("KOOGALLERY_SITE").map_or(Ok(Default::default()), |site| site.parse())?;
        let mut builder = Self::builder(site, transport, runtime);
        if let Some(url) = set("KOOGALLERY_OPEN_API_URL") {
            builder = builder.base_url(url.parse()?);
        }
        if let Some(credentials) = Credentials::from_env()? {
            builder = builder.credentials(credentials);
        }
        if let Some(ring) = AccessKeys::from_env()?.get(InterfaceType::Basic) {
            builder = builder.access_key(ring.signing_key().clone());
        }
        Ok(builder)
    }
}

/// Why the environment does not describe a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FromEnvError {
    /// `KOOGALLERY_SITE`.
    #[error("KOOGALLERY_SITE: {0}")]
    Site(#[from] UnknownSite),
    /// `KOOGALLERY_OPEN_API_URL`.
    #[error("KOOGALLERY_OPEN_API_URL: {0}")]
    Url(#[from] BaseUrlError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
}
