//! The result of a run.

pub(super) mod command;
mod exchange;
mod html;
mod json;
mod junit;
mod lines;
mod localized;
mod markdown;
mod picture;
mod text;

use super::check::{Check, Severity};
use super::masking::MASK;
use super::profile::Profile;
use super::session::OUT_OF_TIME;
use super::symptom::Symptom;
pub(super) use command::Origin;
pub use exchange::Exchange;
pub(super) use exchange::WholeBodies;
use koogallery::key::AccessKey;
use lines::{cut, printable};
pub use localized::{LocalizedReport, Translate};

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
    cut(&printable(text).replace(key.expose(), MASK), 1536, 512)
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

impl CheckResult {
    /// Returns advice on fixing the failure: that of the check, unless the likely mistake is another one.
    pub fn hint(&self) -> &str {
        match &self.outcome {
            Outcome::Failed(failure) => failure.advice.unwrap_or(self.check.hint),
            _ => self.check.hint,
        }
    }
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
    /// A command line that runs these checks again.
    pub repeat: String,
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
    /// Returns whether no mandatory check failed or [was left out](Self::is_complete), and the endpoint could be checked at all.
    pub fn is_ok(&self) -> bool {
        self.has_no_mistake() && self.passed() > 0 && self.is_complete()
    }

    /// Returns whether the time sufficed for all mandatory checks. A longer one is set by
    /// [`Checker::with_time_budget`](crate::Checker::with_time_budget).
    pub fn is_complete(&self) -> bool {
        self.out_of_time().all(|result| result.check.severity != Severity::Must)
    }

    fn has_no_mistake(&self) -> bool {
        self.failures().all(|(result, _)| result.check.severity != Severity::Must)
    }

    fn out_of_time(&self) -> impl Iterator<Item = &CheckResult> {
        self.not_run().filter(|(_, why)| *why == OUT_OF_TIME).map(|(result, _)| result)
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
        self.verdict_on(&self.target)
    }

    fn verdict_on(&self, target: &str) -> String {
        let failed = self.failures().count();
        let must = self.failures().filter(|(result, _)| result.check.severity == Severity::Must).count();
        let not_run = self.not_run().count();
        let late = match self.out_of_time().count() {
            0 => String::new(),
            late => format!(" ({late} for lack of time)"),
        };
        let verdict = match self.has_no_mistake() && self.passed() > 0 {
            true if self.is_complete() => "PASS",
            true => "INCOMPLETE",
            false => "FAIL",
        };
        format!(
            "{verdict}  {} on {}: {} passed, {failed} failed ({must} mandatory), {not_run} not run{late}, {} calls",
            self.profile,
            target,
            self.passed(),
            self.calls,
        )
    }
}
