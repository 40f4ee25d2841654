//! Lenient reading of answers.

mod body;

use serde_json::Value;

use super::stop::{Checked, Stop};
use super::symptom::Symptom;
use super::target::Answer;
pub(super) use body::is_gzip;
use body::{Body, read};

/// An answer, read as leniently as possible: violations of its form are left to other checks.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    activity: String,
    pub(super) status: u16,
    pub(super) json: Option<Value>,
    pub(super) code: Option<String>,
    /// Why the marketplace cannot read the body, although there may be JSON in it.
    pub(super) oddity: Option<&'static str>,
}

impl Reading {
    pub(super) fn new(activity: &str, answer: &Answer) -> Self {
        let Body { json, oddity } = read(&answer.body);
        let code = json.as_ref().and_then(|json| lenient_code(json.get("resultCode")?));
        Self { activity: activity.to_owned(), status: answer.status, json, code, oddity }
    }

    pub(super) fn is_processing(&self) -> bool {
        self.code.as_deref() == Some("000004")
    }

    pub(super) fn is_success(&self) -> bool {
        self.code.as_deref() == Some("000000")
    }

    /// Returns whether the call was understood and will have its effect.
    pub(super) fn is_accepted(&self) -> bool {
        !self.is_crash() && (self.is_success() || self.is_processing())
    }

    /// Returns whether the code behind the address failed, in place of refusing the call.
    pub(super) fn is_crash(&self) -> bool {
        self.status >= 500
    }

    pub(super) fn instance_id(&self) -> Option<&str> {
        self.json.as_ref()?.get("instanceId")?.as_str().filter(|id| !id.is_empty())
    }

    /// Returns the ids of the described instances.
    pub(super) fn described_ids(&self) -> Vec<&str> {
        let infos = self.json.as_ref().and_then(|json| json.get("info")).and_then(Value::as_array);
        infos.into_iter().flatten().filter_map(|info| info.get("instanceId")?.as_str()).collect()
    }

    /// Returns whether the answer to a query describes anything.
    pub(super) fn has_info(&self) -> bool {
        self.json.as_ref().is_some_and(|json| json.get("info").is_some_and(Value::is_array))
    }

    /// Describes the answer in a few words: its code, and its HTTP status unless that is 200.
    pub(super) fn described(&self) -> String {
        match (&self.code, self.status) {
            (Some(code), 200) => format!("resultCode {code}"),
            (Some(code), status) => format!("HTTP status {status}, resultCode {code}"),
            (None, 200) => "an answer without a resultCode".to_owned(),
            (None, status) => format!("HTTP status {status}"),
        }
    }

    /// Expects that the call was accepted.
    pub(super) fn accepted(&self, what: &str) -> Checked {
        if self.is_accepted() {
            return Ok(());
        }
        let symptom = if self.is_crash() { Symptom::Crash } else { Symptom::Refused };
        let stop = Stop::failed(format!("{what} is accepted (000000)"), self.described(), self.cause_of_refusal());
        Err(stop.with(symptom))
    }

    /// Expects that the call was rejected, with one of these codes if the answer has one.
    pub(super) fn refused(&self, codes: &[&str], what: &str) -> Checked {
        let expected = || format!("{what} is refused with {}", codes.join(" or "));
        if self.is_crash() {
            let cause =
                format!("the endpoint's code fails (HTTP status {}) where it should refuse a call", self.status);
            return Err(Stop::failed(expected(), self.described(), cause).with(Symptom::Crash));
        }
        match self.code.as_deref() {
            // Work can be in progress for what is created only.
            Some(code) if code == "000000" || (code == "000004" && self.creates()) => {
                let cause = format!("{what} is accepted");
                Err(Stop::failed(expected(), self.described(), cause).with(Symptom::Accepted))
            }
            Some(code) if codes.contains(&code) => Ok(()),
            Some(code) => {
                let cause = format!("{what} is refused with {code}, not with {}", codes.join(" or "));
                Err(Stop::failed(expected(), self.described(), cause).with(Symptom::OtherRefusal))
            }
            // The form of the answer is checked elsewhere.
            None => Ok(()),
        }
    }

    /// Returns whether the call was about nothing that had to exist before.
    fn is_about_something_new(&self) -> bool {
        matches!(&*self.activity, "newInstance" | "getLicense" | "tenantSync" | "orderNotify")
    }

    fn creates(&self) -> bool {
        self.is_about_something_new() || self.activity == "getLicenseAsync"
    }

    fn cause_of_refusal(&self) -> String {
        let activity = &self.activity;
        match (self.code.as_deref(), self.status) {
            (_, 500..) => format!("the endpoint's code fails at a valid call (HTTP status {})", self.status),
            (Some("000001"), _) => "the signature of a valid call is refused".to_owned(),
            (_, 401 | 403) => format!("a valid call is refused as not authenticated (HTTP status {})", self.status),
            (Some("000002"), _) => "a parameter of a valid call is refused".to_owned(),
            (Some("000003"), _) if !self.is_about_something_new() => {
                "an instance that exists is not known (000003)".to_owned()
            }
            (Some("000005"), _) => "the endpoint reports an internal error (000005) for a valid call".to_owned(),
            (Some("000101"), _) => "the client secret cannot be decrypted (000101)".to_owned(),
            (Some(code), _) => format!("a valid {activity} is refused with {code}"),
            (None, 200) if self.oddity.is_some() => format!("{}, so it is not read", self.oddity.unwrap_or_default()),
            (None, 413) => "a large call is refused by a limit on bodies (HTTP status 413)".to_owned(),
            (None, 200) => "the answer is not JSON with a resultCode".to_owned(),
            (None, status) => format!("a valid {activity} is answered with HTTP status {status} and no resultCode"),
        }
    }
}

/// Normalizes `0`, `"0"` and `"0000004"` to the intended code.
fn lenient_code(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    match text.parse::<u32>() {
        Ok(number) => Some(format!("{number:06}")),
        Err(_) => Some(text),
    }
}
