//! What a run found.

mod json;
mod junit;
mod markdown;
mod text;

use std::time::Duration;

use super::call::{Call, Proof};
use super::check::{Check, Severity};
use super::masking::{MASK, Masking};
use super::profile::Profile;
use super::target::{Answer, TargetError};
use koogallery::key::AccessKey;

/// Bytes of a body that a report shows.
const SHOWN: usize = 2048;

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The rule is kept.
    Passed,
    /// It is broken.
    Failed(Failure),
    /// Nothing can be said.
    NotRun {
        /// Why not.
        why: String,
    },
}

/// How a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What the rule asks for.
    pub expected: String,
    /// What came instead.
    pub got: String,
    /// What the mistake behind it probably is.
    pub cause: String,
}

impl Failure {
    /// What an answer says may hold the key.
    pub(super) fn shown(self, key: &AccessKey) -> Self {
        let masked = |text: String| masked(&text, key);
        Self { expected: masked(self.expected), got: masked(self.got), cause: masked(self.cause) }
    }
}

/// What a stranger says, fit to be shown.
pub(super) fn masked(text: &str, key: &AccessKey) -> String {
    printable(text).replace(key.expose(), MASK)
}

/// A call and its answer, without secrets: the signature is masked, and so is personal data of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// What the call was about.
    pub activity: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The beginning of the request's body.
    pub request_body: String,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// The headers of the answer.
    pub answer_headers: Vec<(String, String)>,
    /// The beginning of its body.
    pub answer_body: String,
    /// Why no answer came.
    pub error: Option<String>,
    /// How long the answer took.
    pub duration: Duration,
    /// A command line that repeats the call, once `$SIGNATURE` stands for a signature: a time-bound one has to be made anew,
    /// with a new time.
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

/// Knows what no report may show.
fn masking(call: &Call, key: Option<&AccessKey>) -> Masking {
    let mut masking = Masking::default();
    key.into_iter().for_each(|key| masking.add_secret(key.expose()));
    // That which was sent may be the right one of another call.
    let sent = call.proof(Proof::Signature).filter(|sent| sent.len() > 16).map(str::to_owned);
    for signature in key.and_then(|key| call.right_signature(key)).into_iter().chain(sent) {
        masking.add_secret(&signature);
    }
    masking
}

/// A report is read on terminals, which obey what a stranger sends.
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

/// A check and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// What was measured, or is worth knowing although the rule is kept; a line each.
    pub notes: Vec<String>,
    /// Its last calls; of a rule for every answer, the one that broke it.
    pub exchanges: Vec<Exchange>,
}

/// All results of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What was checked.
    pub target: String,
    /// Against which rules.
    pub profile: Profile,
    /// From what the calls were drawn.
    pub seed: u64,
    /// Whether the calls said that they were only a test.
    pub test_flag: bool,
    /// How many calls were made.
    pub calls: u32,
    /// One result per check, in the order of the run.
    pub results: Vec<CheckResult>,
}

impl Report {
    /// Whether no mandatory check failed, and the endpoint could be checked at all.
    pub fn is_ok(&self) -> bool {
        self.failures().all(|(result, _)| result.check.severity != Severity::Must) && self.passed() > 0
    }

    /// The failed checks, the gravest first.
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

    /// The ids of the failed checks, in the order of the run.
    pub fn failed_ids(&self) -> Vec<&'static str> {
        let failed = self.results.iter().filter(|result| matches!(result.outcome, Outcome::Failed(_)));
        failed.map(|result| result.check.id).collect()
    }

    /// How many checks passed.
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|result| result.outcome == Outcome::Passed).count()
    }

    fn not_run(&self) -> impl Iterator<Item = (&CheckResult, &str)> {
        self.results.iter().filter_map(|result| match &result.outcome {
            Outcome::NotRun { why } => Some((result, &**why)),
            _ => None,
        })
    }

    /// What was found out beside the outcomes.
    fn notes(&self) -> impl Iterator<Item = (&CheckResult, &str)> {
        self.results.iter().flat_map(|result| result.notes.iter().map(move |note| (result, &**note)))
    }

    /// The failures that have one cause, in order of their gravity.
    fn causes(&self) -> Vec<(&str, Vec<(&CheckResult, &Failure)>)> {
        let mut causes: Vec<(&str, Vec<(&CheckResult, &Failure)>)> = Vec::new();
        for (result, failure) in self.failures() {
            match causes.iter_mut().find(|(cause, _)| *cause == failure.cause) {
                Some((_, failures)) => failures.push((result, failure)),
                None => causes.push((&failure.cause, vec![(result, failure)])),
            }
        }
        causes
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
