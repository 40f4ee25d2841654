//! `record`: what the marketplace really sends, and what it is answered.

mod exchange;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKeys;
use koogallery_simulator::{self as simulator, HttpTarget, Masking, Target as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::captures::{Folder, Recording};
use crate::environment::{access_keys, masking};
use crate::interrupt::interrupted;
use crate::seller::Seller;
use crate::{Answer, Failure, Output, next_hop, runtime};
use exchange::Exchange;

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
    seller: Seller,
}

/// What all exchanges share.
struct Proxy {
    target: HttpTarget,
    keys: AccessKeys,
    masking: Masking,
    recording: Recording,
    output: Output,
    writing: Arc<Mutex<()>>,
}

impl Record {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let target = self.seller.target(&self.target)?;
        if target.path() != "/" {
            let path = target.path();
            return Err(Failure::new(format!("calls keep their own path: leave {path} out of {}", self.target)));
        }
        let keys = access_keys()?;
        let masking = masking(&keys);
        let (recording, writing) = (self.folder.open()?, Arc::default());
        let proxy = Proxy { target, keys, masking, recording, output: *output, writing };
        runtime::block_on(async {
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
        /// Each may hold a request of 12 MiB and an answer of 4 MiB.
        const CONNECTIONS: usize = 32;
        const LAST_EXCHANGES: Duration = Duration::from_secs(30);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut exchanges = JoinSet::new();
        let mut interrupted = std::pin::pin!(interrupted());
        loop {
            let accepted = async {
                // The semaphore is never closed, so a place always comes.
                let place = Arc::clone(&places).acquire_owned().await;
                (listener.accept().await, place)
            };
            tokio::select! {
                () = &mut interrupted => break,
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
        let headers: Vec<_> = received.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let request = match next_hop::request(&received.method, &received.target, &headers, received.body.clone()) {
            Ok(request) => request,
            Err(why) => {
                let why = why.to_string();
                wire::answer(&mut stream, 400, &[], why.as_bytes()).await;
                return self.say(&format!("not handed on: {why}"));
            }
        };
        let (number, time, began) = (self.recording.next_number(), SystemClock.now(), Instant::now());
        let outcome = self.target.call(request).await;
        let duration = began.elapsed();
        let exchange = Exchange { received, outcome: outcome.map(handed_back), time, duration };
        let (status, headers, body) = exchange.answer();
        wire::answer(&mut stream, status, headers, body).await;
        drop(stream);
        // Finding out about a signature is work for the processor, and writing for the disk. One at a time: a large message
        // takes several times its size in memory.
        let _turn = Arc::clone(&self.writing).lock_owned().await;
        let _ = spawn_blocking(move || {
            let written = exchange.written(number, &self.keys, self.masking.clone());
            let entry = &written.entry;
            if let Err(error) = self.recording.write(entry, &written.request, &written.answer) {
                self.output.failure(&Failure::of(format!("{} is not written", entry.id), &error));
            }
            self.say(&exchange::line(entry));
        })
        .await;
    }

    fn say(&self, line: &str) {
        // Whoever does not read the output wants the captures nevertheless.
        let _ = self.output.note(line);
    }
}

/// The answer without what was for its connection only.
fn handed_back(mut answer: simulator::Answer) -> simulator::Answer {
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
    let lasting = next_hop::lasting(&headers).filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let lasting = lasting.map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()));
    answer.headers = lasting.collect();
    answer
}
