//! Early ends of a check.

use super::report::Failure;
use super::symptom::Symptom;
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
        Self::Failed(Failure::new(expected, got, cause))
    }

    pub(super) fn not_run(why: &str) -> Self {
        Self::NotRun(why.to_owned())
    }

    /// Sets the advice, where that of the check is about another mistake.
    pub(super) fn advise(self, advice: &'static str) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure { advice: Some(advice), ..failure }),
            not_run => not_run,
        }
    }

    /// Replaces the likely mistake.
    pub(super) fn because(self, cause: impl Into<String>) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure { cause: cause.into(), ..failure }),
            not_run => not_run,
        }
    }

    /// Sets the kind of the violation.
    pub(super) fn with(self, symptom: Symptom) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure { symptom, ..failure }),
            not_run => not_run,
        }
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        let cause = match &error {
            TargetError::Dns(_) | TargetError::Connect(_) | TargetError::ConnectTimeout(_) => {
                "the endpoint is down, or unreachable from here".to_owned()
            }
            TargetError::Forbidden(_) => "the name resolves to an address that the marketplace never calls".to_owned(),
            TargetError::Tls(error) => format!("no secure connection: {}", error.hint()),
            TargetError::Timeout(_) => "the endpoint hangs".to_owned(),
            TargetError::Panicked | TargetError::CutOff(_) => "the endpoint's code crashed while answering".to_owned(),
            TargetError::TooLarge(_) => "the endpoint sends something other than an answer".to_owned(),
            TargetError::NotHttp(_) => "something other than an HTTP server listens there".to_owned(),
        };
        let expected = if matches!(error, TargetError::Tls(_)) { "a secure connection" } else { "an answer" };
        Self::failed(expected, error.to_string(), cause).with(error.symptom().unwrap_or_default())
    }
}
