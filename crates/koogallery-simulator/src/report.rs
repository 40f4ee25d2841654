//! The result of a run.

mod json;
mod junit;
mod markdown;
mod text;

use std::time::Duration;

use super::call::{Call, Proof};
use super::check::{Check, Severity};
use super::masking::{MASK, Masking};
use super::profile::Profile;
use super::symptom::Symptom;
use super::target::{Answer, TargetError};
use koogallery::key::AccessKey;

/// Bytes of a body that a report shows.
const SHOWN: usize = 2048;

/// Outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The endpoint follows the rule.
    Passed,
    /// The endpoint breaks the rule.
    Failed(Failure),
    /// The check was not run.
    NotRun {
        /// The reason.
        why: String,
    },
}

/// Description of a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The behavior that the rule requires.
    pub expected: String,
    /// The observed behavior.
    pub got: String,
    /// The likely mistake behind it.
    pub cause: String,
    pub(super) symptom: Symptom,
    /// Advice on this mistake, where that of the check is about another one.
    pub(super) advice: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(expected: impl Into<String>, got: impl Into<String>, cause: impl Into<String>) -> Self {
        let symptom = Symptom::default();
        Self { expected: expected.into(), got: got.into(), cause: cause.into(), symptom, advice: None }
    }

    /// An answer may contain the key.
    pub(super) fn shown(self, key: &AccessKey) -> Self {
        let masked = |text: String| masked(&text, key);
        Self { expected: masked(self.expected), got: masked(self.got), cause: masked(self.cause), ..self }
    }
}

/// Makes another party's text safe to display.
pub(super) fn masked(text: &str, key: &AccessKey) -> String {
    printable(text).replace(key.expose(), MASK)
}

/// A call and its answer, without secrets: the signature and the personal data of the answer are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Activity of the call.
    pub activity: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The beginning of the request's body.
    pub request_body: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The headers of the answer.
    pub answer_headers: Vec<(String, String)>,
    /// The beginning of its body.
    pub answer_body: String,
    /// The error, if there was no answer.
    pub error: Option<String>,
    /// Duration of the call.
    pub duration: Duration,
    /// A command line that repeats the call, once `$SIGNATURE` is replaced: where the signature covers a time, that
    /// needs a new signature for the current time.
    pub curl: String,
}

impl Exchange {
    pub(super) fn new(call: &Call, outcome: &Result<Answer, TargetError>, key: Option<&AccessKey>, name: &str) -> Self {
        let masked = call.masked();
        let query = masked.query_text().replace("%24SIGNATURE", "$SIGNATURE");
        let separator = if query.is_empty() { "" } else { "?" };
        let masking = masking(call, key);
        let (status, answer_headers, answer_body, error, duration) = match outcome {
            Ok(answer) => {
                let headers = answer.headers.iter().take(32);
                let headers = headers.map(|(name, value)| (name.clone(), masking.text(&shown(value.as_bytes()))));
                let body = masking.json(&masking.text(&shown(&answer.body)));
                (Some(answer.status), headers.collect(), body, None, answer.duration)
            }
            Err(error) => (None, Vec::new(), String::new(), Some(error.to_string()), Duration::ZERO),
        };
        let address = name.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split('/').next()?)));
        let address =
            address.map_or_else(|| "http://HOST".to_owned(), |(scheme, authority)| format!("{scheme}://{authority}"));
        Self {
            activity: call.activity.clone(),
            method: call.method.to_string(),
            target: masking.text(&format!("{}{separator}{query}", masked.path)),
            request_body: masking.text(&shown(&masked.body)),
            status,
            answer_headers,
            answer_body,
            error,
            duration,
            curl: masking.text(&printable(&call.to_curl(&address))),
        }
    }
}

/// Masks what no report may show.
fn masking(call: &Call, key: Option<&AccessKey>) -> Masking {
    let mut masking = Masking::default();
    key.into_iter().for_each(|key| masking.add_secret(key.expose()));
    // The signature sent may be the valid one of another call.
    let sent = call.proof(Proof::Signature).filter(|sent| sent.len() > 16).map(str::to_owned);
    for signature in key.and_then(|key| call.right_signature(key)).into_iter().chain(sent) {
        masking.add_secret(&signature);
    }
    masking
}

