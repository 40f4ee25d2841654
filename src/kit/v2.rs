//! Kit V2.0: a JSON body, signed in the headers `x-sign`, `x-timestamp` and `x-nonce`; the answer is not signed.
//!
//! Three messages are those of V1.0, member by member. Source: SaaS access guide V2.0, "joint-operations kit
//! interfaces" (China 2025-11-13).

pub mod all_org_sync;
pub mod application_sync;
pub mod auth_sync;
pub mod single_org_sync;
pub mod tenant_sync;

use crate::activity::Activity;
use crate::kit::addressed;
use crate::signature::kit_v2::Verified;
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_body: "The body that the marketplace would send: compact JSON with members in ascending order, not yet signed.", into_body;
    AuthSync(auth_sync),
    AllOrgSync(all_org_sync),
    ..shared {
        TenantSync(tenant_sync),
        ApplicationSync(application_sync),
        SingleOrgSync(single_org_sync),
    }
}

impl Callback {
    /// Reads a verified call; the path says what it is (see [`route`](crate::kit::route)).
    ///
    /// # Errors
    ///
    /// The message is malformed, the activity is none of the Kit, or a field is not as documented.
    pub fn parse(activity: Activity, verified: &Verified<'_>) -> Result<Self, ParseError> {
        Self::from_members(activity, &Members::from_json(verified.body())?)
    }

    pub(crate) fn from_members(activity: Activity, members: &Members<'_>) -> Result<Self, ParseError> {
        addressed::check(activity, members)?;
        Self::read(activity, Fields::new(members))
    }
}
