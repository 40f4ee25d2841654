//! A mock of Huawei Cloud's marketplace (云商店, KooGallery) for tests: it calls a seller's endpoint as the real one does,
//! reports which rules the endpoint breaks, and answers the seller's open-API calls.
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
//! use koogallery_simulator::{Checker, LedgerProbe};
//!
//! #[tokio::main] // in a test: #[tokio::test]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("0a1b2c3d-4e5f")?)?;
//!     let ledger = Arc::new(MemoryLedger::new());
//!     let service = CallbackService::builder(keys.clone(), TokioRuntime).subscription(Shop, ledger.clone()).build();
//!     let report = Checker::new(service, keys).with_probe(LedgerProbe::new(ledger)).run().await?;
//!     assert!(report.is_ok(), "{}", report.to_text(false));
//!     Ok(())
//! }
//! ```
//!
//! `Shop` is the seller's handler. The target may also be any function from request to response, or the URL of a server in
//! any language ([`HttpTarget`]). [`detection`] lists the mistakes that the checks find; the same checks from a terminal are
//! described in the [manual](koogallery::manual::_15_going_live).
//!
//! An [`OpenApiServer`] is a mock server for the other direction: every open API and an authentication center, with orders,
//! instances, Licenses and users in memory, strict about signatures, and with faults to inject.
//!
//! A [`Marketplace`] combines both and keeps state: it sells, calls the seller with signed webhooks, retries on the
//! documented schedules, freezes and releases expired subscriptions, and answers with its open-API server. [`delivery`]
//! makes its calls one by one: signed, planned and judged, but not sent.
//!
//! A [`Load`] buys at a fixed rate, and measures how long an endpoint takes to answer.

#![warn(
    missing_debug_implementations,
    unnameable_types,
    unreachable_pub,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::unwrap_used
)]

#[doc = include_str!("detection.md")]
pub mod detection {}

/// What the checker says of receivers as others publish them, imitated in the tests of this crate.
///
#[doc = include_str!("published_receivers.md")]
pub mod published_receivers {}

mod call;
mod charging;
mod check;
mod checker;
mod checks;
mod client_secret;
pub mod delivery;
mod diagnosis;
mod form;
mod frequency;
mod front_door;
#[doc(hidden)]
pub mod http1;
mod http_target;
mod judge;
mod load;
mod marketplace;
mod masking;
mod message;
mod open_api_server;
mod patience;
mod probe;
mod profile;
mod reading;
mod report;
mod ring;
mod run;
mod saved;
mod seen;
mod session;
mod stop;
mod symptom;
mod target;
mod tls_error;

pub use charging::{Charging, UnknownCharging};
pub use check::{Check, Severity};
pub use checker::{CheckError, Checker};
#[cfg(feature = "rsa")]
pub use client_secret::{PublicKey, PublicKeyError};
pub use http_target::{HttpTarget, TargetUrlError};
pub use load::{Load, LoadError, LoadReport};
pub use marketplace::{
    Attempt, CallOptions, CallbackFault, CallbackFaultRule, LifecycleError, Marketplace, MarketplaceBuilder, SentCall,
    Subscription, SubscriptionState,
};
pub use masking::Masking;
pub use open_api_server::{
    AcceptedUsage, Buyer, ConnectionFault, Deployment, Fault, FaultRule, Instance, InstanceState, LicenseCode,
    LineSpec, OpenApiCall, OpenApiServer, OpenApiServerBuilder, OpenApiService, Operation, OrderSpec, PackageProblem,
    PlacedOrder, ProductSpec, Quota, RefusalForm, Reply, SeededRandom, SentRecord, Tenant, Upload, UsageTotal, User,
    serve_open_api,
};
pub use probe::{HttpProbe, LedgerProbe, Probe, ProbeError, ProbedInstance};
pub use profile::{Profile, UnknownProfile};
pub use report::{Cause, CheckResult, Exchange, Failure, LocalizedReport, Outcome, Report, Translate};
pub use saved::StateError;
pub use target::{Answer, Target, TargetError};
pub use tls_error::TlsError;
