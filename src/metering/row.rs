//! The row of a record, and the statements that all SQL engines share.

use super::totals::Moving;
use super::{RecordOutcome, RecordRefusal, RecordState, StoredRecord, UsageSum};
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
use super::{Status, Total};
use crate::amount::Amount;
use crate::columns::Columns;
use crate::open_api::push_usage::{RecordCode, UsageRecord};
use crate::timestamp::Timestamp;

/// The most rows that are changed in one transaction.
pub(super) const AT_ONCE: i64 = 500;

pub(super) const COLUMNS: &str = "metering_sn, instance_id, package, begin_time, end_time, record_time, amount, state, \
                                  held, attempts, code, description";

/// Parameters: number, time, new begin, end and package or NULL.
pub(super) const CORRECT: &str = "UPDATE koogallery_usage_record SET state = 'pending', held = FALSE, holder = NULL, \
    due_at = ?2, settled_at = NULL, begin_time = coalesce(?3, begin_time), end_time = coalesce(?4, end_time), \
    package = coalesce(?5, package) WHERE metering_sn = ?1 AND state IN ('fix', 'dead')";

/// A record before its package is corrected. Parameter: number.
pub(super) const MOVING: &str =
    "SELECT instance_id, package, begin_time, amount FROM koogallery_usage_record WHERE metering_sn = ?1";

pub(super) fn read_moving<R: Columns>(row: &R) -> Result<Moving, R::Error> {
    Ok(Moving {
        instance_id: row.text("instance_id")?,
        from: row.text("package")?,
        begin_time: row.time("begin_time")?,
        amount: row.int("amount")?,
    })
}

/// Parameters: number, time, holder, and what [`Settlement`] has.
pub(super) const SETTLE: &str = "UPDATE koogallery_usage_record SET state = ?4, held = ?5, due_at = ?6, \
    holder = NULL, settled_at = ?2, code = coalesce(?7, code), description = coalesce(?8, description) \
    WHERE metering_sn = ?1 AND state <> 'delivered' AND (holder = ?3 OR ?4 = 'delivered')";

/// Parameters: records, amount.
pub(super) const COUNT_DELIVERED: &str =
    "UPDATE koogallery_usage_delivered SET records = records + ?1, amount = amount + ?2 WHERE id = 1";

/// Parameters: instance, and begin, package and amount of an open sum.
pub(super) const ADD: &str = "UPDATE koogallery_usage_open SET amount = amount + ?4 \
    WHERE instance_id = ?1 AND period_begin = ?2 AND package = ?3";

/// Until when records were made already. Parameters: instance, end of the period, time of use.
pub(super) const CLOSED_UNTIL: &str = "SELECT max(end_time) AS closed_until FROM koogallery_usage_record \
    WHERE instance_id = ?1 AND begin_time < ?2 AND end_time > ?3";

/// Records in a state, by their numbers; `hint` is a condition that holds for them anyway. Parameters: what [`stored`] returns,
/// number, limit.
pub(super) fn page(hint: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM koogallery_usage_record WHERE state = ?1 AND (state <> 'fix' OR held = ?2) {hint} \
         AND metering_sn > ?3 ORDER BY metering_sn LIMIT ?4"
    )
}

/// A state as it is stored: its word, and whether `held` is set.
pub(super) fn stored(state: RecordState) -> (&'static str, bool) {
    match state {
        RecordState::Held => (RecordState::Fix.as_str(), true),
        state => (state.as_str(), false),
    }
}

/// The outcome of sending a record, as it is stored.
pub(super) struct Settlement<'a> {
    pub(super) state: &'static str,
    pub(super) is_held: bool,
    pub(super) due_at: i64,
    pub(super) code: Option<&'a str>,
    pub(super) description: Option<&'a str>,
}

