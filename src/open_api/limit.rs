//! The documented limits of requests, checked before anything is sent.

use std::fmt;

use crate::amount::{Amount, LARGEST_USAGE};
use crate::timestamp::Timestamp;

/// A field of a request breaks a documented limit. Its value is not part of the error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {limit}")]
#[non_exhaustive]
pub struct LimitError {
    /// The field, as it stands in the request: `usage_info[3].license`.
    pub field: String,
    /// The limit that it breaks.
    pub limit: Limit,
}

/// A limit of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// It has to hold something.
    Required,
    /// It has at most `max` characters.
    Characters {
        /// The most that it may have.
        max: usize,
        /// The actual number.
        found: usize,
    },
    /// The list has at most `max` elements.
    Elements {
        /// The most that it may have.
        max: usize,
        /// The actual number.
        found: usize,
    },
    /// The number is at most this.
    AtMost(u32),
    /// The amount is above 0 and at most 99,999,999.9999.
    Usage,
    /// The time has a year of four digits.
    Time,
    /// The time is not before that of this field.
    NotBefore(&'static str),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("is empty"),
            Self::Characters { max, found } => write!(f, "has {found} characters, and may have {max}"),
            Self::Elements { max, found } => write!(f, "has {found} elements, and may have {max}"),
            Self::AtMost(max) => write!(f, "is above {max}"),
            Self::Usage => f.write_str("is not above 0 and at most 99999999.9999"),
            Self::Time => f.write_str("is a time whose year has not four digits"),
            Self::NotBefore(begin) => write!(f, "is before {begin}"),
        }
    }
}

impl Limit {
    /// The error for a field.
    pub(super) fn of(self, field: impl Into<String>) -> LimitError {
        LimitError { field: field.into(), limit: self }
    }
}

impl LimitError {
    /// The same, with the field inside another.
    pub(super) fn within(self, outer: impl fmt::Display) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}

/// A mandatory text.
pub(super) fn text(field: &str, text: &str, max: usize) -> Result<(), LimitError> {
    if text.is_empty() { Err(Limit::Required.of(field)) } else { optional_text(field, Some(text), max) }
}

/// A text that may be absent or empty.
pub(super) fn optional_text(field: &str, text: Option<&str>, max: usize) -> Result<(), LimitError> {
    match text.unwrap_or_default().chars().count() {
        found if found > max => Err(Limit::Characters { max, found }.of(field)),
        _ => Ok(()),
    }
}

/// A mandatory list.
pub(super) fn list<T>(field: &str, list: &[T], max: usize) -> Result<(), LimitError> {
    match list.len() {
        0 => Err(Limit::Required.of(field)),
        found if found > max => Err(Limit::Elements { max, found }.of(field)),
        _ => Ok(()),
    }
}

/// A time that can be written in the wire's form.
pub(super) fn time(field: &str, time: Timestamp) -> Result<(), LimitError> {
    if time.to_offset_date_time().is_some() { Ok(()) } else { Err(Limit::Time.of(field)) }
}

/// The times of a usage record: the wire carries whole seconds.
pub(super) fn period(begin: Timestamp, end: Timestamp, record: Timestamp) -> Result<(), LimitError> {
    time("begin_time", begin)?;
    time("end_time", end)?;
    time("record_time", record)?;
    let seconds = |time: Timestamp| time.as_unix_millis().div_euclid(1000);
    if seconds(end) < seconds(begin) { Err(Limit::NotBefore("begin_time").of("end_time")) } else { Ok(()) }
}

/// Used quantity, 12 digits of which 4 stand behind the point.
pub(super) fn usage(field: &str, amount: Amount) -> Result<(), LimitError> {
    const LARGEST: i128 = LARGEST_USAGE as i128;
    match amount.ten_thousandths() {
        Some(1..=LARGEST) => Ok(()),
        _ => Err(Limit::Usage.of(field)),
    }
}
