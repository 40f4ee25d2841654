//! Usage that the seller pushes to the [`Desk`](crate::Desk): what arrived there, and what came again after a
//! failure.

use std::collections::{HashMap, HashSet};

use crate::desk::{Call, Operation, SentRecord};
use crate::session::{Checked, Session, Stop};
use koogallery::open_api::push_usage::{Disposition, RecordCode};

/// The pushes so far.
fn pushes(session: &Session) -> Result<Vec<Call>, Stop> {
    let desk = session.author.desk.as_ref().ok_or_else(|| Stop::not_run("no desk takes usage"))?;
    let pushes: Vec<_> = desk.log().into_iter().filter(|call| call.operation == Some(Operation::PushUsage)).collect();
    match pushes.is_empty() {
        true => Err(Stop::not_run("no usage was pushed to the desk")),
        false => Ok(pushes),
    }
}

/// Whether the seller cannot know what became of the push, or has to come again.
fn has_failed(call: &Call) -> bool {
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
                        "ids of records are not unique: the second is taken for a repeat and never charged",
                    ));
                }
                _ => drop(known.insert(number, record.clone())),
            }
            // What a fault made up says nothing about the seller.
            let is_wrong =
                call.faults.is_empty() && matches!(disposition(record), Disposition::Dead | Disposition::Fix);
            if let (true, Some(code)) = (is_wrong, record.code.as_deref()) {
                let why = RecordCode::new(code).meaning().0;
                return Err(Stop::failed(
                    "records that the marketplace takes",
                    format!("{}: {code}, {why}", named(record)),
                    "usage is reported that is not charged",
                ));
            }
        }
        if call.faults.is_empty() && !call.is_taken() && call.records.iter().all(|record| record.code.is_none()) {
            let why = call.explanation.first().map(|why| format!(": {why}")).unwrap_or_default();
            return Err(Stop::failed(
                "a push that the marketplace takes",
                format!("{}{why}", call.code),
                "whole pushes are refused: see their signature, their size and their form",
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
            None => return Err(Stop::not_run("no push failed: switch faults on at the desk")),
            Some(open) if open.is_empty() => return Ok(()),
            Some(open) => {
                if !patience.pause().await {
                    return Err(Stop::failed(
                        "records of a failed push come again",
                        format!("{} did not", named(&open[0])),
                        "a push that failed is given up, and its usage is never charged",
                    ));
                }
            }
        }
    }
}

/// Those that still have to come again; none if no push failed.
fn open_records(pushes: &[Call]) -> Result<Option<Vec<SentRecord>>, Stop> {
    let mut delivered: HashSet<[&str; 3]> = HashSet::new();
    let mut open: HashMap<[&str; 3], &SentRecord> = HashMap::new();
    let mut has_any_failed = false;
    for call in pushes {
        for record in &call.records {
            if delivered.contains(&record.usage()) {
                return Err(Stop::failed(
                    "what was taken, or was reported before, is not sent again",
                    named(record),
                    "\"reported before\" is taken for a failure",
                ));
            }
            let first = open.remove(&record.usage());
            if let Some(first) = first.filter(|first| first.metering_sn != record.metering_sn) {
                return Err(Stop::failed(
                    "the same metering_sn at every try",
                    format!("{:?} instead of {:?}", record.metering_sn, first.metering_sn),
                    "a record that is sent again gets another id: it counts twice if the first try had arrived",
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
