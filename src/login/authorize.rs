//! OAuth 2.0 authorization: browser to authentication center, `GET {domainName}/api/v1/oauth2/authorize`.
//! Joint-operation access guide, "workbench login, OAuth 2.0" (2024-06-25); OneAccess API reference (2025-11-03).

use super::TenantLogin;
use crate::query::push_pair;
use crate::random::{self, Random, RandomError};

/// Returns the address to send a browser to whose tenant is known, past the unified login page. Usually the workbench
/// does this.
///
/// The browser comes back to `redirect_uri`, which must be the registered callback address, with `code` and `state`.
/// Give the same address to [`Login::with_redirect_uri`](super::Login::with_redirect_uri).
///
/// A login that the workbench began carries no state of the application's. So where both ways lead to one callback
/// address, a callback without state is the workbench's, and cannot be tied to the browser.
///
/// ```
/// use koogallery::login::{OAuthCallback, TenantLogin, authorize};
/// use koogallery::random::OsRandom;
///
/// let tenant = TenantLogin::new("t-5f0c", "https://acme.idp.example.com".parse()?, "c-90af", "s3cr3t")?;
/// let state = authorize::State::generate(&OsRandom)?; // kept in the session
/// let url = authorize::url(&tenant, "https://app.example.com/sso", Some(&state));
/// assert!(url.starts_with("https://acme.idp.example.com/api/v1/oauth2/authorize?response_type=code&client_id=c-90af&"));
///
/// // The browser comes back.
/// let query = format!("code=z2D4q&tenant=t-5f0c&state={}", state.as_str());
/// let callback = query.parse::<OAuthCallback>()?.expecting(&state)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn url(tenant: &TenantLogin, redirect_uri: &str, state: Option<&State>) -> String {
    let mut query = String::new();
    push_pair(&mut query, "response_type", "code");
    push_pair(&mut query, "client_id", &tenant.client_id);
    push_pair(&mut query, "redirect_uri", redirect_uri);
    push_pair(&mut query, "scope", "get_user_info");
    if let Some(state) = state {
        push_pair(&mut query, "state", state.as_str());
    }
    tenant.center.url("/api/v1/oauth2/authorize", &query)
}

/// An unguessable text that goes to the center and back, and binds the callback to the browser that began the login.
///
/// Keep it in the browser's session, and use it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(String);

impl State {
    /// Draws 128 bits.
    ///
    /// # Errors
    ///
    /// No randomness.
    pub fn generate(random: &(impl Random + ?Sized)) -> Result<Self, RandomError> {
        random::hex(random).map(Self)
    }

    /// The one that a session kept.
    pub fn from_session(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: letters and digits only, as the center demands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
