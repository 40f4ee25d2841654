//! Push usage (按需使用量推送): seller to marketplace, `POST /api/mkp-openapi-public/global/v1/isv/usage-data`, signed with the
//! access key of the basic interface. Open API reference, "usage push (new)" (China 2025-11-13, international 2025-11-18;
//! not in Europe).
//!
//! An accepted push is only queued: a background check may still refuse records, which then show in the seller console
//! alone. Of several records for the same instance and period the first counts, so the same records may be sent again.

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{Api, ApiError, Authentication, BaseUrl, LimitError, envelope, limit};
use crate::amount::Amount;
use crate::timestamp::Timestamp;

const PATH: &str = "/api/mkp-openapi-public/global/v1/isv/usage-data";

/// Records per call.
pub const MAX_RECORDS: usize = 1000;

/// Usage of at most 1000 records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    usage_records: Vec<UsageRecord>,
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

    /// The records.
    pub fn records(&self) -> &[UsageRecord] {
        &self.usage_records
    }
}

pub(super) fn check_count(count: usize) -> Result<(), RecordCountError> {
    if (1..=MAX_RECORDS).contains(&count) { Ok(()) } else { Err(RecordCountError(count)) }
}

/// A push has between 1 and 1000 records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a push has between 1 and 1000 usage records, not {0}")]
pub struct RecordCountError(pub usize);

/// Usage of one instance in one period. Its members stand in the order in which they are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UsageRecord {
    /// Begin of the period; not before the resource was opened, and at most 21 days ago.
    #[serde(serialize_with = "basic_iso")]
    pub begin_time: Timestamp,
    /// End of the period; not after the report.
    #[serde(serialize_with = "basic_iso")]
    pub end_time: Timestamp,
    /// The **pay-per-use** instance, never the package.
    pub instance_id: String,
    /// The seller's unique id of the record, at most 64 characters; the same at every try.
    pub metering_sn: String,
    /// When the record was made.
    #[serde(serialize_with = "basic_iso")]
    pub record_time: Timestamp,
    /// The package from which the usage is deducted; mandatory for packages that stop when they are used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relate_pkg_instance: Option<String>,
    /// The usage: above zero, at most four decimals. Sent as a string, so that nothing on the way can change it.
    #[serde(serialize_with = "as_text")]
    pub usage_value: Amount,
}

impl UsageRecord {
    /// A record made at the end of its period.
    pub fn new(
        metering_sn: impl Into<String>,
        instance_id: impl Into<String>,
        begin_time: Timestamp,
        end_time: Timestamp,
        usage_value: Amount,
    ) -> Self {
        Self {
            begin_time,
            end_time,
            instance_id: instance_id.into(),
            metering_sn: metering_sn.into(),
            record_time: end_time,
            relate_pkg_instance: None,
            usage_value,
        }
    }

    /// Checks the record against the documented limits.
    ///
    /// # Errors
    ///
    /// The first field that breaks one.
    pub fn check(&self) -> Result<(), LimitError> {
        limit::text("instance_id", &self.instance_id, 64)?;
        limit::text("metering_sn", &self.metering_sn, 64)?;
        limit::optional_text("relate_pkg_instance", self.relate_pkg_instance.as_deref(), 64)?;
        limit::period(self.begin_time, self.end_time, self.record_time)?;
        limit::usage("usage_value", self.usage_value)
    }
}

pub(super) fn basic_iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_basic_iso())
}

pub(super) fn as_text<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

impl Api for Request {
    type Response = Response;

    const NAME: &'static str = "push usage";
    const AUTHENTICATION: Authentication = Authentication::AccessKey;

