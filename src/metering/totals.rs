//! Running totals of usage.

use std::collections::{BTreeMap, HashMap};

use super::draft::LARGEST;
use super::{Cycle, Entry, MeteringError, Recorded};
use crate::amount::Amount;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
use crate::columns::Columns;
use crate::timestamp::Timestamp;

/// The usage of a pay-per-use instance or package in a [`Cycle`], as a store keeps it. For implementations of
/// [`UsageStore`](super::UsageStore).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningTotal {
    /// For a package: the pay-per-use instance whose usage was deducted from it.
    pub related_instance_id: Option<String>,
    /// The [begin](Cycle::begin) of the cycle.
    pub cycle_begin: Timestamp,
    /// The amount in ten-thousandths of the product's unit.
    pub ten_thousandths: i64,
}

impl RunningTotal {
    /// Creates a total without a related instance.
    pub fn new(cycle_begin: Timestamp, ten_thousandths: i64) -> Self {
        Self { related_instance_id: None, cycle_begin, ten_thousandths }
    }
}

/// Additions to running totals, by instance or package, related instance or none, and begin of the cycle.
pub(super) type Additions = BTreeMap<(String, String, i64), i64>;

/// The begins of cycles, by instance or package.
pub(super) type Begins = BTreeMap<String, Vec<Timestamp>>;

/// Returns the totals that an entry adds to, each as an instance or package and its related instance or none.
pub(super) fn totals_of(entry: &Entry) -> impl Iterator<Item = (&str, &str)> {
    let instance_id = &*entry.usage.instance_id;
    let package = entry.usage.package_instance_id.as_deref().map(|package| (package, instance_id));
    std::iter::once((instance_id, "")).chain(package)
}

/// Adds up the entries that are new.
pub(super) fn additions<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    recorded: &[Recorded],
    begins: &Begins,
) -> Additions {
    let new = entries.into_iter().zip(recorded).filter(|(_, recorded)| **recorded == Recorded::First);
    let added = added_up(new.map(|(entry, _)| entry), begins).into_iter();
    added.map(|((owner, related, begin), amount)| ((owner.to_owned(), related.to_owned(), begin), amount)).collect()
}

/// Adds up entries, by instance or package, related instance or none, and begin of the cycle.
pub(super) fn added_up<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    begins: &Begins,
) -> HashMap<(&'a str, &'a str, i64), i64> {
    let mut sums = HashMap::new();
    for entry in entries {
        for (owner, related) in totals_of(entry) {
            let begins = begins.get(owner).map_or(&[][..], Vec::as_slice);
            let begin = entry.cycle.begin(entry.at, begins).as_unix_millis();
            let amount = sums.entry((owner, related, begin)).or_insert(0_i64);
            *amount = amount.saturating_add(entry.ten_thousandths());
        }
    }
    sums
}

/// A record whose package is to be corrected.
pub(super) struct Moving {
    pub(super) instance_id: String,
    /// The package; an empty text means none.
    pub(super) from: String,
    pub(super) begin_time: Timestamp,
    pub(super) amount: i64,
}

impl Moving {
    /// Returns what its correction takes from the totals of its package, and adds to those of another.
    ///
    /// A record is of one cycle, but late usage in it may be of another: what the cycle of its begin lacks is taken from the
    /// nearest ones, so that no total is below zero and nothing is lost.
    pub(super) fn to(&self, to: &str, of_from: &[RunningTotal], of_to: &[RunningTotal], cycle: Cycle) -> Additions {
        let Self { instance_id, from, begin_time, amount } = self;
        let mut moved = Additions::new();
        if from == to {
            return moved;
        }
        let cycle_of = |totals, at| begin_of(totals, cycle, at);
        let home = cycle_of(of_from, *begin_time);
        let is_related = |total: &&RunningTotal| total.related_instance_id.as_ref() == Some(instance_id);
        let mut taken: Vec<&RunningTotal> = of_from.iter().filter(is_related).collect();
        taken.sort_by_key(|total| total.cycle_begin.abs_diff(home));
        let mut rest = *amount;
        let mut add = |begin: Timestamp, amount| {
            let total = moved.entry((to.to_owned(), instance_id.clone(), begin.as_unix_millis())).or_insert(0_i64);
            *total = total.saturating_add(amount);
        };
        let mut takings = Vec::new();
        for total in taken {
            let part = rest.min(total.ten_thousandths);
            if part > 0 {
                rest -= part;
                let at = if total.cycle_begin == home { *begin_time } else { total.cycle_begin };
                add(cycle_of(of_to, at), part);
                takings.push((total.cycle_begin, part));
            }
        }
        if rest > 0 {
            add(cycle_of(of_to, *begin_time), rest);
        }
        if to.is_empty() {
            // The total of the instance has it in any case.
            moved.clear();
        }
        for (begin, part) in takings {
            moved.insert((from.clone(), instance_id.clone(), begin.as_unix_millis()), -part);
        }
        moved
    }
}

