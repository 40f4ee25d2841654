//! The marketplace's calls, and the network between it and the replicas.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use http::Response;
use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome, Endpoint};

use crate::Error;
use crate::replica::{Alive, Replica, Sent, keys, license_keys};
use crate::scheduler::Owner;
use crate::simulation::Simulation;

/// Between calls that the documents do not repeat: a person presses the button again.
const BY_HAND: Duration = Duration::from_secs(600);

pub(crate) struct Marketplace {
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) replicas: Vec<Arc<Replica>>,
    saas: Endpoint,
    licenses: Endpoint,
    queries: AtomicU64,
    /// Orders that have not come to their end.
    pub(crate) open_orders: AtomicUsize,
    pub(crate) calls: AtomicU64,
}

/// A call about the status of an instance, for the monitor: the id in the ledger and the status.
pub(crate) type StatusOf<'a> = Option<(&'a str, &'static str)>;

/// An answer that ends the repetitions of a call.
pub(crate) struct Final {
    pub(crate) outcome: DeliveryOutcome,
    pub(crate) response: Response<Bytes>,
}

impl Marketplace {
    pub(crate) fn new(simulation: Arc<Simulation>, replicas: Vec<Arc<Replica>>) -> Result<Self, Error> {
        let address = "https://isv.example.com/saasproduce";
        Ok(Self {
            simulation,
            replicas,
            saas: Endpoint::new(address.parse()?, keys()?),
            licenses: Endpoint::new(address.parse()?, license_keys()?),
            queries: AtomicU64::new(0),
            open_orders: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
        })
    }

    /// Waits, by the time of the simulation.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.simulation.scheduler.sleep(duration).await;
    }

    /// Returns a replica that is alive, if one is drawn.
    pub(crate) fn any_alive(&self) -> Option<Alive> {
        self.replicas[self.simulation.rng.below(self.replicas.len())].alive()
    }

    /// Repeats a call as the documents say, and begins again where they end, until an answer is final.
    pub(crate) async fn until_final(&self, callback: &Callback, status: StatusOf<'_>) -> Result<Final, Error> {
        let interval = callback.schedule().interval();
        let interval = if interval.is_zero() { BY_HAND } else { interval };
        loop {
            if let Some(done) = self.attempt(callback, status).await? {
                return Ok(done);
            }
            self.sleep(interval).await;
        }
    }

    /// Makes one call. `None` unless its answer is final.
    pub(crate) async fn attempt(&self, callback: &Callback, status: StatusOf<'_>) -> Result<Option<Final>, Error> {
        let Simulation { scheduler, seeded, .. } = &*self.simulation;
        let signed_at = scheduler.now();
        let protocol = callback.protocol();
        let endpoint = if protocol == Protocol::LicenseOnline { &self.licenses } else { &self.saas };
        let request = callback.request(endpoint, signed_at, seeded)?;
        let is_query = protocol == Protocol::SaasV2 && callback.activity() == Activity::QueryInstance;
        let query = is_query.then(|| self.queries.fetch_add(1, Ordering::Relaxed));
        self.calls.fetch_add(1, Ordering::Relaxed);
        {
            let mut monitor = self.simulation.monitor();
            let body = String::from_utf8_lossy(request.body());
            let uri = request.uri();
            monitor.note(Owner::Outside, format_args!("{protocol} {} is sent: {uri} {body}", callback.activity()));
            if let Some((id, status)) = status {
                monitor.status_signed(id, status, signed_at.as_unix_millis());
            }
        }
        let Some(response) = self.send(Sent { request, query }, protocol).await else { return Ok(None) };
        let outcome = callback.judge(&response);
        if !outcome.is_final() {
            return Ok(None);
        }
        if let (Some((id, status)), DeliveryOutcome::Done { .. }) = (status, &outcome) {
            self.simulation.monitor().status_succeeded(id, status, signed_at.as_unix_millis());
        }
        Ok(Some(Final { outcome, response }))
    }

    /// Sends a request to one replica or another, and waits for as long as the marketplace does. The request, its answer and a
    /// copy of it may come late, or never.
    async fn send(&self, sent: Sent, protocol: Protocol) -> Option<Response<Bytes>> {
        let Simulation { scheduler, rng, .. } = &*self.simulation;
        if rng.chance(self.simulation.rates().network) {
            // Sent twice at once, repeated by a proxy, or captured. V1.0 takes it for hours.
            let latest = match protocol {
                _ if rng.chance(500) => 3,
                Protocol::SaasV1 | Protocol::LicenseV1 => 5400,
                _ => 70,
            };
            let later = rng.between(Duration::ZERO, Duration::from_secs(latest));
            self.simulation.monitor().count_fault("request copied");
            drop(self.travel(sent.clone(), later));
        }
        let lost = |what| {
            let is_lost = rng.chance(self.simulation.rates().network);
            if is_lost {
                self.simulation.monitor().count_fault(what);
            }
            is_lost
        };
        let on_its_way = match lost("request late") {
            true => rng.between(Duration::from_secs(1), Duration::from_secs(40)),
            false => rng.between(Duration::from_millis(1), Duration::from_millis(40)),
        };
        let (request_is_lost, answer_is_lost) = (lost("request lost"), lost("answer lost"));
        let answered = (!request_is_lost).then(|| self.travel(sent, on_its_way));
        let answer = pin!(async {
            match answered {
                // Nothing where it was refused, or the connection broke.
                Some(answered) if !answer_is_lost => answered.await.unwrap_or_default(),
                _ => pending().await,
            }
        });
        match select(answer, scheduler.sleep(protocol.timeout())).await {
            Either::Left((response, _)) => response,
            Either::Right(_) => None,
        }
    }

    /// Brings a request to a replica after some time, and its answer back.
    fn travel(&self, sent: Sent, later: Duration) -> oneshot::Receiver<Option<Response<Bytes>>> {
        let (answer, answered) = oneshot::channel();
        let simulation = Arc::clone(&self.simulation);
        let mut replicas = self.replicas.clone();
        self.simulation.spawn(Owner::Outside, async move {
            simulation.scheduler.sleep(later).await;
            let drawn = simulation.rng.below(replicas.len());
            let replica = replicas.swap_remove(drawn);
            let Some((response, hang_up)) = replica.call(sent) else {
                drop(answer.send(None));
                return;
            };
            // The server notices at once that the caller has gone, late, or never.
            let patience = simulation.rng.between(Duration::from_secs(5), Duration::from_secs(90));
            let waited = select(response, simulation.scheduler.sleep(patience)).await;
            drop(hang_up);
            let response = match waited {
                Either::Left((response, _)) => response.ok(),
                Either::Right(_) => None,
            };
            drop(answer.send(response));
        });
        answered
    }
}
