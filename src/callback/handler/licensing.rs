//! Licenses, as a seller's code sees them: the same events for authorization codes, online Licenses and License V1.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::callback::HandlerError;
use crate::callback::handler::subscription::{
    Description, ErasedHandler, Event, Freeze, InstanceQuery, Purchase, Release, Renewal, Unfreeze,
};
pub use crate::issuing::{Application, ApplicationId, License};

/// What a License call is about.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum LicenseKey {
    /// An authorization code, made by the marketplace. No call tells of a new one, so the first that is heard of it may be
    /// its renewal.
    Code(String),
    /// An instance, opened by [`LicensingHandler::create`].
    Instance(String),
}

impl fmt::Debug for LicenseKey {
    /// An authorization code lets in whoever has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(_) => f.write_str("Code([redacted])"),
            Self::Instance(id) => f.debug_tuple("Instance").field(id).finish(),
        }
    }
}

/// The seller's business logic for License products. Every method must be written, and be repeatable on its key, as with a
/// [`SubscriptionHandler`](super::subscription::SubscriptionHandler).
///
/// In the events of an authorization code, `instance_id` holds the code.
pub trait LicensingHandler: Send + Sync + 'static {
    /// Open what was bought (online License, License V1). With an open-API client the purchase holds its details.
    fn create(&self, purchase: Purchase) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Make a License. It is kept, and the same one is given to every repetition, so this runs again only if it failed or
    /// was cut off before the License was kept: then it must make the same one, or one that does not count twice.
    ///
    /// Online: the License is uploaded by the service, now or later. V1: it is the answer, and must be a text. Refuse with
    /// `000900` to `000903` for what the documents say.
    fn issue(&self, application: Application) -> impl Future<Output = Result<License, HandlerError>> + Send;

    /// Set the expiry to the time given, which may lie **before** the present one.
    fn renew(&self, license: LicenseKey, renewal: Renewal) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Make it unusable and keep its data.
    fn freeze(&self, license: LicenseKey, freeze: Freeze) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Make it usable again. V1 does not send this after a renewal; the service does it in its place.
    fn unfreeze(
        &self,
        license: LicenseKey,
        unfreeze: Unfreeze,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Delete it.
    fn release(&self, license: LicenseKey, release: Release) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// The part of the handler that makes Licenses, with its type erased.
pub(in crate::callback) trait ErasedIssuing: Send + Sync + 'static {
    fn issue(&self, application: Application) -> BoxFuture<'_, Result<License, HandlerError>>;
}

impl<H: LicensingHandler> ErasedIssuing for H {
    fn issue(&self, application: Application) -> BoxFuture<'_, Result<License, HandlerError>> {
        LicensingHandler::issue(self, application).boxed()
    }
}

/// A License handler that the ledger's executor runs like any other: Licenses live as subscriptions do.
pub(in crate::callback) struct Licenses<H> {
    pub(in crate::callback) handler: Arc<H>,
    pub(in crate::callback) key: fn(String) -> LicenseKey,
}

impl<H: LicensingHandler> ErasedHandler for Licenses<H> {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>> {
        let key = (self.key)(event.instance_id().to_owned());
        match event {
            Event::Create(purchase) => self.handler.create(purchase).boxed(),
            Event::Renew(renewal) => self.handler.renew(key, renewal).boxed(),
            Event::Freeze(freeze) => self.handler.freeze(key, freeze).boxed(),
            Event::Unfreeze(unfreeze) => self.handler.unfreeze(key, unfreeze).boxed(),
            Event::Release(release) => self.handler.release(key, release).boxed(),
            Event::Upgrade(_) | Event::CheckChange(_) => no_such_call(),
        }
    }

    fn describe(&self, _query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>> {
        no_such_call()
    }
}

fn no_such_call<T: Send + 'static>() -> BoxFuture<'static, Result<T, HandlerError>> {
    std::future::ready(Err(HandlerError::failed("no License call asks for this"))).boxed()
}
