//! Kit V1.0: a JSON body, proved by the header `authToken`, answered with `Body-Sign`.
//!
//! Retired for new listings, still sent to products that were listed with it. Lists are text that holds a JSON array.
//! Source: joint-operations SaaS access guide V1.0 (manual copy of 2025-12-30).

pub mod all_org_sync;
pub mod application_sync;
pub mod auth_sync;
pub mod single_org_sync;
pub mod tenant_sync;

use crate::activity::Activity;
use crate::kit::addressed;
use crate::signature::auth_token_body::Verified;
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_body: "The body that the marketplace would send: compact JSON with members in ascending order, not yet signed.", into_body;
    TenantSync(tenant_sync),
    ApplicationSync(application_sync),
    AuthSync(auth_sync),
    SingleOrgSync(single_org_sync),
    AllOrgSync(all_org_sync),
}

impl Callback {
    /// Reads a verified call; the path says what it is (see [`route`](crate::kit::route)). What was not signed is not
    /// read.
    ///
    /// # Errors
    ///
    /// The activity is none of the Kit, or a field is not as documented.
    pub fn parse(activity: Activity, verified: &Verified<'_>) -> Result<Self, ParseError> {
        Self::from_members(activity, &Members::from_members(verified.members()))
    }

    pub(crate) fn from_members(activity: Activity, members: &Members<'_>) -> Result<Self, ParseError> {
        addressed::check(activity, members)?;
        Self::read(activity, Fields::new(members))
    }
}
