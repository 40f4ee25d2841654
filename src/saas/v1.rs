//! SaaS Access Guide V1.0: `GET` with everything in the query, proved by `authToken`, answered with `Body-Sign`.
//!
//! Retired for new listings, still running for existing products. Every value is text; `mobilePhone` and `email` arrive
//! encrypted, account and password leave encrypted (see [`cipher::field`](crate::cipher::field)). Source: the SaaS
//! access guides V1.0 "common and self-service", "joint operations" (China, 2025-11) and international (2025-11).

pub mod expire_instance;
pub mod instance_status;
pub mod new_instance;
pub mod query_instance;
pub mod refresh_instance;
pub mod release_instance;
pub mod upgrade;

mod charging_mode;

pub use charging_mode::ChargingMode;

use crate::signature::auth_token::Verified;
pub use crate::wire::{CompactTime, ExtendParam, ExtendParams, PeriodType};
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_query: "The query string that the marketplace would send, without its `authToken`.", into_query;
    NewInstance(new_instance),
    RefreshInstance(refresh_instance),
    ExpireInstance(expire_instance),
    ReleaseInstance(release_instance),
    Upgrade(upgrade),
    InstanceStatus(instance_status),
    QueryInstance(query_instance),
}

impl Callback {
    /// Reads a verified call.
    ///
    /// # Errors
    ///
    /// The message is malformed, its activity is unknown, or a field is not as documented.
    pub fn parse(verified: &Verified<'_>) -> Result<Self, ParseError> {
        Self::from_members(&Members::from_parameters(verified.pairs()))
    }

    pub(crate) fn from_members(members: &Members<'_>) -> Result<Self, ParseError> {
        let mut fields = Fields::new(members);
        let activity = fields.activity(Self::ACTIVITIES)?;
        Self::read(activity, fields)
    }
}
