//! License authorization code 2.0 (联营License类授权码): three optional `POST` callbacks, signed in the query like those of
//! SaaS V2.0, with the key of the License code delivery interface.
//!
//! The marketplace makes the code and gives it to buyer and seller; no callback announces a new one (see
//! [`order_notify`](crate::order_notify)). A failed call is repeated every 2 minutes, up to 60 times; after that a
//! person restarts it in the seller console. Source: License authorization code guide 2.0, "seller interfaces"
//! (2025-04-25).

pub mod refresh_license_code;
pub mod release_license_code;
pub mod update_license_code_status;

use crate::signature::callback_v2::Verified;
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_body: "The body that the marketplace would send: compact JSON with members in ascending order, not yet signed.", into_body_with_activity;
    RefreshLicenseCode(refresh_license_code),
    UpdateLicenseCodeStatus(update_license_code_status),
    ReleaseLicenseCode(release_license_code),
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
