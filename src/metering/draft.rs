//! Making records of sums; shared by all engines.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::amount::Amount;
use crate::open_api::push_usage::UsageRecord;
use crate::timestamp::Timestamp;

/// The most that a record can hold.
pub(super) const LARGEST: i64 = crate::amount::LARGEST_USAGE;

/// The usage of an instance in a period that adds up, from one package or from none. For implementations of
/// [`UsageStore`](super::UsageStore).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageSum {
    /// The package, if the usage is deducted from one.
    pub package_instance_id: Option<String>,
    /// Time of the first usage.
    pub first_at: Timestamp,
    /// The amount in ten-thousandths of the product's unit, which databases add without rounding.
    pub ten_thousandths: i64,
}

impl UsageSum {
    /// Creates a sum of usage without a package.
    pub fn new(first_at: Timestamp, ten_thousandths: i64) -> Self {
        Self { package_instance_id: None, first_at, ten_thousandths }
    }

    /// Returns the records to make of all sums of one instance and period, which ends at `end`.
    ///
    /// The marketplace takes one record per instance and time, so the time from the first usage to `end` is divided among the
    /// sums: usually there is one. Each record begins with the first usage of its sum, and so not before the package that it
    /// names was bought; those of one second follow each other by a second. A sum too large for a record makes several.
    ///
    /// ```
    /// use koogallery::metering::UsageSum;
    /// use koogallery::timestamp::Timestamp;
    ///
    /// let first_at = Timestamp::from_unix_millis(1_735_787_045_678);
    /// let end = Timestamp::from_unix_millis(1_735_790_400_000);
    /// let drafts = UsageSum::into_drafts(vec![UsageSum::new(first_at, 15_000)], end);
    /// let record = drafts[0].to_record("instance-1", end);
    /// assert_eq!((record.usage_value.to_string().as_str(), record.end_time), ("1.5", end));
    /// ```
    pub fn into_drafts(mut sums: Vec<Self>, end: Timestamp) -> Vec<RecordDraft> {
        let seconds = |time: Timestamp| time.as_unix_millis().div_euclid(1000);
        let time = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        // Numbers follow from the times, so that the order must not be left to the database.
        sums.sort_by(|one, other| {
            (one.first_at, &one.package_instance_id).cmp(&(other.first_at, &other.package_instance_id))
        });
        let end = seconds(end);
        let mut drafts: Vec<RecordDraft> = Vec::with_capacity(sums.len());
        for sum in sums {
            let begin = time(seconds(sum.first_at).min(end));
            let mut left = sum.ten_thousandths;
            while left > 0 {
                let (package_instance_id, ten_thousandths) = (sum.package_instance_id.clone(), left.min(LARGEST));
                drafts.push(RecordDraft { begin, end: time(end), package_instance_id, ten_thousandths });
                left -= LARGEST;
            }
        }
        let count = i64::try_from(drafts.len()).unwrap_or(i64::MAX);
        let begin = drafts.first().map_or(end, |draft| seconds(draft.begin));
        let has_seconds = end - begin >= count;
        let mut bound = begin - 1;
        for (index, draft) in (0..).zip(&mut drafts) {
            bound = match has_seconds {
                true => seconds(draft.begin).min(end - (count - index)).max(bound + 1),
                false => begin + (end - begin) * index / count,
            };
            draft.begin = time(bound);
        }
        let ends: Vec<_> = drafts.iter().skip(1).map(|next| next.begin).chain([time(end)]).collect();
        drafts.iter_mut().zip(ends).for_each(|(draft, end)| draft.end = end);
        drafts
    }
}

/// A record before it is stored. For implementations of [`UsageStore`](super::UsageStore).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordDraft {
    /// Begin of the record.
    pub begin: Timestamp,
    /// End of the record.
    pub end: Timestamp,
    /// The package, if the usage is deducted from one.
    pub package_instance_id: Option<String>,
    /// The amount in ten-thousandths of the product's unit.
    pub ten_thousandths: i64,
}

