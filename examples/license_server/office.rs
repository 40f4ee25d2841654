//! The seller's reaction to applications for a License. Replace this with yours.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use koogallery::callback::HandlerError;
use koogallery::callback::licensing::{License, LicenseApplication, LicenseSubject, LicensingHandler};
use koogallery::callback::subscription::{Freeze, Purchase, Release, Renewal, Unfreeze};
use sha2::Sha256;

/// The seller's License office. A real one would keep customers, seats and freezes in its own tables.
pub struct Office {
    pub signing_key: String,
    pub issuing_time: Duration,
}

impl LicensingHandler for Office {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        println!("opened {} for order {}", purchase.instance_id, purchase.order_id);
        Ok(())
    }

    async fn issue(&self, application: LicenseApplication) -> Result<License, HandlerError> {
        tokio::time::sleep(self.issuing_time).await;
        let id = application.id.value();
        let end = application.expire_time.map_or_else(|| "for ever".to_owned(), |time| time.to_basic_iso());
        let device = application.device.as_ref().map_or("any device", |device| device.expose());
        let terms = format!("{id} {} until {end} on {device}", application.instance_id);
        let mut signature = Hmac::<Sha256>::new_from_slice(self.signing_key.as_bytes())?;
        signature.update(terms.as_bytes());
        let signature: String = signature.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        println!("made the License for {id}");
        Ok(License::text(format!("{terms}; {signature}")))
    }

    async fn renew(&self, license: LicenseSubject, renewal: Renewal) -> Result<(), HandlerError> {
        println!("{license:?} is valid until {}", renewal.expire_time);
        Ok(())
    }

    async fn freeze(&self, license: LicenseSubject, _: Freeze) -> Result<(), HandlerError> {
        println!("{license:?} is frozen");
        Ok(())
    }

    async fn unfreeze(&self, license: LicenseSubject, _: Unfreeze) -> Result<(), HandlerError> {
        println!("{license:?} is in use again");
        Ok(())
    }

    async fn release(&self, license: LicenseSubject, _: Release) -> Result<(), HandlerError> {
        println!("{license:?} is gone");
        Ok(())
    }
}
