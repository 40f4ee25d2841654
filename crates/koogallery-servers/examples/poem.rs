//! Callbacks in a poem 3 application.
//!
//! poem's own server writes `body-sign` in lower case, so the application is served by `koogallery::adapter::serve`.

use std::convert::Infallible;
use std::sync::Arc;

use http::uri::Scheme;
use hyper::body::Incoming;
use koogallery::adapter::serve::{PeerAddr, Server};
use koogallery::adapter::tower::Endpoint;
use koogallery_servers::{BoxError, interrupt, listener, service};
use poem::endpoint::TowerCompatExt as _;
use poem::web::{LocalAddr, Path, RemoteAddr};
use poem::{Addr, Endpoint as _, IntoEndpoint as _, Route, get, handler};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let service = service().await?;
    let app = Route::new()
        .at("/greetings/:name", get(greet))
        // The address itself, and the Kit's paths behind it.
        .nest_no_strip("/saasproduce", Endpoint::new(service.clone()).compat());
    let listener = TcpListener::from_std(listener()?)?;
    let local = LocalAddr(Addr::SocketAddr(listener.local_addr()?));
    let app = Arc::new(app.into_endpoint());
    let app = tower::service_fn(move |request: http::Request<Incoming>| {
        let peer = request.extensions().get::<PeerAddr>().map(|peer| Addr::SocketAddr(peer.0));
        let remote = RemoteAddr(peer.unwrap_or_else(|| local.0.clone()));
        let request = poem::Request::from((request, local.clone(), remote, Scheme::HTTP));
        let app = Arc::clone(&app);
        async move { Ok::<http::Response<_>, Infallible>(app.get_response(request).await.into()) }
    });
    Server::new().serve(listener, app, interrupt()).await;
    service.wait_idle().await;
    Ok(())
}

#[handler]
fn greet(Path(name): Path<String>) -> String {
    format!("Hello {name}.")
}
