//! Receiving the marketplace's callbacks: one service, one way for every call.
//!
//! [`CallbackService`] routes, verifies, claims, parses, answers debug calls, asks the [ledger](crate::ledger), runs the
//! seller's [handler](subscription::SubscriptionHandler), checks the answer and signs it, in that order. It works on
//! `http` types and bytes; the rooms of [`adapter`](crate::adapter) connect it to servers.
//!
//! A refused call is answered with HTTP status 200 and a result code, as the documents ask; what went wrong in full goes
//! to the [`Observer`] only.

mod body;
mod builder;
mod command;
mod dialect;
mod environment;
mod handler;
pub mod packages;
mod pipeline;
mod service;
mod settings;

pub use crate::runtime::Runtime;
pub use body::IncomingBody;
pub use builder::CallbackServiceBuilder;
pub use handler::error::{BodyError, CallbackError, DeliveryError, HandlerError, OrderError, Refusal};
pub use handler::observer::{
    AnswerChanged, AnswerNotKept, BackgroundFailure, CallbackEvent, Exchange, FieldSource, FieldWarnings, MissingKey,
    Observer, StderrObserver,
};
pub use handler::{directory, licensing, orders, subscription};
pub use service::CallbackService;
pub use settings::DebugCalls;
