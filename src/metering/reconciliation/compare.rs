//! Comparing rows with records.

use std::collections::{BTreeMap, BTreeSet};

use super::time::whole_seconds;
use super::{Column, Difference, Export, ExportedRecord};
use crate::metering::{RecordState, StoredRecord};
use crate::timestamp::Timestamp;

/// What identifies a record: its number, or instance and begin.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Number(&'a str),
    Time(&'a str, Timestamp),
}

impl Export {
    /// Compares the rows with records of the store, in any state and order, and returns the differences in the order of
    /// the rows, and what is missing there at the end.
    ///
    /// Records that were delivered and begin from `from` until before `until` are expected there, that is of a
    /// [month](crate::metering::StatementMonth): give all others as well, so that rows of them are known. A row finds its
    /// record by the number. Without numbers it finds it by instance and begin; then a record whose begin differs is
    /// missing on both sides. Amounts are compared exactly, times in whole seconds.
    pub fn compare(&self, ours: &[StoredRecord], from: Timestamp, until: Timestamp) -> Vec<Difference> {
        let has_numbers = self.records.iter().all(|row| row.metering_sn.is_some());
        let mut left: BTreeMap<Key<'_>, Vec<&StoredRecord>> = BTreeMap::new();
        for stored in ours {
            let record = &stored.record;
            let key = match has_numbers {
                true => Key::Number(&record.metering_sn),
                false => Key::Time(&record.instance_id, whole_seconds(record.begin_time)),
            };
            left.entry(key).or_default().push(stored);
        }
        // Equal ones first, so that a row takes no other's record.
        let mut found: Vec<Option<&StoredRecord>> = vec![None; self.records.len()];
        for must_equal in [true, false] {
            for (row, found) in self.records.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let Some(candidates) = left.get_mut(&key_of(row, has_numbers)) else { continue };
                let is_wanted = |stored: &&StoredRecord| !must_equal || self.differences(stored, row).is_empty();
                let place = candidates.iter().position(is_wanted);
                *found = place.map(|place| candidates.remove(place));
            }
        }
        let mut differences = Vec::new();
        let mut first_rows: BTreeMap<Key<'_>, u64> = BTreeMap::new();
        for (row, _) in self.records.iter().zip(&found).filter(|(_, found)| found.is_some()) {
            first_rows.entry(key_of(row, has_numbers)).or_insert(row.row);
        }
        for (row, found) in self.records.iter().zip(&found) {
            match (found, first_rows.get(&key_of(row, has_numbers))) {
                (Some(stored), _) => differences.extend(self.differences(stored, row)),
                (None, Some(first_row)) => differences.push(Difference::doubled(row, *first_row)),
                (None, None) => {
                    first_rows.insert(key_of(row, has_numbers), row.row);
                    differences.push(Difference::missing_here(row));
                }
            }
        }
        let taken: BTreeSet<&str> = found.iter().flatten().map(|stored| &*stored.record.metering_sn).collect();
        let is_expected = |stored: &&StoredRecord| {
            let begin = stored.record.begin_time;
            stored.state == RecordState::Delivered && from <= begin && begin < until
        };
        let missing = ours.iter().filter(is_expected).map(|stored| &stored.record);
        let missing = missing.filter(|record| !taken.contains(&*record.metering_sn));
        differences.extend(missing.map(Difference::missing_there));
        differences
    }

    /// Returns how a row differs from its record.
    fn differences(&self, stored: &StoredRecord, row: &ExportedRecord) -> Vec<Difference> {
        let record = &stored.record;
        let seconds = |at: Timestamp| whole_seconds(at).to_basic_iso();
        let package = || record.relate_pkg_instance.clone().unwrap_or_default();
        let mut pairs = vec![
            (Column::InstanceId.as_str(), record.instance_id.clone(), row.instance_id.clone()),
            (Column::BeginTime.as_str(), seconds(record.begin_time), seconds(row.begin_time)),
        ];
        if let Some(end) = row.end_time {
            pairs.push((Column::EndTime.as_str(), seconds(record.end_time), seconds(end)));
        }
        if record.usage_value != row.amount {
            pairs.push((Column::Amount.as_str(), record.usage_value.to_string(), row.amount.to_string()));
        }
        if let Some(there) = &row.package_instance_id {
            pairs.push((Column::Package.as_str(), package(), there.clone()));
        }
        if let (Some(unit), Some(there)) = (&self.unit, &row.unit) {
            pairs.push((Column::Unit.as_str(), unit.clone(), there.clone()));
        }
        if stored.state != RecordState::Delivered {
            pairs.push(("state", stored.state.to_string(), RecordState::Delivered.to_string()));
        }
        let differing = pairs.into_iter().filter(|(_, here, there)| here != there);
        differing.map(|(field, here, there)| Difference::different(record, row, field, here, there)).collect()
    }
}

fn key_of(row: &ExportedRecord, has_numbers: bool) -> Key<'_> {
    match &row.metering_sn {
        Some(metering_sn) if has_numbers => Key::Number(metering_sn),
        _ => Key::Time(&row.instance_id, row.begin_time),
    }
}
