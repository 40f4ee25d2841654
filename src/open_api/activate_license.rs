//! Activate an authorization code (激活授权码): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/license/activate`, AK/SK. License authorization code guide 2.0, "activate"
//! (2025-05-22; China only).

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::sealed::Sealed;
use super::{Api, ApiError, Authentication, LimitError, envelope, limit};
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
use crate::wire::lenient::text;
use crate::wire::{FieldProblem, FieldWarning, Fields, Members, RawField, open_enum, prefix_paths};

const PATH: &str = "/api/mkp-openapi-public/global/v1/license/activate";

pub(super) const SUCCESS: &[&str] = &["92020000"];

/// Characters of a code.
pub(super) const MAX_LICENSE: usize = 64;

/// Activates one code. A second activation is refused with `92020003`.
#[doc(alias = "激活授权码")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The code, at most 64 characters.
    pub license: String,
    /// Time when the software takes effect, UTC; not before the order.
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

/// An activated code; the query is more reliable.
///
/// No field of it is mandatory: the code is activated, whatever the rest of the answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// `ALIVE`.
    pub status: Option<LicenseStatus>,
    /// Expiry, an estimate only.
    pub expire_time: Option<Timestamp>,
    /// The product.
    pub product_id: Option<String>,
    /// The order.
    pub order_id: Option<String>,
    /// Quantity bought, where the product has one.
    pub amount: Option<u32>,
    /// Members that could not be read or are not quite as documented.
    pub warnings: Vec<FieldWarning>,
}

impl Response {
    /// Returns an answer with nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(info: &str) -> Self {
        const MAX: usize = usize::MAX;
        let raw = RawField::json(info);
        if raw.is_absent() {
            return Self::default();
        }
        let object = raw.object();
        let members = object.as_ref().and_then(|object| Members::from_json(object.as_bytes()).ok());
        let Some(members) = members else {
            let problem = FieldProblem::NotA("an object, or its JSON text");
            return Self {
                warnings: vec![FieldWarning::absent("license_code_info", problem, &raw)],
                ..Self::default()
            };
        };
        let mut fields = Fields::new(&members);
        let response = Self {
            status: fields.information("status", MAX),
            expire_time: fields.information("expire_time", MAX),
            product_id: fields.information("product_id", MAX),
            order_id: fields.information("order_id", MAX),
            amount: fields.information("amount", MAX),
            warnings: Vec::new(),
        };
        let mut warnings = fields.rest().1;
        prefix_paths(&mut warnings, 0, "license_code_info.");
        Self { warnings, ..response }
    }
}

pub(super) fn compact_seconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(Timestamp::to_compact_seconds).serialize(serializer)
}

pub(super) fn optional_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(|scalar| scalar.map(String::from))
}

impl Sealed for Request {}

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
            data: Option<Box<RawValue>>,
        }
        #[derive(Deserialize)]
        struct Data {
            /// A JSON object in a string; taken without the string as well.
            license_code_info: Option<Box<RawValue>>,
        }
        let answer: Answer = envelope::read(Self::NAME, SUCCESS, response)?;
        let data = answer.data.and_then(|data| RawField::json(data.get()).object());
        let data: Option<Data> = data.and_then(|data| serde_json::from_str(&data).ok());
        let info = data.and_then(|data| data.license_code_info);
        Ok(Response::read(info.as_deref().map_or("null", RawValue::get)))
    }
}
