//! An exported statement.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::decode::decode;
use super::{Column, ExportError, Layout, time};
use crate::amount::Amount;
use crate::timestamp::Timestamp;

/// The separators that are tried.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// An exported statement that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    pub(super) records: Vec<ExportedRecord>,
    pub(super) unit: Option<String>,
}

/// A row of an exported statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedRecord {
    /// The line of the file in which it begins; that of the names is 1.
    pub row: u64,
    /// The seller's number of the record, if the column is there and the field is not empty.
    pub metering_sn: Option<String>,
    /// The pay-per-use instance.
    pub instance_id: String,
    /// Begin, in whole seconds.
    pub begin_time: Timestamp,
    /// End, if the column is there, in whole seconds.
    pub end_time: Option<Timestamp>,
    /// The amount.
    pub amount: Amount,
    /// The package, if the column is there: an empty text means none.
    pub package_instance_id: Option<String>,
    /// The unit, if the column is there.
    pub unit: Option<String>,
}

impl Export {
    /// Reads an exported statement. Fields may be quoted and are trimmed; rows of nothing but separators and blanks, as
    /// spreadsheets append them, are skipped.
    ///
    /// # Errors
    ///
    /// The first reason why it cannot be read, with row and column.
    pub fn read(bytes: &[u8], layout: &Layout) -> Result<Self, ExportError> {
        let text = decode(bytes, layout.encoding)?;
        let separator = layout.separator.unwrap_or_else(|| most_frequent(&text));
        if !separator.is_ascii() || matches!(separator, b'"' | b'\r' | b'\n') {
            return Err(ExportError::Separator);
        }
        let mut builder = ReaderBuilder::new();
        let mut reader = builder.delimiter(separator).trim(Trim::All).flexible(true).from_reader(text.as_bytes());
        let names = reader.headers().map_err(|error| unreadable(&error, &text))?.clone();
        let places = Places::find(&names, layout)?;
        let mut records = Vec::new();
        let mut row = StringRecord::new();
        let mut last = None;
        while reader.read_record(&mut row).map_err(|error| unreadable(&error, &text))? {
            if row.iter().all(str::is_empty) {
                continue;
            }
            let line = line_of(row.position(), &text);
            if row.len() != names.len() {
                let [found, expected] = [row.len(), names.len()].map(|len| u64::try_from(len).unwrap_or(u64::MAX));
                return Err(ExportError::Fields { row: line, found, expected });
            }
            records.push(places.read(&row, line, layout)?);
            last = Some(row.clone());
        }
        let last = last.unwrap_or(names);
        // An open quotation mark swallows what follows it to the end of the text.
        if last.iter().next_back().is_some_and(|field| field.contains('\n')) && !text.trim_end().ends_with('"') {
            return Err(ExportError::Quote { row: line_of(last.position(), &text) });
        }
        Ok(Self { records, unit: layout.unit.clone() })
    }

    /// Returns its rows.
    pub fn records(&self) -> &[ExportedRecord] {
        &self.records
    }
}

/// Returns the separator that the first row has most of, outside quotation marks.
fn most_frequent(text: &str) -> u8 {
    let mut counts = [0_usize; SEPARATORS.len()];
    let mut is_quoted = false;
    for byte in text.bytes().take_while(|byte| !matches!(byte, b'\r' | b'\n')) {
        is_quoted ^= byte == b'"';
        let separator = SEPARATORS.iter().position(|separator| *separator == byte);
        if let Some(count) = separator.filter(|_| !is_quoted).and_then(|index| counts.get_mut(index)) {
            *count += 1;
        }
    }
    let most = counts.into_iter().max().unwrap_or_default();
    SEPARATORS.into_iter().zip(counts).find(|(_, count)| *count == most).map_or(b',', |(separator, _)| separator)
}

/// Returns the line in which a row begins. The reader's is that of the empty lines before it, if there are any.
fn line_of(position: Option<&csv::Position>, text: &str) -> u64 {
    let Some(position) = position else { return 1 };
    let rest = usize::try_from(position.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
    let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line().saturating_add(u64::try_from(breaks.count()).unwrap_or(u64::MAX))
}

fn unreadable(error: &csv::Error, text: &str) -> ExportError {
    ExportError::Csv { row: line_of(error.position(), text), reason: error.to_string() }
}

/// Where the columns are.
struct Places(Vec<(Column, usize)>);

impl Places {
    fn find(names: &StringRecord, layout: &Layout) -> Result<Self, ExportError> {
        let mut places = Vec::new();
        for column in Column::ALL {
            let name = layout.name(column);
            let is_named = |found: &str| layout.is_name_of(column, found);
            let mut found = names.iter().enumerate().filter(|(_, found)| is_named(found)).map(|(place, _)| place);
            match (found.next(), found.next()) {
                (Some(place), None) => places.push((column, place)),
                (Some(_), Some(_)) => return Err(ExportError::RepeatedColumn { column, name: name.to_owned() }),
                (None, _) if layout.is_mandatory(column) => {
                    let found = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
                    return Err(ExportError::MissingColumn { column, name: name.to_owned(), found });
                }
                (None, _) => {}
            }
        }
        Ok(Self(places))
    }

    fn read(&self, row: &StringRecord, line: u64, layout: &Layout) -> Result<ExportedRecord, ExportError> {
        let field = |column| {
            let place = self.0.iter().find(|(known, _)| *known == column).map(|(_, place)| *place);
            place.map(|place| row.get(place).unwrap_or_default())
        };
        let odd = |column, value: &str, expected| ExportError::Field {
            row: line,
            name: layout.name(column).to_owned(),
            value: value.to_owned(),
            expected,
        };
        let time = |column| {
            let read = |text| time::parse(text, layout.zone).ok_or_else(|| odd(column, text, "a date and time"));
            field(column).map(read).transpose()
        };
        let instance_id = field(Column::InstanceId).unwrap_or_default();
        if instance_id.is_empty() {
            return Err(odd(Column::InstanceId, instance_id, "an instance id"));
        }
        let amount = field(Column::Amount).unwrap_or_default();
        Ok(ExportedRecord {
            row: line,
            metering_sn: field(Column::MeteringSn).filter(|text| !text.is_empty()).map(str::to_owned),
            instance_id: instance_id.to_owned(),
            begin_time: time(Column::BeginTime)?.ok_or_else(|| odd(Column::BeginTime, "", "a date and time"))?,
            end_time: time(Column::EndTime)?,
            amount: amount.parse().map_err(|_| odd(Column::Amount, amount, "a decimal number"))?,
            package_instance_id: field(Column::Package).map(str::to_owned),
            unit: field(Column::Unit).map(str::to_owned),
        })
    }
}
