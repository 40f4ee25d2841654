//! `reconcile`: the marketplace's statement of a month, beside the records here.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use koogallery::metering::reconciliation::{Column, Difference, Encoding, Export, Layout};
use koogallery::metering::{RecordState, StatementMonth, StoredRecord};
use koogallery::timestamp::CHINA;
use time::UtcOffset;

use crate::support::runtime::block_on;
use crate::support::{input, usage_store};
use crate::{Answer, Failure, Output};

/// Compare a statement that was exported from the seller console with the records in your database.
///
/// Prints each record that is missing on one side, doubled or different; exit code 1 if there is any. The first row of the
/// CSV has the names of the columns; those of the seller console are given by --column. Encoding (UTF-8, UTF-16, GBK, GB18030)
/// and separator are found out. Nothing is printed unless the whole file can be read. Delivered records are deleted after 40
/// days: compare a month soon after its end.
#[derive(Args)]
#[command(after_help = "\
Columns: metering_sn, instance_id, begin_time, end_time, amount, package, unit.
Mandatory are instance_id, begin_time and amount. Without metering_sn a record is found by instance and begin.

Examples:
  koogallery reconcile export.csv --database koogallery.db --month 2026-11
  koogallery reconcile export.csv --database koogallery.db --month 2026-11 \\
    --column instance_id=实例ID --column begin_time=开始时间 --column amount=用量 --format csv")]
pub struct Reconcile {
    /// The exported statement, or - for standard input.
    #[arg(value_name = "CSV")]
    export: PathBuf,
    /// A SQLite file, or the URL of a database: sqlite://FILE; with the features of that name postgres://... and mysql://...
    #[arg(long, value_name = "URL|FILE")]
    database: String,
    /// The month of the statement, as in 2026-11.
    #[arg(long, value_name = "MONTH")]
    month: StatementMonth,
    /// The name of a column in the first row (default: that of the open API, usage_value or usageValue, for instance).
    #[arg(long, value_name = "COLUMN=NAME", value_parser = column)]
    column: Vec<(Column, String)>,
    /// The unit that every row must have.
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// The encoding: utf-8, utf-16, gbk or gb18030 (default: found out).
    #[arg(long, value_name = "ENCODING", value_parser = encoding)]
    encoding: Option<Encoding>,
    /// The separator of fields, as in ';' (default: found out).
    #[arg(long, value_name = "CHARACTER", value_parser = separator)]
    separator: Option<u8>,
    /// The zone of times that have none, in hours from UTC.
    #[arg(long, value_name = "HOURS", default_value_t = CHINA.whole_hours(), allow_hyphen_values = true,
          value_parser = clap::value_parser!(i8).range(-23..=23))]
    zone: i8,
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Csv,
    Json,
}

fn column(text: &str) -> Result<(Column, String), String> {
    let (word, name) = text.split_once('=').ok_or("expected COLUMN=NAME")?;
    let words = || Column::ALL.map(Column::as_str).join(", ");
    let column = Column::from_word(word).ok_or_else(|| format!("no column {word:?}: expected one of {}", words()))?;
    Ok((column, name.to_owned()))
}

fn encoding(text: &str) -> Result<Encoding, String> {
    Encoding::from_word(text).ok_or_else(|| "expected utf-8, utf-16, gbk or gb18030".to_owned())
}

fn separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ if text == "\\t" => Ok(b'\t'),
        _ => Err("expected one ASCII character, or \\t".to_owned()),
    }
}

impl Reconcile {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let layout = self.layout()?;
        let name = self.export.display();
        let export = Export::read(&input::read(&self.export)?, &layout);
        let export = export.map_err(|error| Failure::of(&name, &error))?;
        let month = self.month;
        let (records, deleted) = block_on(async {
            let meter = usage_store::open(&self.database).await?;
            let records = usage_store::records(&meter).await?;
            let lines = usage_store::statement(&meter, month).await?;
            let delivered: u64 = lines.iter().map(|line| line.delivered_records).sum();
            let is_of_month = |stored: &&StoredRecord| {
                let begin = stored.record.begin_time;
                stored.state == RecordState::Delivered && month.begin() <= begin && begin < month.end()
            };
            let stored = u64::try_from(records.iter().filter(is_of_month).count()).unwrap_or(u64::MAX);
            Ok((records, delivered.saturating_sub(stored)))
        })?;
        if deleted > 0 {
            let text =
                format!("{deleted} delivered records of {month} were deleted here: compare the sums of `statement`");
            return Err(Failure::new(text));
        }
        let differences = export.compare(&records, month.begin(), month.end());
        let text = match self.format {
            Format::Text => text(&differences, export.records().len()),
            Format::Csv => csv(&differences)?,
            Format::Json => json(&differences)?,
        };
        output.bytes(&text)?;
        Ok(if differences.is_empty() { Answer::Yes } else { Answer::No })
    }

    fn layout(&self) -> Result<Layout, Failure> {
        let zone = UtcOffset::from_hms(self.zone, 0, 0).map_err(|error| Failure::of("--zone", &error))?;
        let mut layout = Layout::new().with_zone(zone);
        for (column, name) in &self.column {
            layout = layout.with_column(*column, name);
        }
        if let Some(unit) = &self.unit {
            layout = layout.with_unit(unit);
        }
        if let Some(encoding) = self.encoding {
            layout = layout.with_encoding(encoding);
        }
        Ok(match self.separator {
            Some(separator) => layout.with_separator(separator),
            None => layout,
        })
    }
}

fn text(differences: &[Difference], rows: usize) -> Vec<u8> {
    let mut lines: Vec<String> = differences.iter().map(|difference| format!("{difference}\n")).collect();
    lines.push(format!("{rows} rows compared, {} differences\n", differences.len()));
    lines.concat().into_bytes()
}

fn csv(differences: &[Difference]) -> Result<Vec<u8>, Failure> {
    let failure = |error: &dyn std::error::Error| Failure::of("the differences", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["kind", "row", "first_row", "metering_sn", "instance_id", "begin_time", "field", "here", "there"];
    writer.write_record(header).map_err(|error| failure(&error))?;
    for difference in differences {
        let number = |row: Option<u64>| row.map(|row| row.to_string()).unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            difference.kind.as_str().to_owned(),
            number(difference.row),
            number(difference.first_row),
            text(&difference.metering_sn),
            difference.instance_id.clone(),
            difference.begin_time.to_basic_iso(),
            difference.field.unwrap_or_default().to_owned(),
            text(&difference.here),
            text(&difference.there),
        ];
        writer.write_record(fields).map_err(|error| failure(&error))?;
    }
    writer.into_inner().map_err(|error| failure(&error))
}

fn json(differences: &[Difference]) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec(differences).map_err(|error| Failure::of("the differences", &error))?;
    text.push(b'\n');
    Ok(text)
}
