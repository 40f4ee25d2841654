//! In what ways a call can go wrong on purpose.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use tokio::time::timeout;

use crate::delivery::Endpoint;
use crate::target::{Answer, ErasedTarget, TargetError};
use koogallery::key::{AccessKey, AccessKeys};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// How a call is made, if not rightly.
///
/// ```
/// use std::time::Duration;
///
/// use koogallery_simulator::Manner;
///
/// let stale = Manner::default().clock_behind(Duration::from_secs(61));
/// let cut_off = Manner::default().hanging_up_after(Duration::from_millis(5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Manner {
    ahead: Duration,
    behind: Duration,
    key: Option<AccessKey>,
    is_damaged: bool,
    patience: Option<Duration>,
}

impl Manner {
    /// The clock is so much ahead.
    #[must_use]
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.ahead = by;
        self
    }

    /// The clock is so much behind.
    #[must_use]
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.behind = by;
        self
    }

    /// Signs with another key than the seller's.
    #[must_use]
    pub fn signed_with(mut self, key: AccessKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Changes the message after it was signed: it has a field more.
    #[must_use]
    pub fn damaged_on_the_way(mut self) -> Self {
        self.is_damaged = true;
        self
    }

    /// Hangs up without having read the answer, if it takes longer than this; unless set, longer than the marketplace waits:
    /// 5 s, and 20 s in V1.0.
    #[must_use]
    pub fn hanging_up_after(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
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

    /// The answer, if it comes before the deadline.
    pub(super) async fn answer(
        &self,
        target: &dyn ErasedTarget,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Answer, TargetError> {
        let patience = self.patience.unwrap_or(deadline);
        timeout(patience, target.call(request)).await.unwrap_or(Err(TargetError::Timeout(patience)))
    }
}
