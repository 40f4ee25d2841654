//! Running the handler: once per step, one at a time per instance, to the end even if no call waits any more.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};

use crate::callback::command::Change;
use crate::callback::environment::{Environment, caught};
use crate::callback::handler::subscription::{ErasedHandler, Event, Unfreeze};
use crate::callback::pipeline::complete::{self, Completed};
use crate::callback::pipeline::exchange::{Asked, WhenDue};
use crate::callback::{CallbackError, CallbackEvent, FieldSource, FieldWarnings};
use crate::lease::{Fence, Lease};
use crate::ledger::{
    Completion, Effect, HeldStep, Instance, LeaseOutcome, LedgerError, OrderKey, Scoped, State, Step, StepStatus,
    Target,
};
use crate::open_api::Client;
use crate::random;
use crate::timestamp::Timestamp;

/// Time after which an instance that another worker holds is polled no more.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pauses in all between tries to note a step as done: for longer than a database takes to fail over or start again.
const NOTE_PATIENCE: Duration = Duration::from_secs(20);

/// Runs the changes of one service.
pub(in crate::callback) struct Executor {
    pub(in crate::callback) handler: Arc<dyn ErasedHandler>,
    pub(in crate::callback) ledger: Scoped,
    /// Looks up what was bought where the call does not say it.
    pub(in crate::callback) open_api: Option<Client>,
    pub(in crate::callback) environment: Arc<Environment>,
    pub(in crate::callback) running: Mutex<HashMap<Identity, Run>>,
    /// Whether something runs, to be known without the lock. A call that does not see it yet finds the run under the lock.
    pub(in crate::callback) is_running: AtomicBool,
}

/// A change that runs.
#[derive(Clone)]
pub(in crate::callback) struct Run {
    outcome: Shared<BoxFuture<'static, Result<Arc<Instance>, CallbackError>>>,
    instance_id: InstanceId,
}

/// The instance id, as soon as the ledger has fixed it.
type InstanceId = Arc<OnceLock<String>>;

/// Key that copies of one call have in common, whatever else differs between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::callback) enum Identity {
    Purchase(OrderKey),
    Step(Step),
}

/// A change that is done.
pub(in crate::callback) struct Done {
    pub(in crate::callback) instance: Arc<Instance>,
    pub(in crate::callback) repeated: bool,
}

/// A change whose answer is due before it is done.
pub(in crate::callback) struct PendingChange {
    executor: Arc<Executor>,
    run: Run,
    step: Step,
}

impl PendingChange {
    /// Lets the change go on, its failure to be reported. Returns the id of the instance being created, if it is fixed.
    pub(in crate::callback) fn leave(self) -> Option<String> {
        let Self { executor, run, step } = self;
        let is_purchase = matches!(step.target, Target::Purchase { .. });
        let id = run.instance_id.get().filter(|_| is_purchase).cloned();
        executor.report_late(run, step);
        id
    }
}

impl Executor {
    /// Does a change, or finds it done. It goes on if the caller is dropped; `when_due` has it until it is done.
    pub(in crate::callback) async fn perform(
        self: &Arc<Self>,
        change: Box<Change>,
        asked: Asked,
        when_due: &mut WhenDue,
    ) -> Result<Done, CallbackError> {
        let mut repeated = false;
        let (run, step) = match self.joined(&change.step) {
            Some(run) => (run, change.step),
            None => {
                let status = match asked {
                    Asked::Status(status) => status?,
                    _ => self.status(&change.step).await?,
                };
                let (begun, lease_left) = match (status, &change.step.target) {
                    (StepStatus::Done(instance), _) => return Ok(Done { instance, repeated: true }),
                    (StepStatus::Unknown, Target::Instance(id)) => {
                        return Err(CallbackError::UnknownInstance(id.clone()));
                    }
                    (StepStatus::Unknown, Target::Purchase { .. }) => (None, Duration::ZERO),
                    (StepStatus::Open { instance, lease_left }, _) => (Some(instance), lease_left),
                };
                let step = change.step.clone();
                let run = self.join_or_start(change, lease_left);
                if let Some(instance) = begun {
                    repeated = step.confirms(&instance);
                    run.fix(&instance);
                }
                (run, step)
            }
        };
        let pending = PendingChange { executor: Arc::clone(self), run: run.clone(), step };
        *when_due = WhenDue::Pending(Box::new(pending));
        let outcome = run.outcome.await;
        *when_due = WhenDue::Failure;
        outcome.map(|instance| Done { instance, repeated })
    }

