//! Interpretation of answers by the marketplace.

use std::fmt;

use serde_json::Value;

use crate::target::TargetError;

/// Outcome of a call, as the marketplace sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryOutcome {
    /// `000000`: done, no retry.
    Done {
        /// The instance, if the answer contains it.
        instance_id: Option<String>,
    },
    /// `000004`: the seller is still working on it. V1.0 counts this as a failure.
    Processing {
        /// The instance, if the answer contains it.
        instance_id: Option<String>,
    },
    /// Any other code; the call is retried.
    Refused {
        /// The code.
        code: String,
    },
    /// Not an answer of the documented form: HTTP 200 with a JSON object that has a `resultCode`. The call is retried.
    Unreadable {
        /// The HTTP status.
        status: u16,
    },
    /// V1.0 only: the answer is unsigned or its signature is invalid. The call is retried, whatever the answer says.
    Unsigned,
    /// There is no answer; the call is retried.
    Unanswered {
        /// The reason.
        error: TargetError,
    },
}

impl DeliveryOutcome {
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

    /// Returns whether the call is not retried.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Processing { .. })
    }

    /// Returns the result code, if the answer has one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Done { .. } => Some("000000"),
            Self::Processing { .. } => Some("000004"),
            Self::Refused { code } => Some(code),
            _ => None,
        }
    }

    /// Returns the instance, if the answer contains it.
    pub fn instance_id(&self) -> Option<&str> {
        match self {
            Self::Done { instance_id } | Self::Processing { instance_id } => instance_id.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for DeliveryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { status } => write!(f, "HTTP status {status}, without a JSON resultCode"),
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
