//! The usage store in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::totals::{Additions, Begins, Moving, additions};
use super::{
    Correction, Cycle, Entry, MeteringError, RecordOutcome, RecordRefusal, RecordState, Recorded, RunningTotal,
    StatementLine, StatementMonth, Status, StoredRecord, Total, UsageStore, UsageSum,
};
use crate::amount::Amount;
use crate::lease::Lease;
use crate::open_api::push_usage::UsageRecord;
use crate::timestamp::Timestamp;

/// A usage store that lives as long as the process, for tests. Clones share what they have.
///
/// A seller's server must not use it: after a restart all usage that was not delivered would be lost.
///
/// ```
/// use koogallery::metering::{MemoryUsageStore, Meter, Usage};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let meter = Meter::new(MemoryUsageStore::new());
/// meter.record(Usage::new("inst-0001", "0.5".parse()?)).await?;
/// assert_eq!(meter.usage_info("inst-0001").await?[0].usage_value.to_string(), "0.5");
/// # Ok(())
/// # }
/// # futures_util::FutureExt::now_or_never(example()).unwrap().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryUsageStore {
    records: Arc<Mutex<Records>>,
}

/// Changes are made in the order in which nothing can fail half way.
#[derive(Debug, Default)]
struct Records {
    /// By instance, begin of the period and package.
    open: BTreeMap<(String, i64, Option<String>), OpenSum>,
    by_number: BTreeMap<String, Row>,
    /// With the times of their recording.
    ids: HashMap<String, Timestamp>,
    delivered: (u64, i64),
    /// Records delivered, by month, instance and package, and their usage.
    months: BTreeMap<(StatementMonth, String, Option<String>), (u64, i64)>,
    totals: Additions,
}

#[derive(Debug)]
struct OpenSum {
    period_end: Timestamp,
    first_at: Timestamp,
    amount: i64,
}

#[derive(Debug)]
struct Row {
    stored: StoredRecord,
    amount: i64,
    due_at: Timestamp,
    holder: Option<u128>,
    settled_at: Option<Timestamp>,
}

/// Records and usage that are delivered, waiting and refused, by instance and package.
type Lines = BTreeMap<(String, Option<String>), [(u64, i64); 3]>;

