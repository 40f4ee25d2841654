//! What the marketplace asks for.

use koogallery::callback::HandlerError;
use koogallery::callback::packages::Packages;
use koogallery::callback::subscription::{
    AccessInfo, ChargingMode, Description, Freeze, InstanceQuery, Purchase, Release, Renewal, SubscriptionHandler,
    Unfreeze,
};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::metering::Meter;
use koogallery::metering::package::{Package, PackageBook};

use crate::accounts::Accounts;

/// Drawings in a package for each unit of the quantity that the customer chose.
const DRAWINGS: u32 = 10;

/// The customers' accounts and usage. The address has the instance's id, so that nothing else has to be opened.
pub struct Renderer {
    meter: Meter,
    book: PackageBook,
    accounts: Accounts,
}

impl Renderer {
    /// Returns the handler, around which purchases, renewals and releases of packages keep the book.
    pub fn new(meter: Meter, book: PackageBook, accounts: Accounts) -> Packages<Self> {
        let renderer = Self { meter, book: book.clone(), accounts: accounts.clone() };
        Packages::new(renderer, book, move |purchase: &Purchase| package(&accounts, purchase))
    }
}

fn is_sold(purchase: &Purchase, mode: &ChargingMode) -> bool {
    purchase.details.as_ref().is_some_and(|details| details.charging_mode.as_ref() == Some(mode))
}

fn customer(purchase: &Purchase) -> Option<&str> {
    purchase.details.as_ref()?.customer.as_ref()?.customer_id.as_deref()
}

/// Returns the package that was bought, if it is one.
fn package(accounts: &Accounts, purchase: &Purchase) -> Option<Package> {
    if !is_sold(purchase, &ChargingMode::OnDemandPackage) {
        return None;
    }
    let details = purchase.details.as_ref()?;
    let pay_per_use = accounts.of(customer(purchase)?)?;
    let quota = details.product.amount.unwrap_or(1).saturating_mul(DRAWINGS);
    let package =
        Package::new(&purchase.instance_id, pay_per_use, quota.into(), SystemClock.now(), details.expire_time?);
    Some(package.with_order(&purchase.order_id, purchase.order_line_id.clone()))
}

impl SubscriptionHandler for Renderer {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        if purchase.test_call {
            return Ok(());
        }
        if is_sold(&purchase, &ChargingMode::OnDemandPackage) && package(&self.accounts, &purchase).is_none() {
            // Tried again, so that the pay-per-use product may come later.
            return Err(HandlerError::failed("a package for which the customer has no pay-per-use instance"));
        }
        match customer(&purchase).filter(|_| is_sold(&purchase, &ChargingMode::OnDemand)) {
            Some(customer) => self.accounts.add(customer, &purchase.instance_id).await.map_err(HandlerError::failed),
            None => Ok(()),
        }
    }

    async fn renew(&self, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }

    /// What was used until now is reported as used until now.
    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        let closed = self.meter.close_instance(&release.instance_id, SystemClock.now()).await;
        closed.map(drop).map_err(HandlerError::failed)
    }

    /// Of a pay-per-use instance the running total, of a package what was deducted from it.
    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let url = format!("https://render.example.com/render/{}", query.instance_id);
        let mut description = Description::new(AccessInfo::new(url));
        description.usage = self.book.usage_info(&query.instance_id).await?;
        Ok(description)
    }
}
