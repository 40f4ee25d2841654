//! Serialization of answers, checked against their tables.

use bytes::Bytes;

use crate::activity::Activity;
use crate::protocol::Protocol;
use crate::result_code::ResultCode;
use crate::saas::Acknowledgement;
use crate::text::json;
use crate::wire::{Answer, Checks, Violation};

/// The rules that an answer has to keep.
#[derive(Clone, Copy)]
pub(in crate::callback) struct AnswerRules {
    activity: Option<Activity>,
    ascii_only: bool,
}

impl AnswerRules {
    /// Returns the rules of an activity; with none, those that every activity allows.
    pub(in crate::callback) fn new(protocol: Protocol, activity: Option<Activity>) -> Self {
        Self { activity, ascii_only: protocol.has_ascii_answers() }
    }

    /// Returns the strictest rules, for a request of no protocol.
    pub(in crate::callback) fn strictest() -> Self {
        Self { activity: None, ascii_only: true }
    }

    /// Checks an answer and serializes it.
    pub(in crate::callback) fn write(self, answer: &impl Answer) -> Result<Bytes, Violation> {
        Checks::run(answer, self.activity, self.ascii_only)?;
        // Serializing plain data into memory does not fail; if it did, an empty body would be refused by the marketplace.
        Ok(json::to_ascii(answer).unwrap_or_default())
    }

    /// Writes success without any data.
    pub(in crate::callback) fn acknowledge(self) -> Result<Bytes, Violation> {
        self.write(&Acknowledgement::new(ResultCode::Success))
    }
}
