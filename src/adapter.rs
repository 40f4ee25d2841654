//! Connecting a [`CallbackService`](crate::callback::CallbackService) to a server and a runtime.
//!
//! Every adapter does the same: have the head checked, read the body within its limits of size and time, hand the request
//! over, pass the response on untouched. [`CallbackService::check_head`](crate::callback::CallbackService::check_head)
//! shows how to write another one. The package `koogallery-servers` has servers to copy: plain hyper, poem, salvo, warp, Rocket, ntex,
//! tiny_http, and axum and actix-web applications with layers of their own.
//!
//! # The letter case of `Body-Sign`
//!
//! The marketplace's FAQ says that V1.0's answer header is recognized as `Body-Sign` only. Rust's HTTP libraries keep
//! header names in lower case and most servers write them so; HTTP/2 always does. The `serve` module's server writes
//! the documented case on HTTP/1.1, for an axum router as well as for a bare service. With another server, look at the
//! bytes (`curl --http1.1 -i`), and behind a proxy make sure that it speaks HTTP/1.1 to the marketplace and does not
//! change header names. V2.0 has no such header.
//!
//! # Layers of an application
//!
//! Whatever compresses or changes answers must not reach the callbacks, since `Body-Sign` is that of the bytes before it: merge the
//! axum routes behind the `.layer(...)` calls of your router, and move the `.wrap(...)` of an actix-web `App`, with the routes that
//! it is for, into a `web::scope("")` beside the callbacks.

#[cfg(feature = "actix-4")]
pub mod actix;
#[cfg(feature = "tower")]
mod answer_check;
#[cfg(feature = "axum-0_8")]
pub mod axum;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
