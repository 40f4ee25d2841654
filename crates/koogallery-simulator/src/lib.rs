//! The marketplace on the desk: it calls a seller's endpoint as the real one does and says which rules the endpoint breaks,
//! before the seller console does. And it answers the seller's calls.
//!
//! A [`Checker`] takes a [`Target`] (a URL, a [`CallbackService`](koogallery::callback::CallbackService), or any function from
//! request to response, so that the checks run in a seller's own `cargo test` without a socket), the seller's keys and a
//! [`Profile`], and gives a [`Report`].
//!
//! ```
//! # use koogallery::callback::{HandlerError, subscription::*};
//! # struct Shop;
//! # impl SubscriptionHandler for Shop {
//! #     async fn create(&self, _: Purchase) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn renew(&self, _: Renewal) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn release(&self, _: Release) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn upgrade(&self, _: Upgrade) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn check_change(&self, _: ChangeCheck) -> Result<(), HandlerError> { Ok(()) }
//! #     async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
//! #         Ok(Description::new(AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))))
//! #     }
//! # }
//! # use std::{error::Error, sync::Arc};
//! # use koogallery::{adapter::tokio::TokioRuntime, callback::CallbackService, ledger::MemoryLedger};
//! use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
//! use koogallery::protocol::Protocol;
//! use koogallery_simulator::{Checker, LedgerProbe};
//!
//! #[tokio::main] // in a test: #[tokio::test]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("0a1b2c3d-4e5f")?)?;
//!     let ledger = Arc::new(MemoryLedger::new());
//!     let service = CallbackService::builder(keys.clone(), TokioRuntime).subscription(Shop, ledger.clone()).build();
//!     let report = Checker::new(service, keys).profile(Protocol::SaasV2).probe(LedgerProbe::new(ledger)).run().await?;
//!     assert!(report.is_ok(), "{}", report.to_text(false));
//!     Ok(())
//! }
//! ```
//!
//! `Shop` is the seller's handler. Instead of the service any function from request to response will do, or the URL of a
//! server in any language ([`HttpTarget`]). What the checks find is in [`detection`]; the commands that do the same from a
//! terminal are in the [manual](koogallery::manual::_9_going_live).
//!
//! A [`Desk`] is the other direction: every open API and an authentication centre, with orders, instances, Licenses and
//! users in memory, strict about signatures, and with faults that can be switched on.
//!
//! A [`Marketplace`] is both at once, with a memory: it sells, tells the seller with signed calls, repeats what fails on the
//! documented schedules, freezes and releases what expires, and answers at its desk. [`delivery`] makes its calls one by one:
//! signed, planned and judged, but not sent.

#[doc = include_str!("detection.md")]
pub mod detection {}

mod call;
mod check;
mod checker;
mod checks;
mod client_secret;
pub mod delivery;
mod desk;
mod form;
mod http_target;
mod marketplace;
mod masking;
mod message;
mod patience;
mod probe;
mod profile;
mod reading;
mod report;
mod session;
mod target;

pub use check::{Check, Severity};
pub use checker::{CheckError, Checker};
#[cfg(feature = "rsa")]
pub use client_secret::{PublicKey, PublicKeyError};
pub use desk::*;
pub use http_target::{HttpTarget, TargetUrlError, TlsError};
pub use marketplace::{Attempt, LifeError, Manner, Marketplace, MarketplaceBuilder, Subscription, SubscriptionState};
pub use masking::Masking;
pub use probe::{HttpProbe, LedgerProbe, Probe, ProbeError, ProbedInstance};
pub use profile::{Profile, UnknownProfile};
pub use report::{CheckResult, Exchange, Failure, Outcome, Report};
pub use target::{Answer, Target, TargetError};
