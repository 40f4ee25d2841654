//! The times at which calls are due. A thread keeps them: the timers of the runtime are as coarse as a millisecond.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Time until the first call, in which all callers begin to wait.
const HEAD_START: Duration = Duration::from_millis(10);
/// The shortest sleep. Calls that are due in between are released together.
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);

pub(super) struct Pace {
    pub(super) began: Instant,
    pub(super) end: Instant,
    total: u64,
    rate: f64,
    due: Arc<Semaphore>,
}

impl Pace {
    /// Starts the time. Each of the `waiting` callers is released once more after the last call.
    pub(super) fn new(total: u64, rate: f64, waiting: usize) -> io::Result<Self> {
        let began = Instant::now() + HEAD_START;
        let pace = Self { began, end: began + after(total, rate), total, rate, due: Arc::new(Semaphore::new(0)) };
        let due = Arc::downgrade(&pace.due);
        let release = move || {
            thread::sleep(began.saturating_duration_since(Instant::now()));
            let mut released = 0;
            while released < total {
                let now = Instant::now();
                let reached = (((now - began).as_secs_f64() * rate) as u64 + 1).min(total);
                // The test was given up.
                let Some(due) = due.upgrade() else { return };
                due.add_permits(usize::try_from(reached.saturating_sub(released)).unwrap_or(usize::MAX));
                released = released.max(reached);
                thread::sleep((began + after(released, rate)).saturating_duration_since(now).max(SHORTEST_SLEEP));
            }
            if let Some(due) = due.upgrade() {
                due.add_permits(waiting);
            }
        };
        thread::Builder::new().name("koogallery-load".to_owned()).spawn(release)?;
        Ok(pace)
    }

    /// Waits until a call is due.
    pub(super) async fn next_due(&self) {
        // It is never closed.
        if let Ok(permit) = self.due.acquire().await {
            permit.forget();
        }
    }

    /// Returns when a call is due, counted from 0; `None` after the last.
    pub(super) fn due_at(&self, index: u64) -> Option<Instant> {
        (index < self.total).then(|| self.began + after(index, self.rate))
    }
}

fn after(calls: u64, rate: f64) -> Duration {
    Duration::try_from_secs_f64(calls as f64 / rate).unwrap_or(Duration::MAX)
}
