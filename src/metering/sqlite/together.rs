//! Recording the usage of many callers with few statements.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::{ADD_ID, ADD_TO_TOTAL, SqliteUsageStore};
use crate::metering::Entry;
use crate::metering::row::{ADD, package};
use crate::metering::totals::{Begins, added_up, renewed};
use crate::timestamp::Timestamp;

/// Stores a usage id. Returns whether it was new.
pub(super) fn add_id(transaction: &Transaction<'_>, id: &str, at: Timestamp) -> rusqlite::Result<bool> {
    Ok(transaction.prepare_cached(ADD_ID)?.execute(params![id, at.as_unix_millis()])? == 1)
}

/// As [`add_id`], for the ids of several usages, some of which may have none. Returns for each whether it has a new one.
pub(in crate::metering) fn add_ids<'a>(
    transaction: &Transaction<'_>,
    ids: impl Iterator<Item = (Option<&'a str>, Timestamp)>,
) -> rusqlite::Result<Vec<bool>> {
    let mut add = transaction.prepare_cached(ADD_ID)?;
    let is_new = ids.map(|(id, at)| id.map_or(Ok(false), |id| Ok(add.execute(params![id, at.as_unix_millis()])? == 1)));
    is_new.collect()
}

/// Removes a usage id that was stored by the same transaction.
pub(in crate::metering) fn remove_id(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM koogallery_usage_id WHERE usage_id = ?1")?.execute([id]).map(drop)
}

/// Adds entries, whose ids are stored already, as one after the other, but to each total and open sum once.
pub(in crate::metering) fn add_all(transaction: &Transaction<'_>, entries: &[&Entry]) -> rusqlite::Result<()> {
    add_to_totals(transaction, entries)?;
    add(transaction, entries)
}

fn add_to_totals(transaction: &Transaction<'_>, entries: &[&Entry]) -> rusqlite::Result<()> {
    let mut begins = Begins::new();
    for owner in renewed(entries) {
        let of_owner = transaction
            .prepare_cached("SELECT cycle_begin FROM koogallery_usage_total WHERE instance_id = ?1 AND related = ''")?
            .query_map([owner], |row| row.get(0).map(Timestamp::from_unix_millis))?
            .collect::<Result<_, _>>()?;
        begins.insert(owner.to_owned(), of_owner);
    }
    let mut add = transaction.prepare_cached(ADD_TO_TOTAL)?;
    for ((owner, related, begin), amount) in added_up(entries.iter().copied(), &begins) {
        add.execute(params![owner, related, begin, amount])?;
    }
    Ok(())
}

/// Adds to the open sums, in the order in which the entries come to them.
fn add(transaction: &Transaction<'_>, entries: &[&Entry]) -> rusqlite::Result<()> {
    let (mut sums, mut places) = (Vec::<(_, Vec<&Entry>)>::new(), HashMap::new());
    for entry in entries {
        let (begin, _) = entry.period.around(entry.at);
        let key = (&*entry.usage.instance_id, begin.as_unix_millis(), package(&entry.usage.package_instance_id));
        let place = *places.entry(key).or_insert_with(|| {
            sums.push((key, Vec::new()));
            sums.len() - 1
        });
        sums[place].1.push(entry);
    }
    let mut add = transaction.prepare_cached(ADD)?;
    for ((instance_id, begin, package), entries) in sums {
        let amount = entries.iter().fold(0_i64, |sum, entry| sum.saturating_add(entry.ten_thousandths()));
        if add.execute(params![instance_id, begin, package, amount])? == 0 {
            // The first opens a sum, of this period or a later one.
            entries.iter().try_for_each(|entry| SqliteUsageStore::add(transaction, entry))?;
        }
    }
    Ok(())
}
