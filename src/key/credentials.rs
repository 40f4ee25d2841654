//! The access key pair (AK/SK) of the open APIs.

use hmac::Mac as _;
use std::fmt;
use std::sync::Arc;

use super::{HmacSha256, KeyError, hmac_of};
use crate::env::{self, EnvError};
use crate::redact::Sensitive;
use crate::site::Site;

/// An access key pair of the seller's account, for calls to the marketplace. Not the access key of the callbacks.
///
/// The secret is shared by clones and wiped with the last of them.
///
/// Source: open API reference, "My Credentials > Access Keys".
///
/// ```
/// use koogallery::key::Credentials;
///
/// let credentials = Credentials::new("AK-ID", "the secret")?;
/// assert!(!format!("{credentials:?}").contains("the secret"));
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    access: Arc<str>,
    #[cfg(feature = "diagnosis")]
    secret: Arc<Sensitive>,
    hmac: Arc<HmacSha256>,
    security_token: Option<Arc<Sensitive>>,
}

impl Credentials {
    /// Returns a permanent pair: the access key id and its secret.
    ///
    /// # Errors
    ///
    /// A part is empty, begins or ends with white space, or the id could not stand in a header.
    pub fn new(access: impl Into<String>, secret: impl Into<Sensitive>) -> Result<Self, KeyError> {
        let (access, secret) = (access.into(), secret.into());
        check_id(&access)?;
        check_part(secret.expose())?;
        let hmac = Arc::new(hmac_of(secret.expose().as_bytes()));
        Ok(Self {
            access: access.into(),
            #[cfg(feature = "diagnosis")]
            secret: Arc::new(secret),
            hmac,
            security_token: None,
        })
    }

    /// Sets the token of a temporary pair.
    ///
    /// # Errors
    ///
    /// The token is empty or could not stand in a header.
    ///
    /// ```
    /// # use koogallery::key::Credentials;
    /// let temporary = Credentials::new("AK", "SK")?.with_security_token("TOKEN")?;
    /// assert_eq!(temporary.access_key_id(), "AK");
    /// assert_eq!(temporary.security_token(), Some("TOKEN"));
    /// # Ok::<(), koogallery::key::KeyError>(())
    /// ```
    pub fn with_security_token(mut self, token: impl Into<Sensitive>) -> Result<Self, KeyError> {
        let token = token.into();
        if token.expose().is_empty() {
            return Err(KeyError::Empty);
        }
        if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::NotText);
        }
        self.security_token = Some(Arc::new(token));
        Ok(self)
    }

    /// Reads `KOOGALLERY_AK` and `KOOGALLERY_SK`; `None` where neither is set.
    ///
    /// # Errors
    ///
    /// Only one is set, or as [`Credentials::new`].
    pub fn from_env() -> Result<Option<Self>, EnvError> {
        Self::from_env_with(env::process)
    }

    /// Reads as [`Credentials::from_env`] does, with any source of configuration in place of the environment.
    ///
    /// # Errors
    ///
    /// As [`Credentials::from_env`].
    ///
    /// ```
    /// # use koogallery::key::Credentials;
    /// let found = Credentials::from_env_with(|name| match name {
    ///     "KOOGALLERY_AK" => Some("AK".to_owned()),
    ///     "KOOGALLERY_SK" => Some("SK".to_owned()),
    ///     _ => None,
    /// })?;
    /// assert!(found.is_some());
    /// assert!(Credentials::from_env_with(|_| None)?.is_none());
    /// # Ok::<(), koogallery::env::EnvError>(())
    /// ```
    pub fn from_env_with(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, EnvError> {
        const AK: &str = "KOOGALLERY_AK";
        const SK: &str = "KOOGALLERY_SK";
        // The site says nothing of a key pair, but a misspelled one is a mistake of the same environment.
        Site::from_env_with(&lookup)?;
        let (access, secret) = match (env::set(&lookup, AK), env::set(&lookup, SK)) {
            (Some(access), Some(secret)) => (access, secret),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(EnvError::new(SK, format_args!("not set, although {AK} is"))),
            (None, Some(_)) => return Err(EnvError::new(AK, format_args!("not set, although {SK} is"))),
        };
        let refused = |name, error: KeyError| EnvError::new(name, format_args!("the value {}", error.predicate()));
        check_id(&access).map_err(|error| refused(AK, error))?;
        Self::new(access, secret).map(Some).map_err(|error| refused(SK, error))
    }

    /// Returns the access key id, which is no secret.
    pub fn access_key_id(&self) -> &str {
        &self.access
    }

    /// Returns the HMAC-SHA256 of a message under the secret key.
    ///
    /// ```
    /// # use koogallery::key::{AccessKey, Credentials};
    /// let credentials = Credentials::new("AK", "SK")?;
    /// assert_eq!(credentials.hmac_sha256("text"), AccessKey::new("SK")?.hmac_sha256("text"));
    /// # Ok::<(), koogallery::key::KeyError>(())
    /// ```
    pub fn hmac_sha256(&self, message: impl AsRef<[u8]>) -> [u8; 32] {
        self.hmac().chain_update(message).finalize().into_bytes().into()
    }

    pub(crate) fn hmac(&self) -> HmacSha256 {
        (*self.hmac).clone()
    }

    /// The secret, for diagnosis to spoil it.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn expose_secret(&self) -> &str {
        self.secret.expose()
    }

    /// Returns the token of a temporary pair. It must not get into a log.
    pub fn security_token(&self) -> Option<&str> {
        self.security_token.as_deref().map(Sensitive::expose)
    }
}

fn check_part(part: &str) -> Result<(), KeyError> {
    if part.is_empty() {
        return Err(KeyError::Empty);
    }
    if part.trim().len() != part.len() {
        return Err(KeyError::SurroundingWhitespace);
    }
    Ok(())
}

fn check_id(access: &str) -> Result<(), KeyError> {
    check_part(access)?;
    if access.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') { Ok(()) } else { Err(KeyError::NotText) }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access", &self.access).finish_non_exhaustive()
    }
}
