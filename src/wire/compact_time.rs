//! A time whose zone is a matter of configuration.

use time::UtcOffset;

use super::fields::{ReadField, WriteField};
use super::outgoing::OutgoingValue;
use super::problem::{FieldProblem, Warnings};
use super::raw::RawField;
use crate::timestamp::Timestamp;

/// A time without a zone, `yyyyMMddHHmmss` or `yyyyMMddHHmmssSSS`.
///
/// V1.0 states no zone for `expireTime`; a sample suggests UTC+8 (unverified). Which one counts is a setting of the
/// service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactTime {
    text: String,
    utc: Timestamp,
}

impl CompactTime {
    /// The digits as received.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The instant, if the digits are meant in this zone.
    pub fn in_zone(&self, zone: UtcOffset) -> Timestamp {
        let shift = i64::from(zone.whole_seconds()) * 1000;
        Timestamp::from_unix_millis(self.utc.as_unix_millis() - shift)
    }
}

impl From<Timestamp> for CompactTime {
    /// The time in UTC.
    fn from(utc: Timestamp) -> Self {
        Self { text: utc.to_string(), utc }
    }
}

impl ReadField for CompactTime {
    fn read(raw: RawField<'_>, max: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let utc = Timestamp::read(raw.clone(), max, warnings)?;
        Ok(Self { text: raw.name(max)?.into_owned(), utc })
    }
}

impl WriteField for CompactTime {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_shifts_the_instant() {
        let time = CompactTime::read(RawField::Text("20200727153156".into()), 20, &mut Vec::new()).unwrap();
        let china = UtcOffset::from_hms(8, 0, 0).unwrap();
        assert_eq!(time.in_zone(china).to_string(), "20200727073156");
        assert_eq!(time.in_zone(UtcOffset::UTC).to_string(), time.as_str());
    }
}
