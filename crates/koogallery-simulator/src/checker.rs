//! Runs the checks.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::checks::{self, Entry, Work};
use super::http_target::HttpTarget;
use super::judge::Judge;
use super::message::{Author, Ids};
use super::open_api_server::OpenApiServer;
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
/// The same seed makes the same calls, except for the time. Checks judge the answers, and the data of a [`Probe`] if there
/// is one: without it a duplicate instance behind a correct answer is not found.
#[doc(alias = "conformance")]
#[doc(alias = "compliance")]
#[doc(alias = "test suite")]
pub struct Checker {
    target: Arc<dyn ErasedTarget>,
    http: Option<HttpTarget>,
    keys: AccessKeys,
    profile: Profile,
    seed: u64,
    clock: Arc<dyn Clock>,
    probe: Option<Arc<dyn ErasedProbe>>,
    timing_checks: bool,
    deadline: Option<Duration>,
    ready_timeout: Option<Duration>,
    open_api: Option<OpenApiServer>,
    travel: Option<Box<dyn Fn(Duration) + Send + Sync>>,
    is_local: bool,
    test_flag: bool,
    #[cfg(feature = "rsa")]
    public_key: Option<super::PublicKey>,
}

/// Reason why no check could be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is no key to sign calls with.
    #[error("no key for {0} calls; set the key of {interfaces}", interfaces = Names(.0.interfaces()))]
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

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker")
            .field("target", &self.target.name())
            .field("profile", &self.profile)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Checker {
    /// Creates a checker of a target, as a marketplace that has these keys.
    pub fn new(target: impl Target, keys: AccessKeys) -> Self {
        let is_local = Target::is_local(&target);
        let http = (&target as &dyn Any).downcast_ref::<HttpTarget>().cloned();
        Self {
            target: Arc::new(target),
            http,
            keys,
            profile: Profile::Protocol(Protocol::SaasV2),
            seed: 0,
            clock: Arc::new(SystemClock),
            probe: None,
            timing_checks: false,
            deadline: None,
            ready_timeout: None,
            open_api: None,
            travel: None,
            is_local,
            test_flag: !is_local,
            #[cfg(feature = "rsa")]
            public_key: None,
        }
    }

    /// Checks the connections of this target as well: its name, TLS, and connections that are kept alive (default: those of
    /// an [`HttpTarget`]). Needed only for a target that wraps one.
    #[must_use]
    pub fn with_connection_checks(mut self, target: HttpTarget) -> Self {
        self.http = Some(target);
        self
    }

    /// Sets the profile (default: [`Protocol::SaasV2`]).
    #[must_use]
    pub fn with_profile(mut self, profile: impl Into<Profile>) -> Self {
        self.profile = profile.into();
        self
    }

    /// Sets the seed for ids and nonces (default: 0). An endpoint with a durable store needs a new seed for every run,
    /// because it remembers the orders of the previous one.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the clock for the calls (default: system clock).
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the probe that lists the seller's instances, so that effects are checked too.
    #[must_use]
    pub fn with_probe(mut self, probe: impl Probe) -> Self {
        self.probe = Some(Arc::new(probe));
        self
    }

    /// Sets whether to run slow checks and those that make many calls, such as bursts and concurrent calls (default:
    /// off).
    #[must_use]
    pub fn with_timing_checks(mut self, on: bool) -> Self {
        self.timing_checks = on;
        self
    }

    /// Sets the maximum response time. Default: the marketplace's own timeout, 5 s (V2.0) or 20 s (V1.0, the Kit, and
    /// the console's debugging page).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the timeout for an instance to become ready after `000004` (default: 10 s).
    #[must_use]
    pub fn with_ready_timeout(mut self, limit: Duration) -> Self {
        self.ready_timeout = Some(limit);
        self
    }

    /// Sets the open-API server that the seller calls during the run. It serves the orders that the checker invents,
    /// and receives pushed usage, so that both are checked as well. Every instance that the checker buys is registered
    /// there as pay-per-use; earlier pushes count too. Failed pushes must be retried within the [ready
    /// timeout](Self::with_ready_timeout); [faults](OpenApiServer::add_fault) make them fail.
    #[must_use]
    pub fn with_open_api(mut self, open_api: OpenApiServer) -> Self {
        self.open_api = Some(open_api);
        self
    }

    /// Sets a function that moves time forward, for the checker's [clock](Self::with_clock) and for the endpoint, so that
    /// checks can see an order after days; without it such checks are not run, or less thorough.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use koogallery::clock::ManualClock;
    /// # use koogallery::key::AccessKeys;
    /// # use koogallery_simulator::Checker;
    /// # fn checked(target: impl koogallery_simulator::Target, keys: AccessKeys) -> Checker {
    /// let clock = Arc::new(ManualClock::new("20300101000000".parse().unwrap()));
    /// // The endpoint reads the same clock.
    /// Checker::new(target, keys).with_clock(Arc::clone(&clock)).with_time_travel(move |by| clock.advance(by))
    /// # }
    /// ```
    #[must_use]
    pub fn with_time_travel(mut self, travel: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.travel = Some(Box::new(travel));
        self
    }

    /// Sets whether calls are marked as tests (`testFlag` 1). Default: only if the target is not
    /// [local](Target::is_local). Checks of effects are not run then.
    #[must_use]
    pub fn with_test_flag(mut self, on: bool) -> Self {
        self.test_flag = on;
        self
    }

    /// Sets the seller's public RSA key. With it the Kit receives applications with encrypted client secrets; checks
    /// that need one are not run otherwise.
    #[cfg(feature = "rsa")]
    #[must_use]
    pub fn with_public_key(mut self, key: super::PublicKey) -> Self {
        self.public_key = Some(key);
        self
    }

    /// Makes the calls and judges the answers. An endpoint that stops answering ends the run early.
    ///
    /// # Errors
    ///
    /// There is no key to sign with. Problems with the target are part of the report.
    pub async fn run(self) -> Result<Report, CheckError> {
        let profile = self.profile;
        let protocol = profile.protocol();
        let (interface, ring) = protocol.keys(&self.keys).ok_or(CheckError::NoKey(protocol))?;
        let ring = ring.clone();
        // Authorization codes are known from orders only; the debugging page sends unknown ones as tests.
        let test_flag =
            self.test_flag || matches!(profile, Profile::Console | Profile::Protocol(Protocol::LicenseCode));
        let author = Author { profile, ids: Ids::new(self.seed), test_flag, open_api: self.open_api };
        let name = self.target.name();
        let judge = Judge::new(profile, ring, self.keys.clone(), interface, Arc::clone(&self.clock));
        let mut session = Session::new(self.target, self.http, judge, author, self.clock, self.probe);
        session.judge.is_local = self.is_local;
        session.travel = self.travel;
        session.ready_timeout = self.ready_timeout.unwrap_or(session.ready_timeout);
        session.judge.deadline = self.deadline.unwrap_or(session.judge.deadline);
        #[cfg(feature = "rsa")]
        if let Some(key) = &self.public_key {
            session.client_secrets = key.seal("test-client-secret", self.seed);
        }

        let mut results: Vec<CheckResult> = Vec::new();
        let mut passed = HashSet::new();
        for entry in checks::of(profile) {
            let outcome = match entry.work {
                Work::Calls(_) => outcome_of(entry, &mut session, &passed, self.timing_checks).await,
                // Measured over all answers, so it comes last.
                Work::Answers => Outcome::Passed,
            };
            if outcome == Outcome::Passed {
                passed.insert(entry.check.id);
            }
            let exchanges = std::mem::take(&mut session.exchanges);
            let notes = std::mem::take(&mut session.notes);
            results.push(CheckResult { check: entry.check, outcome, notes, exchanges });
        }
        session.judge.remark_durations();
        for (entry, result) in checks::of(profile).zip(&mut results) {
            result.notes.extend(session.judge.findings.notes.remove(entry.check.id).unwrap_or_default());
            // A check that makes calls may also have a rule for every answer.
            if let Some((failure, exchange)) = session.judge.findings.broken.remove(entry.check.id) {
                result.outcome = Outcome::Failed(failure);
                result.exchanges = vec![exchange];
            } else if matches!(entry.work, Work::Answers) && !session.judge.findings.judged.contains_key(entry.check.id)
            {
                result.outcome = Outcome::NotRun { why: "no answer that the rule applies to".to_owned() };
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
        return not_run(format!("it proves nothing unless {missing} passes"));
    }
    match work(session).await {
        Ok(()) => Outcome::Passed,
        Err(Stop::Failed(failure)) => Outcome::Failed(failure),
        Err(Stop::NotRun(why)) => not_run(why),
    }
}
