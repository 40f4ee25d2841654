//! Entries added up, and periods that are over, before a store on a server writes them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use super::row::package;
use super::{Entry, Recorded};
use crate::columns::Columns;
use crate::timestamp::Timestamp;

/// Additions to open sums, by instance, begin of the period and package.
pub(super) type Sums<'a> = BTreeMap<(&'a str, i64, &'a str), Addition>;

/// What opens or adds to a sum.
pub(super) struct Addition {
    pub(super) period_end: i64,
    pub(super) first_at: i64,
    pub(super) amount: i64,
}

/// Entries by what is to be done with them.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    /// The outcome of each.
    pub(super) recorded: Vec<Recorded>,
    pub(super) sums: Sums<'a>,
    /// Those of instances that have records which end after some entry. Which sum they add to depends on these.
    pub(super) late: Vec<&'a Entry>,
}

impl<'a> Sorted<'a> {
    /// Sorts entries, given the ids that were not stored before, and the instances that have such records.
    pub(super) fn new<K: Borrow<str> + Ord>(
        entries: &[&'a Entry],
        mut new_ids: BTreeSet<K>,
        closed: &BTreeSet<String>,
    ) -> Self {
        // Of several entries with one id the first counts.
        Self::sort(entries, |entry| entry.usage.usage_id.as_ref().is_none_or(|id| new_ids.remove(&**id)), closed)
    }

    /// As [`new`](Self::new), where all entries are new, and their ids are stored by now.
    pub(super) fn all_new(entries: &[&'a Entry], closed: &BTreeSet<String>) -> Self {
        Self::sort(entries, |_| true, closed)
    }

    fn sort(entries: &[&'a Entry], mut is_new: impl FnMut(&Entry) -> bool, closed: &BTreeSet<String>) -> Self {
        let mut sorted = Self::default();
        for &entry in entries {
            let is_new = is_new(entry);
            sorted.recorded.push(if is_new { Recorded::First } else { Recorded::Repeated });
            if !is_new {
                continue;
            }
            if closed.contains(&entry.usage.instance_id) {
                sorted.late.push(entry);
                continue;
            }
            let (begin, end) = entry.period.around(entry.at);
            let key = (&*entry.usage.instance_id, begin.as_unix_millis(), package(&entry.usage.package_instance_id));
            let (period_end, first_at) = (end.as_unix_millis(), entry.at.as_unix_millis());
            let sum = sorted.sums.entry(key).or_insert(Addition { period_end, first_at, amount: 0 });
            sum.amount = sum.amount.saturating_add(entry.ten_thousandths());
        }
        sorted
    }
}

/// Returns the instances of entries.
pub(super) fn instances_of<'a>(entries: &[&'a Entry]) -> BTreeSet<&'a str> {
    entries.iter().map(|entry| &*entry.usage.instance_id).collect()
}

/// Returns the ids of entries with the times at which they were recorded first.
pub(super) fn ids_of<'a>(entries: &[&'a Entry]) -> BTreeMap<&'a str, i64> {
    let mut times = BTreeMap::new();
    for entry in entries {
        if let Some(id) = &entry.usage.usage_id {
            times.entry(&**id).or_insert(entry.recorded_at.as_unix_millis());
        }
    }
    times
}

/// A period of an instance that is over.
pub(super) struct Period {
    pub(super) instance_id: String,
    pub(super) begin: i64,
    /// The end of its records.
    pub(super) end: Timestamp,
    pub(super) record_time: Timestamp,
}

impl Period {
    /// Periods that have ended. Parameters: time, limit.
    pub(super) const ENDED: &str = "SELECT DISTINCT instance_id, period_begin, period_end FROM (SELECT instance_id, \
        period_begin, period_end FROM koogallery_usage_open WHERE period_end <= ?1 ORDER BY period_end LIMIT ?2) AS ended";

    /// The periods of an instance. Parameter: the instance.
    pub(super) const OPEN: &str =
        "SELECT DISTINCT period_begin, period_end FROM koogallery_usage_open WHERE instance_id = ?1";

    /// Reads those that have [ended](Self::ENDED) until a time, in the order in which they are closed.
    pub(super) fn read_ended<R: Columns>(rows: &[R], until: Timestamp) -> Result<Vec<Self>, R::Error> {
        let read = |row: &R| {
            let (instance_id, begin, end) =
                (row.text("instance_id")?, row.int("period_begin")?, row.time("period_end")?);
            Ok(Self { instance_id, begin, end, record_time: until })
        };
        let mut ended = rows.iter().map(read).collect::<Result<Vec<_>, R::Error>>()?;
        ended.sort_by(|one, other| (&one.instance_id, one.begin).cmp(&(&other.instance_id, other.begin)));
        Ok(ended)
    }

    /// Reads those [of an instance](Self::OPEN) that ends at a time, in the order in which they are closed.
    pub(super) fn read_open<R: Columns>(rows: &[R], instance_id: &str, end: Timestamp) -> Result<Vec<Self>, R::Error> {
        let read = |row: &R| {
            let (begin, end) = (row.int("period_begin")?, end.min(row.time("period_end")?));
            Ok(Self { instance_id: instance_id.to_owned(), begin, end, record_time: end })
        };
        let mut open = rows.iter().map(read).collect::<Result<Vec<_>, R::Error>>()?;
        open.sort_by_key(|period| period.begin);
        Ok(open)
    }
}
