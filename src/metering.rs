//! Reporting of pay-per-use consumption: durable before it is acknowledged, delivered once, never lost.
//!
//! [`Meter::record`] writes usage to a store in the seller's own database and returns when it is on disk. Usage adds up
//! per instance and billing period; when a period is over, its sum becomes one record with a fixed `metering_sn`. A
//! [`Pusher`] sends the records in the background and retries with the same number and the same bytes, until the
//! marketplace has taken or refused them; [`Meter::status`] and [`Meter::records`] return their state.
//!
#![cfg_attr(all(feature = "sqlite", feature = "tokio"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "sqlite", feature = "tokio")), doc = "```ignore")]
//! # async fn example(client: koogallery::open_api::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use koogallery::adapter::tokio::TokioRuntime;
//! use koogallery::metering::{Meter, Pusher, SqliteUsageStore, Usage};
//! use koogallery::sqlite::Database;
//!
//! let database = Database::open("koogallery.db")?;
//! let meter = Meter::new(SqliteUsageStore::new(&database).await?);
//! let pusher = Pusher::new(meter.clone(), client, TokioRuntime);
//! tokio::spawn(async move { pusher.run(std::future::pending()).await });
//!
//! // One call of the customer's, charged once however often it is repeated:
//! meter.record(Usage::new("inst-0001", "0.5".parse()?).with_id("request-4711")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `SqliteUsageStore` (feature `sqlite`) serves the processes on one file; `PostgresUsageStore` (feature
//! `deadpool-postgres-0_14`) and `MysqlUsageStore` (feature `mysql_async-0_37`) several replicas.
//!
//! # Rules of this module
//!
//! From the open API reference, "usage push" (China 2025-11-13, international 2025-11-18; Europe has none):
//!
//! * Of several records for one instance and period the first counts and nothing corrects it later. So a period is sent
//!   only when it is over, once, and usage that comes late counts in the next one.
//! * A record begins with the first usage of its period, because one that begins before the instance was opened is
//!   refused, and ends with the period, or when the instance was closed ([`Meter::close_instance`]).
//! * Hourly products are reported within 15 minutes after the hour, daily ones, if at all by the day, within 15 minutes
//!   after midnight: see [`Period`].
//! * A record that begins more than 21 days ago is refused; the [`Observer`] gets a warning a week before.
//! * "Reported before" (codes 005 and 010) means delivered.
//! * A record counts as delivered only on evidence: a success, its own code "reported before", or a list of refused
//!   records that could be read in full and does not name it. Where an answer leaves it unclear, the record is
//!   [held](RecordState::Held), and the [`Observer`] is called at once.
//! * Times are whole seconds, as on the wire: usage in the second in which an instance was opened is after its opening.
//! * An accepted push is only queued: the marketplace's own check of it shows in the seller console alone.

mod cycle;
mod delivery;
mod draft;
mod limit;
mod memory;
mod meter;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
mod observer;
pub mod package;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
mod pusher;
#[cfg(feature = "reconciliation")]
pub mod reconciliation;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;
mod status;
mod store;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod sums;
mod threshold;
mod totals;
mod usage;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod waiting;

pub use cycle::Cycle;
pub use draft::{RecordDraft, UsageSum};
pub use limit::Limit;
pub use memory::MemoryUsageStore;
pub use meter::Meter;
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlUsageStore;
pub use observer::{AtRisk, ClockTurnedBack, Hold, MeteringEvent, Observer, PushFailure, Rejection, StderrObserver};
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresUsageStore;
pub use pusher::{PushSummary, Pusher};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteUsageStore;
pub use statement::{StatementLine, StatementMonth, StatementMonthError};
pub use status::{Status, Total};
pub use store::{Correction, MeteringError, RecordOutcome, RecordRefusal, RecordState, StoredRecord, UsageStore};
pub use threshold::{ThresholdError, ThresholdReached, Thresholds};
pub use totals::RunningTotal;
pub(crate) use totals::ShownTotal;
pub use usage::{Entry, Period, Recorded, Usage, UsageError};
