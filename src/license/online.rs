//! Online License for industrial software (联营License客户端软件): five `POST` callbacks, signed in the query like those of
//! SaaS V2.0. Which key they are signed with no document states; probably that of the basic interface (unverified).
//!
//! A purchase is created as an instance; a user of it applies for a License, and the seller delivers it with
//! [`open_api::upload`](crate::open_api::upload). `queryInstance` and `upgradeInstance` occur in the guide's prose and
//! are not documented, so they are unknown activities here. Source: License client software guide, "online License"
//! (2023-12).

pub mod get_license_async;
pub mod new_instance;
pub mod refresh_instance;
pub mod release_instance;
pub mod update_instance_status;

mod device_fingerprint;
mod license_time;

pub use device_fingerprint::{DeviceFingerprint, Hardware};
pub use license_time::LicenseTime;

use crate::signature::callback_v2::Verified;
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_body: "The body that the marketplace would send: compact JSON with members in ascending order, not yet signed.", into_body_with_activity;
    NewInstance(new_instance),
    RefreshInstance(refresh_instance),
    UpdateInstanceStatus(update_instance_status),
    ReleaseInstance(release_instance),
    GetLicenseAsync(get_license_async),
}

impl Callback {
    /// Reads a verified call.
    ///
    /// # Errors
    ///
    /// The message is malformed, its activity is unknown, or a field is not as documented.
    pub fn parse(verified: &Verified<'_>) -> Result<Self, ParseError> {
        Self::from_members(&Members::from_json(verified.body())?)
    }

    pub(crate) fn from_members(members: &Members<'_>) -> Result<Self, ParseError> {
        let mut fields = Fields::new(members);
        let activity = fields.activity(Self::ACTIVITIES)?;
        Self::read(activity, fields)
    }
}
