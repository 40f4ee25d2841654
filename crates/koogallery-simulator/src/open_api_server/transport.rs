//! The server in place of a connection, and on a socket.

use std::future::Future;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::net::TcpListener;

use super::gateway::MAX_BODY;
use super::{ConnectionFault, OpenApiServer};
use koogallery::adapter::serve::Server;
use koogallery::transport::{Transport, TransportError};

/// Answers without a socket. Delays need tokio's timer.
impl Transport for OpenApiServer {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            self.receive_slowly(request).await.map_err(|lost| match lost {
                ConnectionFault::NoConnection => TransportError::Connect(lost.into()),
                ConnectionFault::LostRequest | ConnectionFault::LostAnswer => TransportError::Broken(lost.into()),
            })
        }
        .boxed()
    }
}

impl OpenApiServer {
    async fn receive_slowly(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectionFault> {
        let reply = self.receive(request);
        if !reply.delay.is_zero() {
            tokio::time::sleep(reply.delay).await;
        }
        reply.answer
    }
}

/// Serves the open APIs over HTTP/1.1 until `stop` is done. Set its address as `KOOGALLERY_OPEN_API_URL` or
/// [`ClientBuilder::base_url`](koogallery::open_api::ClientBuilder::base_url). On a connection fault the connection is
/// closed.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery_simulator::{OpenApiServer, serve_open_api};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
/// serve_open_api(listener, OpenApiServer::builder().build(), std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve_open_api(listener: TcpListener, open_api: OpenApiServer, stop: impl Future<Output = ()>) {
    Server::new().serve(listener, OpenApiService(open_api), stop).await;
}

/// The server as a tower `Service` over any body. Its error is a connection fault, on which the HTTP server closes the
/// connection.
#[derive(Clone, Debug)]
pub struct OpenApiService(OpenApiServer);

impl OpenApiService {
    /// Creates a service that answers with this server.
    pub fn new(server: OpenApiServer) -> Self {
        Self(server)
    }
}

impl<B> tower_service::Service<Request<B>> for OpenApiService
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = ConnectionFault;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectionFault>>;

    fn poll_ready(&mut self, _context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), ConnectionFault>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let open_api = self.0.clone();
        async move {
            let (parts, body) = request.into_parts();
            // More than the gateway accepts, so that the server itself refuses bodies slightly above the limit.
            let Ok(body) = Limited::new(body, MAX_BODY + 64 * 1024).collect().await else {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                return Ok(response);
            };
            let request = Request::from_parts(parts, body.to_bytes());
            open_api.receive_slowly(request).await.map(|response| response.map(Full::new))
        }
        .boxed()
    }
}
