//! The browser's request to the application's callback address.

use std::str::FromStr;

use super::authorize::State;
use super::{CallbackProblem, LoginError};
use crate::query::{Plus, raw_pairs};
use crate::redact::Sensitive;

/// Longest value that is taken; codes and tickets have less than 200 characters, tenant ids 64.
const MAX_LENGTH: usize = 1024;

/// The callback of OAuth 2.0: `?code=...&tenant=...`, after the unified login page or from the workbench.
///
/// Nothing in it is signed. The tenant only selects what is stored.
///
/// ```
/// use koogallery::login::OAuthCallback;
///
/// let callback: OAuthCallback = "code=z2D4q&tenant=t-5f0c".parse()?;
/// assert_eq!(callback.tenant_id, "t-5f0c");
/// # Ok::<(), koogallery::login::LoginError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuthCallback {
    /// The tenant (`tenant`; `tenant_id`, as some senders write it, is taken as well).
    pub tenant_id: String,
    /// The authorization code (`code`), good for one exchange.
    pub code: Sensitive,
    /// The `state`, where the login began with one.
    pub state: Option<String>,
}

impl OAuthCallback {
    /// A code for a tenant that is known otherwise, for instance from the session that began the login with
    /// [`authorize::url`](super::authorize::url).
    pub fn new(tenant_id: impl Into<String>, code: impl Into<Sensitive>) -> Self {
        Self { tenant_id: tenant_id.into(), code: code.into(), state: None }
    }

    /// Checks the `state` against the one with which this browser was redirected.
    ///
    /// # Errors
    ///
    /// [`LoginError::StateMismatch`]
    pub fn expecting(self, state: &State) -> Result<Self, LoginError> {
        if self.state.as_deref() == Some(state.as_str()) { Ok(self) } else { Err(LoginError::StateMismatch) }
    }
}

impl FromStr for OAuthCallback {
    type Err = LoginError;

    /// Reads the query of the callback, without `?`. Other parameters are passed over.
    fn from_str(query: &str) -> Result<Self, LoginError> {
        let query = Query(query);
        if let Some(error) = query.find("error")? {
            return Err(LoginError::Denied(error));
        }
        Ok(Self { tenant_id: query.tenant()?, code: query.get("code")?.into(), state: query.find("state")? })
    }
}

/// The callback of CAS: `?tenant=...&ticket=...`.
#[cfg(feature = "cas")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CasCallback {
    /// The tenant (`tenant`; `tenant_id`, as some senders write it, is taken as well).
    pub tenant_id: String,
    /// The service ticket (`ticket`), good for one validation.
    pub ticket: Sensitive,
    /// The address that the ticket was issued for: the callback address as the browser called it, without the ticket.
    pub service: String,
}

#[cfg(feature = "cas")]
impl CasCallback {
    /// Reads the query of the callback, without `?`, at the application's registered address (which is configuration,
    /// not the request's `Host`). Other parameters stay a part of the service.
    ///
    /// ```
    /// use koogallery::login::CasCallback;
    ///
    /// let callback = CasCallback::new("https://app.example.com/sso", "tenant=t-5f0c&ticket=ST-1")?;
    /// assert_eq!(callback.service, "https://app.example.com/sso?tenant=t-5f0c");
    /// # Ok::<(), koogallery::login::LoginError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Tenant or ticket are missing or malformed.
    pub fn new(address: &str, query: &str) -> Result<Self, LoginError> {
        let mut service = address.split(['?', '#']).next().unwrap_or_default().to_owned();
        let mut separator = '?';
        for segment in query.split('&').filter(|segment| !segment.is_empty() && !segment.starts_with("ticket=")) {
            service.push(separator);
            service.push_str(segment);
            separator = '&';
        }
        let query = Query(query);
        Ok(Self { tenant_id: query.tenant()?, ticket: query.get("ticket")?.into(), service })
    }
}

struct Query<'a>(&'a str);

impl Query<'_> {
    fn get(&self, parameter: &'static str) -> Result<String, LoginError> {
        self.find(parameter)?.ok_or(LoginError::Callback { parameter, problem: CallbackProblem::Missing })
    }

    /// The tenant, under either name. Two different ones leave open which is meant.
    fn tenant(&self) -> Result<String, LoginError> {
        match (self.find("tenant")?, self.find("tenant_id")?) {
            (Some(tenant), Some(alias)) if tenant != alias => {
                Err(LoginError::Callback { parameter: "tenant", problem: CallbackProblem::Repeated })
            }
            (Some(tenant), _) | (None, Some(tenant)) => Ok(tenant),
            (None, None) => self.get("tenant"),
        }
    }

    /// The parameter, if it is there and not empty. None of them holds a space, so `+` stands for itself.
    fn find(&self, parameter: &'static str) -> Result<Option<String>, LoginError> {
        let problem = |problem| LoginError::Callback { parameter, problem };
        let mut pairs = raw_pairs(self.0).filter(|pair| pair.decoded_name(Plus::Literal).as_deref() == Some(parameter));
        let Some(pair) = pairs.next() else { return Ok(None) };
        if pairs.next().is_some() {
            return Err(problem(CallbackProblem::Repeated));
        }
        let value = pair.decoded_value(Plus::Literal).ok_or_else(|| problem(CallbackProblem::NotText))?;
        if value.len() > MAX_LENGTH {
            return Err(problem(CallbackProblem::TooLong));
        }
        Ok((!value.is_empty()).then(|| value.into_owned()))
    }
}
