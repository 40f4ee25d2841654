//! The one way of a callback, from request to response.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};

use super::builder::CallbackServiceBuilder;
use super::call::{Command, Reply, SubscriptionCommand};
use super::dialect::{self, Envelope, Verified};
use super::directory::Directory;
use super::exchange::{Exchanging, Progressing};
use super::licensing::Licensing;
use super::route::Route;
use super::run::Executor;
use super::settings::Settings;
use super::{CallbackError, Exchange, FieldSource, FieldWarnings, Observer, Runtime, answer};
use crate::clock::Clock;
use crate::key::AccessKeys;
use crate::ledger::Ledger;
use crate::protocol::Protocol;
use crate::replay::{Claim, ReplayGuard};
use crate::result_code::ResultCode;
use crate::wire::{Members, ParseError, TestFlag};

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
    pub(super) subscription: Option<Arc<Executor>>,
    pub(super) directory: Option<Directory>,
    pub(super) licensing: Option<Licensing>,
    pub(super) orders: Option<Arc<Executor>>,
}

impl CallbackService {
    /// Begins with the seller's keys and a runtime for the handlers.
    pub fn builder(keys: AccessKeys, runtime: impl Runtime) -> CallbackServiceBuilder {
        CallbackServiceBuilder::new(keys, Arc::new(runtime))
    }

