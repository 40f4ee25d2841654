//! Running the handler: once per step, one at a time per instance, to the end even if nobody waits any more.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, Shared, join_all, select};

use crate::callback::command::Change;
use crate::callback::environment::Environment;
use crate::callback::handler::subscription::{ErasedHandler, Event, Unfreeze};
use crate::callback::pipeline::complete::{self, Completed};
use crate::callback::{CallbackError, CallbackEvent, FieldSource, FieldWarnings};
use crate::ledger::{Begin, Effect, Instance, Lease, LedgerError, Look, OrderKey, Scoped, State, Step, Target};
use crate::open_api::Client;

/// How often a run asks again for an instance that somebody else works on, and for how long.
const BUSY_POLL: Duration = Duration::from_millis(50);
const BUSY_POLLS: u32 = 1200;

/// How long to wait after each failed try to note a step as done.
const NOTE_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];

/// Runs the changes of one service.
pub(in crate::callback) struct Executor {
    pub(in crate::callback) handler: Arc<dyn ErasedHandler>,
    pub(in crate::callback) ledger: Scoped,
    /// Tells what was bought where the call does not.
    pub(in crate::callback) open_api: Option<Client>,
    pub(in crate::callback) environment: Arc<Environment>,
    pub(in crate::callback) running: Mutex<HashMap<Identity, Run>>,
}

type Run = Shared<BoxFuture<'static, Result<Arc<Instance>, CallbackError>>>;

/// What copies of one call have in common, whatever else differs between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::callback) enum Identity {
    Purchase(OrderKey),
    Step(Step),
}

/// How far a change has come when its answer is due.
pub(in crate::callback) enum ChangeProgress {
    Done { instance: Arc<Instance>, repeated: bool },
    StillGoing(Arc<Instance>),
}

impl Executor {
    /// Does a change, or finds it done; waits for it as long as `time_left` says.
    pub(in crate::callback) async fn perform(
        self: &Arc<Self>,
        change: Box<Change>,
        time_left: impl Fn() -> Duration,
    ) -> Result<ChangeProgress, CallbackError> {
        match (self.ledger.look(&change.step).await?, &change.step.target) {
            (Look::Done(instance), _) => {
                return Ok(ChangeProgress::Done { instance, repeated: true });
            }
            (Look::Unknown, Target::Instance(id)) => {
                return Err(CallbackError::UnknownInstance(id.clone()));
            }
            _ => {}
        }
        let step = change.step.clone();
        let run = self.join_or_start(change);
        let timeout = time_left();
        match select(run, self.environment.runtime.sleep(timeout)).await {
            Either::Left((outcome, _)) => outcome.map(|instance| ChangeProgress::Done { instance, repeated: false }),
            Either::Right(((), run)) => {
                self.report_late(run, step.clone());
                match self.ledger.look(&step).await? {
                    Look::Done(instance) => Ok(ChangeProgress::Done { instance, repeated: false }),
                    Look::Open(instance) => Ok(ChangeProgress::StillGoing(instance)),
                    Look::Unknown => Err(CallbackError::Deadline(timeout)),
                }
            }
        }
    }

    /// Goes on with a creation that a crash or a failure interrupted after the marketplace was told to wait: it may only
    /// poll now, and not send the purchase again. Does nothing where the purchase cannot be known from the ledger.
    pub(in crate::callback) fn resume(self: &Arc<Self>, instance: &Instance) {
        // V1.0, which has no order lines, tells in the call what was bought, and sends it again.
        let OrderKey { order_line_id: Some(_), .. } = &instance.order else { return };
        let change = Change::purchase(instance.order.clone(), instance.instance_id.clone(), None, false);
        let step = change.step.clone();
        if self.running().contains_key(&Identity::of(&step)) {
            // Whoever started it hears of its failure; every further poll would report it once more.
            return;
        }
        let run = self.join_or_start(Box::new(change));
        self.report_late(run, step);
    }

