//! Waiting for work that the seller does in the background.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::stop::Stop;

/// Waits in growing pauses, up to a limit.
pub(super) struct Patience {
    began: Instant,
    limit: Duration,
    next: Duration,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { began: Instant::now(), limit, next: Duration::from_millis(10) }
    }

    /// Waits for the next attempt; returns whether there is time for one.
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
            "an instance accepted with 000004 does not become ready",
        )
    }
}
