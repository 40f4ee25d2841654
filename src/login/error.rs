//! Errors of a login, and what to do about them.

use std::fmt;

use http::StatusCode;

use super::{DirectoryError, Exchange};
use crate::redact::Sensitive;
use crate::text::words::shown;
use crate::transport::TransportError;

/// An authentication center did not answer with success.
///
/// Its text names the request, the HTTP status, the center's code and what that means, and holds neither secrets nor
/// personal data. [`Cause::hint`] says what to do about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CenterError {
    /// The request.
    pub request: &'static str,
    /// The HTTP status of the answer.
    pub status: StatusCode,
    /// The cause.
    pub cause: Cause,
    /// `error` of OAuth 2.0, `code` of CAS, or what else the answer calls so (`error_code`, `resultCode` ...).
    pub code: Option<String>,
    /// The center's own words. They may repeat what was sent, and so are redacted.
    pub description: Option<Sensitive>,
}

/// Cause of a refusal by an authentication center, as far as its answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The code was exchanged before, has expired, or was issued for another client or callback address
    /// (`invalid_grant`; the center does not say which).
    CodeRefused,
    /// The refresh token has expired (30 days by default) or was replaced by a newer one (`invalid_grant`).
    RefreshTokenRefused,
    /// The access token has expired (2 hours by default), or another center issued it (`unauthorized`).
    AccessTokenRefused,
    /// The service ticket was validated before, has expired, or was issued for another service.
    TicketRefused,
    /// The stored client id is no longer valid (`invalid_client`, "Client ID mismatch").
    StaleClientId,
    /// The secret does not go with the client id at this center (`invalid_client`, "Bad client credentials").
    WrongClientSecret,
    /// The client was refused for a reason that the answer does not tell.
    ClientRefused,
    /// HTTP 403.
    Forbidden,
    /// Another error of OAuth 2.0 or CAS.
    RequestRefused,
    /// The center is unavailable (HTTP 5xx, 429, 408).
    Unavailable,
    /// No answer in a documented form: a web page, an empty or cut-off body, one of more than 64 KiB.
    UnexpectedAnswer {
        /// The answer's content type.
        content_type: String,
        /// Its length in bytes.
        length: usize,
    },
}

impl Cause {
    /// Returns advice for the developer.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::CodeRefused => {
                "exchange every code once and at once, with the registered callback address or none, and let the user log in again"
            }
            Self::RefreshTokenRefused => "let the user log in again; keep the refresh token of the latest answer",
            Self::AccessTokenRefused => "refresh the access token, at the center of the same tenant",
            Self::TicketRefused => {
                "validate every ticket once and at once, with exactly the service that the login began with"
            }
            Self::StaleClientId => {
                "have the tenant bind the application again, so that tenantSync, applicationSync and allOrgSync are sent again"
            }
            Self::WrongClientSecret => {
                "store the decrypted clientSecret, by tenant and application, and replace domain, client id and secret together"
            }
            Self::ClientRefused | Self::Forbidden => {
                "look up domain, client id and secret by tenant and application, store the decrypted clientSecret, and have the tenant bind the application again if they are right"
            }
            Self::RequestRefused => "look at the center's code and description",
            Self::Unavailable => "try again later",
            Self::UnexpectedAnswer { .. } => {
                "check that the stored domain name is that of the authentication center, and that no proxy answers in its place"
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodeRefused => f.write_str("the code was used before, has expired or belongs to another client"),
            Self::RefreshTokenRefused => f.write_str("the refresh token has expired or was replaced"),
            Self::AccessTokenRefused => f.write_str("the access token has expired or is another center's"),
            Self::TicketRefused => f.write_str("the ticket was used before, has expired or is for another service"),
            Self::StaleClientId => f.write_str("the stored client id is stale"),
            Self::WrongClientSecret => f.write_str("the client secret does not go with the client id"),
            Self::ClientRefused => f.write_str("the client was refused"),
            Self::Forbidden => f.write_str("access is forbidden"),
            Self::RequestRefused => f.write_str("the request was refused"),
            Self::Unavailable => f.write_str("the authentication center is unavailable"),
            Self::UnexpectedAnswer { content_type, length } => {
                write!(f, "{length} bytes of {content_type} in place of an answer")
            }
        }
    }
}

impl CenterError {
    pub(super) fn new<E: Exchange>(status: StatusCode, cause: Cause) -> Self {
        Self { request: E::NAME, status, cause, code: None, description: None }
    }

    /// Adds what the center said.
    pub(super) fn reported(mut self, code: &str, description: Option<Sensitive>) -> Self {
        self.code = Some(shown(code).chars().take(64).collect());
        self.description = description;
        self
    }

