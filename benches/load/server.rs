//! The server under load, a process of its own: callbacks of all families on the stores of an engine, as the example
//! `isv_server` serves them, or a constant on the same HTTP server.

use std::error::Error;
use std::future::pending;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery::clock::SystemClock;
use koogallery::{postgres, sqlite};
use koogallery_benches::calls::Calls;
use koogallery_benches::stores::Stores;
use tokio::net::TcpListener;

const ANSWER: &str =
    r#"{"resultCode":"000000","resultMsg":"success","instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d"}"#;

/// Serves until it is killed; `place` is the file or URL of the database.
pub fn serve(engine: &str, place: &str) -> Result<(), Box<dyn Error>> {
    let calls = Calls::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let stores = match engine {
            "constant" => {
                Server::new().serve(listener, tower::service_fn(constant), pending()).await;
                return Ok(());
            }
            "memory" => Stores::memory(),
            "SQLite" => Stores::sqlite(&sqlite::Database::open(place)?).await?,
            "PostgreSQL" => Stores::postgres(&postgres::Database::connect(place).await?).await?,
            other => return Err(format!("there is no engine {other}").into()),
        };
        let service = calls.service_on(&stores, true).clock(SystemClock).build();
        Server::new().serve(listener, Endpoint::new(service), pending()).await;
        Ok(())
    })
}

async fn constant(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    // A body that is not read closes the connection.
    let _ = request.into_body().collect().await;
    Ok(Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
}
