//! What was delivered in a month, and what was not.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::{Date, Month};

use crate::amount::Amount;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
use crate::columns::Columns;
use crate::timestamp::{CHINA, Timestamp};

/// A month in Beijing (UTC+8), from midnight to midnight. A record is of the month in which it begins.
///
/// Which zone bounds the months of the marketplace's statements is not documented; that of Beijing is likely.
///
/// ```
/// use koogallery::metering::StatementMonth;
///
/// let month: StatementMonth = "2026-11".parse()?;
/// assert_eq!(month.begin().to_string(), "20261031160000");
/// assert_eq!(StatementMonth::of(month.begin()), Some(month));
/// assert_eq!(month.to_string(), "2026-11");
/// # Ok::<(), koogallery::metering::StatementMonthError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementMonth {
    /// The first day.
    first: Date,
}

impl StatementMonth {
    /// Returns the month of an instant; `None` outside the years of four digits.
    pub fn of(at: Timestamp) -> Option<Self> {
        let date = at.to_offset_date_time()?.checked_to_offset(CHINA)?.date();
        (0..=9999).contains(&date.year()).then(|| date.replace_day(1).ok()).flatten().map(|first| Self { first })
    }

    /// Returns the first instant of the month.
    pub fn begin(self) -> Timestamp {
        Timestamp::from(self.first.midnight().assume_offset(CHINA))
    }

    /// Returns the first instant after the month.
    pub fn end(self) -> Timestamp {
        let days = i64::from(self.first.month().length(self.first.year()));
        Timestamp::from_unix_millis(self.begin().as_unix_millis().saturating_add(days * 86_400_000))
    }

    /// The month as a number, as in 202611.
    #[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
    pub(super) fn number(self) -> i64 {
        i64::from(self.first.year()) * 100 + i64::from(u8::from(self.first.month()))
    }
}

impl FromStr for StatementMonth {
    type Err = StatementMonthError;

    fn from_str(text: &str) -> Result<Self, StatementMonthError> {
        let is_form = text.len() == 7
            && text.bytes().enumerate().all(|(at, byte)| if at == 4 { byte == b'-' } else { byte.is_ascii_digit() });
        let (year, month) = text.split_once('-').filter(|_| is_form).ok_or(StatementMonthError)?;
        let (year, month): (i32, u8) =
            (year.parse().map_err(|_| StatementMonthError)?, month.parse().map_err(|_| StatementMonthError)?);
        let month = Month::try_from(month).map_err(|_| StatementMonthError)?;
        let first = Date::from_calendar_date(year, month, 1).map_err(|_| StatementMonthError)?;
        Ok(Self { first })
    }
}

impl fmt::Display for StatementMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), u8::from(self.first.month()))
    }
}

/// A text is not a month in the form `yyyy-MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month: expected yyyy-MM, as in 2026-11")]
#[non_exhaustive]
pub struct StatementMonthError;

/// The records of an instance and package in a month. Serialized as an object with its fields; amounts are numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StatementLine {
    /// The pay-per-use instance.
    pub instance_id: String,
    /// The package from which the usage is deducted, if it is.
    pub package_instance_id: Option<String>,
    /// The number of records that the marketplace has, deleted ones included.
    pub delivered_records: u64,
    /// Their usage.
    pub delivered_usage: Amount,
    /// The number of open sums, and of records that are pending or held, or wait to be corrected. An open sum is of the
    /// month of its first usage.
    pub waiting_records: u64,
    /// Their usage.
    pub waiting_usage: Amount,
    /// The number of records that were refused permanently.
    pub refused_records: u64,
    /// Their usage.
    pub refused_usage: Amount,
}

/// Records delivered, by number of the month, instance and package; their number and usage.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
pub(super) type Delivered = std::collections::BTreeMap<(i64, String, String), (i64, i64)>;

/// A record that was delivered just now.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) struct DeliveredRecord {
    pub(super) month: i64,
    pub(super) instance_id: String,
    pub(super) package: String,
    pub(super) amount: i64,
}

/// The columns of a [`DeliveredRecord`].
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) const DELIVERED: &str = "instance_id, package, begin_time, amount";

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
impl DeliveredRecord {
    pub(super) fn read<R: Columns>(row: &R) -> Result<Self, R::Error> {
        Ok(Self {
            month: StatementMonth::of(row.time("begin_time")?).map_or(0, StatementMonth::number),
            instance_id: row.text("instance_id")?,
            package: row.text("package")?,
            amount: row.int("amount")?,
        })
    }
}

