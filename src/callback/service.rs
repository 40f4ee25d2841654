//! Processing of a callback, from request to response.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, ready, select};
use futures_util::{FutureExt as _, TryFutureExt as _};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request, Response};

#[cfg(feature = "tower")]
use super::AnswerChanged;
use super::body::{BodyBudget, IncomingBody};
use super::command::{Command, Created, LicensingCommand, Reply, SubscriptionCommand, WhenRepeated};
use super::dialect::{AnswerRules, Envelope, Unverified, Verified};
use super::environment::Environment;
use super::pipeline::{self, Asked, Directory, ExchangeState, Executor, Licensing, ReplyContext, Route, WhenDue};
use super::settings::Settings;
use super::{AnswerNotKept, BodyError, CallbackError, CallbackEvent, Exchange, FieldSource, FieldWarnings};
use crate::activity::Activity;
use crate::ledger::Ledger;
use crate::protocol::{Protocol, UnfinishedCreation};
use crate::replay::{ClaimOutcome, ReplayGuard};
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError, TestFlag};

/// A longer answer is not kept for repeats of its call, which the ledger then answers. Only a License of V1 may be longer.
const MAX_KEPT_ANSWER: usize = 16 * 1024;

/// A service that answers the marketplace's callbacks. Clones share everything.
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
    pub(super) environment: Arc<Environment>,
    pub(super) replay: Arc<dyn ReplayGuard>,
    pub(super) bodies: Arc<BodyBudget>,
    pub(super) subscription: Option<Arc<Executor>>,
    pub(super) directory: Option<Directory>,
    pub(super) licensing: Option<Licensing>,
    pub(super) orders: Option<Arc<Executor>>,
}

/// A call whose head was checked.
pub(crate) struct CheckedHead<'c> {
    parts: &'c Parts,
    route: Route,
    unverified: Unverified<'c>,
    began: Timestamp,
}

