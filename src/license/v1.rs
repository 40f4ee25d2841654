//! License V1 (联营License类商品, 已下线): four `GET` callbacks with everything in the query, proved by `authToken` and
//! answered with `Body-Sign`, as in SaaS V1.0.
//!
//! Retired for new listings, still running for existing products. Such products also serve the joint-operations Kit at
//! the same production address. Only `getLicense` is repeated by itself. Source: License access guide V1 (2024-07-31),
//! and the SaaS access guide V1.0 where that has gaps.

pub mod expire_license;
pub mod get_license;
pub mod refresh_license;
pub mod release_license;

use crate::signature::auth_token::Verified;
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_query: "The query string that the marketplace would send, without its `authToken`.", into_query;
    GetLicense(get_license),
    RefreshLicense(refresh_license),
    ExpireLicense(expire_license),
    ReleaseLicense(release_license),
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
