//! The desk in the place of a connection, and on a socket.

use std::future::Future;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::net::TcpListener;

use super::gateway::MAX_BODY;
use super::{Desk, Lost};
use koogallery::adapter::serve::Server;
use koogallery::transport::{Transport, TransportError};

/// Answers without a socket. Slow answers are waited for on tokio.
impl Transport for Desk {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            self.receive_slowly(request).await.map_err(|lost| match lost {
                Lost::NoConnection => TransportError::Connect(lost.into()),
                Lost::Request | Lost::Answer => TransportError::Broken(lost.into()),
            })
        }
        .boxed()
    }
}

impl Desk {
    async fn receive_slowly(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        let reply = self.receive(request);
        if !reply.delay.is_zero() {
            tokio::time::sleep(reply.delay).await;
        }
        reply.answer
    }
}

/// Serves the desk over HTTP/1.1 until `stop` is done. Give its address to `KOOGALLERY_OPEN_API_URL` or
/// [`ClientBuilder::base_url`](koogallery::open_api::ClientBuilder::base_url). Where a fault takes the answer, the connection is
/// closed.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery_simulator::{Desk, serve_desk};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
/// serve_desk(listener, Desk::builder().build(), std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve_desk(listener: TcpListener, desk: Desk, stop: impl Future<Output = ()>) {
    Server::new().serve(listener, DeskService(desk), stop).await;
}

/// The desk as a tower `Service` over any body. Its error is an answer that was lost, on which the server closes the
/// connection.
#[derive(Clone, Debug)]
pub struct DeskService(pub Desk);

impl<B> tower_service::Service<Request<B>> for DeskService
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Lost;
    type Future = BoxFuture<'static, Result<Self::Response, Lost>>;

    fn poll_ready(&mut self, _context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Lost>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let desk = self.0.clone();
        async move {
            let (parts, body) = request.into_parts();
            // More than is taken, so that the desk itself refuses what is a little too long.
            let Ok(body) = Limited::new(body, MAX_BODY + 64 * 1024).collect().await else {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                return Ok(response);
            };
            let request = Request::from_parts(parts, body.to_bytes());
            desk.receive_slowly(request).await.map(|response| response.map(Full::new))
        }
        .boxed()
    }
}
