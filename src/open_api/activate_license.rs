//! Activate an authorization code (激活授权码): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/license/activate`, AK/SK. License authorization code guide 2.0, "activate"
//! (2025-05-22; China only).

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, LimitError, RequestForm, envelope, limit};
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
use crate::wire::lenient::text;
use crate::wire::{
    FieldKind, FieldProblem, FieldSpec, FieldWarning, Fields, Members, Part, RawField, TimeForm, max_of, open_enum,
    part, prefix_paths, table,
};

const PATH: &str = "/api/mkp-openapi-public/global/v1/license/activate";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Activates an authorization code. A second activation is refused.",
    method: Method::POST,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Json(Request::FIELDS),
    code: "error_code",
    message: "error_msg",
    success: SUCCESS,
    answer: &[FieldSpec::written(
        "data",
        false,
        0,
        FieldKind::Object(&[FieldSpec::written(
            "license_code_info",
            false,
            0,
            FieldKind::ObjectText(Response::FIELDS),
            "The code, an object as JSON text.",
        )]),
        "What was activated.",
    )],
};

pub(super) const SUCCESS: &[&str] = &["92020000"];

/// Characters of a code.
pub(super) const MAX_LICENSE: usize = 64;

table! {
    serde
    /// Activates one code. A second activation is refused with `92020003`.
    #[doc(alias = "激活授权码")]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct Request {
        /// The code, at most 64 characters.
        pub license: String = mandatory "license", MAX_LICENSE;
        /// Time when the software takes effect, UTC; not before the order.
        #[serde(serialize_with = "compact_seconds", skip_serializing_if = "Option::is_none")]
        pub real_effect_time: Option<Timestamp> = optional "real_effect_time", 14, as FieldKind::Time(TimeForm::CompactSeconds);
    }
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

part! {
    /// An activated code; the query is more reliable.
    ///
    /// No field of it is mandatory: the code is activated, whatever the rest of the answer holds.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Response {
        /// `ALIVE`.
        status: LicenseStatus = information "status", usize::MAX;
        /// Expiry, an estimate only.
        expire_time: Timestamp = information "expire_time", usize::MAX;
        /// The product.
        product_id: String = information "product_id", usize::MAX;
        /// The order.
        order_id: String = information "order_id", usize::MAX;
        /// Quantity bought, where the product has one.
        amount: u32 = information "amount", usize::MAX;
        ..
        /// Members that could not be read or are not quite as documented.
        warnings: Vec<FieldWarning>;
    }
}

impl Response {
    /// Returns an answer with nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    fn parse(info: &str) -> Self {
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
        // All of it is information, which is never refused.
        let response = <Self as Part>::read(&mut fields).unwrap_or_default();
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
        limit::text("license", &self.license, const { max_of(Self::FIELDS, "license") })?;
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
        Ok(Response::parse(info.as_deref().map_or("null", RawValue::get)))
    }
}
