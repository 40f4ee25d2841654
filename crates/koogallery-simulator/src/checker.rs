//! Running the checks.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::check::{Entry, Work};
use super::checks;
use super::desk::Desk;
use super::message::{Author, Ids};
use super::probe::{ErasedProbe, Probe};
use super::profile::Profile;
use super::report::{CheckResult, Outcome, Report, masked};
use super::session::{Session, Stop};
use super::target::{ErasedTarget, Target};
use koogallery::clock::{Clock, SystemClock};
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;

/// Checks one endpoint under one profile.
///
/// The same seed makes the same calls, but for the time. What a check finds out it takes from the answers, and from a
/// [`Probe`] if there is one: without it a duplicate that is hidden behind a right answer stays hidden.
pub struct Checker {
    target: Arc<dyn ErasedTarget>,
    keys: AccessKeys,
    profile: Profile,
    seed: u64,
    clock: Arc<dyn Clock>,
    probe: Option<Arc<dyn ErasedProbe>>,
    timing_checks: bool,
    deadline: Option<Duration>,
    ready_within: Option<Duration>,
    desk: Option<Desk>,
    travel: Option<Box<dyn Fn(Duration) + Send + Sync>>,
    is_local: bool,
    test_flag: bool,
    #[cfg(feature = "rsa")]
    public_key: Option<super::PublicKey>,
}

/// Why no check could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is nothing to sign calls with.
    #[error("no key is given that signs {0} calls; that of {interfaces} does", interfaces = Names(.0.interfaces()))]
    NoKey(Protocol),
}

