//! The keys of the agents gateway.

use std::collections::BTreeMap;

use super::KeyRing;

/// The APP Secrets that the seller registered at the agents gateway, by APP Key. Several secrets of one key are a
/// rotation.
///
/// A secret should have 32 bytes or more: one intercepted call is enough to try out short ones.
///
/// ```
/// use koogallery::key::{AccessKey, AppSecrets};
///
/// let secrets = AppSecrets::new().with("app-key-1", AccessKey::new("an APP Secret of 32 bytes or more")?);
/// assert!(secrets.get("app-key-1").is_some() && secrets.get("app-key-2").is_none());
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AppSecrets {
    rings: BTreeMap<String, KeyRing>,
}

impl AppSecrets {
    /// Returns an empty set of secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the secrets of one APP Key, replacing earlier ones.
    #[must_use]
    pub fn with(mut self, app_key: impl Into<String>, secrets: impl Into<KeyRing>) -> Self {
        self.rings.insert(app_key.into(), secrets.into());
        self
    }

    /// Returns the secrets of one APP Key.
    pub fn get(&self, app_key: &str) -> Option<&KeyRing> {
        self.rings.get(app_key)
    }
}
