//! What the marketplace's answer to a push means for each of its records.

use super::{Outcome, Refusal};
use crate::open_api::push_usage::{Disposition, RecordCode, RejectedRecord, Response, UsageRecord};
use crate::open_api::{ApiErrorKind, CallError};
use crate::timestamp::Timestamp;

/// The answer to a push, as far as it tells the records apart.
pub(super) enum Verdict {
    /// An outcome per record, in order.
    Each(Vec<Outcome>),
    /// Some were refused, and nobody knows which: send fewer at once.
    Unclear,
}

/// Reads an answer. Records of which it says nothing were taken.
pub(super) fn verdict(records: &[UsageRecord], response: Response, retry_at: Timestamp) -> Verdict {
    let Some(rejected) = response.rejected else {
        return Verdict::Each(vec![Outcome::Delivered; records.len()]);
    };
    if rejected.is_empty() {
        return refused(records, PARTIAL, None);
    }
    let mut outcomes = vec![Outcome::Delivered; records.len()];
    for rejection in rejected {
        let Some(index) = find(records, &rejection) else {
            return Verdict::Unclear;
        };
        outcomes[index] = outcome(rejection, retry_at);
    }
    Verdict::Each(outcomes)
}

/// Reads an error: a push that was refused for what it says holds a record that spoils it. Every other error says nothing
/// about the records.
pub(super) fn verdict_of_error(records: &[UsageRecord], error: &CallError) -> Option<Verdict> {
    let error = match error {
        CallError::Api(error) => error,
        // It was not even sent, and nor are the others until it is found.
        CallError::Limit { source, .. } => return Some(refused(records, LIMIT, Some(source.to_string()))),
        _ => return None,
    };
    match &error.kind {
        ApiErrorKind::Refused { code, message, .. } if ABOUT_CONTENT.contains(&code.as_str()) => {
            Some(refused(records, code, Some(message.clone())))
        }
        _ => None,
    }
}

/// Codes of parameters and of records; those of the caller, the seller or the server are not among them.
const ABOUT_CONTENT: [&str; 7] = ["MKT.0100", "MKT.0101", "MKT.0199", "MKT.9001", "MKT.9002", "MKT.9003", "MKT.9004"];

/// What stands in place of the marketplace's code for a record that breaks a documented limit.
const LIMIT: &str = "limit";

/// Some records were refused; the answer does not say which.
const PARTIAL: &str = "94060999";

fn refused(records: &[UsageRecord], code: &str, description: Option<String>) -> Verdict {
    match records {
        [_] => Verdict::Each(vec![Outcome::Fix(Refusal { code: RecordCode::new(code), description })]),
        _ => Verdict::Unclear,
    }
}

/// The record that a rejection is about: by its number, or by its instance if that has one record only.
fn find(records: &[UsageRecord], rejection: &RejectedRecord) -> Option<usize> {
    let only = |is_it: &dyn Fn(&UsageRecord) -> bool| {
        let mut found = records.iter().enumerate().filter(|(_, record)| is_it(record));
        found.next().filter(|_| found.next().is_none()).map(|(index, _)| index)
    };
    match (&rejection.metering_sn, &rejection.instance_id) {
        _ if records.len() == 1 => Some(0),
        (Some(sn), _) => only(&|record| record.metering_sn == *sn),
        (None, Some(id)) => only(&|record| record.instance_id == *id),
        (None, None) => None,
    }
}

fn outcome(rejection: RejectedRecord, retry_at: Timestamp) -> Outcome {
    let refusal = Refusal { code: rejection.code, description: rejection.description };
    match refusal.code.meaning().1 {
        Disposition::Delivered => Outcome::Delivered,
        Disposition::Retry => Outcome::Retry { at: retry_at, refusal: Some(refusal) },
        Disposition::Fix => Outcome::Fix(refusal),
        Disposition::Dead => Outcome::Dead(refusal),
    }
}