impl CallbackService {
    /// Answers a request. Failures are answered with a result code and reported to the observer.
    pub async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        match self.checked(&parts) {
            Ok(head) => self.answer_checked(head, &body).await,
            Err(refused) => refused,
        }
    }

    /// Answers a call whose body has arrived since its head was checked.
    #[cfg(feature = "tower")]
    pub(crate) async fn call_checked(&self, mut head: CheckedHead<'_>, body: &[u8]) -> Response<Bytes> {
        head.began = self.inner.environment.now();
        self.answer_checked(head, body).await
    }

    async fn answer_checked<'c>(&self, head: CheckedHead<'c>, body: &'c [u8]) -> Response<Bytes> {
        let CheckedHead { parts, mut route, unverified, began } = head;
        let read = route.read_activity(&self.inner.settings, body);
        let mut progress = ExchangeState::new(Some(route.protocol), began);
        let (verified, key_index) = match route.verify(&self.inner.settings, unverified, (&parts.headers, body), began)
        {
            Ok(verified) => verified,
            Err(error) => return self.finish(route.protocol, Err(error), &progress, &Members::default()),
        };
        let members = route.members(&self.inner.settings, &verified, read);
        (progress.protocol, progress.key_index) = (Some(route.protocol), key_index);
        // Handlers' panics are caught where they run; stores and decryptors can be the seller's code as well.
        let outcome = {
            // Pinned where it is made: it is large, and every wrapper would copy it.
            let answer = pin!(self.answer_in_time(&route, &verified, &members, &mut progress));
            AssertUnwindSafe(answer).catch_unwind().await.unwrap_or(Err(CallbackError::Aborted))
        };
        if progress.activity.is_none() {
            progress.activity = route.activity.or_else(|| members.text("activity")?.parse().ok());
        }
        self.finish(route.protocol, outcome, &progress, &members)
    }

    /// Checks the head of a request whose body was not received yet, so that no memory is spent on what will be refused. For
    /// adapters; [`call`](Self::call) checks the head again.
    ///
    /// Nothing is interpreted but the presence and form of the proof, the time of the call where the head has it, and
    /// `Content-Length`; a call of V1.0 in a query that comes with a body is verified.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use http::{Request, Response, request::Parts};
    /// # use koogallery::callback::{BodyError, CallbackService};
    /// # trait Connection { async fn read(&mut self) -> Option<Result<Bytes, std::io::Error>>; }
    /// async fn answer(service: &CallbackService, head: Parts, connection: &mut impl Connection) -> Response<Bytes> {
    ///     let mut body = match service.check_head(&head) {
    ///         Ok(body) => body,
    ///         Err(refusal) => return refusal,
    ///     };
    ///     while let Some(chunk) = connection.read().await {
    ///         let chunk = chunk.map_err(|error| BodyError::Interrupted(error.to_string()));
    ///         if let Err(error) = chunk.and_then(|chunk| body.push(&chunk)) {
    ///             return service.refuse_body(&head, error);
    ///         }
    ///     }
    ///     service.call(Request::from_parts(head, body.finish())).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The answer that [`call`](Self::call) would give, or that to a body that is too large; it was reported to the observer.
    /// The body is not to be read then.
    pub fn check_head(&self, parts: &Parts) -> Result<IncomingBody, Response<Bytes>> {
        self.check(parts).map(|(_, body)| body)
    }

    /// As [`check_head`](Self::check_head), with what was found out about the call.
    pub(crate) fn check<'h>(&self, parts: &'h Parts) -> Result<(CheckedHead<'h>, IncomingBody), Response<Bytes>> {
        let head = self.checked(parts)?;
        let limit = head.route.body_limit(&self.inner.settings);
        if head.route.protocol.method() == Method::GET && announces_body(parts) {
            // Its query is all that is signed, so it need not wait for a body that is not used.
            let CheckedHead { mut route, unverified, began, .. } = self.checked(parts)?;
            if let Err(error) = route.verify(&self.inner.settings, unverified, (&parts.headers, b""), began) {
                return Err(self.refuse(route.protocol, error, began));
            }
        }
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(self.refuse_body(parts, BodyError::TooLarge(limit)));
        }
        Ok((head, IncomingBody::new(limit, &self.inner.bodies)))
    }

    /// Answers a request whose body was not received. For adapters.
    pub fn refuse_body(&self, parts: &Parts, error: BodyError) -> Response<Bytes> {
        match Route::of(&self.inner.settings, parts) {
            Some(Route { protocol, .. }) => self.refuse(protocol, error.into(), self.inner.environment.now()),
            None => self.refuse_method(parts),
        }
    }

    /// Waits until no handler runs any more; for a graceful shutdown, after the last request was answered.
    #[doc(alias = "graceful shutdown")]
    pub async fn wait_idle(&self) {
        let Inner { subscription, licensing, orders, .. } = &*self.inner;
        if let Some(licensing) = licensing {
            licensing.issuer.idle().await;
        }
        let of_licenses = licensing.iter().flat_map(|licensing| [&licensing.instances, &licensing.codes]);
        for executor in subscription.iter().chain(orders).chain(of_licenses) {
            executor.idle().await;
        }
    }

    /// Delivers Licenses that could not be delivered with the answer, or were cut off by a crash, until `stop` completes. Spawn
    /// it as a task when the server starts.
    ///
    /// ```
    /// use koogallery::callback::{CallbackService, Runtime};
    ///
    /// /// Delivers for as long as the program runs, and shows what was sold.
    /// async fn begin(service: CallbackService, runtime: impl Runtime) -> Result<(), koogallery::ledger::LedgerError> {
    ///     let delivering = service.clone();
    ///     runtime.spawn(Box::pin(async move { delivering.deliver_licenses(std::future::pending()).await }));
    ///     if let Some(ledger) = service.license_ledger() {
    ///         for instance in ledger.instances(None, 100).await? {
    ///             println!("{} is {}", instance.instance_id, instance.state);
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn deliver_licenses(&self, stop: impl Future<Output = ()> + Send) {
        match &self.inner.licensing {
            Some(licensing) => licensing.issuer.run(stop).await,
            None => stop.await,
        }
    }

    /// Returns the ledger, limited to the subscriptions; `None` without a handler for them.
    pub fn ledger(&self) -> Option<&dyn Ledger> {
        self.inner.subscription.as_ref().map(|executor| &executor.ledger as &dyn Ledger)
    }

    /// Returns the ledger, limited to the instances of Licenses; `None` without a handler for them. Instances from before the
    /// families were kept apart are in [`ledger`](Self::ledger).
    pub fn license_ledger(&self) -> Option<&dyn Ledger> {
        self.inner.licensing.as_ref().map(|licensing| &licensing.instances.ledger as &dyn Ledger)
    }

    /// Sleeps on the service's runtime; for adapters that bound the time to read a body.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures_util::future::{Either, select};
    /// use koogallery::callback::CallbackService;
    ///
    /// /// Reads a body for ten seconds at most.
    /// async fn in_time<T>(service: &CallbackService, body: impl Future<Output = T>) -> Option<T> {
    ///     match select(Box::pin(body), Box::pin(service.sleep(Duration::from_secs(10)))).await {
    ///         Either::Left((body, _)) => Some(body),
    ///         Either::Right(_) => None,
    ///     }
    /// }
    /// ```
    pub async fn sleep(&self, duration: Duration) {
        self.inner.environment.sleep(duration).await;
    }

    /// Reports that an answer was changed on its way out.
    #[cfg(feature = "tower")]
    pub(crate) fn report_changed_answer(&self, change: &str) {
        self.inner.environment.observe(CallbackEvent::AnswerChanged(AnswerChanged::new(change)));
    }

    /// Routes a call and checks it, both as far as its head shows.
    fn checked<'h>(&self, parts: &'h Parts) -> Result<CheckedHead<'h>, Response<Bytes>> {
        let Some(route) = Route::of(&self.inner.settings, parts) else { return Err(self.refuse_method(parts)) };
        let began = self.inner.environment.now();
        match route.unverified(&self.inner.settings, parts, began) {
            Ok(unverified) => Ok(CheckedHead { parts, route, unverified, began }),
            Err(error) => Err(self.refuse(route.protocol, error, began)),
        }
    }

    /// Answers when the answer is due, whatever takes longer: the handler, the ledger, the replay guard.
    async fn answer_in_time(
        &self,
        route: &Route,
        verified: &Verified<'_>,
        members: &Members<'_>,
        progress: &mut ExchangeState,
    ) -> Result<Bytes, CallbackError> {
        let deadline = self.inner.settings.deadline_of(route.protocol);
        let outcome = {
            let answer = pin!(self.answer(route, verified, members, progress));
            self.inner.environment.with_timeout(deadline, answer).await
        };
        if let Some(outcome) = outcome {
            return outcome;
        }
        let late = || CallbackError::Deadline(deadline);
        let activity = progress.activity.ok_or_else(late)?;
        let unfinished = route.protocol.unfinished_creation();
        let reply = match std::mem::take(&mut progress.when_due) {
            WhenDue::Failure => return Err(late()),
            WhenDue::Written(answer) => {
                self.report_not_kept(route.protocol, activity, members, &late());
                return Ok(answer);
            }
            WhenDue::Pending(change) => match change.leave() {
                Some(instance_id) if unfinished != UnfinishedCreation::Unsupported => {
                    Reply::Created(Created { instance_id, processing: true, description: None })
                }
                _ => return Err(late()),
            },
            WhenDue::Accepted => Reply::Accepted,
        };
        progress.result_code = reply.result_code(route.protocol);
        self.envelope(route, verified, progress).write(activity, reply)
    }

    fn envelope(&self, route: &Route, verified: &Verified<'_>, progress: &ExchangeState) -> Envelope<'_> {
        Envelope {
            protocol: route.protocol,
            activity: route.activity,
            key_index: progress.key_index,
            signed_at: verified.time(),
            received_at: progress.began,
            settings: &self.inner.settings,
            random: &*self.inner.environment.random,
        }
    }

    async fn answer(
        &self,
        route: &Route,
        verified: &Verified<'_>,
        members: &Members<'_>,
        progress: &mut ExchangeState,
    ) -> Result<Bytes, CallbackError> {
        let Inner { settings, environment, replay, .. } = &*self.inner;
        let protocol = route.protocol;
        members.check().map_err(ParseError::from)?;
        let envelope = self.envelope(route, verified, progress);
        let call = envelope.read(members)?;
        let activity = call.activity;
        progress.activity = Some(activity);
        progress.test_call = call.test_flag == TestFlag::Debug;
        if !call.warnings.is_empty() {
            let source = FieldSource::Call { protocol, activity };
            environment.observe(CallbackEvent::FieldWarnings(FieldWarnings::of_call(source, members, &call.warnings)));
        }
        let (id, content) = (verified.call_id(), verified.content());
        let when_repeated = call.command.when_repeated(protocol);
        let mut asked = Asked::Nothing;
        if when_repeated != WhenRepeated::RunsAgain {
            let until = settings.window_of(protocol.scheme()).expires_at(verified.time());
            let claim = replay.claim(id, content, until, progress.began).map_err(CallbackError::from);
            // Asked at once with the claim, which decides nevertheless: stores do what waits together in one go.
            let asking = pin!(self.ask_ledger(&call.command, call.test_flag));
            let (claimed, asking) = match select(claim, asking).await {
                Either::Left((claimed, asking)) => (claimed, Either::Left(asking)),
                Either::Right((asked, claim)) => (claim.await, Either::Right(ready(asked))),
            };
            match claimed? {
                ClaimOutcome::First => {}
                ClaimOutcome::Repeated(_) if when_repeated == WhenRepeated::Refused => {
                    return Err(CallbackError::Replayed);
                }
                ClaimOutcome::Repeated(Some(answer)) => {
                    progress.repeated = true;
                    return Ok(answer);
                }
                // Claimed and not answered with success: in progress, failed, or cut off by a crash. The ledger
                // decides.
                ClaimOutcome::Repeated(None) => {}
                ClaimOutcome::OtherContent => return Err(CallbackError::Replayed),
            }
            asked = asking.await;
        }

        let reply = self.reply(protocol, call.command, asked, progress).await?;
        let is_final = reply.is_final();
        progress.result_code = reply.result_code(protocol);
        let answer = envelope.write(activity, reply)?;
        // What the ledger knew before it answers again, with the same bytes where there are no access data.
        let ledger_answers = progress.repeated && !protocol.has_access_with_creation();
        let is_kept = is_final && !ledger_answers && answer.len() <= MAX_KEPT_ANSWER;
        if when_repeated == WhenRepeated::SameAnswer && is_kept {
            // The work is done, whether the guard knows it or not; a repeat is answered by the ledger.
            progress.when_due = WhenDue::Written(answer.clone());
            if let Err(error) = replay.remember_answer(id, content, answer.clone()).await {
                self.report_not_kept(protocol, activity, members, &error.into());
            }
        }
        Ok(answer)
    }

    fn report_not_kept(&self, protocol: Protocol, activity: Activity, members: &Members<'_>, error: &CallbackError) {
        self.inner.environment.observe(CallbackEvent::AnswerNotKept(AnswerNotKept {
            order_id: members.text("orderId"),
            instance_id: members.text("instanceId"),
            ..AnswerNotKept::new(protocol, activity, error)
        }));
    }

    /// Asks the ledger about subscriptions and instances of Licenses, for which a call does nothing before.
    async fn ask_ledger(&self, command: &Command, test_flag: TestFlag) -> Asked {
        let Inner { subscription, licensing, .. } = &*self.inner;
        let (executor, command) = match command {
            Command::Subscription(command) => (subscription.as_ref(), command),
            Command::Licensing(LicensingCommand::Instance(command)) => {
                (licensing.as_ref().map(|licensing| &licensing.instances), command)
            }
            _ => return Asked::Nothing,
        };
        match executor {
            Some(executor) if test_flag != TestFlag::Debug => executor.ask(command).await,
            _ => Asked::Nothing,
        }
    }

    async fn reply(
        &self,
        protocol: Protocol,
        command: Command,
        asked: Asked,
        progress: &mut ExchangeState,
    ) -> Result<Reply, CallbackError> {
        let Inner { settings, subscription, directory, licensing, orders, .. } = &*self.inner;
        let mut exchange = ReplyContext { protocol, settings, asked, progress };
        let no_handler = || CallbackError::NoHandler(protocol);
        match command {
            Command::Subscription(command) => {
                subscription.as_ref().ok_or_else(no_handler)?.reply(command, &mut exchange).await
            }
            Command::Licensing(command) => {
                // Boxed, since it is larger than that of a subscription, for which every call would make room.
                Box::pin(licensing.as_ref().ok_or_else(no_handler)?.reply(command, &mut exchange)).await
            }
            Command::Order(notice) => {
                let command = SubscriptionCommand::Change(notice);
                orders.as_ref().ok_or_else(no_handler)?.reply(command, &mut exchange).await
            }
            Command::Directory(command) => {
                Box::pin(directory.as_ref().ok_or_else(no_handler)?.reply(*command, &exchange)).await
            }
        }
    }

    /// Returns the response to a call that was not verified.
    fn refuse(&self, protocol: Protocol, error: CallbackError, began: Timestamp) -> Response<Bytes> {
        self.finish(protocol, Err(error), &ExchangeState::new(Some(protocol), began), &Members::default())
    }

    /// Returns the response of every exchange.
    fn finish(
        &self,
        protocol: Protocol,
        outcome: Result<Bytes, CallbackError>,
        progress: &ExchangeState,
        members: &Members<'_>,
    ) -> Response<Bytes> {
        let (body, error) = match outcome {
            Ok(body) => (body, None),
            Err(error) => {
                let (error, body) = pipeline::refusal(error, AnswerRules::new(protocol, progress.activity));
                (body, Some(error))
            }
        };
        self.report(progress, members, error.as_ref());
        pipeline::response(body, self.inner.settings.signing_key(protocol, progress.key_index))
    }

    fn refuse_method(&self, parts: &Parts) -> Response<Bytes> {
        let (error, body) =
            pipeline::refusal(CallbackError::UnknownMethod(parts.method.clone()), AnswerRules::strictest());
        let progress = ExchangeState::new(None, self.inner.environment.now());
        self.report(&progress, &Members::default(), Some(&error));
        pipeline::method_not_allowed(body)
    }

    fn report(&self, progress: &ExchangeState, members: &Members<'_>, error: Option<&CallbackError>) {
        let environment = &self.inner.environment;
        environment.observe(CallbackEvent::Exchange(Exchange {
            protocol: progress.protocol,
            activity: progress.activity,
            members: Some(members),
            test_call: progress.test_call,
            repeated: progress.repeated,
            result_code: error.map_or(progress.result_code, CallbackError::result_code),
            error,
            duration: environment.now().abs_diff(progress.began),
        }));
    }
}

fn announces_body(parts: &Parts) -> bool {
    parts.headers.contains_key(TRANSFER_ENCODING)
        || parts.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

impl fmt::Debug for CallbackService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackService").field("keys", &self.inner.settings.keys).finish_non_exhaustive()
    }
}
