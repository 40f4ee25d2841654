//! Lenient reading of answers.

use serde_json::Value;

use super::stop::{Checked, Stop};
use super::target::Answer;

/// An answer, read as leniently as possible: violations of its form are left to other checks.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) status: u16,
    pub(super) json: Option<Value>,
    pub(super) code: Option<String>,
}

impl Reading {
    pub(super) fn new(answer: &Answer) -> Self {
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let code = json.as_ref().and_then(|json| lenient_code(json.get("resultCode")?));
        Self { status: answer.status, json, code }
    }

    pub(super) fn is_processing(&self) -> bool {
        self.code.as_deref() == Some("000004")
    }

    pub(super) fn is_success(&self) -> bool {
        self.code.as_deref() == Some("000000")
    }

    pub(super) fn instance_id(&self) -> Option<&str> {
        self.json.as_ref()?.get("instanceId")?.as_str().filter(|id| !id.is_empty())
    }

    /// Returns the ids of the described instances.
    pub(super) fn described_ids(&self) -> Vec<&str> {
        let infos = self.json.as_ref().and_then(|json| json.get("info")).and_then(Value::as_array);
        infos.into_iter().flatten().filter_map(|info| info.get("instanceId")?.as_str()).collect()
    }

    fn described(&self) -> String {
        match &self.code {
            Some(code) => format!("resultCode {code}"),
            None if self.status == 200 => "an answer without a resultCode".to_owned(),
            None => format!("HTTP status {}", self.status),
        }
    }

    /// Expects that the call was accepted.
    pub(super) fn accepted(&self, what: &str) -> Checked {
        match self.is_success() || self.is_processing() {
            true => Ok(()),
            false => Err(Stop::failed(format!("{what} is accepted (000000)"), self.described(), accept_cause(self))),
        }
    }

    /// Expects that the call was rejected, with one of these codes if the answer has one.
    pub(super) fn refused(&self, codes: &[&str], what: &str) -> Checked {
        let expected = || format!("{what} is refused with {}", codes.join(" or "));
        match self.code.as_deref() {
            Some("000000" | "000004") => {
                Err(Stop::failed(expected(), self.described(), format!("{what} is accepted as genuine")))
            }
            Some(code) if codes.contains(&code) => Ok(()),
            Some(_) => {
                Err(Stop::failed(expected(), self.described(), "the call is refused with a code of another meaning"))
            }
            // The form of the answer is checked elsewhere.
            None => Ok(()),
        }
    }
}

fn accept_cause(reading: &Reading) -> String {
    match reading.code.as_deref() {
        Some("000001") => "the signature of a valid call is refused: check the signed content, the key and the order",
        Some("000002") => "a parameter of a valid call is refused",
        Some("000003") => "the instance is not known",
        Some("000005") => "internal error of the endpoint",
        Some(_) => "the endpoint refuses",
        None => "the answer is not JSON with a resultCode",
    }
    .to_owned()
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