/// The usage of an instance or package that the marketplace shows.
#[derive(Debug)]
pub(crate) struct ShownTotal {
    pub(crate) related_instance_id: Option<String>,
    pub(crate) usage: Amount,
}

/// Returns the usage of an instance or package as the marketplace asks for it.
pub(super) fn shown_totals(
    instance_id: &str,
    totals: &[RunningTotal],
    cycle: Cycle,
    now: Timestamp,
) -> Result<Vec<ShownTotal>, MeteringError> {
    let is_package = totals.iter().any(|total| total.related_instance_id.is_some());
    let begin = begin_of(totals, cycle, now);
    let mut sums: BTreeMap<Option<&str>, i128> = BTreeMap::new();
    for total in totals {
        let related = total.related_instance_id.as_deref();
        // Without a related instance a package has only begins of cycles.
        if is_package && related.is_none() && total.ten_thousandths == 0 {
            continue;
        }
        let is_counted = is_counted(total, cycle, begin);
        *sums.entry(related).or_default() += if is_counted { i128::from(total.ten_thousandths) } else { 0 };
    }
    if sums.is_empty() {
        sums.insert(None, 0);
    }
    let shown = |(related, sum): (Option<&str>, i128)| {
        let fitting = i64::try_from(sum).ok().filter(|sum| *sum <= LARGEST);
        let too_large = || MeteringError::TotalTooLarge { instance_id: instance_id.to_owned() };
        let usage = Amount::from_ten_thousandths(fitting.ok_or_else(too_large)?);
        Ok(ShownTotal { related_instance_id: related.map(str::to_owned), usage })
    };
    sums.into_iter().map(shown).collect()
}

/// Returns the usage of a pay-per-use instance in the cycle of a time, and the begin of the cycle.
pub(super) fn total_of(totals: &[RunningTotal], cycle: Cycle, now: Timestamp) -> (i128, Timestamp) {
    let begin = begin_of(totals, cycle, now);
    let of_instance = totals.iter().filter(|total| total.related_instance_id.is_none());
    let counted = of_instance.filter(|total| is_counted(total, cycle, begin));
    (counted.map(|total| i128::from(total.ten_thousandths)).sum(), begin)
}

/// Returns the begin of the cycle of a time.
fn begin_of(totals: &[RunningTotal], cycle: Cycle, now: Timestamp) -> Timestamp {
    let begins = totals.iter().filter(|total| total.related_instance_id.is_none());
    cycle.begin(now, &begins.map(|total| total.cycle_begin).collect::<Vec<_>>())
}

/// Whether a total counts in the cycle that begins at a time.
fn is_counted(total: &RunningTotal, cycle: Cycle, begin: Timestamp) -> bool {
    cycle == Cycle::Never || total.cycle_begin == begin
}

/// The table of totals, filled with what is stored. Of what was deleted before, nothing is known any more. It does nothing
/// where the table has rows.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
macro_rules! fill_totals {
    () => {
        "INSERT INTO koogallery_usage_total (instance_id, related, cycle_begin, amount)
    SELECT instance_id, '', 0, sum(amount) FROM (
        SELECT instance_id, amount FROM koogallery_usage_open
            WHERE NOT EXISTS (SELECT 1 FROM koogallery_usage_total)
        UNION ALL SELECT instance_id, amount FROM koogallery_usage_record
            WHERE NOT EXISTS (SELECT 1 FROM koogallery_usage_total)
    ) AS known GROUP BY instance_id
    UNION ALL SELECT package, instance_id, 0, sum(amount) FROM (
        SELECT package, instance_id, amount FROM koogallery_usage_open
            WHERE package <> '' AND NOT EXISTS (SELECT 1 FROM koogallery_usage_total)
        UNION ALL SELECT package, instance_id, amount FROM koogallery_usage_record
            WHERE package <> '' AND NOT EXISTS (SELECT 1 FROM koogallery_usage_total)
    ) AS deducted GROUP BY package, instance_id;
"
    };
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) use fill_totals;

/// The totals of an instance or package. Parameter: it.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) const TOTALS: &str = "SELECT related, cycle_begin, amount FROM koogallery_usage_total \
    WHERE instance_id = ?1 ORDER BY related, cycle_begin";

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) fn read_total<R: Columns>(row: &R) -> Result<RunningTotal, R::Error> {
    Ok(RunningTotal {
        related_instance_id: row.text_unless_empty("related")?,
        cycle_begin: row.time("cycle_begin")?,
        ten_thousandths: row.int("amount")?,
    })
}

