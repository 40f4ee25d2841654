//! What was asked at the desk, for assertions and for the people in front of it.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::Operation;
use koogallery::open_api::push_usage::MAX_RECORDS;
use koogallery::timestamp::Timestamp;

/// One request that arrived at the desk. It holds neither keys nor tokens nor bodies; a License code may stand in it, and
/// the address and the headers of a request that was signed wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// What was asked; `None` where no API has the path.
    pub operation: Option<Operation>,
    /// Method and path, without the query.
    pub request: String,
    /// What it was about, such as an order's id, once the request proved who sends it.
    pub about: String,
    /// The status of the answer; `None` where there was none.
    pub status: Option<StatusCode>,
    /// The code of the answer, where it has one; also of an answer that got lost.
    pub code: String,
    /// Why it was refused, a line each. A wrong signature is explained here line by line.
    pub explanation: Vec<String>,
    /// The faults that were switched on for it.
    pub faults: Vec<String>,
    /// How long the answer was held back.
    pub delay: Duration,
    /// Of a usage push, also of one that got lost: its records, in their order.
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
    /// Begin of the period, as it stood there.
    pub begin_time: String,
    /// End of the period, as it stood there.
    pub end_time: String,
    /// The code that refused it alone, where the answer tells it.
    pub code: Option<String>,
}

impl SentRecord {
    /// The records of a body, as far as it can be read, and the codes that an answer tells by their numbers.
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

    /// What it reports: instance and period.
    pub(crate) fn usage(&self) -> [&str; 3] {
        [&self.instance_id, &self.begin_time, &self.end_time]
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Call {
    /// Whether the answer says success.
    pub(crate) fn is_taken(&self) -> bool {
        self.operation.is_some_and(|operation| operation.success() == self.code)
    }

    /// Whether the answer says what became of each record.
    pub(crate) fn is_answered_per_record(&self) -> bool {
        self.is_taken() || self.records.iter().any(|record| record.code.is_some())
    }
}

impl fmt::Display for Call {
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
        self.explanation.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
