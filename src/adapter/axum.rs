//! A route for axum 0.8.
//!
//! Serve the router with the `serve` module's server (feature `serve`) rather than with `axum::serve`, which writes
//! `body-sign` in lower case, so that V1.0 does not work, and limits neither the time for a head nor the connections nor the
//! time to stop: slow or silent clients keep their connections for ever.
//!
#![cfg_attr(feature = "serve", doc = "```no_run")]
#![cfg_attr(not(feature = "serve"), doc = "```ignore")]
//! # async fn example(service: koogallery::callback::CallbackService) -> std::io::Result<()> {
//! use koogallery::adapter::{axum::route, serve::Server};
//!
//! let router = axum::Router::new().route("/saasproduce", route(service));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
//! // In place of axum::serve(listener, router).await?
//! Server::new().serve(listener, router, stop).await;
//! # Ok(())
//! # }
//! ```

use ::axum::routing::{MethodRouter, any_service};

use super::tower::Endpoint;
use crate::callback::CallbackService;

/// The production address as a route. All methods come here: those that no callback uses are refused.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) -> axum::Router {
/// use axum::Router;
/// use koogallery::adapter::axum::route;
///
/// Router::new().route("/saasproduce", route(service))
/// # }
/// ```
pub fn route<S: Clone + Send + Sync + 'static>(service: CallbackService) -> MethodRouter<S> {
    endpoint_route(Endpoint::new(service))
}

/// As [`route`], with custom limits.
pub fn endpoint_route<S: Clone + Send + Sync + 'static>(endpoint: Endpoint) -> MethodRouter<S> {
    // A fallback would get an empty `Allow` header.
    any_service(endpoint)
}
