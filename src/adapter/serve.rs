//! An HTTP/1.1 server that writes `Body-Sign` in exactly that case.
//!
//! The marketplace wants HTTPS with a certificate of a public authority: TLS is ended here (`Server::serve_tls`, feature
//! `serve-tls`) or by a proxy in front.

mod connections;
mod placed;
#[cfg(feature = "serve-tls")]
pub mod tls;

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::sync::watch;
use ::tokio::time::{sleep, timeout};
use futures_util::future::poll_immediate;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

use self::connections::{Connections, Place};
use self::placed::Placed;

type BoxError = Box<dyn Error + Send + Sync>;

/// The address of the other end of a connection: of the caller, or of the proxy before it. An extension of every request that
/// [`Server`] hands over.
///
/// ```
/// use koogallery::adapter::serve::PeerAddr;
///
/// fn peer<B>(request: &http::Request<B>) -> Option<std::net::SocketAddr> {
///     request.extensions().get::<PeerAddr>().map(|peer| peer.0)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is an address and nothing else")]
pub struct PeerAddr(pub SocketAddr);

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

    /// Refuses heads with more bytes than this, at least 8192; 32 KiB unless set. One that arrives in large pieces may have
    /// up to twice as many. A connection that receives a body buffers as much.
    #[must_use]
    pub fn header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = bytes.max(8192);
        self
    }

    /// Serves at most this many connections at once, upgraded ones included; 1024 unless set. When another one comes, the
    /// connection closes that has been idle for longest, and for a second at least: that has not sent a whole head, or is
    /// between requests. If there is none, the new one waits.
    ///
    /// A creation that takes long holds its connection until its answer is due, some 4 seconds. So a server that is to answer
    /// 500 of these a second in time needs 2000 at least.
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
    /// connection closed without an answer. Every request has the extension [`PeerAddr`], and, with the feature `axum-0_8`,
    /// axum's `ConnectInfo<SocketAddr>`. Connections can be upgraded, to WebSockets for example; upgraded ones are not waited
    /// for when stopping.
    pub async fn serve<S, B>(self, listener: TcpListener, service: S, stop: impl Future<Output = ()>)
    where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Error: Into<BoxError>> + Send + 'static,
        B::Data: Send,
    {
        self.serve_on(listener, Plain, service, stop).await;
    }

    async fn serve_on<S, B>(
        self,
        listener: TcpListener,
        opening: impl Opening,
        service: S,
        stop: impl Future<Output = ()>,
    ) where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Error: Into<BoxError>> + Send + 'static,
        B::Data: Send,
    {
        let connections = Connections::new(self.connections);
        let (stopping, _) = watch::channel(());
        let mut stop = pin!(stop);
        loop {
            let accepted = async { (accept(&listener).await, connections.place().await) };
            let ((stream, peer), place) = ::tokio::select! {
                () = &mut stop => break,
                accepted = accepted => accepted,
            };
            let (opening, service, stopping) = (opening.clone(), service.clone(), stopping.subscribe());
            ::tokio::spawn(self.serve_connection((stream, peer), place, opening, service, stopping));
        }
        drop(listener);
        stopping.send_replace(());
        let _ = timeout(self.shutdown_timeout, stopping.closed()).await;
    }

    async fn serve_connection<S, B>(
        self,
        (stream, peer): (TcpStream, SocketAddr),
        place: Place,
        opening: impl Opening,
        service: S,
        mut stopping: watch::Receiver<()>,
    ) where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Error: Into<BoxError>> + Send + 'static,
        B::Data: Send,
    {
        let place = Arc::new(place);
        let activity = place.activity();
        let stream = ::tokio::select! {
            opened = opening.open(stream) => opened,
            () = activity.asked_to_close() => return,
            _ = stopping.changed() => return,
        };
        let Some(stream) = stream else { return };
        let service = TowerToHyperService::new(service);
        let working = activity.clone();
        let service = service_fn(move |mut request| {
            introduce(peer, &mut request);
            let is_connect = request.method() == Method::CONNECT;
            let (mut work, response) = (working.work(), service.call(request));
            async move {
                let response = response.await?;
                let status = response.status();
                if status == StatusCode::SWITCHING_PROTOCOLS || is_connect && status.is_success() {
                    work.never_ends();
                }
                // The body holds it, and is dropped when it has been sent.
                Ok::<_, S::Error>(response.map(|body| {
                    body.map_err(move |error| {
                        let _ = &work;
                        error
                    })
                }))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(self.header_bytes)
            .title_case_headers(true)
            // Who shuts down the sending side waits for its answer, and a handler is not dropped for it.
            .half_close(true)
            .serve_connection(TokioIo::new(Placed::new(stream, Arc::clone(&place))), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        // A peer that breaks off is its own affair.
        ::tokio::select! {
            _ = connection.as_mut() => return,
            () = activity.asked_to_close() => {
                connection.as_mut().graceful_shutdown();
                // Writes what is left of the last answer.
                let done = poll_immediate(connection.as_mut()).await.is_some();
                if done || !activity.is_busy() {
                    return;
                }
            }
            _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// Notes in a request who sent it.
fn introduce<B>(peer: SocketAddr, request: &mut Request<B>) {
    request.extensions_mut().insert(PeerAddr(peer));
    #[cfg(feature = "axum-0_8")]
    request.extensions_mut().insert(::axum::extract::ConnectInfo(peer));
}

/// Makes of an accepted connection the one that HTTP is spoken on.
trait Opening: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// `None` if nothing can be spoken on it.
    fn open(&self, stream: TcpStream) -> impl Future<Output = Option<Self::Stream>> + Send;
}

#[derive(Clone)]
struct Plain;

impl Opening for Plain {
    type Stream = TcpStream;

    async fn open(&self, stream: TcpStream) -> Option<TcpStream> {
        Some(stream)
    }
}

/// The next connection; out of file descriptors is no reason to stop.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _: io::Result<()> = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}
