//! Callbacks in a salvo 1 application.

use koogallery::adapter::tower::Endpoint;
use koogallery_servers::{BoxError, interrupt, listener, service};
use salvo::conn::tcp::TcpAcceptor;
use salvo::http::ReqBody;
use salvo::prelude::{Request, Router, Server, TowerServiceCompat, handler};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let service = service().await?;
    // The address itself, and the Kit's paths behind it.
    let callbacks = TowerServiceCompat::<ReqBody, _, _, _>::compat(Endpoint::new(service.clone()));
    let router = Router::new()
        .push(Router::with_path("greetings/{name}").get(greet))
        .push(Router::with_path("saasproduce/{**message}").goal(callbacks));
    let mut server = Server::new(TcpAcceptor::try_from(tokio::net::TcpListener::from_std(listener()?)?)?);
    // Writes `Body-Sign` in that case, and answers callers that shut down their side when they have sent all.
    server.http1_mut().title_case_headers(true).half_close(true);
    let handle = server.handle();
    tokio::spawn(async move {
        interrupt().await;
        handle.stop_graceful(None);
    });
    server.serve(router).await;
    service.wait_idle().await;
    Ok(())
}

#[handler]
async fn greet(request: &mut Request) -> String {
    format!("Hello {}.", request.param::<String>("name").unwrap_or_default())
}