    /// Answers one request. Never fails: what goes wrong goes to the observer and is answered with a result code.
    pub async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let Some(mut route) = Route::of(&self.inner.settings, &parts, &body) else { return self.refuse_method(&parts) };
        let mut progress = self.begin(Some(route.protocol));
        let (verified, key_index) = match route.verify(&self.inner.settings, &parts, &body, progress.began) {
            Ok(verified) => verified,
            Err(error) => return self.finish(route.protocol, Err(error), &progress, &Members::default()),
        };
        (progress.protocol, progress.key_index) = (Some(route.protocol), key_index);
        let members = route.members(&verified);
        let outcome = self.answer(&route, &verified, &members, &mut progress).await;
        if progress.activity.is_none() {
            progress.activity = route.activity.or_else(|| members.text("activity")?.parse().ok());
        }
        self.finish(route.protocol, outcome, &progress, &members)
    }

    /// Answers a request whose body could not be read: too large, too slow, cut off. For adapters.
    pub fn refuse_body(&self, parts: &Parts, reason: impl Into<Cow<'static, str>>) -> Response<Bytes> {
        let error = CallbackError::Body(reason.into());
        match Route::of(&self.inner.settings, parts, b"") {
            Some(Route { protocol, .. }) => {
                self.finish(protocol, Err(error), &self.begin(Some(protocol)), &Members::default())
            }
            None => self.refuse_method(parts),
        }
    }

    /// Waits until no handler runs any more; for a graceful shutdown, after the last request was answered.
    pub async fn idle(&self) {
        let Inner { subscription, licensing, orders, .. } = &*self.inner;
        if let Some(licensing) = licensing {
            licensing.issuer.idle().await;
        }
        let of_licenses = licensing.iter().flat_map(|licensing| [&licensing.instances, &licensing.codes]);
        for executor in subscription.iter().chain(orders).chain(of_licenses) {
            executor.idle().await;
        }
    }

    /// Delivers Licenses that were applied for and could not be delivered with the answer, or were cut off by a crash, until
    /// `stop` is ready. To be run on a task of its own from the start of the server.
    pub async fn deliver_licenses(&self, stop: impl Future<Output = ()> + Send) {
        match &self.inner.licensing {
            Some(licensing) => licensing.issuer.run(stop).await,
            None => stop.await,
        }
    }

    /// Returns what the ledger knows of the subscriptions, and nothing else that may be in it; `None` without a handler for
    /// them.
    pub fn ledger(&self) -> Option<&dyn Ledger> {
        self.inner.subscription.as_ref().map(|executor| &executor.ledger as &dyn Ledger)
    }

    /// Returns what the ledger knows of the instances of Licenses, and nothing else that may be in it; `None` without a
    /// handler for them. Those from before the families had ids of their own are listed by [`ledger`](Self::ledger).
    pub fn license_ledger(&self) -> Option<&dyn Ledger> {
        self.inner.licensing.as_ref().map(|licensing| &licensing.instances.ledger as &dyn Ledger)
    }

    /// Waits on the service's runtime; for adapters that bound the time to read a body.
    pub async fn sleep(&self, duration: Duration) {
        self.inner.runtime.sleep(duration).await;
    }

    async fn answer(
        &self,
        route: &Route<'_>,
        verified: &Verified<'_>,
        members: &Members<'_>,
        progress: &mut Progressing,
    ) -> Result<Bytes, CallbackError> {
        let Inner { settings, replay, .. } = &*self.inner;
        let protocol = route.protocol;
        members.check().map_err(ParseError::from)?;
        let envelope = Envelope {
            protocol,
            activity: route.activity,
            key_index: progress.key_index,
            signed_at: verified.time(),
            now: progress.began,
            settings,
        };
        let call = envelope.read(members)?;
        let activity = call.activity;
        progress.activity = Some(activity);
        progress.test_call = call.test_flag == TestFlag::Debug;
        if !call.warnings.is_empty() {
            let source = FieldSource::Call { protocol, activity };
            self.inner.observer.field_warnings(&FieldWarnings::of_call(source, members, &call.warnings));
        }
        let (id, until) = (verified.call_id(), settings.window_of(protocol.scheme()).expires_at(verified.time()));
        // Where repeats are answered, reading again is no repeat worth remembering.
        let answers_repeats = protocol.answers_repeats();
        let is_claimed = !(answers_repeats && call.command.is_read_only());
        if is_claimed {
            match replay.claim(id, until, progress.began).await? {
                Claim::First => {}
                Claim::Repeated(_) if !answers_repeats => return Err(CallbackError::Replayed),
                Claim::Repeated(Some(answer)) => {
                    progress.repeated = true;
                    return Ok(answer);
                }
                // Claimed and not answered with success: in progress, failed, or cut off by a crash. The ledger knows.
                Claim::Repeated(None) => {}
            }
        }

        let reply = self.reply(protocol, call.command, progress).await?;
        let is_final = reply.is_final();
        let answer = dialect::write(protocol, settings, progress.key_index, activity, reply)?;
        if answers_repeats && is_claimed && is_final {
            replay.remember_answer(id, answer.clone()).await?;
        }
        Ok(answer)
    }

    async fn reply(
        &self,
        protocol: Protocol,
        command: Command,
        progress: &mut Progressing,
    ) -> Result<Reply, CallbackError> {
        let Inner { settings, subscription, directory, licensing, orders, clock, .. } = &*self.inner;
        let mut exchange = Exchanging {
            protocol,
            settings,
            clock: &**clock,
            ends: progress.began.saturating_add(settings.deadline_of(protocol)),
            test_call: progress.test_call,
            progress,
        };
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
    fn finish(
        &self,
        protocol: Protocol,
        outcome: Result<Bytes, CallbackError>,
        progress: &Progressing,
        members: &Members<'_>,
    ) -> Response<Bytes> {
        let (body, error) = match outcome {
            Ok(body) => (body, None),
            Err(error) => {
                let (error, body) = answer::refusal(error, progress.activity, protocol.has_ascii_answers());
                (body, Some(error))
            }
        };
        self.report(progress, members, error.as_ref());
        answer::response(body, dialect::signing_key(protocol, &self.inner.settings, progress.key_index))
    }

    fn refuse_method(&self, parts: &Parts) -> Response<Bytes> {
        let (error, body) = answer::refusal(CallbackError::UnknownMethod(parts.method.clone()), None, true);
        self.report(&self.begin(None), &Members::default(), Some(&error));
        answer::method_not_allowed(body)
    }

    fn report(&self, progress: &Progressing, members: &Members<'_>, error: Option<&CallbackError>) {
        self.inner.observer.exchange(&Exchange {
            protocol: progress.protocol,
            activity: progress.activity,
            members,
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
