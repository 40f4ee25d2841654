//! Settings of a heartbeat.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::UtcOffset;

use super::check::Heartbeat;
use super::inner::Inner;
use super::record::key_of;
use super::state::Rules;
use super::{Observer, StateStore, StderrObserver};
use crate::clock::{Clock, SystemClock};
use crate::open_api::Client;
use crate::random::{OsRandom, Random};
use crate::redact::Sensitive;
use crate::runtime::Runtime;
use crate::timestamp::CHINA;

/// The decision on use while the marketplace cannot be asked.
///
/// That is: it cannot be reached, times out, answers with an internal error or a proxy does, or does not accept the
/// AK/SK. Its earlier answers about the License, and the expiry in them, are never overridden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OfflinePolicy {
    /// No use.
    #[default]
    FailClosed,
    /// Use on the last answer of an earlier day.
    FailOpen {
        /// The longest time since that answer.
        for_at_most: Duration,
    },
}

/// Settings of a [`Heartbeat`].
pub struct HeartbeatBuilder {
    inner: Inner,
}

impl Heartbeat {
    /// Returns a builder for a License code (授权码), a store for its state, a client with AK/SK, and a runtime.
    pub fn builder(
        license: impl Into<Sensitive>,
        store: impl StateStore,
        client: Client,
        runtime: impl Runtime,
    ) -> HeartbeatBuilder {
        let license = license.into();
        HeartbeatBuilder {
            inner: Inner {
                key: key_of(license.expose()),
                license,
                store: Box::new(store),
                client,
                runtime: Box::new(runtime),
                clock: Box::new(SystemClock),
                random: Box::new(OsRandom),
                observer: Box::new(StderrObserver),
                rules: Rules {
                    policy: OfflinePolicy::default(),
                    day_zone: CHINA,
                    longest_pause: Duration::from_secs(15 * 60),
                },
                timeout: Duration::from_secs(10),
                auto_activate: true,
                state: Default::default(),
            },
        }
    }
}

impl HeartbeatBuilder {
    /// Sets the decision on use while the marketplace cannot be asked (default: [`OfflinePolicy::FailClosed`]).
    #[must_use]
    pub fn offline_policy(mut self, policy: OfflinePolicy) -> Self {
        self.inner.rules.policy = policy;
        self
    }

    /// Sets whether a code that was never activated is activated at its first use (default: true). `false` is for
    /// sellers whose server activates at delivery.
    #[must_use]
    pub fn auto_activate(mut self, is_on: bool) -> Self {
        self.inner.auto_activate = is_on;
        self
    }

    /// Sets the time zone whose midnight begins a day (default: Beijing, UTC+8). The documents name none.
    #[must_use]
    pub fn day_zone(mut self, zone: UtcOffset) -> Self {
        self.inner.rules.day_zone = zone;
        self
    }

    /// Sets how long a check waits for the marketplace before the [`OfflinePolicy`] applies (default: 10 seconds). The
    /// call continues in the background, and later checks know its answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.inner.timeout = timeout;
        self
    }

    /// Sets the longest pause after failed calls (default: 15 minutes). Pauses begin at 30 seconds and double, and half
    /// of each is random.
    #[must_use]
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.inner.rules.longest_pause = pause;
        self
    }

    /// Sets the observer (default: [`StderrObserver`]).
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.inner.observer = Box::new(observer);
        self
    }

    /// Sets the clock (default: system clock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.inner.clock = Box::new(clock);
        self
    }

    /// Sets the source of randomness for pauses (default: the operating system's).
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.inner.random = Box::new(random);
        self
    }

    /// Creates the heartbeat. Nothing is read or asked before the first check.
    ///
    /// # Errors
    ///
    /// The License code is invalid.
    pub fn build(self) -> Result<Heartbeat, LicenseCodeError> {
        let license = self.inner.license.expose();
        let is_code = (1..=64).contains(&license.chars().count()) && !license.contains(char::is_whitespace);
        if is_code { Ok(Heartbeat { inner: Arc::new(self.inner) }) } else { Err(LicenseCodeError) }
    }
}

impl fmt::Debug for HeartbeatBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatBuilder").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}

/// An invalid License code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid License code: expected 1 to 64 characters without white space")]
#[non_exhaustive]
pub struct LicenseCodeError;