/// Interface types, one of which is enough.
struct Names(&'static [InterfaceType]);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, interface) in self.0.iter().enumerate() {
            write!(f, "{}{interface:?}", if index > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}

impl Checker {
    /// Checks a target as a marketplace that has these keys.
    pub fn new(target: impl Target, keys: AccessKeys) -> Self {
        let is_local = Target::is_local(&target);
        Self {
            target: Arc::new(target),
            keys,
            profile: Profile::Protocol(Protocol::SaasV2),
            seed: 0,
            clock: Arc::new(SystemClock),
            probe: None,
            timing_checks: false,
            deadline: None,
            ready_within: None,
            desk: None,
            travel: None,
            is_local,
            test_flag: !is_local,
            #[cfg(feature = "rsa")]
            public_key: None,
        }
    }

    /// Sets what is checked (default: [`Protocol::SaasV2`]).
    #[must_use]
    pub fn profile(mut self, profile: impl Into<Profile>) -> Self {
        self.profile = profile.into();
        self
    }

    /// From what ids and nonces are drawn; 0 unless set. An endpoint with a durable store needs another for every run,
    /// since it knows the orders of the last one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Tells the time of the calls; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Looks at the seller's instances, so that effects are checked too.
    #[must_use]
    pub fn probe(mut self, probe: impl Probe) -> Self {
        self.probe = Some(Arc::new(probe));
        self
    }

    /// Whether to do what takes long or makes many calls: bursts, and many calls at once. Off unless set.
    #[must_use]
    pub fn timing_checks(mut self, on: bool) -> Self {
        self.timing_checks = on;
        self
    }

    /// Within which an answer has to come. Unless set it is what the marketplace waits for: 5 s (V2.0) or 20 s (V1.0, and
    /// the console's debugging page).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long an instance may take to get ready after `000004`; 10 s unless set.
    #[must_use]
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = Some(limit);
        self
    }

    /// What the seller calls meanwhile: there it learns what is in the orders that the checker makes up, and there it pushes
    /// usage, so that this is judged too. Every instance that the checker buys is made known there as
    /// one that is paid for by use; what was pushed before counts as well. Failed pushes have to come again within
    /// [the time](Self::ready_within) that an instance may take; [faults](Desk::add_fault) make them fail.
    #[must_use]
    pub fn desk(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Moves the time forward, for the checker's [clock](Self::clock) and for the endpoint. With it one sees what becomes
    /// of an order after days; such checks are not run, or say less, otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use koogallery::clock::ManualClock;
    /// # use koogallery::key::AccessKeys;
    /// # use koogallery_simulator::Checker;
    /// # fn checked(target: impl koogallery_simulator::Target, keys: AccessKeys) -> Checker {
    /// let clock = Arc::new(ManualClock::new("20300101000000".parse().unwrap()));
    /// // The endpoint reads the same clock.
    /// Checker::new(target, keys).clock(Arc::clone(&clock)).time_travel(move |by| clock.advance(by))
    /// # }
    /// ```
    #[must_use]
    pub fn time_travel(mut self, travel: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.travel = Some(Box::new(travel));
        self
    }

    /// Whether calls say that they are only a test (`testFlag` 1). Unless set they do so where the target is not
    /// [local](Target::is_local); checks of effects are not run then.
    #[must_use]
    pub fn test_flag(mut self, on: bool) -> Self {
        self.test_flag = on;
        self
    }

    /// The seller's public RSA key. With it the Kit is told of applications, whose client secrets are encrypted; what
    /// wants them is not run otherwise.
    #[cfg(feature = "rsa")]
    #[must_use]
    pub fn public_key(mut self, key: super::PublicKey) -> Self {
        self.public_key = Some(key);
        self
    }

    /// Makes the calls and judges the answers. An endpoint that stops answering ends the run early.
    ///
    /// # Errors
    ///
    /// There is no key to sign with. What is wrong with the target is in the report.
    pub async fn run(self) -> Result<Report, CheckError> {
        let profile = self.profile;
        let protocol = profile.protocol();
        let (_, ring) = protocol.keys(&self.keys).ok_or(CheckError::NoKey(protocol))?;
        let ring = ring.clone();
        // Nobody knows an authorization code but from an order; the debugging page sends others only as tests.
        let test_flag =
            self.test_flag || matches!(profile, Profile::Console | Profile::Protocol(Protocol::LicenseCode));
        let author = Author { profile, ids: Ids::new(self.seed), test_flag, desk: self.desk };
        let name = self.target.name();
        let mut session = Session::new(self.target, ring, self.keys, author, self.clock, self.probe);
        session.is_local = self.is_local;
        session.travel = self.travel;
        session.ready_within = self.ready_within.unwrap_or(session.ready_within);
        session.deadline = self.deadline.unwrap_or(session.deadline);
        #[cfg(feature = "rsa")]
        if let Some(key) = &self.public_key {
            session.client_secrets = key.seal("desk-client-secret", self.seed);
        }

        let mut results: Vec<CheckResult> = Vec::new();
        let mut passed = HashSet::new();
        for entry in checks::of(profile) {
            let outcome = match entry.work {
                Work::Calls(_) => outcome_of(entry, &mut session, &passed, self.timing_checks).await,
                // Told when all answers are in.
                Work::Answers => Outcome::Passed,
            };
            if outcome == Outcome::Passed {
                passed.insert(entry.check.id);
            }
            let exchanges = std::mem::take(&mut session.exchanges);
            let notes = std::mem::take(&mut session.notes);
            results.push(CheckResult { check: entry.check, outcome, notes, exchanges });
        }
        session.remark_durations();
        for (entry, result) in checks::of(profile).zip(&mut results) {
            result.notes.extend(session.findings.notes.remove(entry.check.id).unwrap_or_default());
            // A check by calls may have a rule for every answer as well.
            if let Some((failure, exchange)) = session.findings.broken.remove(entry.check.id) {
                result.outcome = Outcome::Failed(failure);
                result.exchanges = vec![exchange];
            } else if matches!(entry.work, Work::Answers) && !session.findings.judged.contains_key(entry.check.id) {
                result.outcome = Outcome::NotRun { why: "no answer to which the rule applies".to_owned() };
            }
        }
        for result in &mut results {
            if let Outcome::Failed(failure) = &mut result.outcome {
                *failure = failure.clone().shown(&session.key);
            }
            result.notes.iter_mut().for_each(|note| *note = masked(note, &session.key));
        }
        Ok(Report { target: name, profile, seed: self.seed, test_flag, calls: session.calls, results })
    }
}

async fn outcome_of(
    entry: &Entry,
    session: &mut Session,
    passed: &HashSet<&'static str>,
    timing_checks: bool,
) -> Outcome {
    let Work::Calls(work) = entry.work else { return Outcome::Passed };
    let not_run = |why: String| Outcome::NotRun { why };
    if entry.is_slow && !timing_checks {
        return not_run("timing checks are off".to_owned());
    }
    if session.has_given_up() {
        return not_run("the endpoint has stopped answering".to_owned());
    }
    if let Some(missing) = entry.needs.iter().find(|id| !passed.contains(*id)) {
        return not_run(format!("it would prove nothing while {missing} does not pass"));
    }
    match work(session).await {
        Ok(()) => Outcome::Passed,
        Err(Stop::Failed(failure)) => Outcome::Failed(failure),
        Err(Stop::NotRun(why)) => not_run(why),
    }
}
