//! The marketplace on the desk: it calls a seller's endpoint as the real one does and says which rules the endpoint breaks,
//! before the seller console does. And it answers the seller's calls.
//!
//! A [`Checker`] takes a [`Target`] (a URL, a [`CallbackService`](crate::callback::CallbackService), or any function from
//! request to response, so that the checks run in a seller's own `cargo test` without a socket), the seller's keys and a
//! [`Profile`], and gives a [`Report`].
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
//! use koogallery::simulator::{Checker, Profile};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! async fn careless(_: Request<Bytes>) -> Response<Bytes> {
//!     Response::new(Bytes::from_static(b"ok"))
//! }
//!
//! let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("0a1b2c3d-4e5f")?)?;
//! let report = Checker::new(careless, keys).profile(Profile::SaasV2).seed(7).run().await?;
//! assert!(!report.is_ok());
//! println!("{}", report.to_text(false));
//! # Ok(())
//! # }
//! ```
//!
//! A [`Desk`] is the other direction: every open API and an authentication centre, with orders, instances, Licenses and
//! users in memory, strict about signatures, and with faults that can be switched on.
//!
//! A [`Marketplace`] is both at once, with a memory: it sells, tells the seller with signed calls, repeats what fails on the
//! documented schedules, freezes and releases what expires, and answers at its desk. [`delivery`] makes its calls one by one:
//! signed, planned and judged, but not sent.

#[doc = include_str!("simulator/detection.md")]
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
mod probe;
mod profile;
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