impl RecordDraft {
    /// Moves the begin on by a second, or the end where they are equal. To be repeated while the store has a record of
    /// the same instance with the same begin and end.
    ///
    /// ```
    /// use koogallery::metering::UsageSum;
    ///
    /// let (first_at, end) = ("20250102030000".parse()?, "20250102040000".parse()?);
    /// let mut draft = UsageSum::into_drafts(vec![UsageSum::new(first_at, 15_000)], end).remove(0);
    /// let number = draft.metering_sn("inst-0001");
    /// draft.avoid_collision();
    /// assert_eq!(draft.begin.to_basic_iso(), "20250102T030001Z");
    /// assert_ne!(draft.metering_sn("inst-0001"), number);
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn avoid_collision(&mut self) {
        let second_later = |time: Timestamp| time.saturating_add(Duration::from_secs(1));
        if self.begin < self.end {
            self.begin = second_later(self.begin);
        } else {
            self.end = second_later(self.end);
        }
    }

    /// Returns the number of the record (`meteringSn`). It is derived from the instance and the times, so that not even
    /// a database restored from a backup reports the same period under another number.
    pub fn metering_sn(&self, instance_id: &str) -> String {
        let times = format!("\n{}\n{}", self.begin.as_unix_millis(), self.end.as_unix_millis());
        let digest = Sha256::new().chain_update(instance_id).chain_update(times).finalize();
        const_hex::encode(&digest[..16])
    }

    /// Returns the record to send, made at `record_time`.
    pub fn to_record(&self, instance_id: &str, record_time: Timestamp) -> UsageRecord {
        let amount = Amount::from_ten_thousandths(self.ten_thousandths);
        let mut record = UsageRecord::new(self.metering_sn(instance_id), instance_id, self.begin, self.end, amount);
        record.record_time = record_time;
        record.relate_pkg_instance.clone_from(&self.package_instance_id);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::Period;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

    fn sum(package: Option<&str>, first_at: Timestamp, ten_thousandths: i64) -> UsageSum {
        UsageSum { package_instance_id: package.map(str::to_owned), first_at, ten_thousandths }
    }

    #[test]
    fn drafts_share_the_time_without_overlap_and_keep_the_sum() {
        let (_, end) = Period::Hourly.around(NOW);
        let alone = UsageSum::into_drafts(vec![sum(None, NOW, 5)], end);
        assert_eq!(alone.len(), 1);
        assert_eq!((alone[0].begin.to_basic_iso().as_str(), alone[0].end), ("20250102T030405Z", end));

        let several = UsageSum::into_drafts(vec![sum(None, NOW, 5), sum(Some("p"), end, 2 * LARGEST + 1)], end);
        assert_eq!(several.len(), 4);
        assert_eq!(several.iter().map(|part| part.ten_thousandths).sum::<i64>(), 2 * LARGEST + 6);
        assert!(several.windows(2).all(|pair| pair[0].end == pair[1].begin && pair[0].begin < pair[0].end));
        assert_eq!(several.last().unwrap().end, end);
    }

    #[test]
    fn a_record_begins_with_the_first_usage_of_its_sum() {
        let second = |seconds: i64| Timestamp::from_unix_millis(NOW.as_unix_millis() / 1000 * 1000 + seconds * 1000);
        let times = |sums: &[(Option<&str>, i64)], end: i64| {
            let sums = sums.iter().map(|(package, at)| sum(*package, second(*at), 5)).collect();
            let drafts = UsageSum::into_drafts(sums, second(end)).into_iter();
            let since = |time: Timestamp| (time.as_unix_millis() - second(0).as_unix_millis()) / 1000;
            let of = |draft: RecordDraft| {
                (draft.package_instance_id.unwrap_or_default(), since(draft.begin), since(draft.end))
            };
            drafts.map(of).collect::<Vec<_>>()
        };
        let row = |package: &str, begin, end| (package.to_owned(), begin, end);
        // The package that was bought later has the lesser id.
        let bought_late = [(Some("a"), 3000), (Some("b"), 60), (None, 3599)];
        assert_eq!(times(&bought_late, 3600), [row("b", 60, 3000), row("a", 3000, 3599), row("", 3599, 3600)]);
        let of_a_second = [(Some("b"), 60), (Some("a"), 60), (None, 60)];
        assert_eq!(times(&of_a_second, 3600), [row("", 60, 61), row("a", 61, 62), row("b", 62, 3600)]);
        assert_eq!(
            times(&[(None, 0), (Some("a"), 3600), (Some("b"), 3600)], 3600)[1..],
            [row("a", 3598, 3599), row("b", 3599, 3600)]
        );
        let without_seconds = times(&[(None, 0), (Some("a"), 0), (Some("b"), 0)], 2);
        assert_eq!(without_seconds, [row("", 0, 0), row("a", 0, 1), row("b", 1, 2)]);
    }
}
