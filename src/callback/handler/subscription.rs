//! The life of a subscription, as a seller's code sees it: the same events whichever generation the call came in.

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub use super::events::{
    AccessInfo, ChangeCheck, ChargingMode, Customer, Description, Event, Freeze, FreezeReason, InstanceQuery, Period,
    PeriodType, Product, Purchase, PurchaseDetails, Release, Renewal, RenewalScene, Unfreeze, Upgrade,
};

use crate::callback::HandlerError;

/// The seller's business logic. Every method must be written: acknowledging a call and doing nothing loses what the
/// customer paid for.
///
/// The service runs at most one changing method at a time per instance, once per event, also when the marketplace sends
/// copies at once. Only a crash between the end of a method and the note in the ledger makes a method run again, with the
/// same instance id: so **write them to be repeatable on the instance id** (insert or update, not insert).
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
///     async fn upgrade(&self, upgrade: Upgrade) -> Result<(), HandlerError> {
///         println!("upgrade {}", upgrade.instance_id);
///         Ok(())
///     }
///     async fn check_change(&self, change: ChangeCheck) -> Result<(), HandlerError> {
///         println!("{} may change", change.instance_id);
///         Ok(())
///     }
///     async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
///         Ok(Description::new(AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))))
///     }
/// }
/// ```
pub trait SubscriptionHandler: Send + Sync + 'static {
    /// Open what was bought. Its access data are asked for with [`describe`](Self::describe) afterwards.
    ///
    /// May take as long as it needs: after the deadline the marketplace is told to wait and asks again.
    ///
    /// A V2.0 order line may list several pay-per-use products without the call naming one. With the order query this
    /// is called for each of them then, in order and with the **same instance id**: repeat on both.
    fn create(&self, purchase: Purchase) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Set the expiry to the time given, which may lie **before** the present one.
    fn renew(&self, renewal: Renewal) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Make the instance unusable and keep its data.
    fn freeze(&self, freeze: Freeze) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Make the instance usable again. V1.0 does not send this after a renewal; the service does it in its place.
    fn unfreeze(&self, unfreeze: Unfreeze) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Delete the instance. Also called for one whose creation never finished.
    fn release(&self, release: Release) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Give the instance its new specification; the expiry stays.
    fn upgrade(&self, upgrade: Upgrade) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Say whether the instance may change at its renewal, and change nothing. Refuse with the reason, for instance if
    /// the present usage exceeds the target.
    fn check_change(&self, change: ChangeCheck) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Tell how the customer gets in, **as it is now**, and how much was used.
    fn describe(&self, query: InstanceQuery) -> impl Future<Output = Result<Description, HandlerError>> + Send;
}

/// The handler with its type erased, so that the service has none.
pub(in crate::callback) trait ErasedHandler: Send + Sync + 'static {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>>;

    fn describe(&self, query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>>;
}

impl<H: SubscriptionHandler> ErasedHandler for H {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>> {
        match event {
            Event::Create(purchase) => self.create(purchase).boxed(),
            Event::Renew(renewal) => self.renew(renewal).boxed(),
            Event::Freeze(freeze) => self.freeze(freeze).boxed(),
            Event::Unfreeze(unfreeze) => self.unfreeze(unfreeze).boxed(),
            Event::Release(release) => self.release(release).boxed(),
            Event::Upgrade(upgrade) => self.upgrade(upgrade).boxed(),
            Event::CheckChange(change) => self.check_change(change).boxed(),
        }
    }

    fn describe(&self, query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>> {
        SubscriptionHandler::describe(self, query).boxed()
    }
}
