//! A route for axum 0.8.
//!
//! Serve the router with [`serve`](crate::adapter) rather than `axum::serve` if products still run V1.0: the latter
//! writes `body-sign` in lower case.

use ::axum::extract::Request;
use ::axum::routing::MethodRouter;

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
    MethodRouter::new().fallback(move |request: Request| {
        let mut endpoint = endpoint.clone();
        async move { tower_service::Service::call(&mut endpoint, request).await }
    })
}
