//! Runs the checks.

mod error;

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::charging::Charging;
use super::check::Check;
use super::http_target::HttpTarget;
use super::judge::Judge;
use super::message::{Author, Ids};
use super::open_api_server::OpenApiServer;
use super::probe::{ErasedProbe, Probe};
use super::profile::Profile;
use super::report::Report;
use super::run::{Progress, Selection, run};
use super::session::{Session, TIME_BUDGET};
use super::target::{ErasedTarget, Target};
pub use error::CheckError;
use koogallery::clock::{Clock, SystemClock};
use koogallery::key::AccessKeys;
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
    charging: Vec<Charging>,
    fields: Vec<(String, String)>,
    only: Vec<String>,
    time_budget: Duration,
    progress: Box<Progress>,
    #[cfg(feature = "rsa")]
    public_key: Option<super::PublicKey>,
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
            charging: Vec::new(),
            fields: Vec::new(),
            only: Vec::new(),
            time_budget: TIME_BUDGET,
            progress: Box::new(|_, _, _| ()),
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
    /// there, as a package or as pay-per-use; earlier pushes count too, and what was pushed is compared with the answers to
    /// queries. Failed pushes must be retried within the [ready
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

    /// Sets the ways of charging for the product, which decide which callbacks have to be implemented. Default: unknown; the
    /// endpoint is asked which of the callbacks it implements that not every product needs.
    #[must_use]
    pub fn with_charging(mut self, charging: impl IntoIterator<Item = Charging>) -> Self {
        self.charging = charging.into_iter().collect();
        self
    }

    /// Sets a field that every purchase has (`newInstance`, `getLicense`), such as one that the marketplace always sends for
    /// the product. Every value is written as text.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Runs only the checks with these ids, and those that they need; the report shows the former (default: all). Unknown
    /// ids are an error of [`run`](Self::run).
    #[must_use]
    pub fn with_only(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the time after which no more checks are run; the report lists those that were left out (default: 115
    /// s, so that a verdict comes within 2 minutes).
    #[must_use]
    pub fn with_time_budget(mut self, limit: Duration) -> Self {
        self.time_budget = limit;
        self
    }

    /// Sets a function that is called before each check: with the check, how many were run before, and how many there are.
    #[must_use]
    pub fn with_progress(mut self, progress: impl Fn(&Check, usize, usize) + Send + Sync + 'static) -> Self {
        self.progress = Box::new(progress);
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
    /// There is no key to sign with, a selected check does not exist, or the seller's instances cannot be listed. Problems
    /// with the target are part of the report.
    pub async fn run(self) -> Result<Report, CheckError> {
        let profile = self.profile;
        let protocol = profile.protocol();
        let (interface, ring) = protocol.keys(&self.keys).ok_or(CheckError::NoKey(protocol))?;
        let ring = ring.clone();
        // Authorization codes are known from orders only; the debugging page sends unknown ones as tests.
        let test_flag = self.test_flag || profile.is_console() || protocol == Protocol::LicenseCode;
        if let Some(unknown) = self.only.iter().find(|id| Check::of(profile).iter().all(|check| check.id != **id)) {
            return Err(CheckError::UnknownCheck(profile, unknown.clone()));
        }
        if let Some(probe) = &self.probe {
            probe.instances().await?;
        }
        let author = Author {
            profile,
            ids: Ids::new(self.seed),
            test_flag,
            open_api: self.open_api,
            began: self.clock.now(),
            charging: self
                .charging
                .iter()
                .copied()
                .max_by_key(|way| *way == Charging::Period)
                .unwrap_or(Charging::Period),
            fields: self.fields.into_iter().map(|(name, value)| (name, Some(value.into()))).collect(),
            sends_flag_off: false,
            not_served: HashSet::new(),
        };
        let name = self.target.name();
        let judge = Judge::new(profile, ring, self.keys.clone(), interface, Arc::clone(&self.clock));
        let mut session = Session::new(self.target, self.http, judge, author, self.clock, self.probe);
        session.judge.is_local = self.is_local;
        session.travel = self.travel;
        session.charging = self.charging;
        session.until = Instant::now() + self.time_budget;
        session.ready_timeout = self.ready_timeout.unwrap_or(session.ready_timeout);
        session.judge.deadline = self.deadline.unwrap_or(session.judge.deadline);
        #[cfg(feature = "rsa")]
        if let Some(key) = &self.public_key {
            session.client_secrets = key.seal("test-client-secret", self.seed);
        }

        let selection = Selection { slow: self.timing_checks, only: self.only };
        Ok(run(session, selection, name, self.seed, &*self.progress).await)
    }
}
