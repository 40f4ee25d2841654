//! The report as JSON, for programs.

use serde_json::{Value, json};

use super::{Cause, Exchange, Outcome, Report};

impl Report {
    /// Formats the whole report as JSON.
    pub fn to_json(&self) -> String {
        let results: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let mut value = json!({
                    "id": result.check.id,
                    "severity": result.check.severity.as_str(),
                    "title": result.check.title,
                    "reference": result.check.reference,
                    "hint": result.hint(),
                    "notes": result.notes,
                    "exchanges": result.exchanges.iter().map(exchange).collect::<Vec<_>>(),
                });
                let outcome = match &result.outcome {
                    Outcome::Passed => json!({ "outcome": "passed" }),
                    Outcome::Failed(failure) => json!({
                        "outcome": "failed",
                        "expected": failure.expected,
                        "got": failure.got,
                        "cause": failure.cause,
                    }),
                    Outcome::NotRun { why } => json!({ "outcome": "notRun", "why": why }),
                };
                if let (Value::Object(value), Value::Object(outcome)) = (&mut value, outcome) {
                    value.extend(outcome);
                }
                value
            })
            .collect();
        let report = json!({
            "ok": self.is_ok(),
            "target": self.target,
            "profile": self.profile.as_str(),
            "seed": self.seed,
            "testFlag": self.test_flag,
            "calls": self.calls,
            "passed": self.passed(),
            "failed": self.failures().count(),
            "notRun": self.not_run().count(),
            "causes": self.causes.iter().map(cause).collect::<Vec<_>>(),
            "results": results,
        });
        format!("{report:#}\n")
    }
}

fn cause(cause: &Cause) -> Value {
    json!({
        "headline": cause.headline,
        "advice": cause.advice,
        "severity": cause.severity.as_str(),
        "checks": cause.checks,
        "repeat": cause.repeat,
    })
}

fn exchange(exchange: &Exchange) -> Value {
    let headers: Vec<_> = exchange.answer_headers.iter().map(|(name, value)| json!([name, value])).collect();
    json!({
        "activity": exchange.activity,
        "method": exchange.method,
        "target": exchange.target,
        "requestBody": exchange.request_body,
        "status": exchange.status,
        "answerHeaders": headers,
        "answerBody": exchange.answer_body,
        "error": exchange.error,
        "milliseconds": u64::try_from(exchange.duration.as_millis()).unwrap_or(u64::MAX),
        "repeat": exchange.repeat,
    })
}