/// Reports are shown in terminals, which execute control characters.
fn printable(text: &str) -> String {
    text.replace(|character: char| character.is_control() && character != '\n' && character != '\t', "\u{fffd}")
}

fn shown(bytes: &[u8]) -> String {
    let mut text = printable(&String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]));
    if bytes.len() > SHOWN {
        text.push_str(&format!(" ... ({} bytes)", bytes.len()));
    }
    text
}

/// A check and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// Its outcome.
    pub outcome: Outcome,
    /// Measurements and other remarks, one per line.
    pub notes: Vec<String>,
    /// The last calls of the check; for a rule about every answer, the call that broke it.
    pub exchanges: Vec<Exchange>,
}

/// A mistake of the endpoint, and the failed checks that it explains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The mistake in one line.
    pub headline: String,
    /// Advice on what to do about it.
    pub advice: String,
    /// The highest severity of its checks.
    pub severity: Severity,
    /// Ids of the failed checks.
    pub checks: Vec<&'static str>,
}

impl Cause {
    pub(super) fn shown(self, key: &AccessKey) -> Self {
        Self { headline: masked(&self.headline, key), advice: masked(&self.advice, key), ..self }
    }
}

/// All results of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The target.
    pub target: String,
    /// The profile.
    pub profile: Profile,
    /// The seed of the calls.
    pub seed: u64,
    /// Whether the calls were marked as tests.
    pub test_flag: bool,
    /// Number of calls made.
    pub calls: u32,
    /// The mistakes behind the failed checks, the heaviest first. Every failed check belongs to exactly one.
    pub causes: Vec<Cause>,
    /// One result per check, in the order of the table.
    pub results: Vec<CheckResult>,
}

impl Report {
    /// Returns whether no mandatory check failed, and the endpoint could be checked at all.
    pub fn is_ok(&self) -> bool {
        self.failures().all(|(result, _)| result.check.severity != Severity::Must) && self.passed() > 0
    }

    /// Returns the failed checks, the most severe first.
    pub fn failures(&self) -> impl Iterator<Item = (&CheckResult, &Failure)> {
        let mut failed: Vec<_> = self
            .results
            .iter()
            .filter_map(|result| match &result.outcome {
                Outcome::Failed(failure) => Some((result, failure)),
                _ => None,
            })
            .collect();
        failed.sort_by_key(|(result, _)| std::cmp::Reverse(result.check.severity));
        failed.into_iter()
    }

    /// Returns the ids of the failed checks, in the order of the run.
    pub fn failed_ids(&self) -> Vec<&'static str> {
        let failed = self.results.iter().filter(|result| matches!(result.outcome, Outcome::Failed(_)));
        failed.map(|result| result.check.id).collect()
    }

    /// Returns the number of passed checks.
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|result| result.outcome == Outcome::Passed).count()
    }

    fn not_run(&self) -> impl Iterator<Item = (&CheckResult, &str)> {
        self.results.iter().filter_map(|result| match &result.outcome {
            Outcome::NotRun { why } => Some((result, &**why)),
            _ => None,
        })
    }

    /// Returns remarks beside the outcomes.
    fn notes(&self) -> impl Iterator<Item = (&CheckResult, &str)> {
        self.results.iter().flat_map(|result| result.notes.iter().map(move |note| (result, &**note)))
    }

    /// Returns the failed checks of a cause.
    fn failures_of(&self, cause: &Cause) -> impl Iterator<Item = (&CheckResult, &Failure)> {
        let checks = cause.checks.clone();
        self.failures().filter(move |(result, _)| checks.contains(&result.check.id))
    }

    fn verdict(&self) -> String {
        let failed = self.failures().count();
        let must = self.failures().filter(|(result, _)| result.check.severity == Severity::Must).count();
        let not_run = self.not_run().count();
        let verdict = if self.is_ok() { "PASS" } else { "FAIL" };
        format!(
            "{verdict}  {} on {}: {} passed, {failed} failed ({must} mandatory), {not_run} not run, {} calls",
            self.profile,
            self.target,
            self.passed(),
            self.calls,
        )
    }
}
