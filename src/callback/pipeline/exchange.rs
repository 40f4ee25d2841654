//! The state of one exchange.

use std::sync::Arc;

use bytes::Bytes;

use crate::activity::Activity;
use crate::callback::pipeline::executor::PendingChange;
use crate::callback::settings::Settings;
use crate::ledger::{Instance, LedgerError, StepStatus};
use crate::protocol::Protocol;
use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;

/// The instances of a query, as far as the ledger knows them.
pub(in crate::callback) type Found = Vec<Option<Arc<Instance>>>;

/// What the ledger was asked before the guard had decided about the call.
#[derive(Default)]
pub(in crate::callback) enum Asked {
    #[default]
    Nothing,
    /// The instances of a query.
    Instances(Result<Found, LedgerError>),
    /// The status of a change.
    Status(Result<StepStatus, LedgerError>),
}

/// The exchange, as far as it is known yet.
pub(in crate::callback) struct ExchangeState {
    pub(in crate::callback) protocol: Option<Protocol>,
    pub(in crate::callback) activity: Option<Activity>,
    pub(in crate::callback) test_call: bool,
    pub(in crate::callback) repeated: bool,
    pub(in crate::callback) key_index: usize,
    pub(in crate::callback) result_code: ResultCode,
    pub(in crate::callback) began: Timestamp,
    pub(in crate::callback) when_due: WhenDue,
}

impl ExchangeState {
    pub(in crate::callback) fn new(protocol: Option<Protocol>, began: Timestamp) -> Self {
        Self {
            protocol,
            activity: None,
            test_call: false,
            repeated: false,
            key_index: 0,
            result_code: ResultCode::Success,
            began,
            when_due: WhenDue::default(),
        }
    }
}

/// What is answered when the answer is due before the work is done. Known without asking a store: it may be a store
/// that takes so long.
#[derive(Default)]
pub(in crate::callback) enum WhenDue {
    /// Failure: nothing was begun that goes on.
    #[default]
    Failure,
    /// What the protocol says of a change that goes on in the background. Boxed, since most calls only find one done.
    Pending(Box<PendingChange>),
    /// The application was noted; its License is delivered later.
    Accepted,
    /// The answer, which only the replay guard has not taken yet.
    Written(Bytes),
}

/// A call that was read, and whose reply is due.
pub(in crate::callback) struct ReplyContext<'a> {
    pub(in crate::callback) protocol: Protocol,
    pub(in crate::callback) settings: &'a Settings,
    pub(in crate::callback) asked: Asked,
    pub(in crate::callback) progress: &'a mut ExchangeState,
}

impl ReplyContext<'_> {
    pub(in crate::callback) fn test_call(&self) -> bool {
        self.progress.test_call
    }
}
