//! Load on a seller's endpoint: signed purchases at a fixed rate, whatever the answers take.

mod messages;
mod pace;
mod plot;
mod report;
mod tally;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use tokio::time::timeout;

use super::delivery::{DeliveryError, DeliveryOutcome};
use super::http_target::{Connection, Framing, HttpTarget};
use super::target::{Answer, TargetError};
use messages::Messages;
use pace::Pace;
use tally::{Busy, Tally};

pub use report::LoadReport;

/// Time after the last call is due, in which those that wait for a connection are still sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// A load test: signed purchases, each different, at a fixed rate. Calls are due at their times however slow the answers are, and
/// their latency counts from there, so that a pause of the server shows in every call that was due in it.
///
/// ```no_run
/// use std::time::Duration;
///
/// use koogallery::key::AccessKeys;
/// use koogallery_simulator::{HttpTarget, Load};
///
/// # async fn measure() -> Result<(), Box<dyn std::error::Error>> {
/// let target = HttpTarget::new("http://127.0.0.1:8080/saasproduce")?;
/// let report = Load::new(target, AccessKeys::from_env()?).with_rate(500.0).with_duration(Duration::from_secs(10)).run().await?;
/// println!("{}", report.to_text());
/// # Ok(())
/// # }
/// ```
///
/// It runs on one thread, which is to be left to it: the runtime's own if that has one thread.
#[derive(Clone, Debug)]
pub struct Load {
    target: HttpTarget,
    keys: AccessKeys,
    protocol: Protocol,
    rate: f64,
    duration: Duration,
    connections: usize,
    orders: usize,
    is_test: bool,
    seed: u64,
}

/// Reason why nothing was measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no key for the protocol.
    #[error("there is no access key for {0}")]
    NoKey(Protocol),
    /// The protocol has no purchases.
    #[error("{0} has no purchases")]
    NoPurchases(Protocol),
    /// The rate is not a positive number, or the number of calls that follows from it is zero or beyond all bounds.
    #[error("rate and duration give no number of calls")]
    Count,
    /// A call cannot be made.
    #[error(transparent)]
    Call(#[from] DeliveryError),
    /// No connection can be opened.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The system gives no thread that keeps the time.
    #[error("no thread: {0}")]
    Thread(String),
}

impl Load {
    /// Creates a load test of an endpoint, signed with the keys of its interfaces.
    pub fn new(target: HttpTarget, keys: AccessKeys) -> Self {
        Self {
            target,
            keys,
            protocol: Protocol::SaasV2,
            rate: 50.0,
            duration: Duration::from_secs(10),
            connections: 16,
            orders: 1,
            is_test: false,
            seed: 0,
        }
    }

    /// Sets the protocol (default: [`Protocol::SaasV2`]).
    #[must_use]
    pub fn with_protocol(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// Sets the calls per second (default: 50).
    #[must_use]
    pub fn with_rate(self, rate: f64) -> Self {
        Self { rate, ..self }
    }

    /// Sets how long calls are due (default: 10 seconds). Calls that have no connection then are sent within another second or
    /// not at all; answers are awaited beyond that.
    #[must_use]
    pub fn with_duration(self, duration: Duration) -> Self {
        Self { duration, ..self }
    }

    /// Sets the number of connections, and so of calls at the same time (default: 16). At least one is opened.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Sets how many different orders are bought in turn (default: 1): after the first call of each, the endpoint knows it.
    /// With 0 every call buys another.
    #[must_use]
    pub fn with_orders(self, orders: usize) -> Self {
        Self { orders, ..self }
    }

    /// Sets whether the calls are marked as tests, `testFlag` 1 (default: no).
    #[must_use]
    pub fn as_test(self, is_test: bool) -> Self {
        Self { is_test, ..self }
    }

    /// Sets the seed of ids and nonces (default: 0). An endpoint that remembers those of an earlier run refuses them.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Returns the number of calls that are due in the whole test; `None` if there is no such number.
    pub fn calls(&self) -> Option<u64> {
        let calls = (self.rate * self.duration.as_secs_f64()).round();
        // Beyond this a double has no units.
        (self.rate > 0.0 && (1.0..9e15).contains(&calls)).then_some(calls as u64)
    }

    /// Makes the calls.
    ///
    /// # Errors
    ///
    /// No call could be made. Calls that fail are counted in the report.
    pub async fn run(&self) -> Result<LoadReport, LoadError> {
        let total = self.calls().ok_or(LoadError::Count)?;
        let messages = Messages::new(self)?;
        let connections = try_join_all((0..self.connections).map(|_| self.target.connect())).await?;
        let busy = Busy::now();
        let run = Run {
            load: self,
            messages,
            pace: Pace::new(total, self.rate, self.connections)
                .map_err(|error| LoadError::Thread(error.to_string()))?,
            next: AtomicU64::new(0),
            tally: Mutex::new(Tally::new()),
        };
        join_all(connections.into_iter().map(|connection| run.work(connection))).await;
        let elapsed = run.pace.began.elapsed();
        let tally = run.tally.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(LoadReport::new(self, total, elapsed, busy.share(elapsed), tally))
    }
}

struct Run<'a> {
    load: &'a Load,
    messages: Messages,
    pace: Pace,
    next: AtomicU64,
    tally: Mutex<Tally>,
}

impl Run<'_> {
    /// Makes calls on one connection, which is opened again when it is lost.
    async fn work(&self, connection: Connection) {
        let mut connection = Some(connection);
        loop {
            let free_since = Instant::now();
            self.pace.next_due().await;
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(due_at) = self.pace.due_at(index) else { return };
            let now = Instant::now();
            let is_late_itself = free_since <= due_at;
            if !is_late_itself && now > self.pace.end + PATIENCE {
                self.count(|tally| tally.not_sent += 1);
                continue;
            }
            self.count(|tally| match is_late_itself {
                true => tally.lag.saturating_record(micros(now - due_at)),
                false => tally.waited += 1,
            });
            let outcome = self.call(&mut connection, index).await;
            let received = Instant::now();
            self.count(|tally| {
                tally.latency.saturating_record(micros(received - due_at));
                tally.service.saturating_record(micros(received - now));
                tally.add(&outcome);
            });
        }
    }

    async fn call(&self, connection: &mut Option<Connection>, index: u64) -> DeliveryOutcome {
        let (callback, request) = match self.messages.request(index, SystemClock.now()) {
            Ok(made) => made,
            Err(error) => return unanswered(TargetError::NotHttp(error.to_string())),
        };
        let exchange = async {
            let mut open = match connection.take().filter(|connection| connection.is_open) {
                Some(open) => open,
                None => {
                    self.count(|tally| tally.reconnects += 1);
                    self.load.target.connect().await?
                }
            };
            let answer = open.exchange(&request, self.load.target.authority(), Framing::Plain, false).await?;
            *connection = Some(open);
            Ok(answer)
        };
        let limit = self.load.protocol.timeout();
        match timeout(limit, exchange).await.unwrap_or(Err(TargetError::Timeout(limit))) {
            Err(error) => unanswered(error),
            Ok(answer) if !self.messages.is_signed(&answer) => DeliveryOutcome::Unsigned,
            Ok(Answer { status, body, .. }) => callback.judge_answer(status, &body),
        }
    }

    fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.tally.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

const fn unanswered(error: TargetError) -> DeliveryOutcome {
    DeliveryOutcome::Unanswered { error }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
