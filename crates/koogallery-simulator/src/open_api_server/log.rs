//! The log of requests, for assertions and for people at a terminal.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::Operation;
use koogallery::open_api::push_usage::MAX_RECORDS;
use koogallery::timestamp::Timestamp;

/// A request that the server received. It contains no keys, tokens or bodies; but possibly a License code, and the
/// address and headers of a wrongly signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenApiCall {
    /// Number of the request in the server's log, counted from 1.
    pub sequence: u64,
    /// Time of arrival.
    pub at: Timestamp,
    /// The operation; `None` if no API has this path.
    pub operation: Option<Operation>,
    /// Method and path, without the query.
    pub request: String,
    /// The subject, such as an order id, if the request was authenticated.
    pub about: String,
    /// HTTP status of the answer; `None` without an answer.
    pub status: Option<StatusCode>,
    /// Code of the answer, if it has one; also of an answer that was lost.
    pub code: String,
    /// Explanation of a refusal, line by line; for a wrong signature in detail.
    pub explanation: Vec<String>,
    /// What is doubtful about the packages of a usage push, line by line, whether the records were accepted or not.
    pub remarks: Vec<String>,
    /// The faults injected.
    pub faults: Vec<String>,
    /// Delay of the answer.
    pub delay: Duration,
    /// Records of a usage push in their order, also of one that was lost.
    pub records: Vec<SentRecord>,
}

/// A record of a usage push, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentRecord {
    /// The seller's id of the record.
    pub metering_sn: Option<String>,
    /// The instance.
    pub instance_id: String,
    /// Begin of the period, as sent.
    pub begin_time: String,
    /// End of the period, as sent.
    pub end_time: String,
    /// The code that refused this record alone, if the answer contains it.
    pub code: Option<String>,
}

impl SentRecord {
    /// Returns the records of a body, as far as they can be read, with the codes in the answer.
    pub(super) fn all(body: &[u8], refused: &[(String, String)]) -> Vec<Self> {
        let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let codes: HashMap<&str, &str> =
            refused.iter().map(|(number, code)| (number.as_str(), code.as_str())).collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let record = |record: &Value| {
            let metering_sn = record["metering_sn"].as_str().map(str::to_owned);
            let code = metering_sn.as_deref().and_then(|number| codes.get(number)).map(|code| (*code).to_owned());
            Self {
                metering_sn,
                instance_id: text(&record["instance_id"]),
                begin_time: text(&record["begin_time"]),
                end_time: text(&record["end_time"]),
                code,
            }
        };
        list(&body["usage_records"]).take(MAX_RECORDS).map(record).collect()
    }

    /// Returns instance and period.
    pub(crate) fn usage(&self) -> [&str; 3] {
        [&self.instance_id, &self.begin_time, &self.end_time]
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl OpenApiCall {
    /// Returns whether the answer says success.
    pub(crate) fn is_taken(&self) -> bool {
        self.operation.is_some_and(|operation| operation.success() == self.code)
    }

    /// Returns whether the answer contains the result of each record.
    pub(crate) fn is_answered_per_record(&self) -> bool {
        self.is_taken() || self.records.iter().any(|record| record.code.is_some())
    }
}

impl fmt::Display for OpenApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.request)?;
        if !self.about.is_empty() {
            write!(f, " about {}", self.about)?;
        }
        match self.status {
            Some(status) => write!(f, ": HTTP {}", status.as_u16())?,
            None => f.write_str(": no answer")?,
        }
        if !self.code.is_empty() {
            write!(f, ", {}", self.code)?;
        }
        if !self.faults.is_empty() {
            write!(f, " (fault: {})", self.faults.join(", "))?;
        }
        self.explanation.iter().chain(&self.remarks).try_for_each(|line| write!(f, "\n    {line}"))
    }
}
