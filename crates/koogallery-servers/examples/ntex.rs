//! Callbacks in an ntex 3 application.
//!
//! ntex writes `body-sign` in lower case, and nothing in it changes that. For V1.0 either put a proxy before it that writes the
//! name as documented, or give the marketplace a listener of its own, as `--callbacks ADDR` does here. V2.0 has no such header.

use futures_util::TryStreamExt as _;
use http::request::Parts;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery_servers::{BoxError, argument, interrupt, listener, service};
use ntex::web::types::{Path, Payload, State};
use ntex::web::{App, HttpRequest, HttpResponse, get, route, server};

#[ntex::main]
async fn main() -> Result<(), BoxError> {
    let service = service().await?;
    if let Some(address) = argument("--callbacks") {
        let listener = tokio::net::TcpListener::bind(address).await?;
        tokio::spawn(Server::new().serve(listener, Endpoint::new(service.clone()), interrupt()));
    }
    let endpoint = Endpoint::new(service.clone());
    let app = async move || {
        let app = App::new().state(endpoint.clone()).route("/greetings/{name}", get().to(greet));
        // The address itself, and the Kit's paths behind it.
        app.route("/saasproduce", route().to(answer)).route("/saasproduce/{message}*", route().to(answer))
    };
    server(app).workers(2).listen(listener()?)?.run().await?;
    service.wait_idle().await;
    Ok(())
}

pub(crate) async fn answer(request: HttpRequest, body: Payload, endpoint: State<Endpoint>) -> HttpResponse {
    let Some(head) = head_of(&request) else { return HttpResponse::BadRequest().finish() };
    let answer = endpoint.receive(head, body.map_err(|error| error.to_string())).await;
    let mut response = HttpResponse::build(answer.status());
    for (name, value) in answer.headers() {
        response.header(name.as_str(), value.as_bytes());
    }
    response.body(answer.into_body().to_vec())
}

fn head_of(request: &HttpRequest) -> Option<Parts> {
    let mut head = http::Request::builder().method(request.method().as_str()).uri(request.uri().to_string());
    for (name, value) in request.headers() {
        head = head.header(name.as_str(), value.as_bytes());
    }
    Some(head.body(()).ok()?.into_parts().0)
}

async fn greet(name: Path<String>) -> String {
    format!("Hello {name}.")
}
