//! Begin and end of a License.

use crate::timestamp::Timestamp;
use crate::wire::{
    FieldKind, FieldProblem, OutgoingValue, RawField, ReadField, TimeForm, Warnings, WriteField, shaped,
};

/// A time in the form `2025-01-01 00:00:00 z`, in UTC.
///
/// The page shows a sample only, and its `z` looks like the letter that stands for a zone in a pattern. So `z`, `Z`,
/// `UTC`, `GMT` and nothing at all are read as UTC, as are the digits that the other callbacks send; any other zone is
/// refused. Milliseconds are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseTime(Timestamp);

impl LicenseTime {
    /// The instant.
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        const FORM: &[u8] = b"0000-00-00 00:00:00";
        if let Ok(compact) = text.parse() {
            return Some(Self(compact));
        }
        let (time, zone) = text.split_at_checked(FORM.len())?;
        let fits = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
        let is_utc = ["", "z", "utc", "gmt"].iter().any(|name| zone.trim_start().eq_ignore_ascii_case(name));
        if !is_utc || !time.bytes().zip(FORM).all(fits) {
            return None;
        }
        let digits: String = time.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok().map(Self)
    }
}

impl From<Timestamp> for LicenseTime {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

shaped! { LicenseTime = FieldKind::Time(TimeForm::Zoned); }

impl ReadField for LicenseTime {
    fn read(raw: RawField<'_>, max: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        Self::parse(&raw.name(max)?).ok_or(FieldProblem::NotA("a time in UTC of the form yyyy-MM-dd HH:mm:ss z"))
    }
}

impl WriteField for LicenseTime {
    fn write(&self) -> OutgoingValue {
        let digits = self.0.to_compact_seconds();
        let [year, month, day] = [&digits[..4], &digits[4..6], &digits[6..8]];
        let [hour, minute, second] = [&digits[8..10], &digits[10..12], &digits[12..]];
        OutgoingValue::Text(format!("{year}-{month}-{day} {hour}:{minute}:{second} z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_and_its_likely_spellings_are_one_time() {
        let expected = "20250101000000".parse().ok();
        for text in [
            "2025-01-01 00:00:00 z",
            "2025-01-01 00:00:00 Z",
            "2025-01-01 00:00:00Z",
            "2025-01-01 00:00:00 UTC",
            "2025-01-01 00:00:00 GMT",
            "2025-01-01 00:00:00",
            "20250101000000",
            "20250101000000000",
        ] {
            assert_eq!(LicenseTime::parse(text).map(LicenseTime::timestamp), expected, "{text}");
        }
    }

    #[test]
    fn digits_may_be_a_number() {
        let read = |json| LicenseTime::read(RawField::json(json), 64, &mut Vec::new());
        assert_eq!(read("20250101000000"), Ok(LicenseTime::parse("20250101000000").unwrap()));
        for json in ["20250101000000.0", "2025", "true", "[20250101000000]"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn another_zone_or_form_is_refused() {
        for text in [
            "",
            "z",
            "2025-01-01",
            "2025-01-01 00:00:00 CST",
            "2025-01-01 00:00:00 +08:00",
            "2025-01-01 24:00:00 z",
            "2025-02-30 00:00:00 z",
            "2025/01/01 00:00:00 z",
            "+025-01-01 00:00:00 z",
            "2025-01-01 00:00:0é z",
        ] {
            assert_eq!(LicenseTime::parse(text), None, "{text}");
        }
    }
}
