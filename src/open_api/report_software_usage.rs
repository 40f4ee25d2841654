//! Software usage statistics (授权码软件使用统计): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v2/license/software-usage-info`, AK/SK. License authorization code guide 2.0, "usage
//! statistics" (2025-10-15; China only). To be called on the first use of each day.

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::activate_license::{MAX_LICENSE, SUCCESS};
use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, Limit, LimitError, RequestForm, envelope, limit};
use crate::redact::Sensitive;
use crate::transport::BaseUrl;
use crate::wire::{FieldKind, FieldSpec, max_of, table};

const PATH: &str = "/api/mkp-openapi-public/global/v2/license/software-usage-info";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Reports the clients of licensed software, or their number.",
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
        FieldKind::Any,
        "Lists the codes that failed the check; the member's name is unverified.",
    )],
};

table! {
    serde
    /// Reports the clients of the software, or their number, for up to 100 codes.
    #[doc(alias = "授权码软件使用统计")]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct Request {
        /// Usage by code, at most 100 elements.
        pub usage_info: Vec<Usage> = mandatory "usage_info", 100;
    }
}

impl Request {
    /// A report.
    pub fn new(usage: Vec<Usage>) -> Self {
        Self { usage_info: usage }
    }
}

table! {
    serde
    /// Usage of one code.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct Usage {
        /// The code.
        pub license: String = mandatory "license", MAX_LICENSE;
        /// At most 100 reports. (`software_usage_Info` on the wire, with that capital.)
        pub software_usage_info: Vec<Report> = mandatory "software_usage_Info", 100, as FieldKind::ListOfEither(Report::FIELDS);
    }
}

impl Usage {
    /// Usage of a code.
    pub fn new(license: impl Into<String>, reports: Vec<Report>) -> Self {
        Self { license: license.into(), software_usage_info: reports }
    }

    fn check(&self) -> Result<(), LimitError> {
        limit::text("license", &self.license, const { max_of(Self::FIELDS, "license") })?;
        limit::list(
            "software_usage_Info",
            &self.software_usage_info,
            const { max_of(Self::FIELDS, "software_usage_Info") },
        )?;
        for (index, report) in self.software_usage_info.iter().enumerate() {
            report.check().map_err(|error| error.within(format_args!("software_usage_Info[{index}]")))?;
        }
        Ok(())
    }
}

/// One report: who, or how many; never both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Report {
    /// A client's id, at most 256 characters; distinct ones are counted.
    Id(Sensitive),
    /// Today's number of active clients, at most 999,999,999.
    ActiveNum(u32),
}

impl Report {
    /// The members, of which a report has one.
    pub const FIELDS: &'static [FieldSpec] = &[
        FieldSpec::written("id", false, 256, FieldKind::Text, "A client's id; distinct ones are counted."),
        FieldSpec::written("active_num", false, 9, FieldKind::Whole, "Today's number of active clients."),
    ];

    fn check(&self) -> Result<(), LimitError> {
        const MAX_ACTIVE: u32 = 999_999_999;
        match self {
            Self::Id(id) => limit::text("id", id.expose(), const { max_of(Self::FIELDS, "id") }),
            Self::ActiveNum(active) if *active > MAX_ACTIVE => Err(Limit::AtMost(MAX_ACTIVE).of("active_num")),
            Self::ActiveNum(_) => Ok(()),
        }
    }
}

/// The report was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// Codes that failed the check. The member's name could not be read (unverified): every list of texts in the
    /// answer's data counts.
    pub failed: Vec<String>,
}

impl Response {
    /// Returns an answer without failures.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Sealed for Request {}

impl Api for Request {
    type Response = Response;

    const NAME: &'static str = "report software usage";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::list("usage_info", &self.usage_info, const { max_of(Self::FIELDS, "usage_info") })?;
        for (index, usage) in self.usage_info.iter().enumerate() {
            usage.check().map_err(|error| error.within(format_args!("usage_info[{index}]")))?;
        }
        Ok(())
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            data: Value,
        }
        let answer: Answer = envelope::read(Self::NAME, SUCCESS, response)?;
        let members = answer.data.as_object().into_iter().flat_map(|members| members.values());
        let texts = members.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        Ok(Response { failed: texts.map(str::to_owned).collect() })
    }
}
