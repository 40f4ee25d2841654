//! A replica of the seller's server: it starts, is paused, is killed and starts again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::{Either, pending, select};
use http::{Request, Response};
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType};
use koogallery::metering::{Meter, MeteringEvent, Pusher};
use koogallery::open_api::Client;
use koogallery::site::Site;

use crate::Error;
use crate::intake::Intake;
use crate::scheduler::{OwnedRuntime, Owner, SkewedClock};
use crate::seller::{LICENSES, Seller};
use crate::simulation::Simulation;
use crate::stores::Stores;

/// The most by which the clock of a replica is wrong, in milliseconds. Calls are taken within 60 seconds.
const LARGEST_SKEW: i64 = 20_000;

/// The seller's keys, one for all but the online License, whose messages are those of SaaS.
pub(crate) fn keys() -> Result<AccessKeys, Error> {
    let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("simulated-basic-key")?)?;
    Ok(keys.with(InterfaceType::License, AccessKey::new("simulated-license-key")?)?)
}

/// The keys of the marketplace's calls about online Licenses.
pub(crate) fn license_keys() -> Result<AccessKeys, Error> {
    Ok(AccessKeys::new().with(InterfaceType::License, AccessKey::new("simulated-license-key")?)?)
}

pub(crate) fn credentials() -> Result<Credentials, Error> {
    Ok(Credentials::new("SIMULATEDAK", "simulated-secret")?)
}

/// A call as it is on the network.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) request: Request<Bytes>,
    /// The number of a query that may be answered only once.
    pub(crate) query: Option<u64>,
}

pub(crate) struct Replica {
    simulation: Arc<Simulation>,
    index: usize,
    state: Mutex<State>,
}

struct State {
    life: u32,
    /// `None` while it is dead.
    alive: Option<Alive>,
}

#[derive(Clone)]
pub(crate) struct Alive {
    service: CallbackService,
    pub(crate) meter: Meter,
    pub(crate) owner: Owner,
}

impl Replica {
    pub(crate) fn new(simulation: Arc<Simulation>, index: usize) -> Self {
        Self { simulation, index, state: Mutex::new(State { life: 0, alive: None }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the present life, unless it is dead.
    pub(crate) fn alive(&self) -> Option<Alive> {
        self.state().alive.clone()
    }

    /// Starts a life with a clock of its own. Does nothing while it is alive.
    pub(crate) fn start(&self) -> Result<(), Error> {
        let mut state = self.state();
        if state.alive.is_some() {
            return Ok(());
        }
        state.life += 1;
        let owner = Owner::Replica { index: self.index, life: state.life };
        state.alive = Some(self.build(owner)?);
        Ok(())
    }

    fn build(&self, owner: Owner) -> Result<Alive, Error> {
        let simulation = &self.simulation;
        let (scheduler, rng) = (simulation.scheduler.clone(), simulation.rng.clone());
        let clock = SkewedClock { scheduler: scheduler.clone(), skew_millis: rng.around_zero(LARGEST_SKEW) };
        let skew = clock.skew_millis;
        simulation.monitor().note(owner, format_args!("starts, its clock is off by {skew} ms"));
        let runtime = OwnedRuntime { scheduler, owner };
        let stores = Stores { simulation: Arc::clone(simulation), owner };
        let client = Client::builder(Site::China, Intake { simulation: Arc::clone(simulation) }, runtime.clone())
            .credentials(credentials()?)
            .access_key(AccessKey::new("simulated-basic-key")?)
            .clock(clock.clone())
            .random(rng.clone())
            .build()?;
        let seller = |prefix| Seller { simulation: Arc::clone(simulation), owner, prefix };
        let log = Log { simulation: Arc::clone(simulation), owner };
        let service = CallbackService::builder(keys()?, runtime.clone())
            .subscription(seller(""), stores.clone())
            .licensing(seller(LICENSES), stores.clone(), stores.clone())
            .online_license_key(InterfaceType::License)
            .replay_guard(stores.clone())
            .open_api(client.clone())
            .clock(clock.clone())
            .random(rng.clone())
            .observer(log.clone())
            .build();
        let meter = Meter::new(stores).with_clock(clock).with_observer(log);
        let pusher =
            Pusher::new(meter.clone(), client, runtime).with_random(rng).with_interval(Duration::from_secs(60));
        let background = service.clone();
        simulation.spawn(owner, async move { background.deliver_licenses(pending()).await });
        simulation.spawn(owner, async move { pusher.run(pending()).await });
        Ok(Alive { service, meter, owner })
    }

    /// Ends a life without warning: its tasks and connections are gone.
    pub(crate) fn kill(&self) {
        let Some(Alive { owner, .. }) = self.state().alive.take() else { return };
        let mut monitor = self.simulation.monitor();
        monitor.note(owner, format_args!("is killed"));
        monitor.count_fault("replica killed");
        monitor.killed(owner);
        drop(monitor);
        self.simulation.scheduler.kill(owner);
    }

    /// Stops a life for some time; whatever it waits for goes on.
    pub(crate) async fn pause(&self, duration: Duration) {
        let Some(Alive { owner, .. }) = self.alive() else { return };
        {
            let mut monitor = self.simulation.monitor();
            monitor.note(owner, format_args!("is paused for {duration:?}"));
            monitor.count_fault("replica paused");
            monitor.disturb_owner(owner);
        }
        self.simulation.scheduler.pause(owner);
        self.simulation.scheduler.sleep(duration).await;
        self.simulation.scheduler.resume(owner);
    }

    /// Takes a call as a server does: on a task of its own, which ends if the caller hangs up. `None` while it is dead; nothing
    /// arrives if it dies.
    pub(crate) fn call(&self, sent: Sent) -> Option<(oneshot::Receiver<Response<Bytes>>, oneshot::Sender<()>)> {
        let Alive { service, owner, .. } = self.alive()?;
        let (answer, answered) = oneshot::channel();
        let (hang_up, hung_up) = oneshot::channel::<()>();
        let simulation = Arc::clone(&self.simulation);
        self.simulation.spawn(owner, async move {
            let Sent { request, query } = sent;
            let call = std::pin::pin!(service.call(request));
            let Either::Left((response, _)) = select(call, hung_up).await else { return };
            let mut monitor = simulation.monitor();
            monitor.answers += 1;
            let text = String::from_utf8_lossy(response.body());
            monitor.note(owner, format_args!("answers {text}"));
            if let Some(query) = query.filter(|_| text.contains("\"000000\"")) {
                monitor.query_answered(query);
            }
            drop(monitor);
            drop(answer.send(response));
        });
        Some((answered, hang_up))
    }
}

/// Puts into the history what the library reports.
#[derive(Clone)]
struct Log {
    simulation: Arc<Simulation>,
    owner: Owner,
}

impl koogallery::callback::Observer for Log {
    fn on_event(&self, event: &koogallery::callback::CallbackEvent<'_>) {
        self.simulation.monitor().note(self.owner, format_args!("reports {event}"));
    }
}

impl koogallery::metering::Observer for Log {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        self.simulation.monitor().note(self.owner, format_args!("reports {event}"));
    }
}
