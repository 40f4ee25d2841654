//! Activate several authorization codes: seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v2/license/activate`, AK/SK. License authorization code guide 2.0, "activate"
//! (2025-05-22; China only).

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::activate_license::{MAX_LICENSE, SUCCESS, compact_seconds};
use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, LimitError, RequestForm, envelope, limit};
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
use crate::wire::{FieldKind, TimeForm, max_of, table};

const PATH: &str = "/api/mkp-openapi-public/global/v2/license/activate";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Activates several authorization codes, of at most 64 characters each.",
    method: Method::POST,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Json(Request::FIELDS),
    code: "error_code",
    message: "error_msg",
    success: SUCCESS,
    answer: &[],
};

table! {
    serde
    /// Activates up to 100 codes. Whether the valid ones of a list with an invalid one (`92020020`) are activated is not
    /// documented: query each then.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct Request {
        /// The codes, at most 100 of at most 64 characters.
        pub license_list: Vec<String> = mandatory "license_list", 100, as FieldKind::Texts(MAX_LICENSE);
        /// Time when the software takes effect, UTC; for all codes.
        #[serde(serialize_with = "compact_seconds", skip_serializing_if = "Option::is_none")]
        pub real_effect_time: Option<Timestamp> = optional "real_effect_time", 14, as FieldKind::Time(TimeForm::CompactSeconds);
    }
}

impl Request {
    /// Activates codes that take effect at once.
    pub fn new<S: Into<String>>(licenses: impl IntoIterator<Item = S>) -> Self {
        Self { license_list: licenses.into_iter().map(Into::into).collect(), real_effect_time: None }
    }
}

impl Sealed for Request {}

impl Api for Request {
    type Response = ();

    const NAME: &'static str = "activate licenses";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::list("license_list", &self.license_list, const { max_of(Self::FIELDS, "license_list") })?;
        for (index, license) in self.license_list.iter().enumerate() {
            limit::text(&format!("license_list[{index}]"), license, MAX_LICENSE)?;
        }
        self.real_effect_time.map_or(Ok(()), |time| limit::time("real_effect_time", time))
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<(), ApiError> {
        envelope::read::<IgnoredAny>(Self::NAME, SUCCESS, response).map(|_| ())
    }
}
