//! Settings in the environment: what every `from_env` has in common.
//!
//! | variable | read by |
//! |---|---|
//! | `KOOGALLERY_SITE` | [`Site::from_env`](crate::site::Site::from_env) and all the others |
//! | `KOOGALLERY_BASIC_KEY`, `_V1_KEY`, `_KIT_KEY`, `_LICENSE_KEY`, `_GENERAL_KEY` | [`AccessKeys::from_env`](crate::key::AccessKeys::from_env) |
//! | `KOOGALLERY_AK`, `KOOGALLERY_SK` | [`Credentials::from_env`](crate::key::Credentials::from_env) |
//! | `KOOGALLERY_RSA_PRIVATE_KEY_FILE` | `PrivateKey::from_env` of `cipher::client_secret` (feature `rsa`) |
//! | `KOOGALLERY_OPEN_API_URL`, and all of the above | [`Client::from_env`](crate::open_api::Client::from_env) |
//!
//! An empty variable counts as unset. Every `from_env` has a `from_env_with` beside it, which reads any other source of
//! configuration.

use std::fmt;

/// A variable of the environment does not hold what it should. Its text names the variable and repeats no
/// secret.
///
/// ```
/// use koogallery::key::AccessKeys;
///
/// let lookup = |name: &str| (name == "KOOGALLERY_BASIC_KEY").then(|| "new-key,,old-key".to_owned());
/// let error = AccessKeys::from_env_with(lookup).unwrap_err();
/// assert_eq!(error.to_string(), "KOOGALLERY_BASIC_KEY: key 2 of the list is empty");
/// assert_eq!(error.variable(), "KOOGALLERY_BASIC_KEY");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvError {
    variable: &'static str,
    problem: String,
}

impl EnvError {
    /// An error of that variable. The problem must not repeat a secret.
    pub(crate) fn new(variable: &'static str, problem: impl fmt::Display) -> Self {
        Self { variable, problem: problem.to_string() }
    }

    /// Returns the name of the variable.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.problem)
    }
}

impl std::error::Error for EnvError {}

/// The environment itself.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable that is set and not empty.
pub(crate) fn set(lookup: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.is_empty())
}
