//! What the marketplace makes of an answer.

use std::fmt;

use serde_json::Value;

use crate::target::TargetError;

/// What an answer means for the call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// `000000`: it is not repeated.
    Done {
        /// The instance, where the answer names it.
        instance_id: Option<String>,
    },
    /// `000004`: the seller is still at it. V1.0 counts this as a failure.
    Processing {
        /// The instance, where the answer names it.
        instance_id: Option<String>,
    },
    /// Any other code: it is repeated.
    Refused {
        /// The code.
        code: String,
    },
    /// No answer of the documented form: HTTP 200 with a JSON object that has a `resultCode`. It is repeated.
    Unreadable {
        /// The status.
        status: u16,
    },
    /// V1.0: the answer is not signed, or wrongly, whatever it says. It is repeated.
    Unsigned,
    /// No answer came. It is repeated.
    Unanswered {
        /// Why not.
        error: TargetError,
    },
}

impl Verdict {
    pub(super) fn of(status: u16, body: &[u8], takes_processing: bool) -> Self {
        let unreadable = Self::Unreadable { status };
        let answer: Option<Value> = serde_json::from_slice(body).ok();
        let Some(answer) = answer.filter(|_| status == 200) else { return unreadable };
        let instance_id = answer["instanceId"].as_str().map(str::to_owned);
        match answer["resultCode"].as_str() {
            Some("000000") => Self::Done { instance_id },
            Some("000004") if takes_processing => Self::Processing { instance_id },
            Some(code) => Self::Refused { code: code.to_owned() },
            None => unreadable,
        }
    }

    /// Whether the call is not made again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Processing { .. })
    }

    /// The result code, if the answer has one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Done { .. } => Some("000000"),
            Self::Processing { .. } => Some("000004"),
            Self::Refused { code } => Some(code),
            _ => None,
        }
    }

    /// The instance, where the answer names it.
    pub fn instance_id(&self) -> Option<&str> {
        match self {
            Self::Done { instance_id } | Self::Processing { instance_id } => instance_id.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { status } => write!(f, "HTTP status {status}, and no JSON with a resultCode"),
            Self::Unsigned => f.write_str("Body-Sign is missing or wrong"),
            Self::Unanswered { error } => error.fmt(f),
            _ => f.write_str(self.code().unwrap_or_default()),
        }?;
        match self.instance_id() {
            Some(id) => write!(f, ", instance {id}"),
            None => Ok(()),
        }
    }
}