    /// Returns the status of a step by the ledger.
    pub(in crate::callback) async fn status(&self, step: &Step) -> Result<StepStatus, LedgerError> {
        self.ledger.status(step, self.environment.now()).await
    }

    /// Resumes a creation that a crash or a failure interrupted after the answer "still processing": the marketplace
    /// may only poll now, and not send the purchase again. Does nothing while a holder works on it, and where the purchase
    /// cannot be known from the ledger.
    pub(in crate::callback) async fn resume(self: &Arc<Self>, instance: &Instance) -> Result<(), CallbackError> {
        // V1.0, which has no order lines, sends what was bought in the call, and sends it again.
        let OrderKey { order_line_id: Some(_), .. } = &instance.order else { return Ok(()) };
        let change = Change::purchase(instance.order.clone(), instance.instance_id.clone(), None, false);
        let step = change.step.clone();
        if self.joined(&step).is_some() {
            // Its failure is reported where it was started; every further poll would report it once more.
            return Ok(());
        }
        let status = self.status(&step).await?;
        if matches!(status, StepStatus::Open { lease_left: Duration::ZERO, .. }) {
            let run = self.join_or_start(Box::new(change), Duration::ZERO);
            self.report_late(run, step);
        }
        Ok(())
    }

    /// Reports the failure of a run for which no call waits any more.
    fn report_late(self: &Arc<Self>, run: Run, step: Step) {
        let executor = Arc::clone(self);
        let report = async move {
            match run.outcome.await {
                // The holder of the lease reports how its work ends.
                Ok(_) | Err(CallbackError::Busy(_)) => {}
                Err(error) => executor.environment.report_failure(step.effect.as_str(), step.subject(), &error),
            }
        };
        self.environment.spawn(report);
    }

    /// Adds something to the ledger that exists without a purchase of it.
    pub(in crate::callback) async fn adopt(self: &Arc<Self>, id: &str) -> Result<(), CallbackError> {
        if self.ledger.instance(id).await?.is_some_and(|instance| instance.state != State::Creating) {
            return Ok(());
        }
        let (executor, id) = (Arc::clone(self), id.to_owned());
        let (report, outcome) = oneshot::channel();
        // A caller who hangs up in between must not leave the lease behind.
        self.environment.spawn(async move {
            let _ = report.send(executor.add(&id).await);
        });
        outcome.await.unwrap_or(Err(CallbackError::Aborted))
    }

    async fn add(&self, id: &str) -> Result<(), CallbackError> {
        let target = Target::Purchase { order: OrderKey::new(id), proposed_id: id.to_owned() };
        let step = Step::new(target, Effect::Create { product_id: None, expire_time: None });
        let lease = self.environment.draw_lease()?;
        // Another call working on it does the same.
        if let LeaseOutcome::Run(_) = self.ledger.begin(&step, lease, self.environment.now()).await? {
            self.ledger.complete(&step, id, lease, self.environment.now()).await?;
        }
        Ok(())
    }

    /// Runs the handler on an event that is not recorded in the ledger.
    pub(in crate::callback) async fn try_out(&self, event: Event) -> Result<(), CallbackError> {
        caught(self.handler.handle(event)).await
    }

    /// Waits until nothing runs.
    pub(in crate::callback) async fn idle(&self) {
        loop {
            let running: Vec<_> = self.running().values().map(|run| run.outcome.clone()).collect();
            if running.is_empty() {
                return;
            }
            join_all(running).await;
        }
    }

