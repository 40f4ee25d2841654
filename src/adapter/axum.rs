//! Routes for axum 0.8.
//!
//! Merge them behind the layers of your router, [which must not change answers](super#layers-of-an-application).
//!
//! Serve the router with the `serve` module's server (feature `serve`) rather than with `axum::serve`, which writes
//! `body-sign` in lower case, so that V1.0 does not work, and limits neither the time for a head nor the connections nor the
//! time to stop: slow or silent clients keep their connections for ever.
//!
#![cfg_attr(feature = "serve", doc = "```no_run")]
#![cfg_attr(not(feature = "serve"), doc = "```ignore")]
//! # async fn example(service: koogallery::callback::CallbackService) -> std::io::Result<()> {
//! use koogallery::adapter::{axum::routes, serve::Server};
//!
//! let router = axum::Router::new().merge(routes("/saasproduce", service));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
//! // In place of axum::serve(listener, router).await?
//! Server::new().serve(listener, router, stop).await;
//! # Ok(())
//! # }
//! ```

use ::axum::Router;
use ::axum::routing::{MethodRouter, any_service};

use super::tower::Endpoint;
use crate::kit;

/// Returns every path that the marketplace calls for a production address: the address itself, and behind it those of the Kit
/// (`/produceAPI/...`). `path` begins with a slash, or axum panics.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) -> axum::Router {
/// use axum::Router;
/// use koogallery::adapter::axum::routes;
///
/// Router::new().merge(routes("/saasproduce", service))
/// # }
/// ```
pub fn routes<S: Clone + Send + Sync + 'static>(path: &str, endpoint: impl Into<Endpoint>) -> Router<S> {
    let endpoint = endpoint.into();
    let kit = format!("{}{}/{{*message}}", path.trim_end_matches('/'), kit::DIRECTORY);
    Router::new().route(path, route(endpoint.clone())).route(&kit, route(endpoint))
}

/// Returns the route of a single path, without those of the Kit. All methods come here: those that no callback uses are refused.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) -> axum::Router {
/// use std::time::Duration;
/// use axum::Router;
/// use koogallery::adapter::{axum::route, tower::Endpoint};
///
/// Router::new().route("/saasproduce", route(Endpoint::new(service).body_timeout(Duration::from_secs(5))))
/// # }
/// ```
pub fn route<S: Clone + Send + Sync + 'static>(endpoint: impl Into<Endpoint>) -> MethodRouter<S> {
    // A fallback would get an empty `Allow` header.
    any_service(endpoint.into())
}
