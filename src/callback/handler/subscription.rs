//! The handler of SaaS subscriptions, and its events: the same for each protocol.

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub use super::events::{
    AccessInfo, ChangeCheck, ChargingMode, Customer, Description, Event, ExtendParam, Freeze, FreezeReason,
    InstanceQuery, Period, PeriodType, Product, Purchase, PurchaseDetails, Release, Renewal, RenewalScene,
    TargetProduct, Unfreeze, Upgrade, UsageInfo,
};

use crate::callback::HandlerError;
pub use crate::lease::Fence;
pub use crate::ledger::Completion;
use crate::shareable::shared_handler;

/// The seller's business logic for SaaS products.
///
/// **Write idempotent methods**, with the instance id as the key (insert or update, not insert). The service runs at most one
/// changing method at a time per instance, once per event, also when the marketplace sends copies concurrently. Only after a
/// crash between the end of a method and the ledger's record of it does a method run again, with the same instance id. A
/// process that was paused for longer than its lease may be succeeded by another while its method runs: write with the
/// event's [`Fence`] where that matters. Neither can happen to a method that writes to the ledger's database, and passes the
/// event's [`Completion`] on in its transaction.
///
/// An [`Arc`](std::sync::Arc) of a handler is one too, for applications that use it elsewhere as well.
///
/// There is no default that succeeds: acknowledging a call without doing its work loses what the customer paid for. The
/// methods with a default [refuse](HandlerError::unsupported).
///
/// ```
/// use koogallery::callback::HandlerError;
/// use koogallery::callback::subscription::*;
///
/// struct Shop;
///
/// impl SubscriptionHandler for Shop {
///     async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
///         println!("open {} for order {}", purchase.instance_id, purchase.order_id);
///         Ok(())
///     }
///     async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
///         println!("{} now expires at {}", renewal.instance_id, renewal.expire_time);
///         Ok(())
///     }
///     async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
///         println!("freeze {}, keep its data", freeze.instance_id);
///         Ok(())
///     }
///     async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
///         println!("unfreeze {}", unfreeze.instance_id);
///         Ok(())
///     }
///     async fn release(&self, release: Release) -> Result<(), HandlerError> {
///         println!("delete {}", release.instance_id);
///         Ok(())
///     }
///     async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
///         Ok(Description::new(AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))))
///     }
/// }
/// ```
#[doc(alias = "webhook")]
#[doc(alias = "idempotency")]
#[doc(alias = "云商店")]
pub trait SubscriptionHandler: Send + Sync + 'static {
    /// Opens an instance. Its access data are queried with [`describe`](Self::describe) afterwards.
    ///
    /// May take as long as it needs: after the deadline the answer says that the creation continues, and the marketplace asks
    /// again.
    ///
    /// A V2.0 order line may list several pay-per-use products while the call names none. With an open-API client, this is
    /// called for each of them then, in order and with the **same instance id**: be idempotent on both.
    #[doc(alias = "newInstance")]
    #[doc(alias = "新购商品")]
    fn create(&self, purchase: Purchase) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Sets the expiry to the given time, which may lie **before** the present one.
    #[doc(alias = "refreshInstance")]
    #[doc(alias = "更新实例")]
    fn renew(&self, renewal: Renewal) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Makes the instance unusable and keeps its data.
    #[doc(alias = "expireInstance")]
    fn freeze(&self, freeze: Freeze) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Makes the instance usable again. V1.0 sends no call for it after a renewal; the service calls this then.
    fn unfreeze(&self, unfreeze: Unfreeze) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Deletes the instance, also one whose creation never finished.
    #[doc(alias = "releaseInstance")]
    fn release(&self, release: Release) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Gives the instance its new specification; the expiry stays. Default: refuses.
    #[doc(alias = "upgradeInstance")]
    fn upgrade(&self, upgrade: Upgrade) -> impl Future<Output = Result<(), HandlerError>> + Send {
        refuse("upgrade", upgrade)
    }

    /// Returns `Ok` if the instance may change at its renewal, and changes nothing. Refuse with the reason, for instance if
    /// the present usage exceeds the target. Default: refuses.
    #[doc(alias = "changeInstanceCheck")]
    #[doc(alias = "续费变更校验")]
    fn check_change(&self, change: ChangeCheck) -> impl Future<Output = Result<(), HandlerError>> + Send {
        refuse("check_change", change)
    }

    /// Returns the access data for the customer, **as they are now**, and the usage.
    #[doc(alias = "queryInstance")]
    fn describe(&self, query: InstanceQuery) -> impl Future<Output = Result<Description, HandlerError>> + Send;
}

shared_handler! {
    SubscriptionHandler {
        create(purchase: Purchase) -> ();
        renew(renewal: Renewal) -> ();
        freeze(freeze: Freeze) -> ();
        unfreeze(unfreeze: Unfreeze) -> ();
        release(release: Release) -> ();
        upgrade(upgrade: Upgrade) -> ();
        check_change(change: ChangeCheck) -> ();
        describe(query: InstanceQuery) -> Description;
    }
}

/// The answer of a method that a handler leaves out.
pub(super) fn refuse<E, T: Send>(
    method: &'static str,
    _event: E,
) -> impl Future<Output = Result<T, HandlerError>> + Send + use<E, T> {
    std::future::ready(Err(HandlerError::unsupported(method)))
}

/// A handler with its type erased.
pub(in crate::callback) trait ErasedHandler: Send + Sync + 'static {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>>;

    fn describe(&self, query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>>;
}

impl<H: SubscriptionHandler> ErasedHandler for H {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>> {
        // Within the future, so that all panics are caught where it runs.
        async move {
            match event {
                Event::Create(purchase) => self.create(purchase).await,
                Event::Renew(renewal) => self.renew(renewal).await,
                Event::Freeze(freeze) => self.freeze(freeze).await,
                Event::Unfreeze(unfreeze) => self.unfreeze(unfreeze).await,
                Event::Release(release) => self.release(release).await,
                Event::Upgrade(upgrade) => self.upgrade(upgrade).await,
                Event::CheckChange(change) => self.check_change(change).await,
            }
        }
        .boxed()
    }

    fn describe(&self, query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>> {
        async move { SubscriptionHandler::describe(self, query).await }.boxed()
    }
}
