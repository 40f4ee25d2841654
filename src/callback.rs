//! Receiving the marketplace's callbacks: one service, one way for every call.
//!
//! [`CallbackService`] routes, verifies, claims, parses, answers debug calls, asks the [ledger](crate::ledger), runs the
//! seller's [handler](subscription::SubscriptionHandler), checks the answer and signs it, in that order. It works on
//! `http` types and bytes; the rooms of [`adapter`](crate::adapter) connect it to servers.
//!
//! A refused call is answered with HTTP status 200 and a result code, as the documents ask; what went wrong in full goes
//! to the [`Observer`] only.

mod answer;
mod ask;
mod builder;
mod call;
mod changes;
mod debug;
mod dialect;
pub mod directory;
mod error;
mod exchange;
mod ids;
mod kit;
mod kit_v1;
mod kit_v2;
mod license_code;
mod license_online;
mod license_v1;
pub mod licensing;
mod observer;
mod order;
mod order_notify;
pub mod orders;
mod route;
mod run;
mod saas_v1;
mod saas_v2;
mod service;
mod settings;
pub mod subscription;

pub use crate::runtime::Runtime;
pub use builder::CallbackServiceBuilder;
pub use error::{CallbackError, DeliveryError, HandlerError, Refusal};
pub use observer::{Exchange, FieldSource, FieldWarnings, LateFailure, Observer, StderrObserver};
pub use order::OrderError;
pub use service::CallbackService;
pub use settings::DebugCalls;
