//! Exact decimal numbers: money and usage never pass through a float.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An exact decimal number.
///
/// At most 64 significant digits, and at most 1,000 zeros between them and the decimal point. Written in any form that
/// senders use: a sign, leading and trailing zeros, an exponent (`1E+2`, as Java's `BigDecimal` has it). Equal numbers
/// are equal however they were written.
///
/// Serialized as a JSON number without an exponent; read from a JSON number or a JSON string.
///
/// ```
/// use koogallery::amount::Amount;
///
/// let paid: Amount = "-12.50".parse()?;
/// assert_eq!(paid.to_string(), "-12.5");
/// assert!(paid.is_negative());
/// assert_eq!("1E+2".parse::<Amount>()?, Amount::from(100));
/// assert_eq!("99.12345".parse::<Amount>()?.to_string(), "99.12345");
/// assert!("1,000".parse::<Amount>().is_err());
/// # Ok::<(), koogallery::amount::AmountError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    negative: bool,
    /// The number is `0.` followed by the digits, times ten to this power; 0 for zero.
    exponent: i16,
    /// Values from 0 to 9. The first is not 0 unless the number is; zeros follow the last.
    digits: [u8; MAX_DIGITS],
}

const MAX_DIGITS: usize = 64;

/// A number of fewer digits fits into 64 bits.
const SHORT: usize = 20;

/// Largest distance of the decimal point from the digits, so that a text of a few bytes cannot expand to gigabytes.
const MAX_EXPONENT: u64 = 1000;

/// Digits behind the decimal point that usage records have.
const TEN_THOUSANDTHS: i16 = 4;

/// The most that usage can be, in ten-thousandths: 12 digits, four of them behind the point.
pub(crate) const LARGEST_USAGE: i64 = 999_999_999_999;

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, exponent: 0, digits: [0; MAX_DIGITS] };

    /// Returns a whole number of ten-thousandths: `12_5000` is 12.5.
    ///
    /// ```
    /// # use koogallery::amount::Amount;
    /// let amount = Amount::from_ten_thousandths(12_5000);
    /// assert_eq!(amount.to_string(), "12.5");
    /// assert_eq!(amount.ten_thousandths(), Some(12_5000));
    /// assert_eq!("0.00001".parse::<Amount>()?.ten_thousandths(), None);
    /// # Ok::<(), koogallery::amount::AmountError>(())
    /// ```
    pub const fn from_ten_thousandths(value: i64) -> Self {
        let (mut magnitude, mut length) = (value.unsigned_abs(), 0);
        let mut reversed = [0; 20];
        while magnitude > 0 {
            reversed[length] = (magnitude % 10) as u8;
            magnitude /= 10;
            length += 1;
        }
        let mut amount = Self::ZERO;
        let mut index = 0;
        while index < length {
            amount.digits[index] = reversed[length - 1 - index];
            index += 1;
        }
        if length > 0 {
            amount.negative = value < 0;
            amount.exponent = length as i16 - TEN_THOUSANDTHS;
        }
        amount
    }

    /// Returns the amount as a whole number of ten-thousandths; `None` where it has more than four decimals, or more
    /// than 38 digits.
    pub fn ten_thousandths(self) -> Option<i128> {
        self.scaled(TEN_THOUSANDTHS)
    }

    /// Returns the amount if it is a whole number of at most 38 digits.
    ///
    /// ```
    /// # use koogallery::amount::Amount;
    /// assert_eq!("1E+2".parse::<Amount>()?.to_integer(), Some(100));
    /// assert_eq!("0.5".parse::<Amount>()?.to_integer(), None);
    /// # Ok::<(), koogallery::amount::AmountError>(())
    /// ```
    pub fn to_integer(self) -> Option<i128> {
        self.scaled(0)
    }

    /// Returns whether the amount is below zero (a refund).
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// Returns the amount times ten to the power given, if that is whole and fits.
    fn scaled(self, power: i16) -> Option<i128> {
        let whole = usize::try_from(self.exponent + power).unwrap_or_default();
        // Zeros follow the last digit.
        let (digits, behind) = self.digits.split_at(whole.min(MAX_DIGITS));
        if behind.iter().any(|digit| *digit != 0) {
            return None;
        }
        let magnitude = if whole < SHORT {
            i128::from(digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit)))
        } else {
            let zeros = std::iter::repeat_n(&0, whole - digits.len());
            let mut digits = digits.iter().chain(zeros).copied();
            digits.try_fold(0_i128, |number, digit| number.checked_mul(10)?.checked_add(i128::from(digit)))?
        };
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The digits without the zeros behind them.
    fn significant(&self) -> &[u8] {
        let length = self.digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
        &self.digits[..length]
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        let is_zero = |amount: &Self| amount.digits[0] == 0;
        match (is_zero(self), is_zero(other)) {
            (false, false) => self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits)),
            (left, right) => right.cmp(&left),
        }
    }
}

