//! The store of usage.

use futures_util::future::BoxFuture;
use koogallery::lease::Lease;
use koogallery::metering::{
    Correction, Cycle, Entry, MeteringError, RecordOutcome, RecordState, Recorded, RunningTotal, StatementLine,
    StatementMonth, Status, StoredRecord, Total, UsageStore,
};
use koogallery::open_api::push_usage::UsageRecord;
use koogallery::timestamp::Timestamp;

use super::{Stores, now};
use crate::Bug;
use crate::simulation::{Injected, Simulation};

fn fail(injected: Injected) -> MeteringError {
    MeteringError::store(injected)
}

/// Returns ten-thousandths.
fn sum(totals: &[&Total]) -> i64 {
    let each = totals.iter().map(|total| total.usage.ten_thousandths().unwrap_or_default());
    i64::try_from(each.sum::<i128>()).unwrap_or(i64::MAX)
}

/// Checks that the store still has all usage, wherever it stands.
fn check(simulation: &Simulation) -> Result<(), MeteringError> {
    let status = now(simulation.usage.status(Timestamp::from_unix_millis(0)), fail)?;
    let Status { open, pending, delivered, held, fix, dead, .. } = &status;
    simulation.monitor().check_usage(sum(&[open, pending, delivered, held, fix, dead]));
    Ok(())
}

/// Checks that the marketplace has the records that count as delivered.
fn check_evidence(simulation: &Simulation, outcomes: &[(String, RecordOutcome)]) {
    let delivered: Vec<&String> =
        outcomes.iter().filter(|(_, outcome)| *outcome == RecordOutcome::Delivered).map(|(sn, _)| sn).collect();
    if delivered.is_empty() {
        return;
    }
    let taken = simulation.open_api.usage();
    for sn in delivered {
        if !taken.iter().any(|usage| usage.metering_sn.as_ref() == Some(sn)) {
            let what = format!("record {sn} counts as delivered, and the marketplace does not have it");
            simulation.monitor().violate(crate::Invariant::DeliveredWithEvidence, what);
        }
    }
}

impl UsageStore for Stores {
    fn record(&self, mut entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>> {
        let stores = self.clone();
        self.operate("usage record", None, fail, move |simulation| {
            if simulation.has(Bug::UsageNotStored) && simulation.rng.chance(50) {
                return Ok(vec![Recorded::First; entries.len()]);
            }
            if simulation.has(Bug::UsageCountedTwice) {
                entries.iter_mut().for_each(|entry| entry.usage.usage_id = None);
            }
            let recorded = now(simulation.usage.record(entries), fail)?;
            simulation.monitor().note(stores.owner, format_args!("usage recorded: {recorded:?}"));
            check(simulation)?;
            Ok(recorded)
        })
    }

    fn totals<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<RunningTotal>, MeteringError>> {
        let id = id.to_owned();
        self.operate("usage totals", None, fail, move |simulation| now(simulation.usage.totals(&id), fail))
    }

    fn begin_cycle<'a>(&'a self, id: &'a str, at: Timestamp) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let id = id.to_owned();
        self.operate("usage cycle", None, fail, move |simulation| now(simulation.usage.begin_cycle(&id, at), fail))
    }

    fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        self.operate("usage close", None, fail, move |simulation| {
            let closed = now(simulation.usage.close_periods(until), fail)?;
            if closed > 0 {
                check(simulation)?;
            }
            Ok(closed)
        })
    }

    fn close_instance<'a>(&'a self, id: &'a str, end: Timestamp) -> BoxFuture<'a, Result<usize, MeteringError>> {
        let id = id.to_owned();
        self.operate("usage close instance", None, fail, move |simulation| {
            now(simulation.usage.close_instance(&id, end), fail)
        })
    }

    fn claim(
        &self,
        lease: Lease,
        _asked: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UsageRecord>, MeteringError>> {
        self.operate("usage claim", None, fail, move |simulation| {
            let at = simulation.scheduler.now();
            let claimed = now(simulation.usage.claim(lease, at, limit), fail)?;
            if simulation.has(Bug::DeliveredTooEarly) {
                let outcomes: Vec<_> =
                    claimed.iter().map(|record| (record.metering_sn.clone(), RecordOutcome::Delivered)).collect();
                check_evidence(simulation, &outcomes);
                now(simulation.usage.settle(lease, at, outcomes), fail)?;
            }
            Ok(claimed)
        })
    }

    fn claim_held(
        &self,
        lease: Lease,
        _asked: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredRecord>, MeteringError>> {
        self.operate("usage claim held", None, fail, move |simulation| {
            now(simulation.usage.claim_held(lease, simulation.scheduler.now(), limit), fail)
        })
    }

    fn settle(
        &self,
        lease: Lease,
        asked: Timestamp,
        outcomes: Vec<(String, RecordOutcome)>,
    ) -> BoxFuture<'_, Result<(), MeteringError>> {
        let stores = self.clone();
        self.operate("usage settle", None, fail, move |simulation| {
            check_evidence(simulation, &outcomes);
            for (sn, outcome) in &outcomes {
                simulation.monitor().note(stores.owner, format_args!("usage record {sn}: {outcome:?}"));
            }
            now(simulation.usage.settle(lease, asked, outcomes), fail)?;
            check(simulation)
        })
    }

    fn correct<'a>(
        &'a self,
        sn: &'a str,
        correction: Correction,
        cycle: Cycle,
        asked: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let sn = sn.to_owned();
        self.operate("usage correct", None, fail, move |simulation| {
            now(simulation.usage.correct(&sn, correction, cycle, asked), fail)
        })
    }

    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>> {
        self.operate("usage status", None, fail, move |simulation| now(simulation.usage.status(risky_before), fail))
    }

    fn statement<'a>(
        &'a self,
        month: StatementMonth,
        after: Option<&'a StatementLine>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StatementLine>, MeteringError>> {
        let after = after.cloned();
        self.operate("usage statement", None, fail, move |simulation| {
            now(simulation.usage.statement(month, after.as_ref(), limit), fail)
        })
    }

    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>> {
        let after = after.map(str::to_owned);
        self.operate("usage records", None, fail, move |simulation| {
            now(simulation.usage.records(state, after.as_deref(), limit), fail)
        })
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        self.operate("usage forget", None, fail, move |simulation| now(simulation.usage.forget(before), fail))
    }
}
