//! Push usage, old version: seller to marketplace, `POST /rest/marketplace/v1/isv/usage-data`, AK/SK. Open API
//! reference, "usage push (old)" (China 2025-11-13, international).
//!
//! Records have no id of their own here; a repeat is known by instance and period.

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::push_usage::answer::Answer;
use super::push_usage::{MAX_RECORDS, RecordCountError, as_text, basic_iso, check_count, is_success};
use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, LimitError, RequestForm, envelope, limit};
use crate::amount::Amount;
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
use crate::wire::{FieldKind, TimeForm, max_of, table};

const PATH: &str = "/rest/marketplace/v1/isv/usage-data";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Reports usage, in the old version.",
    method: Method::POST,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Json(Request::FIELDS),
    code: "error_code",
    message: "error_msg",
    success: &["MKT.0000"],
    answer: &[],
};

table! {
    serde
    /// Usage of at most 1000 records. (An older code table says 100.)
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Request {
        usage_records: Vec<UsageRecord> = mandatory "usage_records", MAX_RECORDS;
    }
}

impl Request {
    /// A push of these records.
    ///
    /// # Errors
    ///
    /// There are none, or more than 1000.
    pub fn new(records: Vec<UsageRecord>) -> Result<Self, RecordCountError> {
        check_count(records.len())?;
        Ok(Self { usage_records: records })
    }
}

table! {
    serde
    /// Usage of one instance in one period.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct UsageRecord {
        /// Begin of the period, at most 21 days ago.
        #[serde(serialize_with = "basic_iso")]
        pub begin_time: Timestamp = mandatory "begin_time", 16, as FieldKind::Time(TimeForm::BasicIso);
        /// End of the period.
        #[serde(serialize_with = "basic_iso")]
        pub end_time: Timestamp = mandatory "end_time", 16, as FieldKind::Time(TimeForm::BasicIso);
        /// The **pay-per-use** instance, never the package.
        pub instance_id: String = mandatory "instance_id", 64;
        /// The instance's product.
        pub product_id: String = mandatory "product_id", 64;
        /// Time of the record.
        #[serde(serialize_with = "basic_iso")]
        pub record_time: Timestamp = mandatory "record_time", 16, as FieldKind::Time(TimeForm::BasicIso);
        /// The package from which the usage is deducted.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub relate_pkg_instance: Option<String> = optional "relate_pkg_instance", 64;
        /// The usage: above zero, at most four decimals.
        #[serde(serialize_with = "as_text")]
        pub usage_value: Amount = mandatory "usage_value", 20, as FieldKind::DecimalText;
    }
}

impl UsageRecord {
    /// A record made at the end of its period.
    pub fn new(
        instance_id: impl Into<String>,
        product_id: impl Into<String>,
        begin_time: Timestamp,
        end_time: Timestamp,
        usage_value: Amount,
    ) -> Self {
        let (instance_id, product_id, record_time) = (instance_id.into(), product_id.into(), end_time);
        Self { begin_time, end_time, instance_id, product_id, record_time, relate_pkg_instance: None, usage_value }
    }

    fn check(&self) -> Result<(), LimitError> {
        limit::text("instance_id", &self.instance_id, const { max_of(Self::FIELDS, "instance_id") })?;
        limit::text("product_id", &self.product_id, const { max_of(Self::FIELDS, "product_id") })?;
        limit::optional_text(
            "relate_pkg_instance",
            self.relate_pkg_instance.as_deref(),
            const { max_of(Self::FIELDS, "relate_pkg_instance") },
        )?;
        limit::period(self.begin_time, self.end_time, self.record_time)?;
        limit::usage("usage_value", self.usage_value)
    }
}

impl Sealed for Request {}

impl Api for Request {
    type Response = ();

    const NAME: &'static str = "push usage (old)";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        for (index, record) in self.usage_records.iter().enumerate() {
            record.check().map_err(|error| error.within(format_args!("usage_records[{index}]")))?;
        }
        Ok(())
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<(), ApiError> {
        let answer = Answer::read(response.body());
        let is_taken = |answer: &Answer<'_>| {
            response.status().is_success()
                && answer.code().as_deref().is_some_and(is_success)
                && answer.refused_in_success().is_none()
        };
        if answer.as_ref().is_some_and(is_taken) {
            return Ok(());
        }
        // Never a success, since none of its codes is given.
        envelope::read::<IgnoredAny>(Self::NAME, &[], response).map(|_| ())
    }
}