/// Adds up records by their month, instance and package.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
pub(super) fn delivered(records: Vec<DeliveredRecord>) -> Delivered {
    let mut delivered = Delivered::new();
    for record in records {
        let key = (record.month, record.instance_id, record.package);
        let (records, amount) = delivered.entry(key).or_default();
        (*records, *amount) = (*records + 1, amount.saturating_add(record.amount));
    }
    delivered
}

/// A page of the statement of a month. Parameters: number, begin and end of the month, instance and package after which it
/// begins, limit. The type is that of 64 bits in a cast.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) fn statement(int: &str) -> String {
    let sums = ["delivered", "waiting", "refused"].map(|kind| {
        let sum = |column: &str| format!("CAST(sum(CASE kind WHEN '{kind}' THEN {column} ELSE 0 END) AS {int})");
        format!("{} AS {kind}_records, {} AS {kind}_usage", sum("records"), sum("amount"))
    });
    format!(
        "SELECT instance_id, package, {} FROM (SELECT instance_id, package, 'delivered' AS kind, records, amount \
         FROM koogallery_usage_month WHERE month = ?1 \
         UNION ALL SELECT instance_id, package, CASE state WHEN 'dead' THEN 'refused' ELSE 'waiting' END, 1, amount \
         FROM koogallery_usage_record WHERE state IN ('pending', 'fix', 'dead') AND state <> 'delivered' \
         AND begin_time >= ?2 AND begin_time < ?3 \
         UNION ALL SELECT instance_id, package, 'waiting', 1, amount FROM koogallery_usage_open \
         WHERE first_at >= ?2 AND first_at < ?3) AS parts \
         WHERE instance_id > ?4 OR (instance_id = ?4 AND package > ?5) \
         GROUP BY instance_id, package ORDER BY instance_id, package LIMIT ?6",
        sums.join(", ")
    )
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) fn read_line<R: Columns>(row: &R) -> Result<StatementLine, R::Error> {
    let records = |column| Ok(row.int(column)?.unsigned_abs());
    let usage = |column| Ok(Amount::from_ten_thousandths(row.int(column)?));
    Ok(StatementLine {
        instance_id: row.text("instance_id")?,
        package_instance_id: row.text_unless_empty("package")?,
        delivered_records: records("delivered_records")?,
        delivered_usage: usage("delivered_usage")?,
        waiting_records: records("waiting_records")?,
        waiting_usage: usage("waiting_usage")?,
        refused_records: records("refused_records")?,
        refused_usage: usage("refused_usage")?,
    })
}

/// Instance and package after which a page begins; the empty texts are before all.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) fn place(after: Option<&StatementLine>) -> (&str, &str) {
    after.map_or(("", ""), |line| (&line.instance_id, line.package_instance_id.as_deref().unwrap_or_default()))
}

/// Fills the table of delivered records by month with those that are stored, given the expression for the number of the
/// month. It does nothing where the table has rows.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
macro_rules! fill_months {
    ($month:literal) => {
        concat!(
            "INSERT INTO koogallery_usage_month (month, instance_id, package, records, amount)
    SELECT month, instance_id, package, count(*), sum(amount) FROM (SELECT ",
            $month,
            " AS month, instance_id, package, amount FROM koogallery_usage_record
        WHERE state = 'delivered' AND NOT EXISTS (SELECT 1 FROM koogallery_usage_month)
    ) AS known GROUP BY month, instance_id, package;
"
        )
    };
}

#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(super) use fill_months;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_beijing() {
        let month: StatementMonth = "2024-02".parse().unwrap();
        assert_eq!(
            (month.begin().to_string(), month.end().to_string()),
            ("20240131160000".into(), "20240229160000".into())
        );
        let last = Timestamp::from_unix_millis(month.end().as_unix_millis() - 1);
        assert_eq!(
            [month.begin(), last, month.end()].map(StatementMonth::of).map(|month| month.unwrap().to_string()),
            ["2024-02", "2024-02", "2024-03"]
        );
        for text in
            ["", "2024", "2024-13", "2024-00", "2024-2", "24-02", "2024-02-01", "+024-02", "２０２４-02", "2024/02"]
        {
            assert_eq!(text.parse::<StatementMonth>(), Err(StatementMonthError), "{text}");
        }
        assert_eq!(StatementMonth::of(Timestamp::from_unix_millis(i64::MAX)), None);
    }
}
