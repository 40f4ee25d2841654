//! Push usage (按需使用量推送): seller to marketplace, `POST /api/mkp-openapi-public/global/v1/isv/usage-data`, signed with
//! the access key of the basic interface. Open API reference, "usage push (new)" (China 2025-11-13, international
//! 2025-11-18; not in Europe).
//!
//! An accepted push is only queued: a background check may still refuse records, which then show in the seller console
//! alone. Of several records for the same instance and period the first counts, so the same records may be sent again.
//!
//! With `94060999` some records were refused. An array `abnormal_usage_data` lists them; where it stands and what
//! identifies a record in it is not documented, so it is looked for at any depth, and records of which the answer does
//! not say clearly what became of them are [unclear](RecordFate::Unclear): neither taken nor refused.

pub(super) mod answer;
mod fates;

use bytes::Bytes;
use http::Method;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};

use self::answer::{Answer, Element};
use super::code::{is_same, normalized};
use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, LimitError, RequestForm, envelope, limit};
use crate::amount::Amount;
use crate::timestamp::Timestamp;
use crate::transport::BaseUrl;
use crate::wire::{FieldKind, FieldSpec, TimeForm, max_of, table};

const PATH: &str = "/api/mkp-openapi-public/global/v1/isv/usage-data";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Reports usage of pay-per-use instances. An accepted push is only queued.",
    method: Method::POST,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Json(Request::FIELDS),
    code: "error_code",
    message: "error_msg",
    success: &["MKT.0000", PARTIAL],
    answer: &[FieldSpec::written(
        "data",
        false,
        0,
        FieldKind::Any,
        "Holds `abnormal_usage_data`, a list of the records that were refused; where it stands is not documented.",
    )],
};

/// Records per call.
pub const MAX_RECORDS: usize = 1000;

table! {
    serde
    /// Usage of at most 1000 records.
    #[doc(alias = "按需使用量推送")]
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
pub struct RecordCountError(usize);

impl RecordCountError {
    /// Returns the number of records.
    pub fn count(self) -> usize {
        self.0
    }
}

table! {
    serde
    /// Usage of one instance in one period. Its members stand in the order in which they are signed.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    #[non_exhaustive]
    pub struct UsageRecord {
        /// Begin of the period; not before the resource was opened, and at most 21 days ago.
        #[serde(serialize_with = "basic_iso")]
        pub begin_time: Timestamp = mandatory "begin_time", 16, as FieldKind::Time(TimeForm::BasicIso);
        /// End of the period; not after the report.
        #[serde(serialize_with = "basic_iso")]
        pub end_time: Timestamp = mandatory "end_time", 16, as FieldKind::Time(TimeForm::BasicIso);
        /// The **pay-per-use** instance, never the package.
        pub instance_id: String = mandatory "instance_id", 64;
        /// The seller's unique id of the record, at most 64 characters; the same at every try.
        pub metering_sn: String = mandatory "metering_sn", 64;
        /// Time of the record.
        #[serde(serialize_with = "basic_iso")]
        pub record_time: Timestamp = mandatory "record_time", 16, as FieldKind::Time(TimeForm::BasicIso);
        /// The package from which the usage is deducted; mandatory for packages that stop when they are used up.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub relate_pkg_instance: Option<String> = optional "relate_pkg_instance", 64;
        /// The usage: above zero, at most four decimals. Sent as a string, so that nothing on the way can change it.
        #[serde(serialize_with = "as_text")]
        pub usage_value: Amount = mandatory "usage_value", 20, as FieldKind::DecimalText;
    }
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
        limit::text("instance_id", &self.instance_id, const { max_of(Self::FIELDS, "instance_id") })?;
        limit::text("metering_sn", &self.metering_sn, const { max_of(Self::FIELDS, "metering_sn") })?;
        limit::optional_text(
            "relate_pkg_instance",
            self.relate_pkg_instance.as_deref(),
            const { max_of(Self::FIELDS, "relate_pkg_instance") },
        )?;
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

impl Sealed for Request {}

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
        let answer = Answer::read(response.body());
        let code = answer.as_ref().and_then(Answer::code);
        match (answer, code.as_deref(), response.status().is_success()) {
            (Some(answer), Some(code), true) if is_success(code) => {
                Ok(Response(answer.refused_in_success().map_or(Said::AllTaken, Said::Refused)))
            }
            (Some(answer), Some(PARTIAL), true) => Ok(Response(Said::Refused(answer.refused()))),
            // The documents have it with HTTP 200 alone, so that a list in it is no evidence.
            (_, Some(PARTIAL), false) => Ok(Response(Said::Refused(Vec::new()))),
            // Never a success, since none of its codes is given.
            _ => envelope::read::<IgnoredAny>(Self::NAME, &[], response).map(|_| Response(Said::Refused(Vec::new()))),
        }
    }
}

