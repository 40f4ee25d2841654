//! `statement`: the usage of a month, as it was pushed.

use clap::{Args, ValueEnum};
use koogallery::metering::{StatementLine, StatementMonth};
use serde::Serialize;

use crate::support::runtime::block_on;
use crate::support::usage_store;
use crate::{Answer, Failure, Output};

/// Print what was pushed in a month, by instance and package, to be compared with the marketplace's statement.
///
/// Delivered are the records that the marketplace has; waiting, what is still to be pushed or to be corrected; refused,
/// what it refused permanently. A record is of the month in Beijing in which it begins. The tables of an earlier version of
/// the library are updated, as by a server of this version.
#[derive(Args)]
#[command(after_help = "\
Examples:
  koogallery statement --database koogallery.db --month 2026-11
  koogallery statement --database postgres://shop@127.0.0.1/shop --month 2026-11 --format json")]
pub struct Statement {
    /// A SQLite file, or the URL of a database: sqlite://FILE; with the features of that name postgres://... and mysql://...
    #[arg(long, value_name = "URL|FILE")]
    database: String,
    /// The month, as in 2026-11.
    #[arg(long, value_name = "MONTH")]
    month: StatementMonth,
    /// The form of the statement.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
}

impl Statement {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let lines = block_on(async {
            let meter = usage_store::open(&self.database).await?;
            usage_store::statement(&meter, self.month).await
        })?;
        let text = match self.format {
            Format::Csv => csv(self.month, &lines),
            Format::Json => json(self.month, &lines),
        };
        output.bytes(&text?)?;
        Ok(Answer::Yes)
    }
}

fn csv(month: StatementMonth, lines: &[StatementLine]) -> Result<Vec<u8>, Failure> {
    let failure = |error: &dyn std::error::Error| Failure::of("the statement", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "month",
        "instance_id",
        "package_instance_id",
        "delivered_records",
        "delivered_usage",
        "waiting_records",
        "waiting_usage",
        "refused_records",
        "refused_usage",
    ];
    writer.write_record(header).map_err(|error| failure(&error))?;
    for line in lines {
        let fields = [
            month.to_string(),
            line.instance_id.clone(),
            line.package_instance_id.clone().unwrap_or_default(),
            line.delivered_records.to_string(),
            line.delivered_usage.to_string(),
            line.waiting_records.to_string(),
            line.waiting_usage.to_string(),
            line.refused_records.to_string(),
            line.refused_usage.to_string(),
        ];
        writer.write_record(fields).map_err(|error| failure(&error))?;
    }
    writer.into_inner().map_err(|error| failure(&error))
}

fn json(month: StatementMonth, lines: &[StatementLine]) -> Result<Vec<u8>, Failure> {
    #[derive(Serialize)]
    struct Document<'a> {
        month: String,
        lines: &'a [StatementLine],
    }

    let document = serde_json::to_vec(&Document { month: month.to_string(), lines });
    let mut text = document.map_err(|error| Failure::of("the statement", &error))?;
    text.push(b'\n');
    Ok(text)
}
