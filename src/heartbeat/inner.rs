//! The parts of a heartbeat that its checks and its flights share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::{Rules, State};
use super::{Observer, StateStore};
use crate::clock::Clock;
use crate::open_api::Client;
use crate::random::Random;
use crate::redact::Sensitive;
use crate::runtime::Runtime;

pub(super) struct Inner {
    pub(super) license: Sensitive,
    pub(super) key: String,
    pub(super) store: Box<dyn StateStore>,
    pub(super) client: Client,
    pub(super) runtime: Box<dyn Runtime>,
    pub(super) clock: Box<dyn Clock>,
    pub(super) random: Box<dyn Random>,
    pub(super) observer: Box<dyn Observer>,
    pub(super) rules: Rules,
    pub(super) timeout: Duration,
    pub(super) auto_activate: bool,
    pub(super) state: Mutex<State>,
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
