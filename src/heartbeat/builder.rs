//! Setting up the heartbeat of a License.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::UtcOffset;

use super::check::{Heartbeat, Inner};
use super::record::key_of;
use super::state::Rules;
use super::{Observer, StateStore, StderrObserver};
use crate::clock::{Clock, SystemClock};
use crate::open_api::Client;
use crate::random::{OsRandom, Random};
use crate::redact::Sensitive;
use crate::runtime::Runtime;
use crate::timestamp::CHINA;

/// Whether the software may be used while the marketplace cannot be asked.
///
/// That is: it cannot be reached, does not answer in time, answers with an error of its own or of a proxy, or does not
/// accept the AK/SK. What it said of the License before, and the expiry it told, are never overridden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// No.
    #[default]
    FailClosed,
    /// Yes, on an answer of an earlier day.
    FailOpen {
        /// Counted from that answer.
        for_at_most: Duration,
    },
}

/// Settings of a [`Heartbeat`].
pub struct HeartbeatBuilder {
    inner: Inner,
}

impl Heartbeat {
    /// Begins with the License code (授权码), a store for its state, a client with AK/SK, and a runtime.
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
                    policy: Policy::default(),
                    day_zone: CHINA,
                    longest_pause: Duration::from_secs(15 * 60),
                },
                patience: Duration::from_secs(10),
                activates: true,
                state: Default::default(),
            },
        }
    }
}

impl HeartbeatBuilder {
    /// Whether the software may be used while the marketplace cannot be asked; [`Policy::FailClosed`] unless set.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.inner.rules.policy = policy;
        self
    }

    /// Whether a code that was never activated is activated at its first use; yes unless set. No is for sellers whose
    /// server activates at delivery.
    #[must_use]
    pub fn activation(mut self, activates: bool) -> Self {
        self.inner.activates = activates;
        self
    }

    /// The zone whose midnight begins a day; Beijing's (UTC+8) unless set. The documents name none.
    #[must_use]
    pub fn day_zone(mut self, zone: UtcOffset) -> Self {
        self.inner.rules.day_zone = zone;
        self
    }

    /// How long a check waits for the marketplace before it goes by the [`Policy`]; 10 seconds unless set. The call goes on
    /// meanwhile, and later checks know its answer.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.inner.patience = patience;
        self
    }

    /// The longest pause after failed calls; 15 minutes unless set. Pauses begin at 30 seconds and double, and half of each
    /// is drawn.
    #[must_use]
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.inner.rules.longest_pause = pause;
        self
    }

    /// Is told what happens; [`StderrObserver`] unless set.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.inner.observer = Box::new(observer);
        self
    }

    /// Tells the time; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.inner.clock = Box::new(clock);
        self
    }

    /// Gives randomness for pauses; the operating system's unless set.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.inner.random = Box::new(random);
        self
    }

    /// The heartbeat. Nothing is read or asked before the first check.
    ///
    /// # Errors
    ///
    /// The License code cannot be one.
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

/// A text is no License code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a License code has between 1 and 64 characters and no white space")]
pub struct LicenseCodeError;
