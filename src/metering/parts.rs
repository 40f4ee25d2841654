//! Making records of sums; shared by all engines.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::timestamp::Timestamp;

/// The most that a record can hold: 12 digits, four of them behind the point.
pub(super) const LARGEST: i64 = 999_999_999_999;

/// What an instance has used in a period, of one package or of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The package.
    pub package_instance_id: Option<String>,
    /// When it was used first.
    pub first_at: Timestamp,
    /// How much, in ten-thousandths of the product's unit.
    pub ten_thousandths: i64,
}

/// A sum, or part of one, as it will be reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Begin of its record.
    pub begin: Timestamp,
    /// End of its record.
    pub end: Timestamp,
    /// The package.
    pub package_instance_id: Option<String>,
    /// How much, in ten-thousandths of the product's unit.
    pub ten_thousandths: i64,
}

/// Divides the time from the first usage to `end` among the sums of an instance, since the marketplace takes one record
/// per instance and time: usually there is one. A sum too large for a record makes several.
pub fn parts(sums: Vec<Sum>, end: Timestamp) -> Vec<Part> {
    let seconds = |time: Timestamp| time.as_unix_millis().div_euclid(1000);
    let end = seconds(end);
    let begin = sums.iter().map(|sum| seconds(sum.first_at)).min().unwrap_or(end).min(end);
    let mut amounts = Vec::with_capacity(sums.len());
    for sum in sums {
        let mut left = sum.ten_thousandths;
        while left > 0 {
            amounts.push((sum.package_instance_id.clone(), left.min(LARGEST)));
            left -= LARGEST;
        }
    }
    let count = i64::try_from(amounts.len()).unwrap_or(i64::MAX).max(1);
    let bound = |index: i64| Timestamp::from_unix_millis((begin + (end - begin) * index / count) * 1000);
    (0..)
        .zip(amounts)
        .map(|(index, (package_instance_id, ten_thousandths))| Part {
            begin: bound(index),
            end: bound(index + 1),
            package_instance_id,
            ten_thousandths,
        })
        .collect()
}

impl Part {
    /// Moves on by a second; for the rare case that a record of the same instance has these times already.
    pub fn step_aside(&mut self) {
        let second_later = |time: Timestamp| time.saturating_add(Duration::from_secs(1));
        if self.begin < self.end {
            self.begin = second_later(self.begin);
        } else {
            self.end = second_later(self.end);
        }
    }

    /// The record's number. It follows from what identifies the record, so that not even a database restored from a copy
    /// reports the same period under another one.
    pub fn metering_sn(&self, instance_id: &str) -> String {
        let times = format!("\n{}\n{}", self.begin.as_unix_millis(), self.end.as_unix_millis());
        let digest = Sha256::new().chain_update(instance_id).chain_update(times).finalize();
        const_hex::encode(&digest[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::Period;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

    fn sum(package: Option<&str>, first_at: Timestamp, ten_thousandths: i64) -> Sum {
        Sum { package_instance_id: package.map(str::to_owned), first_at, ten_thousandths }
    }

    #[test]
    fn parts_share_the_time_without_overlap_and_keep_the_sum() {
        let (_, end) = Period::Hourly.around(NOW);
        let alone = parts(vec![sum(None, NOW, 5)], end);
        assert_eq!(alone.len(), 1);
        assert_eq!((alone[0].begin.to_basic_iso().as_str(), alone[0].end), ("20250102T030405Z", end));

        let several = parts(vec![sum(None, NOW, 5), sum(Some("p"), end, 2 * LARGEST + 1)], end);
        assert_eq!(several.len(), 4);
        assert_eq!(several.iter().map(|part| part.ten_thousandths).sum::<i64>(), 2 * LARGEST + 6);
        assert!(several.windows(2).all(|pair| pair[0].end == pair[1].begin && pair[0].begin < pair[0].end));
        assert_eq!(several.last().unwrap().end, end);
    }
}