/// Returns the instances and packages whose cycles begin at renewals.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) fn renewed<'a>(entries: &[&'a Entry]) -> std::collections::BTreeSet<&'a str> {
    let renewed = entries.iter().filter(|entry| entry.cycle == Cycle::AtRenewal);
    renewed.flat_map(|entry| totals_of(entry)).map(|(owner, _)| owner).collect()
}

/// Reads begins of cycles, by instance or package.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
pub(super) fn read_begins<R: Columns>(rows: &[R]) -> Result<Begins, R::Error> {
    let mut begins = Begins::new();
    for row in rows {
        begins.entry(row.text("instance_id")?).or_default().push(row.time("cycle_begin")?);
    }
    Ok(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

    fn total(related: Option<&str>, begin: i64, ten_thousandths: i64) -> RunningTotal {
        let mut total = RunningTotal::new(Timestamp::from_unix_millis(begin), ten_thousandths);
        total.related_instance_id = related.map(str::to_owned);
        total
    }

    fn shown(totals: &[RunningTotal], cycle: Cycle) -> Vec<(Option<String>, String)> {
        let totals = shown_totals("i", totals, cycle, NOW).unwrap();
        totals.into_iter().map(|total| (total.related_instance_id, total.usage.to_string())).collect()
    }

    #[test]
    fn only_the_cycle_of_now_is_shown() {
        let totals = [total(None, 0, 5), total(None, 10, 70_000), total(None, i64::MAX, 1)];
        assert_eq!(shown(&totals, Cycle::AtRenewal), [(None, "7".to_owned())]);
        assert_eq!(shown(&totals[..2], Cycle::Never), [(None, "7.0005".to_owned())], "all cycles, if there are none");
        assert_eq!(shown(&[], Cycle::AtRenewal), [(None, "0".to_owned())], "nothing was used");
        let of_package = [total(None, 10, 0), total(Some("a"), 0, 9), total(Some("b"), 10, 25_000)];
        let expected = [(Some("a".to_owned()), "0".to_owned()), (Some("b".to_owned()), "2.5".to_owned())];
        assert_eq!(shown(&of_package, Cycle::AtRenewal), expected);
    }

    #[test]
    fn a_correction_moves_usage_between_packages_and_loses_none() {
        let at = Timestamp::from_unix_millis;
        let moving = |from: &str| Moving { instance_id: "i".into(), from: from.into(), begin_time: at(25), amount: 7 };
        let moved = |from: &str, of_from: &[RunningTotal], of_to: &[RunningTotal], cycle| {
            let moved = moving(from).to("b", of_from, of_to, cycle).into_iter();
            moved.map(|((owner, related, begin), amount)| (owner, related, begin, amount)).collect::<Vec<_>>()
        };
        let row = |owner: &str, begin, amount| (owner.to_owned(), "i".to_owned(), begin, amount);
        let of_a = [total(Some("i"), 0, 9), total(Some("j"), 0, 9)];
        assert_eq!(moved("a", &of_a, &[], Cycle::Never), [row("a", 0, -7), row("b", 0, 7)]);
        assert_eq!(moved("", &[], &[], Cycle::Never), [row("b", 0, 7)], "from no package");
        assert_eq!(moved("b", &of_a, &[], Cycle::Never), [], "to the same");
        let to_none = moving("a").to("", &of_a, &[], Cycle::Never);
        assert_eq!(to_none.into_iter().collect::<Vec<_>>(), [(("a".to_owned(), "i".to_owned(), 0), -7)], "to none");
        // The cycle of the record has too little; that of the other package began at 24.
        let of_a = [total(None, 10, 0), total(None, 20, 0), total(Some("i"), 10, 90), total(Some("i"), 20, 5)];
        let of_b = [total(None, 24, 0)];
        let expected = [row("a", 10, -2), row("a", 20, -5), row("b", 0, 2), row("b", 24, 5)];
        assert_eq!(moved("a", &of_a, &of_b, Cycle::AtRenewal), expected);
        assert_eq!(moved("a", &[], &[], Cycle::Never), [row("b", 0, 7)], "what no total has is added");
    }

    #[test]
    fn a_total_that_does_not_fit_is_an_error() {
        assert_eq!(shown(&[total(None, 0, LARGEST)], Cycle::Never), [(None, "99999999.9999".to_owned())]);
        for too_large in [&[total(None, 0, LARGEST + 1)][..], &[total(None, 0, i64::MAX), total(None, 1, i64::MAX)]] {
            let error = shown_totals("i", too_large, Cycle::Never, NOW).unwrap_err();
            assert_eq!(error.to_string(), "running total of i is larger than 99999999.9999");
        }
    }
}
