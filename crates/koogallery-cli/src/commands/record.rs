//! `record`: a proxy that records the marketplace's calls and their answers.

pub(crate) mod exchange;
pub(crate) mod wire;

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

use crate::support::capture_folder::{CaptureFolder, Recording};
use crate::support::environment::{access_keys, masking};
use crate::support::interrupt::interrupted;
use crate::support::target::TargetArgs;
use crate::support::{forwarding, runtime};
use crate::{Answer, Failure, Output};
use exchange::Exchange;

const EXAMPLES: &str = "\
Example:
  koogallery record --listen 127.0.0.1:8000 --target http://127.0.0.1:8080

Let the tunnel that the seller console calls end at --listen. Every exchange is forwarded byte for byte, and written to
--captures: ID.request.txt, ID.answer.txt, and a line of captures.jsonl with the findings about the signatures.
Then:
  koogallery explain callback-v2 --request koogallery-captures/0001-newInstance.request.txt
  koogallery replay 0001-newInstance --url http://127.0.0.1:8080

Personal data is masked, character by character: accounts, passwords, names, phone numbers, e-mail addresses, Licenses.
Valid signatures are masked too, because the call could be replayed with them. Invalid ones stay, so that they can be
explained; if masking changed the signed content, captures.jsonl has the explanation. Set the keys of all interface types:
without its key, an invalid signature cannot be distinguished from a valid one.";

/// Forward the marketplace's calls to an endpoint, and store them, masked, for `explain` and `replay`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Record {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    listen: String,
    /// The seller's server, without a path: calls keep their own.
    #[arg(long, value_name = "URL")]
    target: String,
    #[command(flatten)]
    folder: CaptureFolder,
    #[command(flatten)]
    seller: TargetArgs,
}

/// State shared by all exchanges.
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
            return Err(Failure::new(format!("calls keep their own path: remove {path} from {}", self.target)));
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
    /// Runs until interrupted; requests received by then are completed.
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        /// Each may hold a request of 12 MiB and an answer of 4 MiB.
        const CONNECTIONS: usize = 32;
        const LAST_EXCHANGES: Duration = Duration::from_secs(30);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut exchanges = JoinSet::new();
        let mut interrupted = std::pin::pin!(interrupted());
        loop {
            let accepted = async {
                // The semaphore is never closed, so a permit always becomes available.
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
                    // Running out of file descriptors must not end the proxy.
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
                return self.say(&format!("not forwarded: {why}"));
            }
        };
        let head = &received.head;
        let headers: Vec<_> = head.headers.iter().collect();
        let request = match forwarding::request(&head.method, &head.target, &headers, received.body.clone()) {
            Ok(request) => request,
            Err(why) => {
                let why = why.to_string();
                wire::answer(&mut stream, 400, &[], why.as_bytes()).await;
                return self.say(&format!("not forwarded: {why}"));
            }
        };
        let (number, time, began) = (self.recording.next_number(), SystemClock.now(), Instant::now());
        let outcome = self.target.call(request).await;
        let duration = began.elapsed();
        let exchange = Exchange { received, outcome: outcome.map(handed_back), time, duration };
        let (status, headers, body) = exchange.answer();
        wire::answer(&mut stream, status, headers, body).await;
        drop(stream);
        // Diagnosing a signature is CPU-bound, and writing is disk-bound. One at a time: a large message takes several
        // times its size in memory.
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
        // Captures are written even if the output is not read.
        let _ = self.output.note(line);
    }
}

/// Returns the answer without its hop-by-hop headers.
fn handed_back(mut answer: simulator::Answer) -> simulator::Answer {
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
    let lasting = forwarding::lasting(&headers).filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let lasting = lasting.map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()));
    answer.headers = lasting.collect();
    answer
}
