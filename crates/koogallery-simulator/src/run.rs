//! The run of one checker: which checks are run, in which order, and what comes of it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::check::{Check, Severity};
use super::checks::{self, Entry, Work};
use super::diagnosis;
use super::front_door::FrontDoor;
use super::profile::Profile;
use super::report::{Cause, CheckResult, Failure, Outcome, Report, command, masked};
use super::seen::listed;
use super::session::{OUT_OF_TIME, Session, Stop};
use super::symptom::Symptom;

/// Which checks are run.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// Slow checks too.
    pub(super) slow: bool,
    /// Only these, if any; what they need is run as well.
    pub(super) only: Vec<String>,
}

/// Checks that prove nothing once it is known that nothing is verified.
const OF_VERIFICATION: &[&str] =
    &["X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X11", "X12", "X13", "X14", "X15", "X16", "X18", "X19", "X20"];

/// Called before each check, with how many were run before and how many there are.
pub(super) type Progress = dyn Fn(&Check, usize, usize) + Send + Sync;

pub(super) async fn run(
    mut session: Session,
    selection: Selection,
    target: String,
    seed: u64,
    progress: &Progress,
) -> Report {
    let profile = session.profile;
    let mut outcomes: HashMap<&'static str, CheckResult> = HashMap::new();
    let mut waiting: VecDeque<_> = selection.entries(profile).into();
    let count = waiting.len();
    while let Some(entry) = waiting.pop_front() {
        progress(&entry.check, outcomes.len(), count);
        session.check = entry.check.id;
        let outcome = match entry.work {
            Work::Calls(_) => outcome_of(entry, &mut session, &outcomes, &selection).await,
            // Measured over all answers, so it comes last.
            Work::Answers => Outcome::Passed,
        };
        if entry.check.id == "A1" && session.exchanges.last().is_some_and(|it| it.duration > SLOW) {
            waiting.make_contiguous().sort_by_key(|entry| order_if_slow(entry));
        }
        let exchanges = std::mem::take(&mut session.exchanges);
        let notes = std::mem::take(&mut session.notes);
        outcomes.insert(entry.check.id, CheckResult { check: entry.check, outcome, notes, exchanges });
    }
    session.judge.remark_durations();
    // In the order of the table, however they were run.
    let ordered = checks::of(profile).filter_map(|entry| Some((entry, outcomes.remove(entry.check.id)?)));
    let mut results: Vec<_> = ordered.map(|(entry, result)| with_findings(entry, result, &mut session)).collect();
    results.retain(|result| selection.is_shown(result.check.id));
    if session.has_stopped() {
        // Whatever passed before, what was not run would have failed.
        let stopped = "the endpoint stops answering during the run";
        if let Some(reach) =
            results.iter_mut().find(|result| result.check.id == "R1" && result.outcome == Outcome::Passed)
        {
            let failure = Failure::new("an answer to every call", "none to the last calls", stopped);
            reach.outcome = Outcome::Failed(Failure { symptom: Symptom::Unreachable, ..failure });
        }
    }
    find_front_door(&mut session, &results).await;
    let causes = diagnosis::causes(&results, &session);
    for result in &mut results {
        if let Outcome::Failed(failure) = &mut result.outcome {
            *failure = failure.clone().shown(&session.key);
        }
        result.notes.iter_mut().for_each(|note| *note = masked(note, &session.key));
    }
    let causes = causes
        .into_iter()
        .map(|cause| Cause { repeat: command::check(&target, profile, &cause.checks), ..cause.shown(&session.key) });
    let causes = causes.collect();
    Report { target, profile, seed, test_flag: session.author.test_flag, calls: session.calls, causes, results }
}

/// Finds out what calls reach first, where it may be to blame.
async fn find_front_door(session: &mut Session, results: &[CheckResult]) {
    const SPOILT: &[&str] = &["A1", "A2", "A3", "A6", "A11", "A12", "R5", "R8", "F4"];
    let is_failed = |result: &CheckResult| matches!(result.outcome, Outcome::Failed(_));
    let is_suspected = results.iter().any(|result| is_failed(result) && SPOILT.contains(&result.check.id));
    if is_suspected
        && !session.has_stopped()
        && let Some(target) = session.http_target()
        && let Some(door) = FrontDoor::ask(target).await
    {
        // Answers may name a server behind it.
        session.front_door = Some(match session.front_door.take() {
            Some(named) if named.is_a_better_name_for(&door) => named,
            _ => door,
        });
    }
}

/// From such an answer on, the time for the run is short.
const SLOW: Duration = Duration::from_secs(1);

