//! Callbacks on plain hyper. `koogallery::adapter::serve` does the same, and limits connections as well.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use koogallery::adapter::tower::Endpoint;
use koogallery_servers::{BoxError, listener, service};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let service = TowerToHyperService::new(Endpoint::new(service().await?));
    let listener = TcpListener::from_std(listener()?)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, which is no reason to stop.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(10))
            .max_buf_size(32 * 1024)
            // Writes `Body-Sign` in that case.
            .title_case_headers(true)
            // A caller that has sent all and shuts down its side still gets its answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connection);
    }
}
