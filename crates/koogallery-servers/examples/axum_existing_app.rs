//! Callbacks in an axum application that has JSON extractors, layers, compression and tracing already.
//!
//! Three lines are new: the service, the `merge` behind the layers, which change answers or read bodies and so must not reach the
//! callbacks, and `Server` in place of `axum::serve`.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::routing::post;
use axum::{Json, Router};
use koogallery::AccessKeys;
use koogallery::adapter::axum::routes;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tracing::TracingObserver;
use koogallery_servers::{BoxError, builder, interrupt, listener};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let service = builder(AccessKeys::from_env()?).await?.observer(TracingObserver).build();
    let router = Router::new()
        .route("/greetings", post(greet))
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http())
        .merge(routes("/saasproduce", service.clone()));
    Server::new().serve(TcpListener::from_std(listener()?)?, router, interrupt()).await;
    service.wait_idle().await;
    Ok(())
}

#[derive(Deserialize)]
struct Guest {
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    text: String,
}

async fn greet(ConnectInfo(peer): ConnectInfo<SocketAddr>, Json(guest): Json<Guest>) -> Json<Greeting> {
    Json(Greeting { text: format!("Hello {}, you are at {}.", guest.name, peer.ip()) })
}
