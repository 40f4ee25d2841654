//! The one way of a callback, from request to response.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::request::Parts;
use http::{Request, Response};

use super::builder::CallbackServiceBuilder;
use super::call::{Call, Change, Command, Created, Reply};
use super::protocol::Dialect;
use super::route::{self, Protocol};
use super::run::{Executor, Progress};
use super::saas_v1::SaasV1;
use super::saas_v2::SaasV2;
use super::settings::{DebugCalls, Settings};
use super::subscription::{Description, Event, InstanceQuery};
use super::{CallbackError, Exchange, Observer, Runtime, answer, debug};
use crate::activity::Activity;
use crate::clock::Clock;
use crate::key::AccessKeys;
use crate::ledger::{Ledger, State, Target};
use crate::replay::{Claim, ReplayGuard};
use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;
use crate::wire::TestFlag;

/// Answers the marketplace's callbacks. Clones share everything.
///
/// ```
/// # use koogallery::callback::{HandlerError, Runtime};
/// # use koogallery::callback::subscription::*;
/// # struct Shop;
/// # impl SubscriptionHandler for Shop {
/// #     async fn create(&self, _: Purchase) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn renew(&self, _: Renewal) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn release(&self, _: Release) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn upgrade(&self, _: Upgrade) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn check_change(&self, _: ChangeCheck) -> Result<(), HandlerError> { Ok(()) }
/// #     async fn describe(&self, _: InstanceQuery) -> Result<Description, HandlerError> { Ok(Description::default()) }
/// # }
/// # fn example(runtime: impl Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery::callback::CallbackService;
/// use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
/// use koogallery::ledger::MemoryLedger;
///
/// let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("0a1b2c3d-4e5f")?)?;
/// let service = CallbackService::builder(keys, runtime).subscription(Shop, MemoryLedger::new()).build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CallbackService {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) replay: Arc<dyn ReplayGuard>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) executor: Option<Arc<Executor>>,
}

/// Which exchange this is, as far as it is known yet.
struct Progressing {
    protocol: Option<Protocol>,
    activity: Option<Activity>,
    test_call: bool,
    repeated: bool,
    key_index: usize,
    result_code: ResultCode,
    began: Timestamp,
}

impl CallbackService {
    /// Begins with the seller's keys and a runtime for the handlers.
    pub fn builder(keys: AccessKeys, runtime: impl Runtime) -> CallbackServiceBuilder {
        CallbackServiceBuilder::new(keys, Arc::new(runtime))
    }

