//! Parts of sellers of the other families.

use std::time::Duration;

use koogallery::callback::HandlerError;
use koogallery::callback::licensing::{License, LicenseApplication, LicenseSubject, LicensingHandler};
use koogallery::callback::subscription::{Freeze, Purchase, Release, Renewal, Unfreeze};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::redact::Sensitive;
use koogallery::testing::AcceptAll;

/// Issues what is asked for, but takes so long to open.
pub struct Unhurried(pub Duration);

impl LicensingHandler for Unhurried {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
    async fn issue(&self, application: LicenseApplication) -> Result<License, HandlerError> {
        AcceptAll::new().issue(application).await
    }
    async fn renew(&self, key: LicenseSubject, renewal: Renewal) -> Result<(), HandlerError> {
        LicensingHandler::renew(&AcceptAll::new(), key, renewal).await
    }
    async fn freeze(&self, key: LicenseSubject, freeze: Freeze) -> Result<(), HandlerError> {
        LicensingHandler::freeze(&AcceptAll::new(), key, freeze).await
    }
    async fn unfreeze(&self, key: LicenseSubject, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        LicensingHandler::unfreeze(&AcceptAll::new(), key, unfreeze).await
    }
    async fn release(&self, key: LicenseSubject, release: Release) -> Result<(), HandlerError> {
        LicensingHandler::release(&AcceptAll::new(), key, release).await
    }
}

/// Opens no client secret.
pub struct NoSecrets;

impl ClientSecretDecryptor for NoSecrets {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        Err(ClientSecretError)
    }
}
