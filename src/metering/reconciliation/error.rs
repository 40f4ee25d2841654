//! Why an exported statement cannot be read.

use super::{Column, Encoding};

/// An exported statement cannot be read. Nothing of it was compared.
///
/// A row is given by the line of the file in which it begins; that of the names is 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Bytes are not of the encoding.
    #[error("row {row}: not {encoding}")]
    Encoding {
        /// The row.
        row: u64,
        /// The encoding that was set or found out.
        encoding: Encoding,
    },
    /// The first row lacks the name of a column.
    #[error("row 1: no column {name:?} for {column}; the columns are {found}")]
    MissingColumn {
        /// The column.
        column: Column,
        /// Its name.
        name: String,
        /// The names in the first row.
        found: String,
    },
    /// The first row has the name of a column twice.
    #[error("row 1: two columns {name:?} for {column}")]
    RepeatedColumn {
        /// The column.
        column: Column,
        /// Its name.
        name: String,
    },
    /// A row has more or fewer fields than the first one.
    #[error("row {row}: {found} fields, expected {expected} as in row 1")]
    Fields {
        /// The row.
        row: u64,
        /// The number of its fields.
        found: u64,
        /// The number of fields of the first row.
        expected: u64,
    },
    /// A quotation mark has no counterpart, so that all rows after it would be one field.
    #[error("row {row}: a quotation mark is not closed")]
    Quote {
        /// The row.
        row: u64,
    },
    /// A field cannot be read.
    #[error("row {row}, column {name:?}: {value:?} is not {expected}")]
    Field {
        /// The row.
        row: u64,
        /// The name of the column.
        name: String,
        /// The field.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The separator is no ASCII character, or is a quotation mark or a line break.
    #[error("invalid separator: expected an ASCII character other than a quotation mark and line breaks")]
    Separator,
    /// The CSV reader failed in another way.
    #[error("row {row}: {reason}")]
    Csv {
        /// The row.
        row: u64,
        /// The reason.
        reason: String,
    },
}
