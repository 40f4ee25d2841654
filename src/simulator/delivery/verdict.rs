//! What the marketplace makes of an answer.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

/// What an answer means for the call. Whether its signature is right is not asked here.
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
        status: StatusCode,
    },
}

impl Verdict {
    pub(super) fn of(response: &Response<Bytes>, takes_processing: bool) -> Self {
        let unreadable = Self::Unreadable { status: response.status() };
        let answer: Option<Value> = serde_json::from_slice(response.body()).ok();
        let Some(answer) = answer.filter(|_| response.status() == StatusCode::OK) else { return unreadable };
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
}