    /// Answers one request. Never fails: what goes wrong is told to the observer and answered with a result code.
    pub async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        match route::protocol_of(&parts) {
            Some(Protocol::SaasV1) => self.exchange::<SaasV1>(&parts, &body).await,
            Some(Protocol::SaasV2) => self.exchange::<SaasV2>(&parts, &body).await,
            None => self.refuse_method(&parts),
        }
    }

    /// Answers a request whose body could not be read: too large, too slow, cut off. For adapters.
    pub fn refuse_body(&self, parts: &Parts, reason: impl Into<Cow<'static, str>>) -> Response<Bytes> {
        let error = CallbackError::Body(reason.into());
        match route::protocol_of(parts) {
            Some(Protocol::SaasV1) => self.finish::<SaasV1>(Err(error), &self.begin(Some(Protocol::SaasV1))),
            Some(Protocol::SaasV2) => self.finish::<SaasV2>(Err(error), &self.begin(Some(Protocol::SaasV2))),
            None => self.refuse_method(parts),
        }
    }

    /// Waits until no handler runs any more; for a graceful shutdown, after the last request was answered.
    pub async fn idle(&self) {
        if let Some(executor) = &self.inner.executor {
            executor.idle().await;
        }
    }

    /// The ledger, for whoever wants to look at the instances.
    pub fn ledger(&self) -> Option<&dyn Ledger> {
        self.inner.executor.as_ref().map(|executor| &*executor.ledger)
    }

    /// Waits on the service's runtime; for adapters that bound the time to read a body.
    pub async fn sleep(&self, duration: Duration) {
        self.inner.runtime.sleep(duration).await;
    }

    async fn exchange<D: Dialect>(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let mut progress = self.begin(Some(D::PROTOCOL));
        let outcome = self.answer::<D>(parts, body, &mut progress).await;
        self.finish::<D>(outcome, &progress)
    }

    async fn answer<D: Dialect>(
        &self,
        parts: &Parts,
        body: &[u8],
        progress: &mut Progressing,
    ) -> Result<Bytes, CallbackError> {
        let Inner { settings, replay, .. } = &*self.inner;
        let verified = D::verify(settings, parts, body, progress.began)?;
        progress.key_index = D::key_index(&verified);

        let call = D::parse(settings, &verified, progress.began)?;
        let activity = call.activity;
        progress.activity = Some(activity);
        progress.test_call = call.test_flag == TestFlag::Debug;

        let (id, until) = D::claim(settings, &verified);
        // Where repeats are answered, reading again is no repeat worth remembering.
        let is_claimed = !(D::ANSWERS_REPEATS && call.command.is_read_only());
        if is_claimed {
            match replay.claim(id, until, progress.began).await? {
                Claim::First => {}
                Claim::Repeated(_) if !D::ANSWERS_REPEATS => return Err(CallbackError::Replayed),
                Claim::Repeated(Some(answer)) => {
                    progress.repeated = true;
                    return Ok(answer);
                }
                // Claimed and not answered with success: in progress, failed, or cut off by a crash. The ledger knows.
                Claim::Repeated(None) => {}
            }
        }

        let reply = self.reply::<D>(call, progress).await?;
        let is_final = reply.is_final();
        let answer = D::render(settings, progress.key_index, activity, reply)?;
        if D::ANSWERS_REPEATS && is_claimed && is_final {
            replay.remember_answer(id, answer.clone()).await?;
        }
        Ok(answer)
    }

    async fn reply<D: Dialect>(&self, call: Call, progress: &mut Progressing) -> Result<Reply, CallbackError> {
        let Inner { settings, .. } = &*self.inner;
        let executor = self.inner.executor.as_ref().ok_or(CallbackError::NoHandler)?;
        let ends = progress.began.saturating_add(settings.deadline_of(D::PROTOCOL));
        let patience = || self.time_left(ends);
        let test_call = progress.test_call;
        match call.command {
            command if test_call && settings.debug_calls == DebugCalls::Answer => {
                Ok(debug::reply(&command, &settings.debug_access))
            }
            Command::Change(change) if test_call => {
                let (id, is_purchase) = match &change.step.target {
                    Target::Purchase { proposed_id, .. } => (proposed_id, true),
                    Target::Instance(id) => (id, false),
                };
                executor.try_out(change.event_for(id), patience()).await?;
                if !is_purchase {
                    return Ok(Reply::Done);
                }
                let description = self.describe_if(D::DESCRIBES_CREATION, executor, id, test_call, patience()).await?;
                Ok(Reply::Created(Created { instance_id: id.clone(), processing: false, description }))
            }
            Command::Change(change) => self.change::<D>(executor, change, patience, progress).await,
            Command::Check(check) => {
                let id = &check.instance_id;
                if !test_call && !executor.ledger.instance(id).await?.is_some_and(|instance| is_in_use(instance.state))
                {
                    return Err(CallbackError::UnknownInstance(id.clone()));
                }
                executor.try_out(Event::CheckChange(check), patience()).await?;
                Ok(Reply::Done)
            }
            Command::Describe(ids) => self.describe_all(executor, ids, test_call, patience()).await,
        }
    }

    async fn change<D: Dialect>(
        &self,
        executor: &Arc<Executor>,
        change: Box<Change>,
        patience: impl Fn() -> Duration,
        progress: &mut Progressing,
    ) -> Result<Reply, CallbackError> {
        let is_purchase = matches!(change.step.target, Target::Purchase { .. });
        let (instance, processing) = match executor.perform(change, &patience).await? {
            Progress::Done { instance, repeated } => {
                progress.repeated = repeated;
                (instance, false)
            }
            Progress::StillGoing(instance) if is_purchase => (instance, true),
            Progress::StillGoing(_) => {
                return Err(CallbackError::Deadline(self.inner.settings.deadline_of(D::PROTOCOL)));
            }
        };
        if !is_purchase {
            return Ok(Reply::Done);
        }
        if processing && D::HAS_PROCESSING_CODE {
            progress.result_code = ResultCode::Processing;
        }
        // Nobody gets into an instance that is not there yet, or no longer.
        let describes = D::DESCRIBES_CREATION && !processing && instance.state != State::Released;
        let id = &instance.instance_id;
        let description = self.describe_if(describes, executor, id, false, patience()).await?;
        Ok(Reply::Created(Created { instance_id: id.clone(), processing, description }))
    }

    async fn describe_all(
        &self,
        executor: &Arc<Executor>,
        ids: Vec<String>,
        test_call: bool,
        patience: Duration,
    ) -> Result<Reply, CallbackError> {
        let mut creating = false;
        let mut ready = Vec::with_capacity(ids.len());
        for id in &ids {
            if test_call {
                ready.push(id);
                continue;
            }
            match executor.ledger.instance(id).await? {
                Some(instance) if is_in_use(instance.state) => ready.push(id),
                Some(instance) if instance.state == State::Creating => {
                    creating = true;
                    executor.resume(&instance);
                }
                _ => {}
            }
        }
        if ready.is_empty() {
            return Err(match creating {
                true => CallbackError::StillCreating,
                false => CallbackError::UnknownInstance(ids.join(",")),
            });
        }
        let descriptions = join_all(ready.into_iter().map(|id| async move {
            let description = self.describe(executor, id, test_call, patience).await?;
            Ok::<_, CallbackError>((id.clone(), description))
        }));
        Ok(Reply::Described(descriptions.await.into_iter().collect::<Result<_, _>>()?))
    }

    async fn describe_if(
        &self,
        wanted: bool,
        executor: &Executor,
        instance_id: &str,
        test_call: bool,
        patience: Duration,
    ) -> Result<Option<Description>, CallbackError> {
        match wanted {
            true => self.describe(executor, instance_id, test_call, patience).await.map(Some),
            false => Ok(None),
        }
    }

    async fn describe(
        &self,
        executor: &Executor,
        instance_id: &str,
        test_call: bool,
        patience: Duration,
    ) -> Result<Description, CallbackError> {
        let query = InstanceQuery { instance_id: instance_id.to_owned(), test_call };
        executor.ask(async { executor.handler.describe(query).await }, patience).await
    }

    fn time_left(&self, ends: Timestamp) -> Duration {
        let left = ends.as_unix_millis().saturating_sub(self.inner.clock.now().as_unix_millis());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    fn begin(&self, protocol: Option<Protocol>) -> Progressing {
        let began = self.inner.clock.now();
        Progressing {
            protocol,
            activity: None,
            test_call: false,
            repeated: false,
            key_index: 0,
            result_code: ResultCode::Success,
            began,
        }
    }

    /// The only way out.
    fn finish<D: Dialect>(&self, outcome: Result<Bytes, CallbackError>, progress: &Progressing) -> Response<Bytes> {
        let (body, error) = match outcome {
            Ok(body) => (body, None),
            Err(error) => {
                let (error, body) = answer::refusal(error, progress.activity, D::ASCII_ONLY);
                (body, Some(error))
            }
        };
        self.report(progress, error.as_ref());
        answer::response(body, D::signing_key(&self.inner.settings, progress.key_index))
    }

    fn refuse_method(&self, parts: &Parts) -> Response<Bytes> {
        let (error, body) = answer::refusal(CallbackError::UnknownMethod(parts.method.clone()), None, true);
        self.report(&self.begin(None), Some(&error));
        answer::method_not_allowed(body)
    }

    fn report(&self, progress: &Progressing, error: Option<&CallbackError>) {
        self.inner.observer.exchange(&Exchange {
            protocol: progress.protocol,
            activity: progress.activity,
            test_call: progress.test_call,
            repeated: progress.repeated,
            result_code: error.map_or(progress.result_code, CallbackError::result_code),
            error,
            duration: self.inner.clock.now().abs_diff(progress.began),
        });
    }
}

impl fmt::Debug for CallbackService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackService").field("keys", &self.inner.settings.keys).finish_non_exhaustive()
    }
}

fn is_in_use(state: State) -> bool {
    matches!(state, State::Active | State::Frozen)
}
