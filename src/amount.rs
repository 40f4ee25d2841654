//! Exact decimal numbers: money and usage never pass through a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An exact decimal number of at most 20 digits, four of them behind the point.
///
/// Serialised as a JSON number with exactly these digits; read from a JSON number or a JSON string.
///
/// ```
/// use koogallery::amount::Amount;
///
/// let paid: Amount = "-12.50".parse()?;
/// assert_eq!(paid.to_string(), "-12.5");
/// assert!(paid.is_negative());
/// assert!("1.23456".parse::<Amount>().is_err());
/// # Ok::<(), koogallery::amount::AmountError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    ten_thousandths: i128,
}

/// Digits behind the decimal point that the marketplace takes.
const SCALE: usize = 4;
const MAX_DIGITS: usize = 20;

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self { ten_thousandths: 0 };

    /// From a whole number of ten-thousandths: `12_5000` is 12.5.
    pub const fn from_ten_thousandths(value: i64) -> Self {
        Self { ten_thousandths: value as i128 }
    }

    /// The amount as a whole number of ten-thousandths.
    pub const fn ten_thousandths(self) -> i128 {
        self.ten_thousandths
    }

    /// Whether the amount is below zero (a refund).
    pub const fn is_negative(self) -> bool {
        self.ten_thousandths < 0
    }
}

impl From<u32> for Amount {
    fn from(value: u32) -> Self {
        Self { ten_thousandths: i128::from(value) * 10_000 }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let fraction = match fraction.trim_end_matches('0') {
            significant if significant.len() <= SCALE => significant,
            _ => return Err(AmountError),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let well_formed = !whole.is_empty() && !digits.ends_with('.') && all_digits(whole) && all_digits(fraction);
        if !well_formed || whole.len() + fraction.len() > MAX_DIGITS {
            return Err(AmountError);
        }
        let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', SCALE - fraction.len()));
        // 24 digits at the most, of the 38 that fit.
        let magnitude = digits.fold(0_i128, |number, digit| number * 10 + i128::from(digit - b'0'));
        Ok(Self { ten_thousandths: if text.starts_with('-') { -magnitude } else { magnitude } })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.ten_thousandths.unsigned_abs();
        let sign = if self.is_negative() { "-" } else { "" };
        write!(f, "{sign}{}", magnitude / 10_000)?;
        match magnitude % 10_000 {
            0 => Ok(()),
            fraction => write!(f, ".{}", format!("{fraction:04}").trim_end_matches('0')),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not a decimal number of at most 20 digits with at most four behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number with at most 4 digits behind the point")]
pub struct AmountError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit() {
        for text in ["0", "12.5", "-0.001", "99999999.9999", "9999999999999999.1234"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
            assert_eq!(serde_json::to_string(&text.parse::<Amount>().unwrap()).unwrap(), text);
        }
        assert_eq!("007.10000".parse::<Amount>().unwrap().to_string(), "7.1");
        assert_eq!(serde_json::from_str::<Amount>("\"12.5\"").unwrap(), Amount::from_ten_thousandths(125_000));
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "1.00001", "１", "1 ", "123456789012345678901", "NaN"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }
}
