//! License checks in a licensed application: whether it may be used today.
//!
//! [`Heartbeat::check`] asks the marketplace on the first use of each day, activates an authorization code (授权码) that
//! was never activated, and otherwise answers from memory. [`Heartbeat::check_client`] also reports the client that
//! uses the software, once a day. The last answer is stored in a [`StateStore`], so that a restart asks nothing again.
//!
//! ```no_run
//! # async fn example(
//! #     client: koogallery::open_api::Client,
//! #     runtime: impl koogallery::runtime::Runtime,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use koogallery::heartbeat::{FileStateStore, Heartbeat, OfflinePolicy};
//!
//! let store = FileStateStore::new("/var/lib/drawing/license");
//! let heartbeat = Heartbeat::builder("PL0000000000DEMO01", store, client, runtime)
//!     .offline_policy(OfflinePolicy::FailOpen { for_at_most: Duration::from_secs(3 * 24 * 3600) })
//!     .build()?;
//!
//! // At the start, and at every use:
//! match heartbeat.check_client("account-17").await {
//!     Ok(permit) => println!("{permit}"),
//!     Err(error) => eprintln!("not licensed: {error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Rules of this module
//!
//! From the License authorization code guide 2.0, "activate" (2025-05-22), "query" (2025-07-03) and "usage statistics"
//! (2025-10-15; China only):
//!
//! * The query comes first, and a code is activated only when the marketplace says that it is not. So it is activated
//!   once even if an answer or the stored state is lost, and where several installations share a code.
//! * Only the query gives the expiry; that of the activation is an estimate and not used.
//! * Queries and reports are made on the first use of a day, none on days without use. The documents name no zone for
//!   the day: Beijing's unless [set](HeartbeatBuilder::day_zone).
//! * Clients are reported by their ids, of which distinct ones are counted: a report whose answer was lost is made
//!   again.
//! * What happens when the marketplace cannot be asked is the seller's decision: [`OfflinePolicy`]. It never overrides
//!   the marketplace's answer, and covers neither the time after the expiry nor a time to which the clock was turned
//!   back (by more than a minute; the latest time seen survives a restart, except for its last hour).
//! * A "no" is asked again after a minute, at the next check, so that a renewal is noticed at once.
//!
//! # Where to run it
//!
//! The calls are signed with AK/SK, which opens the seller's whole account. **Never ship it to customers.** Software
//! that runs at the customer's sends its calls to a server of the seller (`KOOGALLERY_OPEN_API_URL`,
//! [`ClientBuilder::base_url`](crate::open_api::ClientBuilder::base_url)), under a key pair that only that server
//! takes, and the server makes them under the seller's. The stored state is protected against damage, not against
//! forgery.

mod answer;
mod builder;
mod check;
mod file;
mod flight;
mod inner;
mod memory;
#[cfg(feature = "mysql_async-0_37")]
mod mysql;
mod observer;
#[cfg(feature = "deadpool-postgres-0_14")]
mod postgres;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod store;

pub use answer::{Denial, HeartbeatError, Permit};
pub use builder::{HeartbeatBuilder, LicenseCodeError, OfflinePolicy};
pub use check::Heartbeat;
pub use file::FileStateStore;
pub use memory::MemoryStateStore;
#[cfg(feature = "mysql_async-0_37")]
pub use mysql::MysqlStateStore;
pub use observer::{CallFailure, HeartbeatEvent, Observer, StderrObserver};
#[cfg(feature = "deadpool-postgres-0_14")]
pub use postgres::PostgresStateStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStateStore;
pub use store::{StateError, StateStore};
