//! Deleting what is old from the [ledger](crate::ledger), in the background.
//!
//! A ledger grows with every purchase, renewal and upgrade. A [`Housekeeper`] deletes instances that were released long
//! ago, and the keys of steps that were done long ago; [`PrunableLedger`](crate::ledger::PrunableLedger) says what is
//! kept, and what happens to a call that is repeated after that.
//!
#![cfg_attr(all(feature = "sqlite", feature = "tokio"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "sqlite", feature = "tokio")), doc = "```ignore")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use koogallery::adapter::tokio::TokioRuntime;
//! use koogallery::housekeeping::Housekeeper;
//! use koogallery::ledger::SqliteLedger;
//! use koogallery::sqlite::Database;
//!
//! let ledger = SqliteLedger::new(&Database::open("koogallery.db")?).await?;
//! let housekeeper = Housekeeper::new(ledger.clone(), TokioRuntime);
//! tokio::spawn(async move { housekeeper.run(std::future::pending()).await });
//! // CallbackService::builder(..).subscription(shop, ledger)
//! # Ok(())
//! # }
//! ```
//!
//! # Other stores
//!
//! | store | old records |
//! |---|---|
//! | usage ([`metering`](crate::metering)) | delivered records are deleted by the pusher after 40 days |
//! | replay guards | deleted by the guard, minutes after their window |
//! | Licenses ([`license_store`](crate::license_store)) | kept: the marketplace gets the same License however often and late it asks |
//! | [`directory`](crate::directory) | kept: a call that comes late must not bring back what was removed |

mod housekeeper;
mod observer;

pub use housekeeper::{AgeTooShort, Housekeeper};
pub use observer::{HousekeepingEvent, Observer, PruneFailure, StderrObserver};
