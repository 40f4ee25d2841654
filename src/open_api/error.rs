//! Why a call failed, and what to do about it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

/// A call of an open API that did not succeed.
///
/// Its text names the API, the HTTP status, the marketplace's code with its meaning, and the request id, and holds neither
/// secrets nor what was sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub struct ApiError {
    /// The API called.
    pub api: &'static str,
    /// What went wrong.
    pub kind: ApiErrorKind,
    /// The HTTP status of the answer.
    pub status: StatusCode,
    /// Whether the same request may be sent again.
    pub retry: Retry,
    /// The gateway's id of the request, where it gave one; the marketplace's support asks for it.
    pub request_id: Option<String>,
}

/// What went wrong with a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The marketplace refused.
    Refused {
        /// Its code, blanks removed.
        code: String,
        /// Its text; unstable, for people only.
        message: String,
        /// What the documents say about the code, if they know it.
        meaning: Option<&'static str>,
    },
    /// The gateway in front of the marketplace refused.
    Gateway {
        /// Its code.
        code: String,
        /// Its text; for a wrong signature it holds the gateway's canonical request, see
        /// [`aksk::difference`](crate::signature::aksk::difference).
        message: String,
        /// What the documents say about the code.
        meaning: &'static str,
    },
    /// The answer is no JSON object, or has no code: a proxy's page, a cut-off body.
    UnexpectedContent {
        /// The answer's content type.
        content_type: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The code says success, and the rest is not in the documented form.
    Malformed(Arc<dyn Error + Send + Sync>),
}

/// Whether the same request may be sent again, without change but for its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// It would fail again.
    No,
    /// Later, with growing pauses.
    BackOff,
}

impl ApiError {
    /// Whether the same request may be sent again, later.
    pub fn is_retryable(&self) -> bool {
        self.retry == Retry::BackOff
    }

    /// The code of the marketplace or its gateway, if the answer has one.
    pub fn code(&self) -> Option<&str> {
        match &self.kind {
            ApiErrorKind::Refused { code, .. } | ApiErrorKind::Gateway { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: HTTP {}", self.api, self.status.as_u16())?;
        match &self.kind {
            ApiErrorKind::Refused { code, meaning, .. } => {
                write!(f, ", {code} ({})", meaning.unwrap_or("a code that the documents do not list"))?;
            }
            ApiErrorKind::Gateway { code, meaning, .. } => write!(f, ", gateway code {code} ({meaning})")?,
            ApiErrorKind::UnexpectedContent { content_type, length } => {
                write!(f, ", {length} bytes of {content_type} in place of a JSON answer")?;
            }
            ApiErrorKind::Malformed(error) => write!(f, ", success in another form than documented: {error}")?,
        }
        match &self.request_id {
            Some(id) => write!(f, ", request id {id}"),
            None => Ok(()),
        }
    }
}
