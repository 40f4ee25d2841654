//! Reconciliation (feature `reconciliation`): a statement that was exported from the seller console, beside the records here.
//!
//! An accepted push is only queued, and the marketplace's own check of it shows in the seller console (交易管理, SDR management)
//! alone. [`Export::read`] reads its CSV, [`Export::compare`] returns what is missing, doubled or different. Nothing here
//! does IO; `koogallery reconcile` does both with files and databases.
//!
//! ```
//! use koogallery::metering::reconciliation::{Column, DifferenceKind, Export, Layout};
//! use koogallery::metering::{RecordState, StoredRecord};
//! use koogallery::open_api::push_usage::UsageRecord;
//! use koogallery::timestamp::{CHINA, Timestamp};
//!
//! let layout = Layout::new()
//!     .with_column(Column::InstanceId, "实例ID")
//!     .with_column(Column::BeginTime, "开始时间")
//!     .with_column(Column::Amount, "用量");
//! let csv = "实例ID,开始时间,用量\r\ninst-1,2026-11-03 08:00:00,2.5\r\n";
//! let export = Export::read(csv.as_bytes(), &layout)?;
//!
//! let [begin, end] = ["20261103080000", "20261103090000"].map(|text| Timestamp::parse_compact(text, CHINA).unwrap());
//! let record = UsageRecord::new("sn-1", "inst-1", begin, end, "2.4".parse()?);
//! let ours = [StoredRecord::new(record, RecordState::Delivered)];
//! let differences = export.compare(&ours, begin, end);
//! assert_eq!(differences[0].kind, DifferenceKind::Different);
//! assert_eq!(differences[0].to_string(), "row 2, record sn-1 of instance inst-1: amount is 2.4 here and 2.5 there");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is known of the export
//!
//! The form of the console's export is not documented. So names of columns, encoding, separator and zone are
//! [settings](Layout); by default the columns have the names of the open API, and the rest is found out.

mod compare;
mod decode;
mod difference;
mod error;
mod export;
mod layout;
mod time;

pub use difference::{Difference, DifferenceKind};
pub use error::ExportError;
pub use export::{Export, ExportedRecord};
pub use layout::{Column, Encoding, Layout};
