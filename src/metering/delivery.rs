//! The outcome of each record, read from the marketplace's answer to a push.

use super::{RecordOutcome, RecordRefusal};
use crate::open_api::push_usage::{Disposition, RecordCode, RecordFate, RejectedRecord, Response, UsageRecord};
use crate::open_api::{ApiErrorKind, CallError};
use crate::timestamp::Timestamp;

/// The answer to a push.
pub(super) enum Verdict {
    /// An outcome per record, in order; `None` where the answer leaves it open.
    Each(Vec<Option<RecordOutcome>>),
    /// The push has too many records; nothing was taken.
    TooMany,
}

/// Reads an answer.
pub(super) fn verdict(records: &[UsageRecord], response: &Response, retry_at: Timestamp) -> Verdict {
    let outcome = |fate| match fate {
        RecordFate::Taken => Some(RecordOutcome::Delivered),
        RecordFate::Refused(refused) => Some(outcome(refused, retry_at)),
        RecordFate::Unclear => None,
    };
    Verdict::Each(response.fates(records).into_iter().map(outcome).collect())
}

/// Reads an error: a push that was refused for its content holds a record that spoils it, and it is clear which one
/// where there is one only. Every other error says nothing about the records.
pub(super) fn verdict_of_error(records: &[UsageRecord], error: &CallError) -> Option<Verdict> {
    let CallError::Api(error) = error else { return None };
    let ApiErrorKind::Refused { code, message, .. } = &error.kind else { return None };
    let unclear = || Some(Verdict::Each(vec![None; records.len()]));
    match (error.number().unwrap_or(code), records) {
        (TOO_MANY, [_, _, ..]) => Some(Verdict::TooMany),
        (number, [_]) if ABOUT_CONTENT.contains(&number) => {
            let refusal = RecordRefusal { code: RecordCode::new(code), description: Some(message.clone()) };
            Some(Verdict::Each(vec![Some(RecordOutcome::Fix(refusal))]))
        }
        (number, _) if ABOUT_CONTENT.contains(&number) => unclear(),
        (number, _) if UNREADABLE.contains(&number) && !error.status.is_server_error() => unclear(),
        _ => None,
    }
}

/// Numbers of codes of parameters and of records; those of the caller, the seller or the server are not among them.
const ABOUT_CONTENT: [&str; 6] = ["0100", "0101", "0199", "9001", "9002", "9004"];

/// Codes of the push whose texts could not be read, of parameters and records among others.
const UNREADABLE: [&str; 7] = ["94060003", "94060004", "94060005", "94060006", "94060007", "94060008", "94060009"];

const TOO_MANY: &str = "9003";

fn outcome(refused: &RejectedRecord, retry_at: Timestamp) -> RecordOutcome {
    let refusal = RecordRefusal { code: refused.code.clone(), description: refused.description.clone() };
    match refusal.code.meaning().1 {
        Disposition::Delivered => RecordOutcome::Delivered,
        Disposition::Retry => RecordOutcome::Retry { at: retry_at, refusal: Some(refusal) },
        Disposition::Fix => RecordOutcome::Fix(refusal),
        Disposition::Dead => RecordOutcome::Dead(refusal),
    }
}

/// Returns the outcome of a record that breaks a documented limit: it is not sent, and waits to be corrected.
pub(super) fn limit_broken(record: &UsageRecord) -> Option<RecordOutcome> {
    /// Stands in place of the marketplace's code.
    const LIMIT: &str = "limit";

    let error = record.check().err()?;
    Some(RecordOutcome::Fix(RecordRefusal { code: RecordCode::new(LIMIT), description: Some(error.to_string()) }))
}
