//! Checking an answer against the document's table before it leaves.

use serde::Serialize;

use crate::activity::Activity;
use crate::amount::{Amount, LARGEST_USAGE};
use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;

/// An answer that breaks the document's table: a fault of the seller's code, found before the marketplace finds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("answer field {field:?} {kind}")]
#[non_exhaustive]
pub struct Violation {
    /// Name on the wire.
    pub field: &'static str,
    /// The problem.
    pub kind: ViolationKind,
}

impl Violation {
    /// Creates a violation, for tests.
    pub fn new(field: &'static str, kind: ViolationKind) -> Self {
        Self { field, kind }
    }
}

/// A problem of an answer's field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViolationKind {
    /// Mandatory and empty.
    #[error("is mandatory and empty")]
    Empty,
    /// Longer than the marketplace takes.
    #[error("has {length} characters where {max} are allowed")]
    TooLong {
        /// Characters found.
        length: usize,
        /// Characters allowed.
        max: usize,
    },
    /// V1.0 allows characters outside ASCII in `memo` only.
    #[error("holds characters outside ASCII, which V1.0 allows in `memo` only")]
    NotAscii,
    /// No usage of a document's form.
    #[error("is not a number from 0 to 99999999.9999 with at most four decimals")]
    NotUsage,
    /// A time that the form cannot tell.
    #[error("is a time whose year has not four digits")]
    NotATime,
    /// The code is not in the callback's table.
    #[error("is {0}, which the documents do not know for this callback")]
    CodeNotAllowed(ResultCode),
}

/// A response model.
pub(crate) trait Answer: Serialize {
    fn check(&self, checks: &mut Checks);
}

/// Runs the checks of one answer and remembers the first violation.
pub(crate) struct Checks {
    activity: Option<Activity>,
    ascii_only: bool,
    violation: Option<Violation>,
}

impl Checks {
    /// `activity` is unknown where a call was refused before it could be read.
    pub(crate) fn run(answer: &impl Answer, activity: Option<Activity>, ascii_only: bool) -> Result<(), Violation> {
        let mut checks = Self { activity, ascii_only, violation: None };
        answer.check(&mut checks);
        checks.violation.map_or(Ok(()), Err)
    }

    pub(crate) fn code(&mut self, code: ResultCode) {
        if self.activity.is_some_and(|activity| !code.allowed_for(activity)) {
            self.found("resultCode", ViolationKind::CodeNotAllowed(code));
        }
    }

    pub(crate) fn mandatory(&mut self, field: &'static str, text: &str, max: usize) {
        if text.is_empty() {
            self.found(field, ViolationKind::Empty);
        }
        self.optional(field, Some(text), max);
    }

    pub(crate) fn optional(&mut self, field: &'static str, text: Option<&str>, max: usize) {
        self.memo(field, text, max);
        if self.ascii_only && text.is_some_and(|text| !text.is_ascii()) {
            self.found(field, ViolationKind::NotAscii);
        }
    }

    /// As `optional`, with characters outside ASCII allowed in every generation.
    pub(crate) fn memo(&mut self, field: &'static str, text: Option<&str>, max: usize) {
        let length = text.filter(|text| text.len() > max).map_or(0, |text| text.chars().count());
        if length > max {
            self.found(field, ViolationKind::TooLong { length, max });
        }
    }

    pub(crate) fn usage(&mut self, field: &'static str, amount: Amount) {
        const LARGEST: i128 = LARGEST_USAGE as i128;
        if !matches!(amount.ten_thousandths(), Some(0..=LARGEST)) {
            self.found(field, ViolationKind::NotUsage);
        }
    }

    pub(crate) fn time(&mut self, field: &'static str, time: Timestamp) {
        if time.to_offset_date_time().is_none() {
            self.found(field, ViolationKind::NotATime);
        }
    }

    fn found(&mut self, field: &'static str, kind: ViolationKind) {
        self.violation.get_or_insert(Violation { field, kind });
    }
}
