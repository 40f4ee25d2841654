//! Callbacks in a warp 0.4 application.
//!
//! warp's own server writes `body-sign` in lower case, so the filters are served by `koogallery::adapter::serve`.

use bytes::{Buf, Bytes};
use futures_util::{Stream, TryStreamExt as _};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery_servers::{BoxError, interrupt, listener, service};
use tokio::net::TcpListener;
use warp::path::FullPath;
use warp::{Filter, Rejection};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let service = service().await?;
    let greetings = warp::path!("greetings" / String).map(|name| format!("Hello {name}."));
    let app = greetings.or(callbacks("saasproduce", Endpoint::new(service.clone())));
    let app = warp::service(app.boxed());
    Server::new().serve(TcpListener::from_std(listener()?)?, app, interrupt()).await;
    service.wait_idle().await;
    Ok(())
}

/// The production address, and the Kit's paths behind it.
pub(crate) fn callbacks(
    path: &'static str,
    endpoint: Endpoint,
) -> impl Filter<Extract = (Response<Bytes>,), Error = Rejection> + Clone {
    // `query::raw` rejects a call without a query, which the service answers.
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let call = warp::path(path).and(warp::method()).and(warp::path::full()).and(query);
    let call = call.and(warp::header::headers_cloned()).and(warp::body::stream());
    call.and(warp::any().map(move || endpoint.clone())).then(answer)
}

async fn answer(
    method: Method,
    path: FullPath,
    query: String,
    headers: HeaderMap,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    endpoint: Endpoint,
) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(format!("{}?{query}", path.as_str())).body(());
    let Ok(request) = request else {
        let mut refused = Response::default();
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return refused;
    };
    let mut head = request.into_parts().0;
    head.headers = headers;
    endpoint.receive(head, body.map_err(|error| error.to_string())).await
}