    /// Tells of the failure of a run for which nobody waits any more.
    fn report_late(self: &Arc<Self>, run: Run, step: Step) {
        let executor = Arc::clone(self);
        let report = async move {
            if let Err(error) = run.await {
                executor.environment.report_failure(step.effect.as_str(), step.subject(), &error);
            }
        };
        self.environment.spawn(report);
    }

    /// Lets the ledger know something that exists without a purchase of it.
    pub(in crate::callback) async fn adopt(&self, id: &str) -> Result<(), CallbackError> {
        if self.ledger.instance(id).await?.is_some_and(|instance| instance.state != State::Creating) {
            return Ok(());
        }
        let step = Step {
            target: Target::Purchase { order: OrderKey::new(id), proposed_id: id.to_owned() },
            effect: Effect::Create { product_id: None, expire_time: None },
        };
        let lease = self.lease_of(self.environment.random_number()?);
        // Whoever else is at it does the same.
        if let Begin::Run(_) = self.ledger.begin(&step, lease, self.environment.now()).await? {
            self.ledger.complete(&step, id, lease, self.environment.now()).await?;
        }
        Ok(())
    }

    /// Runs the handler on an event that the ledger is not to know.
    pub(in crate::callback) async fn try_out(&self, event: Event, timeout: Duration) -> Result<(), CallbackError> {
        self.environment.with_timeout(timeout, self.handler.handle(event)).await
    }

