//! The state of one exchange.

use std::time::Duration;

use crate::activity::Activity;
use crate::callback::environment::Environment;
use crate::callback::settings::Settings;
use crate::protocol::Protocol;
use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;

/// The exchange, as far as it is known yet.
pub(in crate::callback) struct ExchangeState {
    pub(in crate::callback) protocol: Option<Protocol>,
    pub(in crate::callback) activity: Option<Activity>,
    pub(in crate::callback) test_call: bool,
    pub(in crate::callback) repeated: bool,
    pub(in crate::callback) key_index: usize,
    pub(in crate::callback) result_code: ResultCode,
    pub(in crate::callback) began: Timestamp,
}

/// A call that was read, and whose reply is due.
pub(in crate::callback) struct ReplyContext<'a> {
    pub(in crate::callback) protocol: Protocol,
    pub(in crate::callback) settings: &'a Settings,
    pub(in crate::callback) environment: &'a Environment,
    /// Time at which the answer is due.
    pub(in crate::callback) ends: Timestamp,
    pub(in crate::callback) progress: &'a mut ExchangeState,
}

impl ReplyContext<'_> {
    pub(in crate::callback) fn test_call(&self) -> bool {
        self.progress.test_call
    }

    /// Time within which an answer is due.
    pub(in crate::callback) fn deadline(&self) -> Duration {
        self.settings.deadline_of(self.protocol)
    }

    pub(in crate::callback) fn time_left(&self) -> Duration {
        let left = self.ends.as_unix_millis().saturating_sub(self.environment.now().as_unix_millis());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}