impl MemoryUsageStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn is_recorded(&self, usage_id: &str) -> bool {
        self.records().ids.contains_key(usage_id)
    }

    /// Records entries, unless the id of the first is known.
    pub(super) fn record_if_new(&self, entries: &[Entry]) -> Recorded {
        let mut records = self.records();
        let id = entries.first().and_then(|entry| entry.usage.usage_id.as_ref());
        if id.is_some_and(|id| records.ids.contains_key(id)) {
            return Recorded::Repeated;
        }
        records.record(entries);
        Recorded::First
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn record(&mut self, entries: &[Entry]) -> Vec<Recorded> {
        let recorded: Vec<Recorded> = entries.iter().map(|entry| self.is_new(entry)).collect();
        let mut begins = Begins::new();
        for (instance_id, related, begin) in self.totals.keys() {
            if related.is_empty() {
                begins.entry(instance_id.clone()).or_default().push(Timestamp::from_unix_millis(*begin));
            }
        }
        self.add_to_totals(additions(entries, &recorded, &begins));
        let new = entries.iter().zip(&recorded).filter(|(_, recorded)| **recorded == Recorded::First);
        new.for_each(|(entry, _)| self.add(entry));
        recorded
    }

    fn add_to_totals(&mut self, additions: Additions) {
        for (key, amount) in additions {
            let total = self.totals.entry(key).or_default();
            *total = total.saturating_add(amount);
        }
    }

    fn totals_of(&self, instance_id: &str) -> Vec<RunningTotal> {
        let total = |((_, related, begin), amount): (&(String, String, i64), &i64)| RunningTotal {
            related_instance_id: Some(related.clone()).filter(|related| !related.is_empty()),
            cycle_begin: Timestamp::from_unix_millis(*begin),
            ten_thousandths: *amount,
        };
        let totals = self.totals.range((instance_id.to_owned(), String::new(), i64::MIN)..);
        totals.take_while(|((owner, ..), _)| owner == instance_id).map(total).collect()
    }

    fn is_new(&mut self, entry: &Entry) -> Recorded {
        let Some(id) = &entry.usage.usage_id else { return Recorded::First };
        if self.ids.contains_key(id) {
            return Recorded::Repeated;
        }
        self.ids.insert(id.clone(), entry.recorded_at);
        Recorded::First
    }

    fn add(&mut self, entry: &Entry) {
        let (instance_id, amount) = (&entry.usage.instance_id, entry.ten_thousandths());
        let mut at = entry.at;
        loop {
            let (begin, period_end) = entry.period.around(at);
            let key = (instance_id.clone(), begin.as_unix_millis(), entry.usage.package_instance_id.clone());
            if let Some(sum) = self.open.get_mut(&key) {
                sum.amount = sum.amount.saturating_add(amount);
                return;
            }
            let of_instance = self.by_number.values().map(|row| &row.stored.record);
            let closed = of_instance.filter(|record| {
                record.instance_id == *instance_id && record.begin_time < period_end && record.end_time > at
            });
            match closed.map(|record| record.end_time).max() {
                Some(later) => at = later,
                None => {
                    self.open.insert(key, OpenSum { period_end, first_at: at, amount });
                    return;
                }
            }
        }
    }

    /// Makes records of the sums of periods, each an instance and a begin, with the end of the records. Their time is the one
    /// given, or their end.
    fn close(&mut self, periods: BTreeMap<(String, i64), Timestamp>, record_time: Option<Timestamp>) -> usize {
        let mut count = 0;
        for ((instance_id, begin), end) in periods {
            let now = record_time.unwrap_or(end);
            let is_of = |key: &&(String, i64, Option<String>)| key.0 == instance_id && key.1 == begin;
            let keys: Vec<_> = self.open.keys().filter(is_of).cloned().collect();
            let sums = keys.into_iter().filter_map(|key| self.open.remove_entry(&key)).map(to_sum).collect();
            for mut draft in UsageSum::into_drafts(sums, end) {
                while self.by_number.values().any(|row| {
                    let record = &row.stored.record;
                    record.instance_id == instance_id
                        && (record.begin_time, record.end_time) == (draft.begin, draft.end)
                }) || self.by_number.contains_key(&draft.metering_sn(&instance_id))
                {
                    draft.avoid_collision();
                }
                let record = draft.to_record(&instance_id, now);
                let row = Row {
                    stored: StoredRecord::new(record, RecordState::Pending),
                    amount: draft.ten_thousandths,
                    due_at: now,
                    holder: None,
                    settled_at: None,
                };
                self.by_number.insert(row.stored.record.metering_sn.clone(), row);
                count += 1;
            }
        }
        count
    }

    fn claim(&mut self, lease: Lease, now: Timestamp, state: RecordState, limit: usize) -> Vec<StoredRecord> {
        let is_due = |row: &&mut Row| row.stored.state == state && row.due_at <= now;
        let mut due: Vec<&mut Row> = self.by_number.values_mut().filter(is_due).collect();
        due.sort_by_key(|row| row.due_at);
        let claim = |row: &mut Row| {
            row.stored.attempts += 1;
            row.due_at = lease.end(now);
            row.holder = Some(lease.holder);
            row.stored.clone()
        };
        due.into_iter().take(limit).map(claim).collect()
    }

    fn settle(&mut self, lease: Lease, now: Timestamp, metering_sn: &str, outcome: RecordOutcome) {
        let is_delivered = outcome == RecordOutcome::Delivered;
        let settled = self.by_number.get_mut(metering_sn).filter(|row| {
            row.stored.state != RecordState::Delivered && (is_delivered || row.holder == Some(lease.holder))
        });
        let Some(row) = settled else { return };
        let (state, due_at, refusal) = match outcome {
            RecordOutcome::Delivered => (RecordState::Delivered, now, None),
            RecordOutcome::Retry { at, refusal } => (RecordState::Pending, at, refusal),
            RecordOutcome::Held { at } => (RecordState::Held, at, None),
            RecordOutcome::Fix(refusal) => (RecordState::Fix, now, Some(refusal)),
            RecordOutcome::Dead(refusal) => (RecordState::Dead, now, Some(refusal)),
        };
        (row.stored.state, row.due_at, row.holder, row.settled_at) = (state, due_at, None, Some(now));
        if let Some(RecordRefusal { code, description }) = refusal {
            let before = row.stored.refusal.take().and_then(|refusal| refusal.description);
            row.stored.refusal = Some(RecordRefusal { code, description: description.or(before) });
        }
        if is_delivered {
            let record = &row.stored.record;
            if let Some(month) = StatementMonth::of(record.begin_time) {
                let key = (month, record.instance_id.clone(), record.relate_pkg_instance.clone());
                let (records, amount) = self.months.entry(key).or_default();
                (*records, *amount) = (*records + 1, amount.saturating_add(row.amount));
            }
            self.delivered = (self.delivered.0 + 1, self.delivered.1.saturating_add(row.amount));
        }
    }

    fn correct(&mut self, metering_sn: &str, correction: Correction, cycle: Cycle, now: Timestamp) -> bool {
        let is_corrected =
            |row: &&mut Row| matches!(row.stored.state, RecordState::Held | RecordState::Fix | RecordState::Dead);
        let Some(row) = self.by_number.get_mut(metering_sn).filter(is_corrected) else { return false };
        let Correction { begin_time, end_time, package_instance_id } = correction;
        let record = &mut row.stored.record;
        let moving = Moving {
            instance_id: record.instance_id.clone(),
            from: record.relate_pkg_instance.clone().unwrap_or_default(),
            begin_time: record.begin_time,
            amount: row.amount,
        };
        let to = package_instance_id.clone();
        record.begin_time = begin_time.unwrap_or(record.begin_time);
        record.end_time = end_time.unwrap_or(record.end_time);
        if let Some(package) = package_instance_id {
            record.relate_pkg_instance = Some(package).filter(|package| !package.is_empty());
        }
        row.stored.state = RecordState::Pending;
        (row.due_at, row.holder, row.settled_at) = (now, None, None);
        if let Some(to) = to {
            let moved = moving.to(&to, &self.totals_of(&moving.from), &self.totals_of(&to), cycle);
            self.add_to_totals(moved);
        }
        true
    }

    fn status(&self, risky_before: Timestamp) -> Status {
        let mut status = Status::default();
        let (records, amount) = self.delivered;
        status.delivered = Total::new(records, Amount::from_ten_thousandths(amount));
        let total = |amounts: &mut dyn Iterator<Item = i64>| {
            let (mut records, mut sum) = (0, 0_i64);
            amounts.for_each(|amount| (records, sum) = (records + 1, sum.saturating_add(amount)));
            Total::new(records, Amount::from_ten_thousandths(sum))
        };
        let in_state = |state| {
            let rows = self.by_number.values().filter(|row| row.stored.state == state);
            total(&mut rows.map(|row| row.amount))
        };
        status.open = total(&mut self.open.values().map(|sum| sum.amount));
        status.pending = in_state(RecordState::Pending);
        status.held = in_state(RecordState::Held);
        status.fix = in_state(RecordState::Fix);
        status.dead = in_state(RecordState::Dead);
        let waits =
            |row: &&Row| matches!(row.stored.state, RecordState::Pending | RecordState::Held | RecordState::Fix);
        let waiting = || self.by_number.values().filter(waits);
        status.oldest = waiting().map(|row| row.stored.record.begin_time).min();
        let risky = waiting().filter(|row| row.stored.record.begin_time < risky_before);
        status.at_risk = total(&mut risky.map(|row| row.amount));
        status
    }

    fn statement(&self, month: StatementMonth) -> Lines {
        let mut lines = Lines::new();
        let mut add = |instance_id: &String, package: &Option<String>, column: usize, records: u64, amount: i64| {
            let line = lines.entry((instance_id.clone(), package.clone())).or_default();
            line[column] = (line[column].0 + records, line[column].1.saturating_add(amount));
        };
        for ((_, instance_id, package), (records, amount)) in self.months.iter().filter(|((of, ..), _)| *of == month) {
            add(instance_id, package, 0, *records, *amount);
        }
        for row in self.by_number.values().filter(|row| row.stored.state != RecordState::Delivered) {
            let record = &row.stored.record;
            if StatementMonth::of(record.begin_time) == Some(month) {
                let column = if row.stored.state == RecordState::Dead { 2 } else { 1 };
                add(&record.instance_id, &record.relate_pkg_instance, column, 1, row.amount);
            }
        }
        for ((instance_id, _, package), sum) in &self.open {
            if StatementMonth::of(sum.first_at) == Some(month) {
                add(instance_id, package, 1, 1, sum.amount);
            }
        }
        lines
    }

    fn forget(&mut self, before: Timestamp) -> usize {
        let known = self.by_number.len() + self.ids.len();
        self.by_number.retain(|_, row| {
            row.stored.state != RecordState::Delivered || row.settled_at.is_none_or(|settled| settled >= before)
        });
        self.ids.retain(|_, recorded_at| *recorded_at >= before);
        known - self.by_number.len() - self.ids.len()
    }
}