    fn check(&self) -> Result<(), LimitError> {
        for (index, record) in self.usage_records.iter().enumerate() {
            record.check().map_err(|error| error.within(format_args!("usage_records[{index}]")))?;
        }
        Ok(())
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        base.post_json(PATH, self)
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<Response, ApiError> {
        let answer: Value = envelope::read(Self::NAME, &["MKT.0000", PARTIAL], response)?;
        let is_partial = answer.get("error_code").and_then(Value::as_str) == Some(PARTIAL);
        Ok(Response { rejected: is_partial.then(|| rejected_records(&answer)) })
    }
}

/// Accepted as a whole with HTTP 200, with records that were refused.
const PARTIAL: &str = "94060999";

/// The push was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// `None`: all records were queued. Otherwise those that were refused; the list is empty where the answer said that some
    /// were but not which, in a form that could be read (the member's name is not documented).
    pub rejected: Option<Vec<RejectedRecord>>,
}

/// A record that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedRecord {
    /// Why.
    pub code: RecordCode,
    /// The record's id, where the answer names it (unverified).
    pub metering_sn: Option<String>,
    /// The record's instance, where the answer names it (unverified).
    pub instance_id: Option<String>,
    /// The marketplace's words.
    pub description: Option<String>,
}

/// Reads the first list of objects in the answer, whatever its name, and of each object the members that look right.
fn rejected_records(answer: &Value) -> Vec<RejectedRecord> {
    let lists = answer.as_object().into_iter().flat_map(|members| members.values()).filter_map(Value::as_array);
    let Some(list) = lists.into_iter().find(|list| list.iter().any(Value::is_object)) else { return Vec::new() };
    list.iter()
        .filter_map(Value::as_object)
        .filter_map(|record| {
            let member = |wanted: &[&str]| {
                let is_wanted = |name: &str| wanted.contains(&name.replace('_', "").to_ascii_lowercase().as_str());
                let found = record.iter().find(|(name, _)| is_wanted(name))?.1;
                found.as_str().map(str::to_owned).or_else(|| found.as_u64().map(|number| number.to_string()))
            };
            Some(RejectedRecord {
                code: RecordCode::new(&member(&["errorcode", "code", "resultcode"])?),
                metering_sn: member(&["meteringsn"]),
                instance_id: member(&["instanceid"]),
                description: member(&["errormsg", "errormessage", "message", "msg", "description", "desc"]),
            })
        })
        .collect()
}

/// Why a record was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct RecordCode(String);

/// What to do about a refused record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// It was reported before: count it as delivered.
    Delivered,
    /// Send it again later, unchanged.
    Retry,
    /// It can be corrected and sent again.
    Fix,
    /// It will never be taken.
    Dead,
}

impl RecordCode {
    /// A code as it came. Numbers lose their leading zeros on the way; three digits are restored.
    pub fn new(code: &str) -> Self {
        Self(format!("{code:0>3}"))
    }

    /// The three digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the documents say about the code and what follows; an unknown code waits for somebody to look at it.
    pub fn meaning(&self) -> (&'static str, Disposition) {
        use Disposition::{Dead, Delivered, Fix, Retry};
        match self.as_str() {
            "001" => ("the instance does not exist", Dead),
            "002" => ("a time has a wrong format", Fix),
            "003" => ("the usage value is wrong", Fix),
            "004" => ("the unique id is missing", Fix),
            "005" => ("the unique id was reported before", Delivered),
            "006" => ("the product was withdrawn from sale", Dead),
            "007" => ("the record is too old", Dead),
            "009" => ("the instance belongs to another seller", Dead),
            "010" => ("the same instance and period were reported before", Delivered),
            "011" => ("the time range is invalid", Fix),
            "012" => ("the instance is not pay-per-use", Dead),
            "013" => ("the instance is in an abnormal state", Fix),
            "014" => ("the instance is closed", Dead),
            "015" => ("the usage begins before the instance was opened", Fix),
            "016" => ("the instance is still being opened", Retry),
            "017" => ("the package instance is missing", Fix),
            "018" => ("the package instance is invalid", Fix),
            "019" => ("blocked by risk control", Dead),
            _ => ("a code that the documents do not list", Fix),
        }
    }
}
