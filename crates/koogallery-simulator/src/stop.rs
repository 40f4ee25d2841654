//! Early ends of a check.

use super::report::Failure;
use super::target::TargetError;

/// Reason why a check ended early.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Failed(Failure),
    NotRun(String),
}

pub(super) type Checked = Result<(), Stop>;

impl Stop {
    pub(super) fn failed(expected: impl Into<String>, got: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Failed(Failure { expected: expected.into(), got: got.into(), cause: cause.into() })
    }

    pub(super) fn not_run(why: &str) -> Self {
        Self::NotRun(why.to_owned())
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        let cause = match &error {
            TargetError::Dns(_) | TargetError::Connect(_) | TargetError::ConnectTimeout(_) => {
                "the endpoint is down, or unreachable from here"
            }
            TargetError::Forbidden(_) => "the name resolves to an address that the marketplace never calls",
            TargetError::Tls(error) => {
                let cause = format!("no secure connection: {}", error.hint());
                return Self::failed("a secure connection", error.to_string(), cause);
            }
            TargetError::Timeout(_) => "the endpoint hangs",
            TargetError::Panicked | TargetError::CutOff(_) => "the endpoint's code crashed while answering",
            TargetError::TooLarge(_) => "the endpoint sends something other than an answer",
            TargetError::NotHttp(_) => "something other than an HTTP server listens there",
        };
        Self::failed("an answer", error.to_string(), cause)
    }
}
