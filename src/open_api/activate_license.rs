//! Activate an authorization code (激活授权码): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/license/activate`, AK/SK. License authorization code guide 2.0, "activate"
//! (2025-05-22; China only).

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Api, ApiError, Authentication, BaseUrl, LimitError, envelope, limit};
use crate::text::json;
use crate::timestamp::Timestamp;
use crate::wire::lenient::{parsed, text};
use crate::wire::open_enum;

const PATH: &str = "/api/mkp-openapi-public/global/v1/license/activate";

pub(super) const SUCCESS: &[&str] = &["92020000"];

/// Characters of a code.
pub(super) const MAX_LICENSE: usize = 64;

/// Activates one code. A second activation is refused with `92020003`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The code, at most 64 characters.
    pub license: String,
    /// When the software takes effect, UTC; not before the order.
    #[serde(serialize_with = "compact_seconds", skip_serializing_if = "Option::is_none")]
    pub real_effect_time: Option<Timestamp>,
}

impl Request {
    /// Activates a code that takes effect at once.
    pub fn new(license: impl Into<String>) -> Self {
        Self { license: license.into(), real_effect_time: None }
    }
}

open_enum! {
    /// State of a code.
    pub enum LicenseStatus {
        /// Valid.
        Alive = "ALIVE",
        /// Expired.
        Expired = "EXPIRED",
        /// Released.
        Released = "RELEASED",
    }
}

/// What is told of an activated code; the query tells more reliably.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Response {
    /// `ALIVE`.
    #[serde(default)]
    pub status: Option<LicenseStatus>,
    /// Expiry, an estimate only.
    #[serde(default, deserialize_with = "parsed")]
    pub expire_time: Option<Timestamp>,
    /// The product.
    #[serde(default, deserialize_with = "optional_text")]
    pub product_id: Option<String>,
    /// The order.
    #[serde(default, deserialize_with = "optional_text")]
    pub order_id: Option<String>,
    /// Quantity bought, where the product has one.
    #[serde(default, deserialize_with = "parsed")]
    pub amount: Option<u32>,
}

pub(super) fn compact_seconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(Timestamp::to_compact_seconds).serialize(serializer)
}

pub(super) fn optional_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(|scalar| scalar.map(String::from))
}

impl Api for Request {
    type Response = Response;

    const NAME: &'static str = "activate license";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::text("license", &self.license, MAX_LICENSE)?;
        self.real_effect_time.map_or(Ok(()), |time| limit::time("real_effect_time", time))
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        struct Data {
            /// A JSON object in a string; taken without the string as well.
            license_code_info: Option<Box<RawValue>>,
        }
        let answer: Answer = envelope::read(Self::NAME, SUCCESS, response)?;
        let Some(info) = answer.data.and_then(|data| data.license_code_info) else { return Ok(Response::default()) };
        let text = json::unquote(info.get()).unwrap_or_else(|| info.get().into());
        serde_json::from_str(&text).map_err(|error| envelope::malformed(Self::NAME, response, error))
    }
}