    /// Waits until nothing runs.
    pub(in crate::callback) async fn idle(&self) {
        loop {
            let running: Vec<Run> = self.running().values().cloned().collect();
            if running.is_empty() {
                return;
            }
            join_all(running).await;
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Identity, Run>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies of a call that come while the first one runs share its outcome.
    fn join_or_start(self: &Arc<Self>, change: Box<Change>) -> Run {
        let identity = Identity::of(&change.step);
        let mut running = self.running();
        if let Some(run) = running.get(&identity) {
            return run.clone();
        }
        let (report, outcome) = oneshot::channel();
        let run = outcome.map(|outcome| outcome.unwrap_or(Err(CallbackError::Aborted))).boxed().shared();
        running.insert(identity.clone(), run.clone());
        drop(running);
        let entry = RunningEntry { executor: Arc::clone(self), identity };
        self.environment.spawn(async move {
            let outcome = entry.executor.run(change).await;
            // First out of the list, then reported: a call in between finds the outcome in the ledger.
            drop(entry);
            let _ = report.send(outcome);
        });
        run
    }

    async fn run(&self, mut change: Box<Change>) -> Result<Arc<Instance>, CallbackError> {
        let holder = self.environment.random_number()?;
        let before = match self.acquire(&mut change.step, holder).await? {
            Acquired::Run(instance) => instance,
            Acquired::Done(instance) => return Ok(instance),
        };
        let id = before.instance_id.clone();
        let work = AssertUnwindSafe(self.handle(&change, &before)).catch_unwind();
        let extend = || async {
            match self.ledger.extend(&id, self.lease_of(holder)).await {
                // Too late to stop; the ledger will not take the outcome.
                Err(LedgerError::LeaseLost(_)) => ControlFlow::Break(()),
                Ok(()) | Err(LedgerError::Store(_)) => ControlFlow::Continue(()),
            }
        };
        let failure = match self.environment.while_leased(work, extend).await {
            Ok(Ok(effect)) => {
                change.step.effect = effect;
                return self.note(&change.step, &id, holder).await;
            }
            Ok(Err(error)) => error,
            Err(_panic) => CallbackError::Aborted,
        };
        // If this fails too, the lease runs out by itself.
        let _ = self.ledger.abandon(&id, self.lease_of(holder)).await;
        Err(failure)
    }

    async fn acquire(&self, step: &mut Step, holder: u128) -> Result<Acquired, CallbackError> {
        if let Target::Purchase { proposed_id, .. } = &step.target
            && !is_usable_id(proposed_id)
        {
            step.propose(self.random_id()?);
        }
        let mut instance_id = String::new();
        for _ in 0..BUSY_POLLS {
            match self.ledger.begin(step, self.lease_of(holder), self.environment.now()).await? {
                Begin::Run(instance) => return Ok(Acquired::Run(instance)),
                Begin::Done(instance) => return Ok(Acquired::Done(instance)),
                Begin::Unknown => {
                    return Err(CallbackError::UnknownInstance(step.subject().to_owned()));
                }
                Begin::NotCreated(instance) => {
                    return Err(CallbackError::UnknownInstance(instance.instance_id.clone()));
                }
                Begin::IdTaken => step.propose(self.random_id()?),
                Begin::Busy(instance) => {
                    instance_id.clone_from(&instance.instance_id);
                    self.environment.sleep(BUSY_POLL).await;
                }
            }
        }
        Err(CallbackError::Busy(instance_id))
    }

    /// Lets the seller's code do it; gives back the effect with what the order told of it.
    async fn handle(&self, change: &Change, before: &Instance) -> Result<Effect, CallbackError> {
        let (event, effect) = (change.event_for(&before.instance_id), change.step.effect.clone());
        let Completed { events, effect, warnings } = match &self.open_api {
            Some(client) => complete::complete(client, event, effect).await?,
            None => Completed::as_it_is(event, effect),
        };
        if let (false, Some(event)) = (warnings.is_empty(), events.first()) {
            self.environment.observe(CallbackEvent::FieldWarnings(FieldWarnings {
                order_id: event.order_id().map(Into::into),
                instance_id: Some(event.instance_id().into()),
                ..FieldWarnings::new(FieldSource::OrderQuery, &warnings)
            }));
        }
        let unfreezes = matches!(effect, Effect::Renew { unfreezes: true, .. });
        for event in events {
            self.handler.handle(event).await?;
        }
        if unfreezes && before.state == State::Frozen {
            let instance_id = before.instance_id.clone();
            self.handler.handle(Event::Unfreeze(Unfreeze { instance_id, test_call: false })).await?;
        }
        Ok(effect)
    }

    /// Notes a step as done. A store that fails for a moment is asked again, because without the note a retry would do the
    /// work a second time.
    async fn note(&self, step: &Step, instance_id: &str, holder: u128) -> Result<Arc<Instance>, CallbackError> {
        for pause in NOTE_PAUSES {
            let noted = self.ledger.complete(step, instance_id, self.lease_of(holder), self.environment.now()).await;
            match noted {
                Err(LedgerError::Store(_)) => self.environment.sleep(pause).await,
                // An earlier try may have been noted, although it seemed to fail.
                Err(LedgerError::LeaseLost(id)) => {
                    return match self.ledger.look(step).await? {
                        Look::Done(instance) => Ok(instance),
                        _ => Err(LedgerError::LeaseLost(id).into()),
                    };
                }
                Ok(instance) => return Ok(instance),
            }
        }
        Ok(self.ledger.complete(step, instance_id, self.lease_of(holder), self.environment.now()).await?)
    }

    fn lease_of(&self, holder: u128) -> Lease {
        Lease { holder, until: self.environment.now().saturating_add(self.environment.lease) }
    }

    /// An instance id where the business id cannot serve.
    fn random_id(&self) -> Result<String, CallbackError> {
        Ok(format!("{:032x}", self.environment.random_number()?))
    }
}

enum Acquired {
    Run(Arc<Instance>),
    Done(Arc<Instance>),
}

impl Identity {
    fn of(step: &Step) -> Self {
        match &step.target {
            Target::Purchase { order, .. } => Self::Purchase(order.clone()),
            Target::Instance(_) => Self::Step(step.clone()),
        }
    }
}

/// Takes the run out of the list, also when the runtime drops the task.
struct RunningEntry {
    executor: Arc<Executor>,
    identity: Identity,
}

impl Drop for RunningEntry {
    fn drop(&mut self) {
        self.executor.running().remove(&self.identity);
    }
}

/// Whether a business id can serve as an instance id: it must fit, survive V1.0's ASCII rule and a list with commas.
fn is_usable_id(id: &str) -> bool {
    id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}