impl<'a> Settlement<'a> {
    pub(super) fn new(outcome: &'a RecordOutcome, now: Timestamp) -> Self {
        let (state, due_at, refusal) = match outcome {
            RecordOutcome::Delivered => (RecordState::Delivered, now, None),
            RecordOutcome::Retry { at, refusal } => (RecordState::Pending, *at, refusal.as_ref()),
            RecordOutcome::Held { at } => (RecordState::Held, *at, None),
            RecordOutcome::Fix(refusal) => (RecordState::Fix, now, Some(refusal)),
            RecordOutcome::Dead(refusal) => (RecordState::Dead, now, Some(refusal)),
        };
        let (state, is_held) = stored(state);
        Self {
            state,
            is_held,
            due_at: due_at.as_unix_millis(),
            code: refusal.map(|refusal| refusal.code.as_str()),
            description: refusal.and_then(|refusal| refusal.description.as_deref()),
        }
    }
}

/// The package of an entry or a draft; the empty one means none.
pub(super) fn package(package: &Option<String>) -> &str {
    package.as_deref().unwrap_or_default()
}

pub(super) fn read_sum<R: Columns>(row: &R) -> Result<UsageSum, R::Error> {
    Ok(UsageSum {
        package_instance_id: row.text_unless_empty("package")?,
        first_at: row.time("first_at")?,
        ten_thousandths: row.int("amount")?,
    })
}

pub(super) fn read<R: Columns>(row: &R) -> Result<StoredRecord, R::Error> {
    let unreadable = |column| R::unreadable("koogallery_usage_record", column);
    let mut record = UsageRecord::new(
        row.text("metering_sn")?,
        row.text("instance_id")?,
        row.time("begin_time")?,
        row.time("end_time")?,
        Amount::from_ten_thousandths(row.int("amount")?),
    );
    record.record_time = row.time("record_time")?;
    record.relate_pkg_instance = row.text_unless_empty("package")?;
    let description = row.text_or_null("description")?;
    Ok(StoredRecord {
        record,
        state: match (RecordState::from_word(&row.text("state")?), row.flag("held")?) {
            (Some(RecordState::Fix), true) => RecordState::Held,
            (state, _) => state.ok_or_else(|| unreadable("state"))?,
        },
        attempts: u32::try_from(row.int("attempts")?).map_err(|_| unreadable("attempts"))?,
        refusal: row.text_or_null("code")?.map(|code| RecordRefusal { code: RecordCode::new(&code), description }),
    })
}

/// All totals in one statement, so that they are of one moment. Parameter: time before which records are at risk. The
/// type is that of 64 bits in a cast.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
pub(super) fn status(int: &str) -> String {
    let amount = format!("CAST(coalesce(sum(amount), 0) AS {int})");
    format!(
        "SELECT 'open' AS name, count(*) AS records, {amount} AS amount, CAST(NULL AS {int}) AS oldest \
         FROM koogallery_usage_open \
         UNION ALL SELECT CASE WHEN state = 'fix' AND held THEN 'held' ELSE state END, count(*), {amount}, \
         min(begin_time) FROM koogallery_usage_record WHERE state <> 'delivered' GROUP BY 1 \
         UNION ALL SELECT 'delivered', records, amount, NULL FROM koogallery_usage_delivered \
         UNION ALL SELECT 'at risk', count(*), {amount}, NULL FROM koogallery_usage_record \
         WHERE state IN ('pending', 'fix') AND state <> 'delivered' AND begin_time < ?1"
    )
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
pub(super) fn read_status<R: Columns>(totals: &[R]) -> Result<Status, R::Error> {
    let mut status = Status::default();
    for row in totals {
        let name = row.text("name")?;
        let total = match &*name {
            "open" => &mut status.open,
            "delivered" => &mut status.delivered,
            "at risk" => &mut status.at_risk,
            "pending" => &mut status.pending,
            "held" => &mut status.held,
            "fix" => &mut status.fix,
            _ => &mut status.dead,
        };
        let usage = Amount::from_ten_thousandths(row.int("amount")?);
        *total = Total { records: row.int("records")?.unsigned_abs(), usage };
        if let ("pending" | "held" | "fix", Some(oldest)) = (&*name, row.time_or_null("oldest")?) {
            status.oldest = Some(status.oldest.map_or(oldest, |known| known.min(oldest)));
        }
    }
    Ok(status)
}
