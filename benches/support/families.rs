//! A seller of Licenses who is never called: beside the subscriptions that are measured, they only have to be served.

use koogallery::callback::HandlerError;
use koogallery::callback::licensing::{Application, License, LicenseKey, LicensingHandler};
use koogallery::callback::orders::{OrderNotice, OrdersHandler};
use koogallery::callback::subscription::{Freeze, Purchase, Release, Renewal, Unfreeze};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::redact::Sensitive;

pub struct Unused;

impl LicensingHandler for Unused {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        unreachable!()
    }
    async fn issue(&self, _: Application) -> Result<License, HandlerError> {
        unreachable!()
    }
    async fn renew(&self, _: LicenseKey, _: Renewal) -> Result<(), HandlerError> {
        unreachable!()
    }
    async fn freeze(&self, _: LicenseKey, _: Freeze) -> Result<(), HandlerError> {
        unreachable!()
    }
    async fn unfreeze(&self, _: LicenseKey, _: Unfreeze) -> Result<(), HandlerError> {
        unreachable!()
    }
    async fn release(&self, _: LicenseKey, _: Release) -> Result<(), HandlerError> {
        unreachable!()
    }
}

impl OrdersHandler for Unused {
    async fn notified(&self, _: OrderNotice) -> Result<(), HandlerError> {
        unreachable!()
    }
}

impl ClientSecretDecryptor for Unused {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        unreachable!()
    }
}
