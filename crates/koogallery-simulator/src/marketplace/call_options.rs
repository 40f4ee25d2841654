//! Ways in which a call can go wrong on purpose.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use tokio::time::timeout;

use super::CallbackFault;
use crate::delivery::Endpoint;
use crate::target::{Answer, ErasedTarget, TargetError};
use koogallery::key::{AccessKey, AccessKeys};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// Options that make a call go wrong on purpose; the default is a correct call.
///
/// ```
/// use std::time::Duration;
///
/// use koogallery_simulator::CallOptions;
///
/// let stale = CallOptions::default().clock_behind(Duration::from_secs(61));
/// let cut_off = CallOptions::default().disconnect_after(Duration::from_millis(5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    ahead: Duration,
    behind: Duration,
    key: Option<AccessKey>,
    is_damaged: bool,
    patience: Option<Duration>,
    fault: Option<CallbackFault>,
}

impl CallOptions {
    /// Sets the clock ahead.
    #[must_use]
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.ahead = by;
        self
    }

    /// Sets the clock back.
    #[must_use]
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.behind = by;
        self
    }

    /// Signs with another key than the seller's.
    #[must_use]
    pub fn sign_with(mut self, key: AccessKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds a field to the message after it was signed.
    #[must_use]
    pub fn tampered(mut self) -> Self {
        self.is_damaged = true;
        self
    }

    /// Disconnects without reading the answer if it takes longer than this (default: the marketplace's timeout, 5 s in
    /// V2.0 and 20 s in V1.0).
    #[must_use]
    pub fn disconnect_after(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Returns what goes wrong on purpose, such as `the clock is 61s behind; signed with another key`. Empty for a correct call.
    pub fn describe(&self) -> String {
        let Self { ahead, behind, key, is_damaged, patience, fault } = self;
        let parts = [
            (!ahead.is_zero()).then(|| format!("the clock is {ahead:?} ahead")),
            (!behind.is_zero()).then(|| format!("the clock is {behind:?} behind")),
            key.is_some().then(|| "signed with another key".to_owned()),
            is_damaged.then(|| "a field was added after signing".to_owned()),
            patience.map(|patience| format!("disconnected after {patience:?}")),
            fault.map(|fault| fault.describe().to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    pub(super) fn with_fault(mut self, fault: Option<CallbackFault>) -> Self {
        self.fault = fault;
        self
    }

    pub(super) fn time(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.ahead).saturating_sub(self.behind)
    }

    pub(super) fn endpoint(&self, right: &Endpoint, protocol: Protocol) -> Endpoint {
        let interface = protocol.interfaces().first().copied();
        let other =
            self.key.clone().zip(interface).and_then(|(key, interface)| AccessKeys::new().with(interface, key).ok());
        match other {
            Some(keys) => Endpoint::new(right.address.clone(), keys),
            None => right.clone(),
        }
    }

    pub(super) fn damaged(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        if !self.is_damaged {
            return request;
        }
        if request.body().is_empty() {
            let longer = format!("{}&added=1", request.uri());
            *request.uri_mut() = longer.parse().unwrap_or_else(|_| Uri::from_static("/"));
            return request;
        }
        request.map(|body| match body.strip_prefix(b"{") {
            Some(rest) => [b"{\"added\":\"1\",", rest].concat().into(),
            None => Bytes::new(),
        })
    }

    /// Returns the answer, if it comes before the deadline.
    pub(super) async fn answer(
        &self,
        target: &dyn ErasedTarget,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Answer, TargetError> {
        let patience = self.patience.unwrap_or(deadline);
        let answer = timeout(patience, target.call(request)).await.unwrap_or(Err(TargetError::Timeout(patience)));
        match self.fault {
            Some(CallbackFault::LostAnswer) => {
                answer.and_then(|_| Err(TargetError::CutOff("the answer was lost on purpose".to_owned())))
            }
            _ => answer,
        }
    }
}