    /// Returns the run of a change, if it runs.
    pub(in crate::callback) fn joined(&self, step: &Step) -> Option<Run> {
        // Mostly nothing runs; then nothing is locked, and nothing copied for the key.
        if !self.is_running.load(Ordering::Acquire) {
            return None;
        }
        self.running().get(&Identity::of(step)).cloned()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Identity, Run>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies of a call that come while the first one runs share its outcome. The run waits for the lease that another
    /// holder has on the instance.
    fn join_or_start(self: &Arc<Self>, change: Box<Change>, lease_left: Duration) -> Run {
        let identity = Identity::of(&change.step);
        let mut running = self.running();
        if let Some(run) = running.get(&identity) {
            return run.clone();
        }
        let (report, outcome) = oneshot::channel();
        let outcome = outcome.map(|outcome| outcome.unwrap_or(Err(CallbackError::Aborted))).boxed().shared();
        let run = Run { outcome, instance_id: InstanceId::default() };
        running.insert(identity.clone(), run.clone());
        self.is_running.store(true, Ordering::Release);
        drop(running);
        let entry = RunningEntry { executor: Arc::clone(self), identity };
        let started = run.clone();
        self.environment.spawn(async move {
            let outcome = entry.executor.run(change, lease_left, &started).await;
            // Removed from the list before it is reported: a call in between finds the outcome in the ledger.
            drop(entry);
            let _ = report.send(outcome);
        });
        run
    }

    async fn run(
        &self,
        mut change: Box<Change>,
        lease_left: Duration,
        run: &Run,
    ) -> Result<Arc<Instance>, CallbackError> {
        let lease = self.environment.draw_lease()?;
        let (before, held_until) = match self.acquire(&mut change.step, lease, lease_left, run).await? {
            Acquired::Run { instance, held_until } => (instance, held_until),
            Acquired::Done(instance) => return Ok(instance),
        };
        let held = Held::new(&before, held_until);
        let extend = || async {
            let asked_at = self.environment.now();
            match self.ledger.extend(&before.instance_id, lease, asked_at).await {
                // Too late to stop; the ledger will not take the outcome.
                Err(LedgerError::LeaseLost(_)) => return ControlFlow::Break(()),
                Ok(()) => held.extend(lease.end(asked_at)),
                Err(LedgerError::Store(_)) => {}
            }
            ControlFlow::Continue(())
        };
        let work = pin!(self.work(change, &before, lease, &held));
        self.environment.while_leased(work, extend).await
    }

    /// Runs the handler and notes the outcome, which a busy store may take long to do.
    async fn work(
        &self,
        change: Box<Change>,
        before: &Instance,
        lease: Lease,
        held: &Held,
    ) -> Result<Arc<Instance>, CallbackError> {
        let outcome = AssertUnwindSafe(self.handle(change, before, lease, held)).catch_unwind().await;
        let failure = match outcome {
            Ok(Ok((step, held))) => return self.note(&step, &held).await,
            Ok(Err(error)) => error,
            Err(_panic) => CallbackError::Aborted,
        };
        // If this fails too, the lease expires.
        let _ = self.ledger.abandon(&before.instance_id, lease).await;
        Err(failure)
    }

    /// Waits for the lease. While another holder has it, the ledger is only read, at growing intervals.
    async fn acquire(
        &self,
        step: &mut Step,
        lease: Lease,
        mut lease_left: Duration,
        run: &Run,
    ) -> Result<Acquired, CallbackError> {
        if let Target::Purchase { proposed_id, .. } = &step.target
            && !is_usable_id(proposed_id)
        {
            step.set_proposed_id(self.random_id()?);
        }
        let (mut polls, mut waited) = (0, Duration::ZERO);
        while waited < PATIENCE {
            if lease_left.is_zero() {
                let asked_at = self.environment.now();
                match self.ledger.begin(step, lease, asked_at).await? {
                    LeaseOutcome::Run(instance) => {
                        run.fix(&instance);
                        return Ok(Acquired::Run { instance, held_until: lease.end(asked_at) });
                    }
                    LeaseOutcome::Done(instance) => return Ok(Acquired::Done(instance)),
                    LeaseOutcome::Unknown => {
                        return Err(CallbackError::UnknownInstance(step.subject().to_owned()));
                    }
                    LeaseOutcome::NotCreated(instance) => {
                        return Err(CallbackError::UnknownInstance(instance.instance_id.clone()));
                    }
                    LeaseOutcome::IdTaken => {
                        step.set_proposed_id(self.random_id()?);
                        // An engine that answers so every time must not be polled for ever.
                        waited += self.environment.poll_pause(0);
                    }
                    LeaseOutcome::Busy { instance, lease_left: left } => {
                        run.fix(&instance);
                        lease_left = left;
                    }
                }
                continue;
            }
            let pause = self.environment.poll_pause(polls).min(lease_left);
            self.environment.sleep(pause).await;
            (polls, waited) = (polls + 1, waited + pause);
            lease_left = match self.status(step).await? {
                StepStatus::Done(instance) => return Ok(Acquired::Done(instance)),
                StepStatus::Open { lease_left, .. } => lease_left,
                StepStatus::Unknown => Duration::ZERO,
            };
        }
        let id = run.instance_id.get().map_or_else(|| step.subject(), String::as_str);
        Err(CallbackError::Busy(id.to_owned()))
    }

    /// Runs the seller's code; returns the step, with the data of the order, for this process and for the ledger.
    async fn handle(
        &self,
        change: Box<Change>,
        before: &Instance,
        lease: Lease,
        held: &Held,
    ) -> Result<(Step, Arc<HeldStep>), CallbackError> {
        let (event, mut step) = change.into_run(&before.instance_id);
        let unfreezes = matches!(step.effect, Effect::Renew { unfreezes: true, .. }) && !step.is_outdated(before);
        let Completed { mut events, effect, warnings } = match &self.open_api {
            // Boxed, since it is larger than all else that a change without it makes room for.
            Some(client) => Box::pin(complete::complete(client, event, step.effect)).await?,
            None => Completed::as_it_is(event, step.effect),
        };
        step.effect = effect;
        if step.confirms(before) {
            events.clear();
        }
        if let (false, Some(event)) = (warnings.is_empty(), events.first()) {
            self.environment.observe(CallbackEvent::FieldWarnings(FieldWarnings {
                order_id: event.order_id().map(Into::into),
                instance_id: Some(event.instance_id().into()),
                ..FieldWarnings::new(FieldSource::OrderQuery, &warnings)
            }));
        }
        if unfreezes && (before.state == State::Frozen || before.status_unsettled) {
            events.push(Event::Unfreeze(Unfreeze::new(&*before.instance_id)));
        }
        let held_step = self.ledger.held(&step, &before.instance_id, lease, self.environment.now()).await?;
        let held_step = Arc::new(held_step);
        let mut events = events.into_iter().peekable();
        while let Some(event) = events.next() {
            let completion = Completion::new(&held_step, events.peek().is_none());
            self.handler.handle(event.of_run(held.fence(), completion)).await?;
        }
        Ok((step, held_step))
    }

    /// Notes a step as done. A failure of the store is retried, because without the note a retry would do the work a
    /// second time.
    async fn note(&self, step: &Step, held: &HeldStep) -> Result<Arc<Instance>, CallbackError> {
        let (mut tries, mut waited) = (0, Duration::ZERO);
        loop {
            match self.ledger.mark(held, self.environment.now()).await {
                Err(LedgerError::Store(_)) if waited < NOTE_PATIENCE => {
                    let pause = self.environment.poll_pause(tries);
                    self.environment.sleep(pause).await;
                    (tries, waited) = (tries + 1, waited + pause);
                }
                // The handler may have noted it, or an earlier try that seemed to fail.
                Err(LedgerError::LeaseLost(id)) => {
                    return match self.status(step).await? {
                        StepStatus::Done(instance) => Ok(instance),
                        _ => Err(LedgerError::LeaseLost(id).into()),
                    };
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// Returns a random instance id, for a business id that cannot serve as one.
    fn random_id(&self) -> Result<String, CallbackError> {
        random::hex(&*self.environment.random).map_err(|error| CallbackError::Handler(Arc::new(error)))
    }
}

impl Run {
    fn fix(&self, instance: &Instance) {
        self.instance_id.get_or_init(|| instance.instance_id.clone());
    }
}

enum Acquired {
    Run {
        /// As it was before.
        instance: Arc<Instance>,
        /// When the lease is over at the earliest.
        held_until: Timestamp,
    },
    Done(Arc<Instance>),
}

/// The lease of a run, as its handler has to know it.
struct Held {
    token: u32,
    /// The end, by this process's clock, in milliseconds.
    until: AtomicI64,
}

impl Held {
    fn new(before: &Instance, until: Timestamp) -> Self {
        Self { token: before.handler_runs.saturating_add(1), until: AtomicI64::new(until.as_unix_millis()) }
    }

    fn extend(&self, until: Timestamp) {
        self.until.store(until.as_unix_millis(), Ordering::Relaxed);
    }

    fn fence(&self) -> Fence {
        Fence::new(self.token, Timestamp::from_unix_millis(self.until.load(Ordering::Relaxed)))
    }
}

impl Identity {
    fn of(step: &Step) -> Self {
        match &step.target {
            Target::Purchase { order, .. } => Self::Purchase(order.clone()),
            // An earlier call of the status may be done without an effect, which is no answer to a later one.
            Target::Instance(_) if matches!(step.effect, Effect::Freeze | Effect::Unfreeze | Effect::Release) => {
                Self::Step(step.clone())
            }
            Target::Instance(_) => Self::Step(step.clone().with_signed_at(None)),
        }
    }
}

/// Removes the run from the list, also when the runtime drops the task.
struct RunningEntry {
    executor: Arc<Executor>,
    identity: Identity,
}

impl Drop for RunningEntry {
    fn drop(&mut self) {
        let mut running = self.executor.running();
        running.remove(&self.identity);
        self.executor.is_running.store(!running.is_empty(), Ordering::Release);
    }
}

/// Returns whether a business id can serve as an instance id: it must fit, satisfy V1.0's ASCII rule and have no comma.
fn is_usable_id(id: &str) -> bool {
    id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}
