//! Checks of usage that the seller pushes to the [`OpenApiServer`](crate::OpenApiServer): content, and retries after a
//! failure.

use std::collections::{HashMap, HashSet};

use crate::open_api_server::{OpenApiCall, Operation, SentRecord};
use crate::session::{Checked, Session, Stop};
use koogallery::open_api::push_usage::{Disposition, RecordCode};

/// Returns the pushes so far.
fn pushes(session: &Session) -> Result<Vec<OpenApiCall>, Stop> {
    let open_api = session.author.open_api.as_ref().ok_or_else(|| Stop::not_run("no open-API server is set"))?;
    let pushes: Vec<_> =
        open_api.log().into_iter().filter(|call| call.operation == Some(Operation::PushUsage)).collect();
    match pushes.is_empty() {
        true => Err(Stop::not_run("no usage was pushed")),
        false => Ok(pushes),
    }
}

/// Returns whether the seller cannot know the result of the push, or has to retry.
fn has_failed(call: &OpenApiCall) -> bool {
    let status = call.status.map(|status| status.as_u16());
    let is_cut = call.faults.iter().any(|fault| fault.starts_with("truncated"));
    is_cut || status.is_none_or(|status| status == 429 || status >= 500)
}

fn disposition(record: &SentRecord) -> Disposition {
    record.code.as_deref().map_or(Disposition::Delivered, |code| RecordCode::new(code).meaning().1)
}

fn named(record: &SentRecord) -> String {
    format!("record {:?} of instance {:?}", record.metering_sn, record.instance_id)
}

pub(super) async fn fit(session: &mut Session) -> Checked {
    let mut known: HashMap<String, SentRecord> = HashMap::new();
    for call in pushes(session)? {
        for record in &call.records {
            let Some(number) = record.metering_sn.clone() else {
                return Err(Stop::failed("a metering_sn in every record", named(record), "records have no unique id"));
            };
            match known.get(&number) {
                Some(first) if first.usage() != record.usage() => {
                    return Err(Stop::failed(
                        "one metering_sn for one instance and period",
                        format!("{} for another period", named(record)),
                        "ids of records are not unique: the second is treated as a repeat and never charged",
                    ));
                }
                _ => drop(known.insert(number, record.clone())),
            }
            // Refusals caused by a fault say nothing about the seller.
            let is_wrong =
                call.faults.is_empty() && matches!(disposition(record), Disposition::Dead | Disposition::Fix);
            if let (true, Some(code)) = (is_wrong, record.code.as_deref()) {
                let why = RecordCode::new(code).meaning().0;
                return Err(Stop::failed(
                    "records that the marketplace accepts",
                    format!("{}: {code}, {why}", named(record)),
                    "usage is reported that cannot be charged",
                ));
            }
        }
        if call.faults.is_empty() && !call.is_taken() && call.records.iter().all(|record| record.code.is_none()) {
            let why = call.explanation.first().map(|why| format!(": {why}")).unwrap_or_default();
            return Err(Stop::failed(
                "a push that the marketplace accepts",
                format!("{}{why}", call.code),
                "whole pushes are refused: check their signature, size and form",
            ));
        }
    }
    Ok(())
}

pub(super) async fn again_after_failures(session: &mut Session) -> Checked {
    let mut patience = session.patience();
    loop {
        let open = open_records(&pushes(session)?)?;
        match open {
            None => return Err(Stop::not_run("no push failed: add faults to the open-API server")),
            Some(open) if open.is_empty() => return Ok(()),
            Some(open) => {
                if !patience.pause().await {
                    return Err(Stop::failed(
                        "records of a failed push are retried",
                        format!("{} were not", named(&open[0])),
                        "a failed push is not retried, and its usage is never charged",
                    ));
                }
            }
        }
    }
}

/// Returns the records still to be retried; none if no push failed.
fn open_records(pushes: &[OpenApiCall]) -> Result<Option<Vec<SentRecord>>, Stop> {
    let mut delivered: HashSet<[&str; 3]> = HashSet::new();
    let mut open: HashMap<[&str; 3], &SentRecord> = HashMap::new();
    let mut has_any_failed = false;
    for call in pushes {
        for record in &call.records {
            if delivered.contains(&record.usage()) {
                return Err(Stop::failed(
                    "accepted or already reported records are not sent again",
                    named(record),
                    "\"reported before\" is treated as a failure",
                ));
            }
            let first = open.remove(&record.usage());
            if let Some(first) = first.filter(|first| first.metering_sn != record.metering_sn) {
                return Err(Stop::failed(
                    "the same metering_sn in every attempt",
                    format!("{:?} instead of {:?}", record.metering_sn, first.metering_sn),
                    "a retried record gets another id: it counts twice if the first attempt had arrived",
                ));
            }
            let comes_again = has_failed(call) || disposition(record) == Disposition::Retry;
            has_any_failed |= comes_again;
            if comes_again {
                open.insert(record.usage(), record);
            } else if disposition(record) == Disposition::Delivered && call.is_answered_per_record() {
                delivered.insert(record.usage());
            }
        }
    }
    Ok(has_any_failed.then(|| open.into_values().cloned().collect()))
}
