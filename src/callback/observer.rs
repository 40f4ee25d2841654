//! Telling the seller what happened.

use std::fmt;
use std::time::Duration;

use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::result_code::ResultCode;
use crate::text::chain::Chain;

/// Is told of every exchange, and of failures that came too late for their answer.
///
/// Called on the way of the answer: it must not block. What it is given holds no keys, no signatures and no personal
/// data.
pub trait Observer: Send + Sync + 'static {
    /// A call was answered.
    fn exchange(&self, exchange: &Exchange<'_>);

    /// Work failed whose call had been answered before ("still processing").
    fn late_failure(&self, failure: &LateFailure<'_>);
}

/// One call and its answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// The protocol spoken, if the request spoke one.
    pub protocol: Option<Protocol>,
    /// What the call was about, once it was read.
    pub activity: Option<Activity>,
    /// Whether it was a debugging or dial-test call.
    pub test_call: bool,
    /// Whether the answer to an earlier copy was given again.
    pub repeated: bool,
    /// The code answered.
    pub result_code: ResultCode,
    /// Why it is not success.
    pub error: Option<&'a CallbackError>,
    /// How long the answer took, by the service's clock.
    pub duration: Duration,
}

/// A failure after the answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct LateFailure<'a> {
    /// What was to be done.
    pub action: &'a str,
    /// The order or instance concerned.
    pub subject: &'a str,
    /// What went wrong. A retry of the marketplace will run the handler again.
    pub error: &'a CallbackError,
}

impl fmt::Display for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Some(protocol) => write!(f, "{protocol} ")?,
            None => f.write_str("unknown protocol ")?,
        }
        f.write_str(self.activity.map_or("call", Activity::as_str))?;
        write!(f, " answered {} in {} ms", self.result_code, self.duration.as_millis())?;
        if self.test_call {
            f.write_str(" (test call)")?;
        }
        if self.repeated {
            f.write_str(" (repeated)")?;
        }
        self.error.map_or(Ok(()), |error| write!(f, ": {}", Chain(error)))
    }
}

impl fmt::Display for LateFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {} {} failed after the answer: {}", self.action, self.subject, Chain(self.error))
    }
}

/// Writes a line to standard error for every call that was not answered with success; the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn exchange(&self, exchange: &Exchange<'_>) {
        if exchange.error.is_some() {
            eprintln!("koogallery: {exchange}");
        }
    }

    fn late_failure(&self, failure: &LateFailure<'_>) {
        eprintln!("koogallery: {failure}");
    }
}
