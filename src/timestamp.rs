//! One time type for every form that the marketplace uses.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// UTC+8, the zone of the times in the bodies of Kit callbacks.
pub const CHINA: UtcOffset = match UtcOffset::from_hms(8, 0, 0) {
    Ok(zone) => zone,
    Err(_) => UtcOffset::UTC,
};

/// An instant, in milliseconds since 1970-01-01 00:00:00 UTC.
///
/// Its text form ([`Display`](fmt::Display), [`FromStr`], serde) is the marketplace's own, always in UTC:
/// `yyyyMMddHHmmssSSS`, or `yyyyMMddHHmmss` where there are no milliseconds. Both are read.
///
/// ```
/// use koogallery::timestamp::Timestamp;
///
/// let expiry: Timestamp = "20260101000000".parse()?;
/// assert_eq!(expiry.as_unix_millis(), 1_767_225_600_000);
/// assert_eq!(expiry.to_string(), "20260101000000");
/// assert_eq!(expiry.to_compact_millis(), "20260101000000000");
/// # Ok::<(), koogallery::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Returns the time of so many milliseconds since the UNIX epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the UNIX epoch.
    pub const fn as_unix_millis(self) -> i64 {
        self.0
    }

    /// Reads the `timestamp` of a V2.0 call: 13 digits are milliseconds, 10 are seconds (the English texts say seconds,
    /// every sample shows milliseconds). Both lengths hold from 2001 to 2286.
    ///
    /// # Errors
    ///
    /// Any other length, a leading zero, or a character that is no digit.
    ///
    /// ```
    /// # use koogallery::timestamp::Timestamp;
    /// assert_eq!(Timestamp::parse_unix("1767225600")?, Timestamp::parse_unix("1767225600000")?);
    /// assert!(Timestamp::parse_unix("20260101000000").is_err());
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn parse_unix(text: &str) -> Result<Self, TimestampError> {
        let scale = match text.len() {
            10 => 1000,
            13 => 1,
            _ => return Err(TimestampError),
        };
        if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TimestampError);
        }
        let value: i64 = text.parse().map_err(|_| TimestampError)?;
        Ok(Self(value * scale))
    }

    /// Reads `yyyyMMddHHmmss` followed by none to three digits of the second's fraction, in the given zone.
    ///
    /// # Errors
    ///
    /// Not 14 to 17 digits, or not a date and time of the calendar.
    pub fn parse_compact(text: &str, zone: UtcOffset) -> Result<Self, TimestampError> {
        if !(14..=17).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TimestampError);
        }
        let number = |range: Range<usize>| {
            text.as_bytes()[range].iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
        };
        let small = |range| u8::try_from(number(range)).unwrap_or(u8::MAX);
        let fraction = number(14..text.len()) * [1000, 100, 10, 1][text.len() - 14];
        let date = Month::try_from(small(4..6))
            .and_then(|month| Date::from_calendar_date(i32::from(number(0..4)), month, small(6..8)))
            .map_err(|_| TimestampError)?;
        let time =
            Time::from_hms_milli(small(8..10), small(10..12), small(12..14), fraction).map_err(|_| TimestampError)?;
        let local = PrimitiveDateTime::new(date, time);
        Ok(Self::from(local.assume_offset(zone)))
    }

    /// `yyyyMMddHHmmssSSS` in UTC, 17 digits.
    pub fn to_compact_millis(self) -> String {
        text(&self.digits())
    }

    /// `yyyyMMddHHmmssSSS` in the given zone, 17 digits.
    ///
    /// ```
    /// use koogallery::timestamp::{CHINA, Timestamp};
    ///
    /// let time = Timestamp::parse_compact("20240305103000123", CHINA)?;
    /// assert_eq!(time.to_compact_millis_in(CHINA), "20240305103000123");
    /// assert_eq!(time.to_compact_millis(), "20240305023000123");
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn to_compact_millis_in(self, zone: UtcOffset) -> String {
        Self(self.0.saturating_add(i64::from(zone.whole_seconds()) * 1000)).to_compact_millis()
    }

    /// `yyyyMMddHHmmss` in UTC, 14 digits. Milliseconds are cut off.
    pub fn to_compact_seconds(self) -> String {
        text(&self.digits()[..14])
    }

    /// `yyyyMMdd'T'HHmmss'Z'` in UTC, 16 characters: the open APIs' form. Milliseconds are cut off.
    ///
    /// ```
    /// # use koogallery::timestamp::Timestamp;
    /// let time: Timestamp = "20250102030405678".parse()?;
    /// assert_eq!(time.to_basic_iso(), "20250102T030405Z");
    /// assert_eq!(time.to_compact_seconds(), "20250102030405");
    /// assert_eq!(Timestamp::parse_basic_iso("20250102T030405Z")?, "20250102030405".parse()?);
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn to_basic_iso(self) -> String {
        text(&self.basic_iso())
    }

    /// The same, not on the heap.
    pub(crate) fn basic_iso(self) -> [u8; 16] {
        let (digits, mut text) = (self.digits(), *b"yyyyMMddTHHmmssZ");
        text[..8].copy_from_slice(&digits[..8]);
        text[9..15].copy_from_slice(&digits[8..14]);
        text
    }

    /// `yyyyMMddHHmmssSSS` in UTC; zeros outside the years that four digits can tell.
    fn digits(self) -> [u8; 17] {
        let mut digits = [b'0'; 17];
        let Some(utc) = self.to_offset_date_time() else { return digits };
        let (year, (month, day)) = (utc.year().unsigned_abs(), (u8::from(utc.month()), utc.day()));
        let (hour, minute, second, milli) = utc.to_hms_milli();
        let pairs = [(year / 100) as u8, (year % 100) as u8, month, day, hour, minute, second, (milli / 10) as u8];
        for (pair, number) in digits.chunks_exact_mut(2).zip(pairs) {
            pair[0] += number / 10;
            pair[1] += number % 10;
        }
        digits[16] += (milli % 10) as u8;
        digits
    }

    /// Reads `yyyyMMdd'T'HHmmss'Z'`.
    ///
    /// # Errors
    ///
    /// Another form, or not a date and time of the calendar.
    pub fn parse_basic_iso(text: &str) -> Result<Self, TimestampError> {
        let (date, rest) = text.split_once('T').ok_or(TimestampError)?;
        let time = rest.strip_suffix('Z').ok_or(TimestampError)?;
        if (date.len(), time.len()) != (8, 6) {
            return Err(TimestampError);
        }
        Self::parse_compact(&[date, time].concat(), UtcOffset::UTC)
    }

    /// Returns the date and time in UTC; `None` outside the years of four digits.
    ///
    /// ```
    /// # use koogallery::timestamp::Timestamp;
    /// let time: Timestamp = "20260101000000".parse()?;
    /// assert_eq!(time.to_offset_date_time().map(|time| time.year()), Some(2026));
    /// assert_eq!(Timestamp::from_unix_millis(i64::MAX).to_offset_date_time(), None);
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn to_offset_date_time(self) -> Option<OffsetDateTime> {
        let utc = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)).ok()?;
        let millis = self.0.rem_euclid(1000) as u16;
        utc.replace_millisecond(millis).ok().filter(|utc| (0..=9999).contains(&utc.year()))
    }

    /// The instant `by` later, held at the end of the range.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The instant `by` earlier, held at the end of the range.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use koogallery::timestamp::Timestamp;
    /// let hour = Duration::from_secs(3600);
    /// let expiry: Timestamp = "20260101000000".parse()?;
    /// let warning = expiry.saturating_sub(hour);
    /// assert_eq!(warning.to_compact_seconds(), "20251231230000");
    /// assert_eq!(expiry.saturating_duration_since(warning), hour);
    /// assert_eq!(warning.saturating_duration_since(expiry), Duration::ZERO);
    /// assert_eq!(warning.abs_diff(expiry), hour);
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    #[must_use]
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns how much later this instant is than another, zero if it is not.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    /// Returns the distance of two instants, whichever comes first.
    pub fn abs_diff(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

fn text(ascii: &[u8]) -> String {
    ascii.iter().copied().map(char::from).collect()
}

impl From<OffsetDateTime> for Timestamp {
    fn from(value: OffsetDateTime) -> Self {
        Self(value.unix_timestamp() * 1000 + i64::from(value.millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_compact_millis();
        f.write_str(text.strip_suffix("000").filter(|short| short.len() == 14).unwrap_or(&text))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        Self::parse_compact(text, UtcOffset::UTC)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not a time in the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time in the expected form")]
#[non_exhaustive]
pub struct TimestampError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_documented_length() {
        let whole: Timestamp = "20240229235959".parse().unwrap();
        assert_eq!("20240229235959123".parse::<Timestamp>().unwrap(), whole.saturating_add(Duration::from_millis(123)));
        assert_eq!("202402292359591".parse::<Timestamp>().unwrap(), whole.saturating_add(Duration::from_millis(100)));
        let china = Timestamp::parse_compact("20240301075959", UtcOffset::from_hms(8, 0, 0).unwrap()).unwrap();
        assert_eq!(china, whole);
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2024",
            "20240230000000",
            "20240101240000",
            "+2024010100000",
            "2024-01-01T000",
            "202401010000000000",
            "２０２４０１０１０１０１０１",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        for text in [
            "",
            "-1",
            "+1735689600123",
            "1e12",
            "1735689600123000",
            "123456789012345678901234567890",
            "01735689600123",
            "0735689600",
            "173568960012",
            " 1735689600123",
        ] {
            assert!(Timestamp::parse_unix(text).is_err(), "{text}");
        }
    }

    #[test]
    fn seconds_and_milliseconds_are_distinguished() {
        assert_eq!(Timestamp::parse_unix("1735689600").unwrap(), Timestamp::parse_unix("1735689600000").unwrap());
    }

    #[test]
    fn compact_millis_round_trip() {
        for millis in (-62_167_219_200_000..=253_402_300_799_999).step_by(98_765_432_123) {
            let time = Timestamp::from_unix_millis(millis);
            assert_eq!(time.to_compact_millis().parse(), Ok(time));
        }
    }

    #[test]
    fn basic_iso_round_trips() {
        let time = Timestamp::parse_basic_iso("20250102T030405Z").unwrap();
        assert_eq!((time.to_string().as_str(), time.to_basic_iso().as_str()), ("20250102030405", "20250102T030405Z"));
        for text in ["", "T", "20250102T030405", "20250102030405Z", "2025010T2030405Z", "20250102T0304056Z"] {
            assert!(Timestamp::parse_basic_iso(text).is_err(), "{text}");
        }
    }

    #[test]
    fn odd_instants_format_without_a_panic() {
        // The last one is the end of the year 9999.
        for millis in [i64::MIN, -62_167_219_200_000, -1, 0, 253_402_300_799_999, i64::MAX] {
            let time = Timestamp::from_unix_millis(millis);
            for zone in [UtcOffset::UTC, CHINA, UtcOffset::from_hms(-8, 0, 0).unwrap()] {
                assert_eq!(time.to_compact_millis_in(zone).len(), 17);
            }
        }
    }
}
