//! What was asked at the desk, for assertions and for the people in front of it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::Operation;
use crate::timestamp::Timestamp;

/// One request that arrived at the desk. It holds neither keys nor tokens nor bodies; a License code may stand in it, and
/// the address and the headers of a request that was signed wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// What was asked; `None` where no API has the path.
    pub operation: Option<Operation>,
    /// Method and path, without the query.
    pub request: String,
    /// What it was about, such as an order's id, once the request proved who sends it.
    pub about: String,
    /// The status of the answer; `None` where there was none.
    pub status: Option<StatusCode>,
    /// The code of the answer, where it has one; also of an answer that got lost.
    pub code: String,
    /// Why it was refused, a line each. A wrong signature is explained here line by line.
    pub explanation: Vec<String>,
    /// The faults that were switched on for it.
    pub faults: Vec<String>,
    /// How long the answer was held back.
    pub delay: Duration,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.request)?;
        if !self.about.is_empty() {
            write!(f, " about {}", self.about)?;
        }
        match self.status {
            Some(status) => write!(f, ": HTTP {}", status.as_u16())?,
            None => f.write_str(": no answer")?,
        }
        if !self.code.is_empty() {
            write!(f, ", {}", self.code)?;
        }
        if !self.faults.is_empty() {
            write!(f, " (fault: {})", self.faults.join(", "))?;
        }
        self.explanation.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
