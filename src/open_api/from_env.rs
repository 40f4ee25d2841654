//! A client set up by the environment.

use super::{Client, ClientBuilder};
use crate::env::{self, EnvError};
use crate::key::{AccessKeys, Credentials, InterfaceType};
use crate::runtime::Runtime;
use crate::site::Site;
use crate::transport::{BaseUrl, Transport};

impl Client {
    /// Begins with the settings of the environment: `KOOGALLERY_SITE` (default: `china`), `KOOGALLERY_OPEN_API_URL` in
    /// place of the site's host, `KOOGALLERY_AK` and `KOOGALLERY_SK`, and `KOOGALLERY_BASIC_KEY` for usage, of which
    /// the first key signs. What is not set is left out.
    ///
    /// # Errors
    ///
    /// A variable does not hold what it should.
    pub fn from_env(transport: impl Transport, runtime: impl Runtime) -> Result<ClientBuilder, EnvError> {
        Self::from_env_with(env::process, transport, runtime)
    }

    /// Begins as [`Client::from_env`] does, with any source of configuration in place of the environment.
    ///
    /// # Errors
    ///
    /// As [`Client::from_env`].
    ///
    /// ```
    /// use koogallery::open_api::{Client, ClientBuilder};
    /// use koogallery::{env::EnvError, runtime::Runtime, transport::Transport};
    ///
    /// /// Reads the settings of one of several accounts: `SHOP_KOOGALLERY_AK` and so on.
    /// fn shop(transport: impl Transport, runtime: impl Runtime) -> Result<ClientBuilder, EnvError> {
    ///     Client::from_env_with(|name| std::env::var(format!("SHOP_{name}")).ok(), transport, runtime)
    /// }
    /// ```
    pub fn from_env_with(
        lookup: impl Fn(&str) -> Option<String>,
        transport: impl Transport,
        runtime: impl Runtime,
    ) -> Result<ClientBuilder, EnvError> {
        let mut builder = Self::builder(Site::from_env_with(&lookup)?, transport, runtime);
        if let Some(url) = env::set(&lookup, "KOOGALLERY_OPEN_API_URL") {
            let url = url.parse::<BaseUrl>().map_err(|error| EnvError::new("KOOGALLERY_OPEN_API_URL", error))?;
            builder = builder.base_url(url);
        }
        if let Some(credentials) = Credentials::from_env_with(&lookup)? {
            builder = builder.credentials(credentials);
        }
        if let Some(ring) = AccessKeys::from_env_with(&lookup)?.get(InterfaceType::Basic) {
            builder = builder.access_key(ring.signing_key().clone());
        }
        Ok(builder)
    }
}