impl Default for Amount {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<u32> for Amount {
    fn from(value: u32) -> Self {
        Self::from_ten_thousandths(i64::from(value) * 10_000)
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
            (left, right) => right.cmp(&left),
        }
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, parse_power(power)?),
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
            return Err(AmountError);
        }
        let mut amount = Self { negative: mantissa.starts_with('-'), ..Self::ZERO };
        let (mut length, mut zeros) = (0, 0_usize);
        for part in [whole, fraction] {
            for digit in part.bytes() {
                if length == 0 && digit == b'0' {
                    zeros += 1;
                    continue;
                }
                match amount.digits.get_mut(length) {
                    Some(place) => *place = digit - b'0',
                    None if digit == b'0' => {}
                    None => return Err(AmountError),
                }
                length += 1;
            }
        }
        if length == 0 {
            return Ok(Self::ZERO);
        }
        let point = i64::try_from(whole.len()).and_then(|whole| Ok(whole - i64::try_from(zeros)?));
        let exponent = power.saturating_add(point.map_err(|_| AmountError)?);
        if exponent.unsigned_abs() > MAX_EXPONENT {
            return Err(AmountError);
        }
        amount.exponent = exponent as i16;
        Ok(amount)
    }
}

/// Reads the exponent of a text. One that no `i64` holds is out of every range.
fn parse_power(text: &str) -> Result<i64, AmountError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountError);
    }
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.significant();
        let whole = usize::try_from(self.exponent).unwrap_or(0);
        let zeros_behind_point = usize::try_from(-i32::from(self.exponent)).unwrap_or(0);
        let mut text = String::with_capacity(digits.len().max(whole) + zeros_behind_point + 3);
        if self.negative {
            text.push('-');
        }
        let digit = |digit: &u8| char::from(b'0' + digit);
        match whole {
            0 => text.push('0'),
            _ => text.extend(digits.iter().chain(std::iter::repeat(&0)).take(whole).map(digit)),
        }
        if let Some(fraction) = digits.get(whole..).filter(|fraction| !fraction.is_empty()) {
            text.push('.');
            text.extend(std::iter::repeat_n('0', zeros_behind_point));
            text.extend(fraction.iter().map(digit));
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
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
        raw.get().trim_matches('"').trim().parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not a decimal number, or one of more digits than an [`Amount`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number")]
#[non_exhaustive]
pub struct AmountError;

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn keeps_every_digit() {
        // The last is what Java's `new BigDecimal(0.1)` prints.
        let tenth = "0.1000000000000000055511151231257827021181583404541015625";
        for text in
            ["0", "12.5", "-0.001", "99999999.9999", "9999999999999999.1234", "99.12345", "1000", "0.00001", tenth]
        {
            assert_eq!(amount(text).to_string(), text);
            assert_eq!(serde_json::to_string(&amount(text)).unwrap(), text);
        }
        assert_eq!(serde_json::from_str::<Amount>("\"12.5\"").unwrap(), Amount::from_ten_thousandths(125_000));
        assert_eq!(amount(&"9".repeat(MAX_DIGITS)).to_string(), "9".repeat(MAX_DIGITS));
    }

    #[test]
    fn every_spelling_of_a_number_is_the_same_number() {
        for (text, printed) in [
            ("1E+2", "100"),
            ("1e2", "100"),
            ("0E-8", "0"),
            ("-0.00", "0"),
            ("+5", "5"),
            ("007.10000", "7.1"),
            ("5.0", "5"),
            (".5", "0.5"),
            ("1.", "1"),
            ("1.25E-3", "0.00125"),
            ("12345E-2", "123.45"),
            ("0.00012E+6", "120"),
            ("100E0", "100"),
        ] {
            assert_eq!(amount(text).to_string(), printed, "{text}");
            assert_eq!(amount(text), amount(printed));
            assert_eq!(amount(text).cmp(&amount(printed)), Ordering::Equal);
        }
        assert_eq!(amount(&format!("1{}", "0".repeat(500))).to_string().len(), 501);
    }

    #[test]
    fn refuses_what_is_no_amount() {
        let too_long = "1".repeat(MAX_DIGITS + 1);
        for text in [
            "",
            "-",
            "+",
            ".",
            "-.",
            "1,000",
            "１",
            "1 ",
            " 1",
            "NaN",
            "Infinity",
            "0x10",
            "1e",
            "e1",
            "1e+",
            "1e1.5",
            "1ee1",
            "--1",
            "+-1",
            "1.2.3",
            "1_000",
            "1E1001",
            "1E-1002",
            "1E99999999999999999999",
            &too_long,
        ] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let sorted = ["-100", "-99.5", "-0.001", "0", "0.00001", "0.5", "0.51", "1", "9", "10", "1E+30"].map(amount);
        assert!(sorted.is_sorted());
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn whole_numbers_are_exact() {
        assert_eq!(amount("5.0").to_integer(), Some(5));
        assert_eq!(amount("-1E+3").to_integer(), Some(-1000));
        assert_eq!(amount("5.5").to_integer(), None);
        assert_eq!(amount("0.05").to_integer(), None);
        assert_eq!(amount("1E+38").to_integer(), Some(10_i128.pow(38)));
        assert_eq!(amount("1E+39").to_integer(), None);
        assert_eq!(amount("12.5").ten_thousandths(), Some(125_000));
        assert_eq!(amount("0.00001").ten_thousandths(), None);
        assert_eq!(Amount::ZERO.ten_thousandths(), Some(0));
        for value in [i64::MIN, -1, 0, 1, 10_000, 12_345, i64::MAX] {
            let exact = Amount::from_ten_thousandths(value);
            assert_eq!(exact.ten_thousandths(), Some(i128::from(value)));
            assert_eq!(amount(&exact.to_string()), exact);
        }
    }
}