/// Returns whether a code says success, under either prefix.
pub(super) fn is_success(code: &str) -> bool {
    is_same("MKT.0000", &normalized(code))
}

/// Accepted as a whole with HTTP 200, with records that were refused.
const PARTIAL: &str = "94060999";

/// An answer to a push that came through. Only [`fates`](Self::fates) says what it means for each record, since an
/// answer may list refused records in a form that cannot be read.
///
/// ```
/// use bytes::Bytes;
/// use koogallery::amount::Amount;
/// use koogallery::open_api::{Api as _, push_usage};
///
/// let (begin, end) = ("20250102000000".parse()?, "20250102010000".parse()?);
/// let record = push_usage::UsageRecord::new("sn-1", "instance", begin, end, Amount::from(3));
/// record.check()?;
/// let answer = Bytes::from_static(br#"{"error_code":"MKT.0000","error_msg":"success"}"#);
/// let answer = push_usage::Request::from_http(&http::Response::new(answer))?;
/// assert!(answer.is_all_taken());
/// assert_eq!(answer.refusals().count(), 0);
/// assert_eq!(answer.fates(&[record]), [push_usage::RecordFate::Taken]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response(Said);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// A success without any refused record.
    AllTaken,
    /// Some were refused: the elements of the list, none where there is no list.
    Refused(Vec<Element>),
}

/// The outcome of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordFate<'r> {
    /// It was queued: the answer is a success, or its list of refused records could be read in full and does not name
    /// it.
    Taken,
    /// It was refused, by a code of its own.
    Refused(&'r RejectedRecord),
    /// Some records were refused, and whether this is one of them cannot be read.
    Unclear,
}

impl Response {
    /// Returns whether every record was queued.
    pub fn is_all_taken(&self) -> bool {
        self.0 == Said::AllTaken
    }

    /// Returns the refusals that could be read. Records that they do not name may have been refused as well; see
    /// [`fates`](Self::fates).
    pub fn refusals(&self) -> impl Iterator<Item = &RejectedRecord> {
        let elements = if let Said::Refused(elements) = &self.0 { &elements[..] } else { &[] };
        elements.iter().flatten()
    }

    /// Returns what the answer says of each record of its push, in their order.
    pub fn fates(&self, records: &[UsageRecord]) -> Vec<RecordFate<'_>> {
        match &self.0 {
            Said::AllTaken => vec![RecordFate::Taken; records.len()],
            Said::Refused(elements) => fates::of(records, elements),
        }
    }
}

/// A record that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedRecord {
    /// The reason.
    pub code: RecordCode,
    /// The record's id, where the answer names it (unverified).
    pub metering_sn: Option<String>,
    /// The record's instance, where the answer names it (unverified).
    pub instance_id: Option<String>,
    /// The marketplace's words.
    pub description: Option<String>,
}

impl RejectedRecord {
    /// Returns a record that was refused with this code, and nothing else set.
    pub fn new(code: impl Into<RecordCode>) -> Self {
        Self { code: code.into(), metering_sn: None, instance_id: None, description: None }
    }
}

/// The reason for which a record was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct RecordCode(String);

const UNLISTED: &str = "a code that the documents do not list";

/// Next step for a refused record.
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

impl From<&str> for RecordCode {
    fn from(code: &str) -> Self {
        Self::new(code)
    }
}

impl RecordCode {
    /// A code as it came. Numbers lose their leading zeros on the way; three digits are restored.
    pub fn new(code: &str) -> Self {
        Self(format!("{code:0>3}"))
    }

    /// Reads a code of the documented form, a number of at most three digits; 0 refuses nothing.
    fn read(code: &str) -> Option<Self> {
        code.parse::<u16>().ok().filter(|number| (1..=999).contains(number)).map(|number| Self(format!("{number:03}")))
    }

    fn is_documented(&self) -> bool {
        !matches!(self.meaning(), (UNLISTED, _))
    }

    /// Returns the three digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the documents' words on the code, and what follows; an unknown code waits for a person to look at it.
    ///
    /// ```
    /// use koogallery::open_api::push_usage::{Disposition, RecordCode, Request};
    ///
    /// let repeated = RecordCode::new("5");
    /// assert_eq!(repeated.as_str(), "005");
    /// assert_eq!(repeated.meaning().1, Disposition::Delivered);
    /// assert_eq!(Request::new(Vec::new()).unwrap_err().count(), 0);
    /// ```
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
            _ => (UNLISTED, Fix),
        }
    }
}
