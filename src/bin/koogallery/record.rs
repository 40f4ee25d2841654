//! `record`: what the marketplace really sends, and what it is answered.

mod exchange;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::{HeaderName, HeaderValue, Request};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKeys;
use koogallery::simulator::{self, HttpTarget, Masking, Target as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::captures::{Folder, Recording};
use crate::environment::{access_keys, masking};
use crate::own_host::OwnHost;
use crate::{Answer, Failure, Output};
use exchange::Exchange;
use wire::Received;

const EXAMPLES: &str = "\
Example:
  koogallery record --listen 127.0.0.1:8000 --target http://127.0.0.1:8080

Let the tunnel that the seller console calls end at --listen. Every exchange is handed on byte for byte, and written to
--captures: ID.request.txt, ID.answer.txt, and a line of captures.jsonl that says what was found about the signatures.
Then:
  koogallery explain callback-v2 --request koogallery-captures/0001-newInstance.request.txt
  koogallery replay 0001-newInstance --url http://127.0.0.1:8080

Masked, letter for letter, is personal data: accounts, passwords, names, phone numbers, e-mail addresses, Licenses; and
every signature that is right, since anybody could repeat the call with it. One that is wrong stays, so that it can be
explained; where masking has changed what it signs, captures.jsonl holds the explanation. Set the keys of all interface
types: without its key, no signature can be told from a right one.";

/// Hand on the marketplace's calls to an endpoint, and keep them, masked, for `explain` and `replay`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Record {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    listen: String,
    /// The seller's server, without a path: calls keep their own.
    #[arg(long, value_name = "URL")]
    target: String,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    own_host: OwnHost,
}

/// What all exchanges share.
struct Proxy {
    target: HttpTarget,
    keys: AccessKeys,
    masking: Masking,
    recording: Recording,
    output: Output,
}

impl Record {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        self.own_host.allows(&self.target)?;
        let target = HttpTarget::new(&self.target).map_err(|error| Failure::of(&self.target, &error))?;
        if target.path() != "/" {
            let path = target.path();
            return Err(Failure::new(format!("calls keep their own path: leave {path} out of {}", self.target)));
        }
        let keys = access_keys()?;
        let masking = masking(&keys);
        let proxy = Proxy { target, keys, masking, recording: self.folder.open()?, output: *output };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::of("the runtime", &error))?;
        runtime.block_on(async {
            let listener = TcpListener::bind(&self.listen).await.map_err(|error| Failure::of(&self.listen, &error))?;
            let address = listener.local_addr().map_err(|error| Failure::of(&self.listen, &error))?;
            output.result(&format!("listening on http://{address}"))?;
            Arc::new(proxy).serve(listener).await;
            Ok(Answer::Yes)
        })
    }
}

impl Proxy {
    /// Until it is interrupted; what has been received is finished.
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        /// Each may hold a body of 12 MiB.
        const CONNECTIONS: usize = 32;
        const LAST_EXCHANGES: Duration = Duration::from_secs(15);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut exchanges = JoinSet::new();
        let interrupted = tokio::signal::ctrl_c();
        let mut interrupted = std::pin::pin!(interrupted);
        loop {
            let accepted = async {
                // The semaphore is never closed, so a place always comes.
                let place = Arc::clone(&places).acquire_owned().await;
                (listener.accept().await, place)
            };
            tokio::select! {
                _ = &mut interrupted => break,
                Some(_) = exchanges.join_next() => {}
                (accepted, place) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let proxy = Arc::clone(&self);
                        exchanges.spawn(async move {
                            proxy.exchange(stream).await;
                            drop(place);
                        });
                    }
                    // Out of file descriptors is no reason to stop.
                    Err(_) => sleep(Duration::from_millis(100)).await,
                },
            }
        }
        drop(listener);
        let _ = timeout(LAST_EXCHANGES, async { while exchanges.join_next().await.is_some() {} }).await;
    }

    async fn exchange(self: Arc<Self>, mut stream: TcpStream) {
        let received = match wire::receive(&mut stream).await {
            Ok(Some(received)) => received,
            Ok(None) => return,
            Err(wire::Refusal(status, why)) => {
                wire::answer(&mut stream, status, &[], why.as_bytes()).await;
                return self.say(&format!("not handed on: {why}"));
            }
        };
        let Some(request) = handed_on(&received) else {
            let why = "the address or a header cannot be handed on unchanged";
            wire::answer(&mut stream, 400, &[], why.as_bytes()).await;
            return self.say(&format!("not handed on: {why}"));
        };
        let (number, time, began) = (self.recording.next_number(), SystemClock.now(), Instant::now());
        let outcome = self.target.call(request).await;
        let duration = began.elapsed();
        let exchange = Exchange { received, outcome: outcome.map(handed_back), time, duration };
        let (status, headers, body) = exchange.answer();
        wire::answer(&mut stream, status, headers, body).await;
        drop(stream);
        // Finding out about a signature is work for the processor, and writing for the disk.
        let _ = spawn_blocking(move || {
            let written = exchange.written(number, &self.keys, self.masking.clone());
            let entry = &written.entry;
            self.say(&exchange::line(entry));
            if let Err(error) = self.recording.write(entry, &written.request, &written.answer) {
                self.output.failure(&Failure::of(format!("{} is not written", entry.id), &error));
            }
        })
        .await;
    }

    fn say(&self, line: &str) {
        // Whoever does not read the output wants the captures nevertheless.
        let _ = self.output.note(line);
    }
}

/// The request for the seller; `None` where it could not be the same.
fn handed_on(received: &Received) -> Option<Request<Bytes>> {
    let listed = wire::listed(received.headers.iter().map(|(name, value)| (&**name, &**value)));
    let request = Request::builder().method(&*received.method).uri(&*received.target);
    let mut request = request.body(Bytes::from(received.body.clone())).ok()?;
    if request.uri().path_and_query()?.as_str() != received.target || !received.target.starts_with('/') {
        return None;
    }
    for (name, value) in &received.headers {
        // The target writes its own host, and the length of what it sends, unless that is nothing.
        let is_framing = name.eq_ignore_ascii_case("host")
            || name.eq_ignore_ascii_case("content-length") && !received.body.is_empty();
        if !is_framing && !wire::is_hop_by_hop(name, &listed) {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
        }
    }
    Some(request)
}

/// The answer without what was for its connection only.
fn handed_back(mut answer: simulator::Answer) -> simulator::Answer {
    let listed = wire::listed(answer.headers.iter().map(|(name, value)| (&**name, value.as_bytes())));
    answer.headers.retain(|(name, _)| !wire::is_hop_by_hop(name, &listed));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_handed_on_as_they_are() {
        let target = "/a%20b/?signature=A%2b+&x={'y'}&&";
        let headers = [
            ("Host", "tunnel.example"),
            ("X-Forwarded-For", "192.0.2.1"),
            ("Connection", "close, X-Own"),
            ("X-Own", "1"),
            ("authToken", "a+b="),
            ("Content-Length", "2"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
        let received = |target: &str| Received {
            method: "POST".into(),
            target: target.into(),
            headers: headers.clone(),
            body: b"{}".to_vec(),
        };
        let request = handed_on(&received(target)).unwrap();
        assert_eq!(request.uri().to_string(), target);
        let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-forwarded-for", "authtoken"]);
        for other in ["/a#b", "/a?\"", "http://h/a", "*", ""] {
            assert!(handed_on(&received(other)).is_none(), "{other}");
        }
    }
}