    /// Returns whether the user may succeed with a new login, without a repair. A code or ticket works once;
    /// never send it again.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.cause,
            Cause::CodeRefused
                | Cause::RefreshTokenRefused
                | Cause::AccessTokenRefused
                | Cause::TicketRefused
                | Cause::Unavailable
        )
    }
}

impl fmt::Display for CenterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: HTTP {}", self.request, self.status.as_u16())?;
        if let Some(code) = &self.code {
            write!(f, ", {code:?}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl std::error::Error for CenterError {}

/// An error of a login.
///
/// Its text is for the log. To the user say no more than whether to try again ([`LoginError::is_retryable`]) or to ask
/// the administrator of their enterprise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The browser came to the callback address without what a login needs.
    #[error("the parameter `{parameter}` of the callback {problem}")]
    Callback {
        /// The parameter.
        parameter: &'static str,
        /// The problem.
        problem: CallbackProblem,
    },
    /// The authentication center sent the user back with an error, for instance `access_denied`.
    #[error("the authentication center sent the user back with {0:?}")]
    Denied(String),
    /// The `state` is not the one that this browser was sent away with.
    #[error("state mismatch: the login began with another state")]
    StateMismatch,
    /// No call named this tenant and application, or it was unbound since.
    #[error("tenant {0:?} is not bound to the application")]
    UnknownTenant(String),
    /// The store cannot be asked.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The authentication center answered, and not with success.
    #[error("tenant {tenant_id:?}: {error}")]
    Center {
        /// The tenant.
        tenant_id: String,
        /// Its answer.
        error: Box<CenterError>,
    },
    /// The authentication center did not answer.
    #[error("tenant {tenant_id:?}: {request}: no answer")]
    NoAnswer {
        /// The tenant.
        tenant_id: String,
        /// The request.
        request: &'static str,
        /// The cause.
        source: TransportError,
    },
    /// The authentication center says that the user belongs to another tenant than the callback said.
    #[error("the callback named tenant {expected:?}, and the user belongs to {found:?}")]
    TenantMismatch {
        /// The tenant of the callback.
        expected: String,
        /// The tenant of the user.
        found: String,
    },
    /// The user was never granted the application, or no longer is.
    #[error("tenant {tenant_id:?}: the user was not granted the application")]
    UnknownUser {
        /// The tenant.
        tenant_id: String,
        /// The account.
        user_name: Sensitive,
    },
    /// The user is disabled.
    #[error("tenant {tenant_id:?}: the user is disabled")]
    DisabledUser {
        /// The tenant.
        tenant_id: String,
        /// The account.
        user_name: Sensitive,
    },
}

/// A problem of a parameter of the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackProblem {
    /// Absent or empty.
    Missing,
    /// There twice.
    Repeated,
    /// Not percent-encoded UTF-8.
    NotText,
    /// Longer than the center makes it.
    TooLong,
}

impl fmt::Display for CallbackProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Repeated => "is there twice",
            Self::NotText => "is not text",
            Self::TooLong => "is too long",
        })
    }
}

impl LoginError {
    /// Returns whether the user may succeed with a new login, without a repair. A code or ticket works once;
    /// never send it again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Denied(_) | Self::StateMismatch | Self::Directory(_) => true,
            Self::NoAnswer { source, .. } => !matches!(source, TransportError::NoTls),
            Self::Center { error, .. } => error.is_retryable(),
            _ => false,
        }
    }

    /// Returns advice for the developer.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Callback { .. } => "let the user log in again; only the login page leads to the callback address",
            Self::Denied(_) => "let the user log in again",
            Self::StateMismatch => {
                "keep the state in the session before the browser is sent away; cookies must survive the way through the login page and the workbench's frame"
            }
            Self::UnknownTenant(_) => {
                "answer tenantSync and applicationSync with success only once they are stored, also those with an empty instanceId; have the tenant bind the application again"
            }
            Self::Directory(_) => "look at the store",
            Self::Center { error, .. } => error.cause.hint(),
            Self::NoAnswer { source: TransportError::NoTls, .. } => "build the HTTP client with TLS",
            Self::NoAnswer { .. } => {
                "check that the server may reach the tenant's domain name; let the user log in again"
            }
            Self::TenantMismatch { .. } => {
                "refuse the login: either the callback was tampered with, or the tenant's stored domain name belongs to another"
            }
            Self::UnknownUser { .. } => {
                "have the administrator of the tenant grant the application to the user, which sends authSync"
            }
            Self::DisabledUser { .. } => "have the administrator of the tenant enable the user, which sends authSync",
        }
    }
}