fn to_sum(((_, _, package), sum): ((String, i64, Option<String>), OpenSum)) -> UsageSum {
    UsageSum { package_instance_id: package, first_at: sum.first_at, ten_thousandths: sum.amount }
}

fn answer<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, MeteringError>> {
    ready(Ok(value)).boxed()
}

impl UsageStore for MemoryUsageStore {
    fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>> {
        answer(self.records().record(&entries))
    }

    fn totals<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Vec<RunningTotal>, MeteringError>> {
        answer(self.records().totals_of(instance_id))
    }

    fn begin_cycle<'a>(&'a self, instance_id: &'a str, at: Timestamp) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let key = (instance_id.to_owned(), String::new(), at.as_unix_millis());
        let mut records = self.records();
        let known = records.totals.len();
        records.totals.entry(key).or_insert(0);
        answer(records.totals.len() > known)
    }

    fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        let mut records = self.records();
        let ended = records.open.iter().filter(|(_, sum)| sum.period_end <= until);
        let ended =
            ended.map(|((instance_id, begin, _), sum)| ((instance_id.clone(), *begin), sum.period_end)).collect();
        answer(records.close(ended, Some(until)))
    }

    fn close_instance<'a>(
        &'a self,
        instance_id: &'a str,
        end: Timestamp,
    ) -> BoxFuture<'a, Result<usize, MeteringError>> {
        let mut records = self.records();
        let open = records.open.iter().filter(|((owner, ..), _)| owner == instance_id);
        let open = open.map(|((owner, begin, _), sum)| ((owner.clone(), *begin), sum.period_end.min(end))).collect();
        answer(records.close(open, None))
    }

    fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UsageRecord>, MeteringError>> {
        let claimed = self.records().claim(lease, now, RecordState::Pending, limit);
        answer(claimed.into_iter().map(|stored| stored.record).collect())
    }

    fn claim_held(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredRecord>, MeteringError>> {
        answer(self.records().claim(lease, now, RecordState::Held, limit))
    }

    fn settle(
        &self,
        lease: Lease,
        now: Timestamp,
        outcomes: Vec<(String, RecordOutcome)>,
    ) -> BoxFuture<'_, Result<(), MeteringError>> {
        let mut records = self.records();
        for (metering_sn, outcome) in outcomes {
            records.settle(lease, now, &metering_sn, outcome);
        }
        answer(())
    }

    fn correct<'a>(
        &'a self,
        metering_sn: &'a str,
        correction: Correction,
        cycle: Cycle,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>> {
        answer(self.records().correct(metering_sn, correction, cycle, now))
    }

    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>> {
        answer(self.records().status(risky_before))
    }

    fn statement<'a>(
        &'a self,
        month: StatementMonth,
        after: Option<&'a StatementLine>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StatementLine>, MeteringError>> {
        let after = after.map(|line| (line.instance_id.clone(), line.package_instance_id.clone()));
        let lines = self.records().statement(month).into_iter();
        let later = lines.filter(|(place, _)| after.as_ref().is_none_or(|after| place > after));
        let amount = |(_, amount): (u64, i64)| Amount::from_ten_thousandths(amount);
        let line =
            |((instance_id, package_instance_id), [delivered, waiting, refused]): (_, [(u64, i64); 3])| StatementLine {
                instance_id,
                package_instance_id,
                delivered_records: delivered.0,
                delivered_usage: amount(delivered),
                waiting_records: waiting.0,
                waiting_usage: amount(waiting),
                refused_records: refused.0,
                refused_usage: amount(refused),
            };
        answer(later.take(limit).map(|(place, columns)| line((place, columns))).collect())
    }

    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>> {
        let records = self.records();
        let in_state = records.by_number.values().map(|row| &row.stored).filter(|stored| stored.state == state);
        let later = in_state.filter(|stored| after.is_none_or(|after| *stored.record.metering_sn > *after));
        answer(later.take(limit).cloned().collect())
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        answer(self.records().forget(before))
    }
}
