//! Query an authorization code (查询授权码, formerly heartbeat): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/license/heartbeat`, AK/SK. License authorization code guide 2.0, "query"
//! (2025-07-03; China only). To be called on the user's first use of each day.
//!
//! The batch form (`v2`) was not documented to its end and is left out; this one satisfies the marketplace's check.

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::activate_license::{LicenseStatus, MAX_LICENSE, SUCCESS};
use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, LimitError, RequestForm, envelope, limit};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
use crate::wire::{
    FieldKind, FieldProblem, FieldSpec, FieldWarning, Fields, Members, ParseError, Part, RawField, max_of, part, table,
};

const PATH: &str = "/api/mkp-openapi-public/global/v1/license/heartbeat";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Asks whether an authorization code is valid.",
    method: Method::POST,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Json(Request::FIELDS),
    code: "error_code",
    message: "error_msg",
    success: SUCCESS,
    answer: &[FieldSpec::written("data", true, 0, FieldKind::Object(License::FIELDS), "The code.")],
};

table! {
    serde
    /// Queries whether a code is valid.
    #[doc(alias = "查询授权码")]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct Request {
        /// The code, at most 64 characters.
        pub license: String = mandatory "license", MAX_LICENSE;
        /// Use of the software; sunset in favor of the usage statistics, still accepted.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub heartbeat_info: Option<HeartbeatInfo> = optional "heartbeatInfo", 0;
    }
}

table! {
    serde
    /// Use of the software.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct HeartbeatInfo {
        /// The end user's unique id in the seller's system, at most 256 characters.
        pub third_party_account: Sensitive = mandatory "thirdPartyAccount", 256;
        /// The client's address, at most 32 characters.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ip: Option<Sensitive> = optional "ip", 32;
    }
}

impl HeartbeatInfo {
    /// A user.
    pub fn new(third_party_account: impl Into<Sensitive>) -> Self {
        Self { third_party_account: third_party_account.into(), ip: None }
    }
}

impl Request {
    /// Returns a query of a code.
    pub fn new(license: impl Into<String>) -> Self {
        Self { license: license.into(), heartbeat_info: None }
    }
}

part! {
    /// A code as the marketplace knows it.
    ///
    /// Only the code and its state have to be there. Any other member that was not sent or could not be read is `None`;
    /// [`warnings`](License::warnings) names those that could not, and [`all`](License::all) holds everything.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct License {
        /// The code.
        license_code: String = name "license_code", usize::MAX;
        /// Its state.
        status: LicenseStatus = strict "status", usize::MAX;
        /// Time of the activation (its form is unverified).
        activate_time: Timestamp = information "activate_time", usize::MAX;
        /// Time of expiry. The page says that it is sent; the member's name could not be read (unverified).
        expire_time: Timestamp = information "expire_time", usize::MAX;
        /// The product.
        product_id: String = information "product_id", usize::MAX;
        /// The order (unverified).
        order_id: String = information "order_id", usize::MAX;
        /// Quantity bought (unverified).
        amount: u32 = information "amount", usize::MAX;
        ..
        /// The whole answer, for members that no document lists.
        all: Value;
        /// Members that could not be read or are not quite as documented.
        warnings: Vec<FieldWarning>;
    }
}

impl License {
    /// Returns a code with nothing else set.
    pub fn new(license_code: impl Into<String>, status: LicenseStatus) -> Self {
        Self {
            license_code: license_code.into(),
            status,
            activate_time: None,
            expire_time: None,
            product_id: None,
            order_id: None,
            amount: None,
            all: Value::Null,
            warnings: Vec::new(),
        }
    }

    fn parse(data: &str) -> Result<Self, ParseError> {
        let raw = RawField::json(data);
        let expected = || ParseError::new("data", FieldProblem::NotA("an object"), &raw);
        let object = raw.object().ok_or_else(expected)?;
        let members = Members::from_json(object.as_bytes())?;
        let mut fields = Fields::new(&members);
        let license = <Self as Part>::read(&mut fields)?;
        let all = serde_json::from_str(&object).unwrap_or_default();
        Ok(Self { all, warnings: fields.rest().1, ..license })
    }
}

impl Sealed for Request {}

impl Api for Request {
    type Response = License;

    const NAME: &'static str = "query license";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::text("license", &self.license, const { max_of(Self::FIELDS, "license") })?;
        let Some(HeartbeatInfo { third_party_account, ip }) = &self.heartbeat_info else { return Ok(()) };
        limit::text(
            "heartbeatInfo.thirdPartyAccount",
            third_party_account.expose(),
            const { max_of(HeartbeatInfo::FIELDS, "thirdPartyAccount") },
        )?;
        limit::optional_text(
            "heartbeatInfo.ip",
            ip.as_ref().map(Sensitive::expose),
            const { max_of(HeartbeatInfo::FIELDS, "ip") },
        )
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<License, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            data: Option<Box<RawValue>>,
        }
        let answer: Answer = envelope::read(Self::NAME, SUCCESS, response)?;
        let license = License::parse(answer.data.as_deref().map_or("null", RawValue::get));
        license.map_err(|error| envelope::malformed(Self::NAME, response, error))
    }
}
