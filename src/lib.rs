//! SDK for sellers on Huawei Cloud's marketplace (云商店, KooGallery).
//!
//! The marketplace calls a seller's server when a customer buys, renews, upgrades, expires or leaves. This crate
//! verifies each call, gives it to the seller's code as a typed event exactly once, and answers in the exact form.
//!
//! * [`callback`] answers the calls; the seller writes one
//!   [`SubscriptionHandler`](callback::subscription::SubscriptionHandler).
//! * [`adapter`] connects it to tower, axum, actix-web or a bare socket, and to tokio.
//! * [`signature`] and [`cipher`] are plain functions on bytes, for other uses.
//! * [`open_api`] calls the marketplace: orders, usage, Licenses. [`transport`] carries its requests and those of logins.
//! * [`metering`] reports usage: nothing lost, nothing twice.
//! * [`saas`], [`kit`], [`license`], [`order_notify`] and [`agents_gateway`] hold the wire models, exactly as
//!   documented.
//! * [`login`] lets the customers' users in, as the marketplace's login pages send them.
//! * [`license_store`] keeps Licenses that were applied for, until they are delivered and after.
//! * [`heartbeat`] checks in a licensed application whether its License is good today.
//! * [`directory`] keeps these users and their enterprises.
//! * [`ledger`] and [`replay`] keep the instances of orders and the calls seen, so that each takes effect once; [`tenant`]
//!   lets several services share them.
//! * [`housekeeping`] deletes what is old from the ledger.
//! * [`key`] and [`env`](mod@env) read the seller's keys; [`protocol`] has the facts of each protocol of the callbacks.
//! * [`activity`], [`amount`], [`result_code`], [`site`], [`timestamp`], [`query`], [`redact`] and [`wire`] hold the
//!   values of which the messages are made; [`clock`], [`random`] and [`runtime`] are what a test replaces.
//!
//! The crate `koogallery-simulator` proves an integration before it goes live, in a test or, with the command of
//! `koogallery-cli`, from a terminal.
//!
//! The [`manual`] is the handbook: first steps, each family of calls, operation, and troubleshooting; 中文版见 [`manual::zh`].
//!
#![cfg_attr(all(feature = "serve", feature = "sqlite"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "serve", feature = "sqlite")), doc = "```ignore")]
//! use koogallery::adapter::{serve::Server, tokio::TokioRuntime, tower::Endpoint};
//! use koogallery::callback::subscription::SubscriptionHandler;
//! use koogallery::{AccessKeys, CallbackService, ledger::SqliteLedger, sqlite::Database};
//!
//! async fn serve(shop: impl SubscriptionHandler) -> Result<(), Box<dyn std::error::Error>> {
//!     let ledger = SqliteLedger::new(&Database::open("koogallery.db")?).await?;
//!     let service = CallbackService::builder(AccessKeys::from_env()?, TokioRuntime) // KOOGALLERY_BASIC_KEY
//!         .subscription(shop, ledger)
//!         .build();
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     Server::new().serve(listener, Endpoint::new(service), std::future::pending()).await;
//!     Ok(())
//! }
//! ```
//!
//! In `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! koogallery = { version = "0.1", features = ["serve", "sqlite-bundled"] }
//! tokio = { version = "1", features = ["full"] }
//! ```
//!
//! # Features
//!
//! None is on by default; the core knows no framework, database or runtime. Features only add API.
//!
//! | feature | adds |
//! |---|---|
//! | `tokio` | `adapter::tokio`: handlers on tokio, files to upload |
//! | `tower` | `adapter::tower`: a tower `Service` |
//! | `axum-0_8` | `adapter::axum`: routes for axum 0.8 |
//! | `actix-4` | `adapter::actix`: routes for actix-web 4 |
//! | `serve` | `adapter::serve`: an HTTP/1.1 server with the exact letter case of `Body-Sign` |
//! | `sqlite` | `sqlite`, `ledger::SqliteLedger`, `metering::SqliteUsageStore` and others: stores on SQLite, linked as the application chooses |
//! | `sqlite-bundled` | the same, with SQLite compiled in |
//! | `deadpool-postgres-0_14` | `postgres`, `ledger::PostgresLedger`, `metering::PostgresUsageStore` and others: stores for several replicas |
//! | `mysql_async-0_37` | `mysql`, `ledger::MysqlLedger`, `metering::MysqlUsageStore` and others: stores on MySQL or MariaDB for several replicas |
//! | `redis-1` | `replay::RedisReplayGuard`: the replay guard for several replicas |
//! | `reqwest-0_13` | `transport::ReqwestTransport`: open-API calls with reqwest 0.13 |
//! | `rustls` | TLS for it by rustls |
//! | `rsa` | `cipher::client_secret`: decryption of OAuth client secrets, all OAEP variations |
//! | `tracing` | `adapter::tracing`: exchanges as `tracing` events, open-API calls as spans |
//! | `testing` | `testing`: test suites for stores of your own |
//! | `cas` | `login::cas`: login by CAS 3.0 |
//! | `diagnosis` | `signature::diagnosis`: why a signature does not match |
//! | `charsets` | `diagnosis`, with GBK, GB18030, Big5 and Windows-1252 among its mistakes |
#![warn(
    unreachable_pub,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::unwrap_used,
    clippy::expect_used
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activity;
pub mod adapter;
pub mod agents_gateway;
pub mod amount;
mod backoff;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod batch;
#[doc(alias = "webhook")]
#[doc(alias = "生产接口")]
pub mod callback;
pub mod cipher;
pub mod clock;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
mod columns;
pub mod directory;
pub mod env;
pub mod heartbeat;
pub mod housekeeping;
pub mod key;
pub mod kit;
pub mod lease;
#[doc(alias = "idempotency")]
pub mod ledger;
pub mod license;
pub mod license_store;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod lock_key;
#[doc(alias = "SSO")]
#[doc(alias = "single sign-on")]
#[doc(alias = "OAuth")]
pub mod login;
#[doc(alias = "handbook")]
#[doc(alias = "手册")]
pub mod manual;
pub mod metering;
#[cfg(doctest)]
pub mod must_not_compile;
#[cfg(feature = "mysql_async-0_37")]
pub mod mysql;
pub mod open_api;
pub mod order_notify;
#[cfg(feature = "deadpool-postgres-0_14")]
pub mod postgres;
pub mod protocol;
pub mod query;
pub mod random;
pub mod redact;
#[doc(alias = "nonce")]
pub mod replay;
pub mod result_code;
pub mod runtime;
pub mod saas;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod schema;
mod scope;
mod shareable;
#[doc(alias = "签名")]
#[doc(alias = "HMAC")]
pub mod signature;
pub mod site;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
pub mod timestamp;
pub mod transport;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37"))]
mod waiting;
pub mod wire;

pub use amount::Amount;
pub use callback::{CallbackService, HandlerError};
pub use key::{AccessKey, AccessKeys, Credentials, InterfaceType};
pub use open_api::Client;
pub use result_code::ResultCode;
pub use site::Site;
pub use timestamp::Timestamp;

/// The programs of both READMEs, compiled as tests.
#[cfg(all(doctest, feature = "serve", feature = "sqlite"))]
mod readme {
    #[doc = include_str!("../README.md")]
    struct English;

    #[doc = include_str!("../README.zh-CN.md")]
    struct Chinese;
}