/// Returns the place of a check where there is no time for all: what is refused is refused quickly, and shows most.
fn order_if_slow(entry: &Entry) -> u8 {
    match (entry.check.severity, entry.check.id.as_bytes().first()) {
        (Severity::Must, Some(b'X')) => 0,
        (Severity::Must, Some(b'I' | b'L' | b'Q')) => 1,
        (Severity::Must, _) => 2,
        _ => 3,
    }
}

/// Adds what the rules for every answer have found.
fn with_findings(entry: &Entry, mut result: CheckResult, session: &mut Session) -> CheckResult {
    let id = entry.check.id;
    let findings = &mut session.judge.findings;
    result.notes.extend(findings.notes.remove(id).unwrap_or_default());
    // A check that makes calls may also have a rule for every answer.
    if let Some((failure, mut exchange)) = findings.broken.remove(id) {
        let counts = findings.counts.remove(id).unwrap_or_default();
        let of = findings.judged.get(id).copied().unwrap_or_default();
        result.outcome = Outcome::Failed(counted(failure, counts, of));
        if !exchange.is_fired() {
            exchange.repeat = command::check(&session.target.name(), session.profile, &[id]);
        }
        result.exchanges = vec![exchange];
    } else if matches!(entry.work, Work::Answers) && !findings.judged.contains_key(id) {
        result.outcome = Outcome::NotRun { why: "no answer that the rule applies to".to_owned() };
    }
    result
}

/// Adds how many answers broke the rule, and to which calls.
fn counted(failure: Failure, counts: BTreeMap<String, u32>, of: u32) -> Failure {
    const NAMED: usize = 6;
    let all: u32 = counts.values().sum();
    let at = format!("{all} of {of} answers: {}", listed(counts.into_iter().collect(), NAMED, "others"));
    Failure { got: format!("{} ({at})", failure.got), cause: format!("{} ({at})", failure.cause), ..failure }
}

impl Selection {
    /// Returns the checks to run, with what they need. A rule for every answer needs all of them.
    fn entries(&self, profile: Profile) -> Vec<&'static Entry> {
        let mut wanted: HashSet<&str> = self.only.iter().map(String::as_str).collect();
        if checks::of(profile).any(|entry| matches!(entry.work, Work::Answers) && wanted.contains(entry.check.id)) {
            wanted.clear();
        }
        if !wanted.is_empty() {
            let all: Vec<_> = checks::of(profile).collect();
            // What a check needs stands before it.
            for entry in all.iter().rev().filter(|entry| !entry.needs.is_empty()) {
                if wanted.contains(entry.check.id) {
                    wanted.extend(entry.needs);
                }
            }
        }
        checks::of(profile).filter(|entry| wanted.is_empty() || wanted.contains(entry.check.id)).collect()
    }

    fn is_shown(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == id)
    }
}

async fn outcome_of(
    entry: &Entry,
    session: &mut Session,
    outcomes: &HashMap<&'static str, CheckResult>,
    selection: &Selection,
) -> Outcome {
    let Work::Calls(work) = entry.work else { return Outcome::Passed };
    let not_run = |why: String| Outcome::NotRun { why };
    if entry.is_slow && !selection.slow {
        return not_run("timing checks are off".to_owned());
    }
    if session.is_out_of_time() {
        return not_run(OUT_OF_TIME.to_owned());
    }
    let is = |id: &str, is: fn(&Outcome) -> bool| outcomes.get(id).is_some_and(|result| is(&result.outcome));
    if let Some(missing) = entry.needs.iter().find(|id| !is(id, |outcome| *outcome == Outcome::Passed)) {
        return not_run(format!("it proves nothing unless {missing} passes"));
    }
    let is_accepted = |outcome: &Outcome| matches!(outcome, Outcome::Failed(it) if it.symptom == Symptom::Accepted);
    if OF_VERIFICATION.contains(&entry.check.id) && is("X1", is_accepted) && session.is_wholly_unverified {
        return not_run("calls without a signature are accepted (X1)".to_owned());
    }
    // Calls that may do harm to a weak endpoint come after the forged ones.
    let is_about_more =
        !entry.needs.is_empty() && !matches!(entry.check.id.as_bytes().first(), Some(b'R' | b'A' | b'X'));
    let asked = if is_about_more { checks::find_out(session).await } else { Ok(()) };
    let outcome = match asked {
        Ok(()) => work(session).await,
        Err(stop) => Err(stop),
    };
    match outcome {
        Ok(()) => Outcome::Passed,
        Err(Stop::Failed(failure)) => Outcome::Failed(failure),
        Err(Stop::NotRun(why)) => not_run(why),
    }
}
