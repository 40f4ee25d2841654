//! Query an authorization code (查询授权码, formerly heartbeat): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/license/heartbeat`, AK/SK. License authorization code guide 2.0, "query" (2025-07-03;
//! China only). To be called on the user's first use of each day.
//!
//! The batch form (`v2`) was not documented to its end and is left out; this one satisfies the marketplace's check.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::activate_license::{LicenseStatus, MAX_LICENSE, SUCCESS};
use super::{Api, ApiError, Authentication, BaseUrl, LimitError, envelope, limit};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::wire::lenient::{parsed_if_possible, required};

const PATH: &str = "/api/mkp-openapi-public/global/v1/license/heartbeat";

/// Is the code valid?
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The code, at most 64 characters.
    pub license: String,
    /// Who uses it; sunset in favour of the usage statistics, still accepted.
    #[serde(rename = "heartbeatInfo", skip_serializing_if = "Option::is_none")]
    pub heartbeat_info: Option<HeartbeatInfo>,
}

/// Who uses the software.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HeartbeatInfo {
    /// The end user's unique id in the seller's system, at most 256 characters.
    pub third_party_account: Sensitive,
    /// The client's address, at most 32 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Sensitive>,
}

impl HeartbeatInfo {
    /// A user.
    pub fn new(third_party_account: impl Into<Sensitive>) -> Self {
        Self { third_party_account: third_party_account.into(), ip: None }
    }
}

impl Request {
    /// A question about a code.
    pub fn new(license: impl Into<String>) -> Self {
        Self { license: license.into(), heartbeat_info: None }
    }
}

/// A code as the marketplace knows it.
///
/// Of the members that are unverified, one that is not in the form expected is taken as absent; see [`License::all`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct License {
    /// The code.
    #[serde(deserialize_with = "required")]
    pub license_code: String,
    /// Its state.
    pub status: LicenseStatus,
    /// When it was activated (its form is unverified).
    #[serde(default, deserialize_with = "parsed_if_possible")]
    pub activate_time: Option<Timestamp>,
    /// When it expires. The page says that this is told; the member's name could not be read (unverified).
    #[serde(default, deserialize_with = "parsed_if_possible")]
    pub expire_time: Option<Timestamp>,
    /// The product.
    #[serde(default, deserialize_with = "parsed_if_possible")]
    pub product_id: Option<String>,
    /// The order (unverified).
    #[serde(default, deserialize_with = "parsed_if_possible")]
    pub order_id: Option<String>,
    /// Quantity bought (unverified).
    #[serde(default, deserialize_with = "parsed_if_possible")]
    pub amount: Option<u32>,
    /// Everything that was told, for members that no document lists.
    #[serde(skip)]
    pub all: Value,
}

impl Api for Request {
    type Response = License;

    const NAME: &'static str = "query license";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::text("license", &self.license, MAX_LICENSE)?;
        let Some(HeartbeatInfo { third_party_account, ip }) = &self.heartbeat_info else { return Ok(()) };
        limit::text("heartbeatInfo.thirdPartyAccount", third_party_account.expose(), 256)?;
        limit::optional_text("heartbeatInfo.ip", ip.as_ref().map(Sensitive::expose), 32)
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<License, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            data: Box<serde_json::value::RawValue>,
        }
        let answer: Answer = envelope::read(Self::NAME, SUCCESS, response)?;
        let read = |text| -> serde_json::Result<License> {
            Ok(License { all: serde_json::from_str(text)?, ..serde_json::from_str(text)? })
        };
        read(answer.data.get()).map_err(|error| envelope::malformed(Self::NAME, response, error))
    }
}
