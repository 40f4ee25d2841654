//! Requests as the server reads them, and answers as it writes them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::operation::{Envelope, Operation};
use super::refusal::Refusal;
use super::seed::SeededRandom;
use koogallery::query::{Plus, raw_pairs};

/// A request with its complete body.
pub(super) struct Received {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

impl Received {
    /// Returns the decoded query; `None` if it is not text.
    pub(super) fn query(&self) -> Option<Vec<(String, String)>> {
        pairs(self.parts.uri.query().unwrap_or_default(), Plus::Literal)
    }

    /// Returns the decoded form in the body; `None` if it is not text.
    pub(super) fn form(&self) -> Option<Vec<(String, String)>> {
        pairs(str::from_utf8(&self.body).ok()?, Plus::Space)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    pub(super) fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE.as_str()).unwrap_or_default()
    }
}

fn pairs(text: &str, plus: Plus) -> Option<Vec<(String, String)>> {
    let decoded = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
    raw_pairs(text).map(|pair| decoded(pair.decoded_name(plus)).zip(decoded(pair.decoded_value(plus)))).collect()
}

/// Returns the value of a parameter that occurs exactly once.
pub(super) fn single<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = pairs.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
    values.next().filter(|value| !value.is_empty()).filter(|_| values.next().is_none())
}

/// An answer, and what the log records about it.
pub(super) struct Answer {
    pub(super) response: Response<Bytes>,
    pub(super) code: String,
    /// The subject: an order, a code, a number of records.
    pub(super) about: String,
    pub(super) explanation: Vec<String>,
    /// What is doubtful, although it was accepted.
    pub(super) remarks: Vec<String>,
    /// The refused records of a push whose codes are in the answer: number and code.
    pub(super) refused: Vec<(String, String)>,
}

impl Answer {
    fn new(status: StatusCode, content_type: &'static str, code: &str, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let (about, explanation, remarks, refused) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        Self { response, code: code.to_owned(), about, explanation, remarks, refused }
    }

    pub(super) fn json(status: StatusCode, code: &str, body: &Value) -> Self {
        Self::new(status, "application/json", code, body.to_string())
    }

    pub(super) fn text(status: StatusCode, content_type: &'static str, code: &str, body: String) -> Self {
        Self::new(status, content_type, code, body)
    }

    /// Redirects a browser.
    pub(super) fn redirect(to: &str) -> Self {
        let answer = Self::new(StatusCode::FOUND, "text/plain", "", Bytes::new());
        answer.with_header(http::header::LOCATION, to)
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        // A value that is not allowed in a header is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// Cuts off the second half.
    pub(super) fn truncated(mut self) -> Self {
        let body = self.response.body_mut();
        body.truncate(body.len() / 2);
        self
    }

    /// Success of an open API, with further members.
    pub(super) fn success(operation: Operation, members: Value) -> Self {
        let mut body = envelope(operation, operation.success(), "Success");
        if let Value::Object(members) = members {
            body.extend(members);
        }
        Self::json(StatusCode::OK, operation.success(), &Value::Object(body))
    }

    /// A refusal, in the gateway's form or in the API's.
    pub(super) fn refused(operation: Option<Operation>, refusal: &Refusal, random: &SeededRandom) -> Self {
        let (status, text) = refusal.documented();
        let text = if refusal.why.is_empty() { text.to_owned() } else { format!("{text}: {}", refusal.why) };
        let mut answer = match operation {
            Some(operation) if !refusal.is_of_gateway() => {
                let mut body = envelope(operation, &refusal.code, &text);
                let has_extra_info = ["0100", "0150", "0250", "9001", "9002", "9004", "9005"]
                    .iter()
                    .any(|digits| refusal.code.ends_with(digits));
                if operation.envelope() == Envelope::Result && has_extra_info {
                    body.insert("extra_info".to_owned(), json!({}));
                }
                Self::json(status, &refusal.code, &Value::Object(body))
            }
            _ => {
                let body = json!({"error_msg": text, "error_code": refusal.code, "request_id": random.hex(32)});
                Self::json(status, &refusal.code, &body)
            }
        };
        answer.explanation.push(refusal.why.clone());
        answer.explanation.retain(|line| !line.is_empty());
        answer
    }

    pub(super) fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    pub(super) fn with_remarks(mut self, remarks: Vec<String>) -> Self {
        self.remarks = remarks;
        self
    }

    pub(super) fn explained(mut self, explanation: impl IntoIterator<Item = String>) -> Self {
        self.explanation.extend(explanation);
        self
    }
}

fn envelope(operation: Operation, code: &str, text: &str) -> Map<String, Value> {
    let (code_name, text_name) = match operation.envelope() {
        Envelope::Result => ("resultCode", "resultMsg"),
        Envelope::Error => ("error_code", "error_msg"),
    };
    Map::from_iter([(code_name.to_owned(), code.into()), (text_name.to_owned(), text.into())])
}
