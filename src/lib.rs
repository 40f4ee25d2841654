//! SDK for sellers on Huawei Cloud's marketplace (云商店, KooGallery).
//!
//! The marketplace calls a seller's server when a customer buys, renews, upgrades, expires or leaves. This crate verifies
//! each call, gives it to the seller's code as a typed event exactly once, and answers in the exact form.
//!
//! * [`callback`] answers the calls; the seller writes one
//!   [`SubscriptionHandler`](callback::subscription::SubscriptionHandler).
//! * [`adapter`] connects it to tower, axum or a bare socket, and to tokio.
//! * [`signature`] and [`cipher`] are plain functions on bytes, for everybody else.
//! * [`saas`] holds the wire models, exactly as documented.
//! * [`ledger`] and [`replay`] keep what must be remembered.
//!
//! # Features
//!
//! None is on by default; the core knows no framework, database or runtime. Features only add API.
//!
//! | feature | adds |
//! |---|---|
//! | `tokio` | `adapter::tokio`: handlers on tokio |
//! | `tower` | `adapter::tower`: a tower `Service` |
//! | `axum-0_8` | `adapter::axum`: a route for axum 0.8 |
//! | `serve` | `adapter::serve`: an HTTP/1.1 server with the exact letter case of `Body-Sign` |
//! | `sqlite` | `sqlite`, `ledger::SqliteLedger`: stores on SQLite, linked as the application chooses |
//! | `sqlite-bundled` | the same, with SQLite compiled in |
//! | `tracing` | `adapter::tracing`: exchanges as `tracing` events |
#![warn(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activity;
pub mod adapter;
pub mod amount;
pub mod callback;
pub mod cipher;
pub mod clock;
pub mod key;
pub mod ledger;
pub mod random;
pub mod redact;
pub mod replay;
pub mod result_code;
pub mod saas;
pub mod signature;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod text;
pub mod timestamp;
pub mod wire;

/// The code in README compiles.
#[cfg(all(doctest, feature = "serve", feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
