//! Callbacks in a Rocket 0.5 application.
//!
//! Rocket writes `body-sign` in lower case, and nothing in it changes that. For V1.0 either put a proxy before it that writes the
//! name as documented, or give the marketplace a listener of its own, as `--callbacks ADDR` does here. V2.0 has no such header.
//!
//! Rocket reads the first bytes of every body before it runs anything, without a time-out; a proxy that buffers requests, or the
//! other listener, keeps silent callers off.

use std::io::Cursor;

use futures_util::TryStreamExt as _;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery_servers::{BoxError, argument, interrupt, listen_address, service};
use rocket::config::LogLevel;
use rocket::data::{ByteUnit, Data};
use rocket::fairing::AdHoc;
use rocket::http::{Header, Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Config, Request, Response, get, routes};
use tokio_util::io::ReaderStream;

/// The production address, and the Kit's paths behind it.
#[derive(Clone)]
pub(crate) struct Callbacks(pub(crate) Endpoint);

impl Callbacks {
    pub(crate) fn routes(self) -> Vec<Route> {
        [Method::Get, Method::Post].map(|method| Route::new(method, "/<_message..>", self.clone())).into()
    }
}

#[rocket::async_trait]
impl Handler for Callbacks {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let Some(head) = head_of(request) else { return Outcome::Error(Status::BadRequest) };
        // The endpoint has limits of its own; Rocket would cut the body at its one and say nothing.
        let body = ReaderStream::new(data.open(ByteUnit::max_value())).map_err(|error| error.to_string());
        let (answer, body) = self.0.receive(head, body).await.into_parts();
        let mut response = Response::new();
        response.set_status(Status::new(answer.status.as_u16()));
        for (name, value) in &answer.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            response.adjoin_header(Header::new(name.as_str().to_owned(), value));
        }
        response.set_sized_body(body.len(), Cursor::new(body));
        Outcome::Success(response)
    }
}

fn head_of(request: &Request<'_>) -> Option<http::request::Parts> {
    let mut head = http::Request::builder().method(request.method().as_str()).uri(request.uri().to_string());
    for header in request.headers().iter() {
        head = head.header(header.name().as_str(), header.value());
    }
    Some(head.body(()).ok()?.into_parts().0)
}

#[get("/greetings/<name>")]
fn greet(name: &str) -> String {
    format!("Hello {name}.")
}

#[rocket::main]
async fn main() -> Result<(), BoxError> {
    let service = service().await?;
    if let Some(address) = argument("--callbacks") {
        let listener = tokio::net::TcpListener::bind(address).await?;
        tokio::spawn(Server::new().serve(listener, Endpoint::new(service.clone()), interrupt()));
    }
    let listen: std::net::SocketAddr = listen_address().parse()?;
    let config =
        Config { address: listen.ip(), port: listen.port(), log_level: LogLevel::Critical, ..Config::default() };
    let liftoff = AdHoc::on_liftoff("address", |rocket| {
        let config = rocket.config();
        println!("listening on http://{}:{}", config.address, config.port);
        Box::pin(async {})
    });
    let app = rocket::custom(config).attach(liftoff).mount("/", routes![greet]);
    app.mount("/saasproduce", Callbacks(Endpoint::new(service.clone())).routes()).launch().await?;
    service.wait_idle().await;
    Ok(())
}
