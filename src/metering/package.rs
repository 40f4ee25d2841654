//! Packages (套餐包): quotas that customers have paid for in advance, and reservations of them.
//!
//! A [`PackageBook`] has the packages of a seller's customers. [`PackageBook::record`] records usage as
//! [`Meter::record`](super::Meter::record) does, deducts it from the packages that are valid at its time, and names the
//! package in every part (`relate_pkg_instance`), in one transaction, so that no package is ever overdrawn by callers or
//! replicas that record at the same time. [`PackageBook::reserve`] holds an amount for a long job.
//!
#![cfg_attr(feature = "sqlite", doc = "```no_run")]
#![cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
//! # async fn example(database: koogallery::sqlite::Database) -> Result<(), Box<dyn std::error::Error>> {
//! use koogallery::metering::package::{Package, PackageBook, PackageError, SqlitePackageStore, WhenUsedUp};
//! use koogallery::metering::{Meter, SqliteUsageStore, Usage};
//!
//! let usage = SqliteUsageStore::new(&database).await?;
//! let packages = SqlitePackageStore::new(&usage).await?;
//! let book = PackageBook::new(Meter::new(usage), packages).when_used_up(WhenUsedUp::Stop);
//!
//! let (begin, end) = ("20260101000000".parse()?, "20270101000000".parse()?);
//! book.add(Package::new("package-1", "inst-0001", 1000.into(), begin, end)).await?;
//! match book.record(Usage::new("inst-0001", "0.5".parse()?).with_id("request-4711")).await {
//!     Ok(_) => {}
//!     Err(PackageError::UsedUp { left }) => println!("{left} left: buy another package"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Rules of this module
//!
//! From the guide to packages that stop when they are used up (international, 2024-05-22) and the open API reference:
//!
//! * Each package maps to one instance id; up to 30 may come from one order. The seller chooses the order among several
//!   packages: see [`Consumption`].
//! * Records name the **pay-per-use** instance, and in `relate_pkg_instance` the package. For packages that stop when
//!   they are used up, the latter is mandatory: see [`WhenUsedUp::Stop`].
//! * Validity is compared with the time of use: it includes its begin, and not its end.
//! * Amounts have at most four decimals, and are added without rounding.

mod book;
mod deduction;
mod error;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod group;
mod memory;
mod model;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
mod plan;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
mod reservation;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod row;
mod rules;
#[cfg(feature = "sqlite")]
mod sqlite;
mod status;
mod store;

pub use book::{Consumed, PackageBook};
pub use deduction::Deduction;
pub use error::PackageError;
pub use memory::MemoryPackageStore;
pub use model::{Package, PackageState, Part, ReservationState, StoredPackage, StoredReservation};
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlPackageStore;
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresPackageStore;
pub use reservation::Reservation;
pub use rules::{Consumption, WhenUsedUp};
#[cfg(feature = "sqlite")]
pub use sqlite::SqlitePackageStore;
pub use status::PackageStatus;
pub use store::{Change, Decision, Outcome, PackageStore, Scope, Shelf};
