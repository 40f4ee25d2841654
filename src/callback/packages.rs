//! A handler that keeps the book of packages.

use std::fmt;
use std::sync::Arc;

use super::HandlerError;
use super::subscription::{
    ChangeCheck, Description, Freeze, InstanceQuery, Purchase, Release, Renewal, SubscriptionHandler, Unfreeze, Upgrade,
};
use crate::metering::package::{Package, PackageBook, PackageError};

/// A handler around the seller's own that keeps a [`PackageBook`] up to date: with a purchase a package is added, with
/// each renewal its end is set, freezing and unfreezing stop and resume it, and with the release it is ended.
///
/// What is no package passes through. Test calls change nothing in the book. Everything can run again: what the book has
/// stays as it is. A package is added after the handler has opened it, and is stopped before the handler closes it, so
/// that nothing is deducted from what the customer cannot use. An [upgrade](SubscriptionHandler::upgrade) leaves the quota
/// as it is: call [`PackageBook::set_quota`] there, by what the seller's product says.
///
#[cfg_attr(feature = "testing", doc = "```no_run")]
#[cfg_attr(not(feature = "testing"), doc = "```ignore")]
/// use koogallery::callback::packages::Packages;
/// use koogallery::callback::subscription::{ChargingMode, Purchase};
/// use koogallery::metering::package::{Package, PackageBook};
/// use koogallery::testing::AcceptAll;
///
/// # fn account_of(_: Option<&str>) -> Option<String> { None }
/// # fn example(book: PackageBook) {
/// let handler = Packages::new(AcceptAll::new(), book, |purchase: &Purchase| {
///     let details = purchase.details.as_ref()?;
///     if details.charging_mode != Some(ChargingMode::OnDemandPackage) {
///         return None;
///     }
///     // What the seller knows: which pay-per-use instance the customer has, and what the product's quota is.
///     let pay_per_use = account_of(details.customer.as_ref()?.customer_id.as_deref())?;
///     let (begin, end) = ("20260101000000".parse().ok()?, details.expire_time?);
///     let package = Package::new(&purchase.instance_id, pay_per_use, 1000.into(), begin, end);
///     Some(package.with_order(&purchase.order_id, purchase.order_line_id.clone()))
/// });
/// # }
/// ```
#[derive(Clone)]
pub struct Packages<H> {
    handler: H,
    book: PackageBook,
    bought: Arc<Bought>,
}

type Bought = dyn Fn(&Purchase) -> Vec<Package> + Send + Sync;

impl<H> Packages<H> {
    /// Wraps a handler, given what a purchase brings: `None` where it is no package, one [`Package`], or one for each
    /// billing item of the package. All have the instance id of the purchase.
    ///
    /// What brings none is no package. So let the handler's own `create` refuse a package that cannot be made, for instance
    /// because its customer has no pay-per-use instance yet: it is asked again then, rather than sold without a quota.
    pub fn new<P: IntoIterator<Item = Package>>(
        handler: H,
        book: PackageBook,
        bought: impl Fn(&Purchase) -> P + Send + Sync + 'static,
    ) -> Self {
        let bought = move |purchase: &Purchase| bought(purchase).into_iter().collect();
        Self { handler, book, bought: Arc::new(bought) }
    }

    /// Adds what a purchase brings, without what the book has: its data may have changed since.
    async fn add(&self, instance_id: &str, packages: Vec<Package>) -> Result<(), HandlerError> {
        if packages.is_empty() {
            return Ok(());
        }
        let known = self.book.package(instance_id).await?;
        for package in packages {
            if package.instance_id != instance_id {
                let text = format!("package {:?} is not the instance {instance_id:?} bought", package.instance_id);
                return Err(HandlerError::failed(text));
            }
            let item = &package.pay_per_use_instance_id;
            if !known.iter().any(|stored| stored.package.pay_per_use_instance_id == *item) {
                self.book.add(package).await?;
            }
        }
        Ok(())
    }
}

impl<H: fmt::Debug> fmt::Debug for Packages<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packages").field("handler", &self.handler).field("book", &self.book).finish_non_exhaustive()
    }
}

/// An instance that is no package is none of the book's.
fn if_package(outcome: Result<(), PackageError>) -> Result<(), PackageError> {
    match outcome {
        Err(PackageError::UnknownPackage(_)) => Ok(()),
        outcome => outcome,
    }
}

impl<H: SubscriptionHandler> SubscriptionHandler for Packages<H> {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        let packages = if purchase.test_call { Vec::new() } else { (self.bought)(&purchase) };
        let instance_id = purchase.instance_id.clone();
        self.handler.create(purchase).await?;
        self.add(&instance_id, packages).await
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        let (instance_id, expire_time) = (renewal.instance_id.clone(), renewal.expire_time);
        let is_test = renewal.test_call;
        self.handler.renew(renewal).await?;
        if !is_test {
            if_package(self.book.extend(&instance_id, expire_time).await)?;
        }
        Ok(())
    }

    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        if !freeze.test_call {
            if_package(self.book.freeze(&freeze.instance_id).await)?;
        }
        self.handler.freeze(freeze).await
    }

    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        let (instance_id, is_test) = (unfreeze.instance_id.clone(), unfreeze.test_call);
        self.handler.unfreeze(unfreeze).await?;
        if !is_test {
            if_package(self.book.unfreeze(&instance_id).await)?;
        }
        Ok(())
    }

    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        if !release.test_call {
            if_package(self.book.end(&release.instance_id).await)?;
        }
        self.handler.release(release).await
    }

    async fn upgrade(&self, upgrade: Upgrade) -> Result<(), HandlerError> {
        self.handler.upgrade(upgrade).await
    }

    async fn check_change(&self, change: ChangeCheck) -> Result<(), HandlerError> {
        self.handler.check_change(change).await
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        self.handler.describe(query).await
    }
}
