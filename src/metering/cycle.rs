//! The cycles that running totals count in.

use time::{Date, Duration, Month, UtcOffset};

use crate::timestamp::Timestamp;

/// When running totals begin at zero again. Usage counts in the cycle of its time of use, so that late usage counts in the
/// cycle it belongs to.
///
/// ```
/// use koogallery::metering::Cycle;
/// use koogallery::timestamp::{CHINA, Timestamp};
///
/// // From the 31st of each month in Beijing, or the last day of a month that is shorter.
/// let cycle = Cycle::Monthly { day: 31, zone: CHINA };
/// let at = Timestamp::parse_compact("20260305120000", CHINA)?;
/// assert_eq!(cycle.begin(at, &[]), Timestamp::parse_compact("20260228000000", CHINA)?);
/// # Ok::<(), koogallery::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cycle {
    /// Never: totals count from the first usage on.
    #[default]
    Never,
    /// Every month at midnight.
    Monthly {
        /// The day of the month, from 1 to 31. In a month that is shorter the cycle begins on its last day; 0 counts as 1.
        day: u8,
        /// The zone of the midnight.
        zone: UtcOffset,
    },
    /// When [`Meter::begin_cycle`](super::Meter::begin_cycle) is called for the instance or package. Until the first call
    /// totals count from the first usage on.
    AtRenewal,
}

/// The begin of a cycle that has none: 1970-01-01 00:00:00 UTC.
const FIRST: Timestamp = Timestamp::from_unix_millis(0);

impl Cycle {
    /// Returns the begin of the cycle in which an instant lies, given the begins that
    /// [`Meter::begin_cycle`](super::Meter::begin_cycle) stored, in any order. A cycle without a begin has that of the UNIX
    /// epoch.
    pub fn begin(self, at: Timestamp, renewals: &[Timestamp]) -> Timestamp {
        match self {
            Self::Never => FIRST,
            Self::Monthly { day, zone } => month_begin(at, day, zone).unwrap_or(FIRST),
            Self::AtRenewal => renewals.iter().copied().filter(|begin| *begin <= at).max().unwrap_or(FIRST),
        }
    }
}

/// Returns the last midnight until an instant that begins a month's cycle; `None` outside the calendar.
fn month_begin(at: Timestamp, day: u8, zone: UtcOffset) -> Option<Timestamp> {
    let date = at.to_offset_date_time()?.checked_to_offset(zone)?.date();
    let begin_in =
        |year: i32, month: Month| Date::from_calendar_date(year, month, day.clamp(1, month.length(year))).ok();
    let this = begin_in(date.year(), date.month())?;
    let begin = if this <= date {
        this
    } else {
        let before = date.replace_day(1).ok()?.checked_sub(Duration::DAY)?;
        begin_in(before.year(), before.month())?
    };
    Some(Timestamp::from(begin.midnight().assume_offset(zone)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::CHINA;

    fn in_china(text: &str) -> Timestamp {
        Timestamp::parse_compact(text, CHINA).unwrap()
    }

    #[test]
    fn a_month_begins_on_its_day_or_its_last_one() {
        for (day, at, begin) in [
            (1, "20260228235959999", "20260201000000"),
            (1, "20260301000000000", "20260301000000"),
            (0, "20260301000000000", "20260301000000"),
            (15, "20260114235959999", "20251215000000"),
            (15, "20260115000000000", "20260115000000"),
            (31, "20260227235959999", "20260131000000"),
            (31, "20260228000000000", "20260228000000"),
            (31, "20260330235959999", "20260228000000"),
            (31, "20240229000000000", "20240229000000"),
            (29, "20260228000000000", "20260228000000"),
            (30, "20240229235959999", "20240229000000"),
            (255, "20260430000000000", "20260430000000"),
        ] {
            let begun = Cycle::Monthly { day, zone: CHINA }.begin(in_china(at), &[]);
            assert_eq!(begun, in_china(begin), "day {day} at {at}");
        }
    }

    #[test]
    fn the_zone_decides_about_the_day() {
        let at = in_china("20260301040000");
        let begin = |zone| Cycle::Monthly { day: 1, zone }.begin(at, &[]);
        assert_eq!(begin(CHINA), in_china("20260301000000"));
        assert_eq!(begin(UtcOffset::UTC), "20260201000000".parse().unwrap());
        let west = UtcOffset::from_hms(-5, 0, 0).unwrap();
        assert_eq!(begin(west), "20260201050000".parse().unwrap());
    }

    #[test]
    fn a_renewal_counts_from_its_time_on() {
        let times = [30, 10, 20].map(Timestamp::from_unix_millis);
        for (at, begin) in [(9, 0), (10, 10), (19, 10), (20, 20), (99, 30)] {
            let at = Timestamp::from_unix_millis(at);
            assert_eq!(Cycle::AtRenewal.begin(at, &times), Timestamp::from_unix_millis(begin), "{at:?}");
        }
        let far = Timestamp::from_unix_millis(i64::MAX);
        assert_eq!(Cycle::Monthly { day: 1, zone: CHINA }.begin(far, &[]), FIRST, "outside the calendar");
    }
}
