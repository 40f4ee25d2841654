//! The handler of License products: the same events for authorization codes, online Licenses and License V1.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::callback::HandlerError;
use crate::callback::handler::subscription::{
    Description, ErasedHandler, Event, Freeze, InstanceQuery, Purchase, Release, Renewal, Unfreeze, refuse,
};
pub use crate::license_store::{ApplicationId, License, LicenseApplication};
use crate::shareable::shared_handler;

/// The subject of a License event.
#[derive(Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a handler must decide for both")]
pub enum LicenseSubject {
    /// An authorization code, made by the marketplace. No call announces a new one, so the first call that names it may be its
    /// renewal.
    Code(String),
    /// An instance, opened by [`LicensingHandler::create`].
    Instance(String),
}

impl fmt::Debug for LicenseSubject {
    /// Redacts an authorization code, since its holder may use the product.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(_) => f.write_str("Code([redacted])"),
            Self::Instance(id) => f.debug_tuple("Instance").field(id).finish(),
        }
    }
}

/// The seller's business logic for License products. Write idempotent methods, as for a
/// [`SubscriptionHandler`](super::subscription::SubscriptionHandler).
///
/// In the events of an authorization code, `instance_id` is the code. Sellers of authorization codes alone can leave out
/// [`create`](Self::create) and [`issue`](Self::issue), which refuse by default.
#[doc(alias = "license")]
#[doc(alias = "webhook")]
pub trait LicensingHandler: Send + Sync + 'static {
    /// Opens an instance (online License, License V1). With an open-API client the purchase has details. Default: refuses.
    fn create(&self, purchase: Purchase) -> impl Future<Output = Result<(), HandlerError>> + Send {
        refuse("create", purchase)
    }

    /// Makes a License. It is stored, and repeats of the application get the same one. So this runs again only if it failed
    /// or was cut off before the License was stored: then it must return the same License, or one that does not count twice.
    ///
    /// Online: the service uploads the License, now or later. V1: the License is part of the answer, and must be a text.
    /// Refuse with one of the documented codes `000900` to `000903`. Default: refuses.
    #[doc(alias = "getLicense")]
    #[doc(alias = "getLicenseAsync")]
    fn issue(&self, application: LicenseApplication) -> impl Future<Output = Result<License, HandlerError>> + Send {
        refuse("issue", application)
    }

    /// Sets the expiry to the given time, which may lie **before** the present one.
    fn renew(&self, license: LicenseSubject, renewal: Renewal)
    -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Makes the License unusable and keeps its data.
    fn freeze(&self, license: LicenseSubject, freeze: Freeze) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Makes the License usable again. V1 sends no call for it after a renewal; the service calls this then.
    fn unfreeze(
        &self,
        license: LicenseSubject,
        unfreeze: Unfreeze,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Deletes the License.
    fn release(
        &self,
        license: LicenseSubject,
        release: Release,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

shared_handler! {
    LicensingHandler {
        create(purchase: Purchase) -> ();
        issue(application: LicenseApplication) -> License;
        renew(license: LicenseSubject, renewal: Renewal) -> ();
        freeze(license: LicenseSubject, freeze: Freeze) -> ();
        unfreeze(license: LicenseSubject, unfreeze: Unfreeze) -> ();
        release(license: LicenseSubject, release: Release) -> ();
    }
}

/// The part of a handler that makes Licenses, with its type erased.
pub(in crate::callback) trait ErasedIssuing: Send + Sync + 'static {
    fn issue(&self, application: LicenseApplication) -> BoxFuture<'_, Result<License, HandlerError>>;
}

impl<H: LicensingHandler> ErasedIssuing for H {
    fn issue(&self, application: LicenseApplication) -> BoxFuture<'_, Result<License, HandlerError>> {
        async move { LicensingHandler::issue(self, application).await }.boxed()
    }
}

/// Runs a License handler on the ledger as a subscription handler: a License has the lifecycle of a subscription.
pub(in crate::callback) struct Licenses<H> {
    pub(in crate::callback) handler: Arc<H>,
    pub(in crate::callback) key: fn(String) -> LicenseSubject,
}

impl<H: LicensingHandler> ErasedHandler for Licenses<H> {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>> {
        let key = (self.key)(event.instance_id().to_owned());
        async move {
            match event {
                Event::Create(purchase) => self.handler.create(purchase).await,
                Event::Renew(renewal) => self.handler.renew(key, renewal).await,
                Event::Freeze(freeze) => self.handler.freeze(key, freeze).await,
                Event::Unfreeze(unfreeze) => self.handler.unfreeze(key, unfreeze).await,
                Event::Release(release) => self.handler.release(key, release).await,
                Event::Upgrade(_) | Event::CheckChange(_) => no_such_call().await,
            }
        }
        .boxed()
    }

    fn describe(&self, _query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>> {
        no_such_call()
    }
}

fn no_such_call<T: Send + 'static>() -> BoxFuture<'static, Result<T, HandlerError>> {
    std::future::ready(Err(HandlerError::failed("unexpected License event"))).boxed()
}
