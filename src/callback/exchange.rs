//! One exchange, as far as it has come.

use std::time::Duration;

use super::settings::Settings;
use crate::activity::Activity;
use crate::clock::Clock;
use crate::protocol::Protocol;
use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;

/// Which exchange this is, as far as it is known yet.
pub(super) struct Progressing {
    pub(super) protocol: Option<Protocol>,
    pub(super) activity: Option<Activity>,
    pub(super) test_call: bool,
    pub(super) repeated: bool,
    pub(super) key_index: usize,
    pub(super) result_code: ResultCode,
    pub(super) began: Timestamp,
}

/// An exchange whose call was read and is to be replied to.
pub(super) struct Exchanging<'a> {
    pub(super) protocol: Protocol,
    pub(super) settings: &'a Settings,
    pub(super) clock: &'a dyn Clock,
    /// When the answer is due.
    pub(super) ends: Timestamp,
    pub(super) test_call: bool,
    pub(super) progress: &'a mut Progressing,
}

impl Exchanging<'_> {
    /// After how long an answer is due.
    pub(super) fn deadline(&self) -> Duration {
        self.settings.deadline_of(self.protocol)
    }

    pub(super) fn time_left(&self) -> Duration {
        let left = self.ends.as_unix_millis().saturating_sub(self.clock.now().as_unix_millis());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}
