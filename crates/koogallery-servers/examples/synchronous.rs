//! Callbacks on a plain synchronous server without an adapter, here tiny_http: what any server owes.
//!
//! 1. The raw address: path and query as they were received.
//! 2. The head is checked before the body is read.
//! 3. A body is read within its limit and within a time, and refused by `refuse_body` otherwise.
//! 4. `Body-Sign` in that letter case, and the body's bytes as they are.
//!
//! The server cannot interrupt a read, so that silent callers keep threads, and tiny_http 0.12 leaves some of many connections that
//! are opened at the same moment without an answer until others close: put a proxy before it that buffers requests and opens a
//! connection for each (nginx without `keepalive`), or take another server.

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use koogallery::CallbackService;
use koogallery::callback::BodyError;
use koogallery::signature::body_sign;
use koogallery_servers::{BoxError, listener, service};
use tiny_http::{Header, Server, StatusCode};
use tokio::runtime::{Handle, Runtime};

/// Calls at a time; the others wait.
pub(crate) const THREADS: usize = 32;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

fn main() -> Result<(), BoxError> {
    // The service's timers and the handlers run here.
    let runtime = Runtime::new()?;
    let service = runtime.block_on(service())?;
    let listener = listener()?;
    listener.set_nonblocking(false)?;
    let server = Arc::new(Server::from_listener(listener, None)?);
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (server, service, runtime) = (Arc::clone(&server), service.clone(), runtime.handle().clone());
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    serve(&service, &runtime, request);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}

pub(crate) fn serve(service: &CallbackService, runtime: &Handle, mut request: tiny_http::Request) {
    let answer = match head_of(&request) {
        Ok(head) => answer(service, runtime, head, &mut request),
        Err(_) => Response::builder().status(400).body(Bytes::new()).unwrap_or_default(),
    };
    let headers = answer.headers().iter().filter_map(|(name, value)| {
        // `http` keeps names in lower case.
        let name = if *name == *body_sign::HEADER { body_sign::HEADER } else { name.as_str() };
        Header::from_bytes(name, value.as_bytes()).ok()
    });
    let (status, headers) = (StatusCode(answer.status().as_u16()), headers.collect());
    let body = answer.into_body();
    let length = Some(body.len());
    // A caller that is gone needs no answer; what it ordered is done.
    let _ = request.respond(tiny_http::Response::new(status, headers, Cursor::new(body), length, None));
}

fn answer(
    service: &CallbackService,
    runtime: &Handle,
    head: Parts,
    request: &mut tiny_http::Request,
) -> Response<Bytes> {
    let mut body = match service.check_head(&head) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let (began, mut chunk) = (Instant::now(), [0; 8 * 1024]);
    loop {
        let read = request.as_reader().read(&mut chunk).map_err(|error| BodyError::Interrupted(error.to_string()));
        let pushed = match read {
            Ok(0) => break,
            Ok(_) if began.elapsed() > BODY_TIMEOUT => Err(BodyError::TooSlow(BODY_TIMEOUT)),
            Ok(length) => body.push(&chunk[..length]),
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            return service.refuse_body(&head, error);
        }
    }
    runtime.block_on(service.call(Request::from_parts(head, body.finish())))
}

fn head_of(request: &tiny_http::Request) -> Result<Parts, http::Error> {
    let mut head = Request::builder().method(request.method().as_str()).uri(request.url());
    for header in request.headers() {
        head = head.header(header.field.as_str().as_str(), header.value.as_str());
    }
    Ok(head.body(())?.into_parts().0)
}
