//! Callbacks in an actix-web application that has JSON extractors and middleware already.
//!
//! New are the service and `configure`. What the application wraps stands in a scope of its own: a `wrap` of the whole `App` would
//! reach the callbacks too, and compressed answers spoil `Body-Sign`.

use std::time::Duration;

use actix_web::middleware::{Compress, Logger};
use actix_web::{App, HttpRequest, HttpServer, web};
use koogallery::adapter::actix::routes;
use koogallery_servers::{BoxError, listener, service};
use serde::{Deserialize, Serialize};

#[actix_web::main]
async fn main() -> Result<(), BoxError> {
    let service = service().await?;
    let callbacks = service.clone();
    let app = move || {
        App::new().configure(routes("/saasproduce", callbacks.clone())).service(
            web::scope("").wrap(Compress::default()).wrap(Logger::default()).route("/greetings", web::post().to(greet)),
        )
    };
    let server = HttpServer::new(app).workers(2).max_connections(400).client_request_timeout(Duration::from_secs(5));
    server.listen(listener()?)?.run().await?;
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

async fn greet(request: HttpRequest, guest: web::Json<Guest>) -> web::Json<Greeting> {
    let peer = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    web::Json(Greeting { text: format!("Hello {}, you are at {peer}.", guest.name) })
}
