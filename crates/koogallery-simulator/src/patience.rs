//! Waiting for what was put off.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::session::Stop;

/// Waits in pauses that grow, and not for ever.
pub(super) struct Patience {
    began: Instant,
    limit: Duration,
    next: Duration,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { began: Instant::now(), limit, next: Duration::from_millis(10) }
    }

    /// Whether there is time for another try, which has come then.
    pub(super) async fn pause(&mut self) -> bool {
        if self.began.elapsed() >= self.limit {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(Duration::from_millis(200));
        true
    }

    pub(super) fn exhausted(&self) -> Stop {
        Stop::failed(
            "success some time after 000004",
            format!("no success within {:?}", self.limit),
            "an instance that was accepted with 000004 does not get ready",
        )
    }
}
