//! An HTTP/1.1 server that writes `Body-Sign` in exactly that case.
//!
//! TLS is left to a proxy in front, as the marketplace wants HTTPS with a certificate of a public authority.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::sync::Semaphore;
use ::tokio::time::{sleep, timeout};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;

/// Limits of a server; every one has a default.
///
/// ```no_run
/// # async fn example(service: koogallery::callback::CallbackService) -> std::io::Result<()> {
/// use koogallery::adapter::serve::Server;
/// use koogallery::adapter::tower::Endpoint;
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
/// Server::new().serve(listener, Endpoint::new(service.clone()), stop).await;
/// service.wait_idle().await; // handlers that still run
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Server {
    header_timeout: Duration,
    header_bytes: usize,
    connections: usize,
    shutdown_timeout: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            header_bytes: 32 * 1024,
            connections: 1024,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl Server {
    /// The default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes connections that take longer than this to send a request's head; 10 seconds unless set.
    #[must_use]
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Refuses heads with more bytes than this, at least 8192; 32 KiB unless set. A connection that receives a
    /// body buffers as much.
    #[must_use]
    pub fn header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = bytes.max(8192);
        self
    }

    /// Serves at most this many connections at once; further ones wait. 1024 unless set.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Waits this long for requests in progress when stopping; 30 seconds unless set.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Serves until `stop` is done, then lets requests in progress finish.
    ///
    /// Takes an [`Endpoint`](super::tower::Endpoint), an axum `Router`, or any other tower service. One that fails has its
    /// connection closed without an answer.
    pub async fn serve<S, B>(self, listener: TcpListener, service: S, stop: impl Future<Output = ()>)
    where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<Box<dyn Error + Send + Sync>>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
        B::Data: Send,
    {
        let places = Arc::new(Semaphore::new(self.connections));
        let graceful = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = async {
                // The semaphore is never closed, so a place always comes.
                let place = Arc::clone(&places).acquire_owned().await;
                (accept(&listener).await, place)
            };
            let (stream, place) = ::tokio::select! {
                () = &mut stop => break,
                accepted = accepted => accepted,
            };
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.header_timeout)
                .max_buf_size(self.header_bytes)
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            ::tokio::spawn(async move {
                // A peer that breaks off is its own affair.
                let _ = connection.await;
                drop(place);
            });
        }
        drop(listener);
        let _ = timeout(self.shutdown_timeout, graceful.shutdown()).await;
    }
}

/// The next connection; out of file descriptors is no reason to stop.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _: io::Result<()> = stream.set_nodelay(true);
                return stream;
            }
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}
