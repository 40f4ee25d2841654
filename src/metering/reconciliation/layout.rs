//! The form of an exported statement.

use std::collections::BTreeMap;
use std::fmt;

use ::time::UtcOffset;

use crate::timestamp::CHINA;

/// A column of an exported statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Column {
    /// The seller's number of the record, by which rows are found; without it, instance and begin identify a record.
    MeteringSn,
    /// The pay-per-use instance. Mandatory.
    InstanceId,
    /// Begin of the record, in whole seconds. Mandatory.
    BeginTime,
    /// End of the record, in whole seconds.
    EndTime,
    /// The amount. Mandatory.
    Amount,
    /// The package from which it is deducted; an empty field means none.
    Package,
    /// The unit of the amount.
    Unit,
}

impl Column {
    /// All columns.
    pub const ALL: [Self; 7] =
        [Self::MeteringSn, Self::InstanceId, Self::BeginTime, Self::EndTime, Self::Amount, Self::Package, Self::Unit];

    /// Returns the column as a word: `metering_sn`, `instance_id`, `begin_time`, `end_time`, `amount`, `package` or `unit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MeteringSn => "metering_sn",
            Self::InstanceId => "instance_id",
            Self::BeginTime => "begin_time",
            Self::EndTime => "end_time",
            Self::Amount => "amount",
            Self::Package => "package",
            Self::Unit => "unit",
        }
    }

    /// Returns the column of a [word](Self::as_str), or `None` if there is no such column.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.as_str() == word)
    }

    /// The name in the open API, in camel case, which is that of the column unless another is set.
    const fn default_name(self) -> &'static str {
        match self {
            Self::MeteringSn => "meteringSn",
            Self::InstanceId => "instanceId",
            Self::BeginTime => "beginTime",
            Self::EndTime => "endTime",
            Self::Amount => "usageValue",
            Self::Package => "relatePkgInstance",
            Self::Unit => "unit",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The encoding of an exported statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, by its byte order mark; without one, the lower byte first.
    Utf16,
    /// GB18030, which includes GBK and GB 2312.
    Gb18030,
}

impl Encoding {
    /// Returns the encoding as a lower-case word: `utf-8`, `utf-16` or `gb18030`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Gb18030 => "gb18030",
        }
    }

    /// Returns the encoding of a [word](Self::as_str), or of `gbk`; `None` if there is no such encoding.
    pub fn from_word(word: &str) -> Option<Self> {
        let encodings = [Self::Utf8, Self::Utf16, Self::Gb18030];
        let of_word = encodings.into_iter().find(|encoding| encoding.as_str() == word);
        of_word.or((word == "gbk").then_some(Self::Gb18030))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The form of an exported statement.
///
/// ```
/// use koogallery::metering::reconciliation::{Column, Encoding, Export, Layout};
/// use koogallery::timestamp::CHINA;
///
/// let layout = Layout::new()
///     .with_encoding(Encoding::from_word("gbk").unwrap())
///     .with_separator(b';')
///     .with_zone(CHINA)
///     .with_column(Column::from_word("unit").unwrap(), "单位")
///     .with_unit("GB");
/// // The column of the unit must be there.
/// assert!(Export::read(b"instanceId;beginTime;usageValue\n", &layout).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) names: BTreeMap<Column, String>,
    pub(super) encoding: Option<Encoding>,
    pub(super) separator: Option<u8>,
    pub(super) zone: UtcOffset,
    pub(super) unit: Option<String>,
}

impl Layout {
    /// Creates the layout of a statement whose columns have the names of the open API (`usage_value`, or `usageValue`), with
    /// times in Beijing (UTC+8); encoding and separator are found out.
    pub const fn new() -> Self {
        Self { names: BTreeMap::new(), encoding: None, separator: None, zone: CHINA, unit: None }
    }

    /// Sets the name of a column in the first row (default: `meteringSn`, `instanceId`, `beginTime`, `endTime`, `usageValue`,
    /// `relatePkgInstance`, `unit`, in any letter case, with underscores or without). A column whose name is set must be there.
    /// Others that are not mandatory may be absent, and are not compared then.
    #[must_use]
    pub fn with_column(mut self, column: Column, name: impl Into<String>) -> Self {
        self.names.insert(column, name.into());
        self
    }

    /// Sets the encoding (default: by the byte order mark; without one UTF-8 if the bytes are, otherwise GB18030).
    #[must_use]
    pub const fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Sets the separator of fields, an ASCII character (default: the most frequent of comma, semicolon, tab and bar in the
    /// first row).
    #[must_use]
    pub const fn with_separator(mut self, separator: u8) -> Self {
        self.separator = Some(separator);
        self
    }

    /// Sets the zone of times that have none (default: UTC+8).
    #[must_use]
    pub const fn with_zone(mut self, zone: UtcOffset) -> Self {
        self.zone = zone;
        self
    }

    /// Sets the unit that every row must have (default: units are not compared). The column must be there.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    pub(super) fn name(&self, column: Column) -> &str {
        self.names.get(&column).map_or(column.default_name(), String::as_str)
    }

    /// Returns whether a name in the first row is that of a column.
    pub(super) fn is_name_of(&self, column: Column, found: &str) -> bool {
        match self.names.get(&column) {
            Some(name) => name == found,
            None => found.replace('_', "").eq_ignore_ascii_case(column.default_name()),
        }
    }

    pub(super) fn is_mandatory(&self, column: Column) -> bool {
        matches!(column, Column::InstanceId | Column::BeginTime | Column::Amount)
            || self.names.contains_key(&column)
            || column == Column::Unit && self.unit.is_some()
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}
