//! The environment of a service (clock, randomness, runtime and others), shared by everything that runs for it.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, poll_immediate, select};

use super::{BackgroundFailure, CallbackError, CallbackEvent, HandlerError, Observer, Runtime};
use crate::backoff;
use crate::clock::Clock;
use crate::lease::Lease;
use crate::random::Random;
use crate::timestamp::Timestamp;

const FIRST_POLL: Duration = Duration::from_millis(50);
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// Runs a handler; a panic is a failure of its call alone.
pub(super) async fn caught<T>(
    handler: impl Future<Output = Result<T, HandlerError>> + Send,
) -> Result<T, CallbackError> {
    Ok(AssertUnwindSafe(handler).catch_unwind().await.map_err(|_panic| CallbackError::Aborted)??)
}

pub(super) struct Environment {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) observer: Arc<dyn Observer>,
    /// Time for which an instance or application stays reserved after the process working on it has died.
    pub(super) lease: Duration,
}

impl Environment {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(duration)
    }

    /// Spawns a task that runs to its end, also if its caller hangs up.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task.boxed());
    }

    pub(super) fn observe(&self, event: CallbackEvent<'_>) {
        self.observer.on_event(&event);
    }

    /// Reports a failure of work whose call was answered before.
    pub(super) fn report_failure(&self, action: &str, subject: &str, error: &CallbackError) {
        self.observe(CallbackEvent::BackgroundFailure(BackgroundFailure::new(action, subject, error)));
    }

    /// Returns a lease of a new holder.
    pub(super) fn draw_lease(&self) -> Result<Lease, CallbackError> {
        Lease::draw(&*self.random, self.lease).map_err(|error| CallbackError::Handler(Arc::new(error)))
    }

    /// Returns the pause before the next poll for something that another holder works on, given the number of polls
    /// before it.
    pub(super) fn poll_pause(&self, polls: u32) -> Duration {
        backoff::pause(FIRST_POLL, LONGEST_POLL, polls, &*self.random)
    }

    /// Waits for work, and drops it after `timeout`; `None` then.
    pub(super) async fn with_timeout<T>(&self, timeout: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        let mut work = pin!(work);
        if let Some(outcome) = poll_immediate(&mut work).await {
            // No timer for what is ready at once.
            return Some(outcome);
        }
        match select(work, self.sleep(timeout)).await {
            Either::Left((outcome, _)) => Some(outcome),
            Either::Right(_) => None,
        }
    }

    /// Does the work, and extends its lease after each third of the lease's duration, until it is done or `extend`
    /// breaks. An extension does not hold up the work, which includes the note that it is done.
    ///
    /// The work is pinned where it is made: this future would have room for it twice.
    pub(super) async fn while_leased<T, E>(
        &self,
        mut work: Pin<&mut (impl Future<Output = T> + Send)>,
        extend: impl Fn() -> E + Send,
    ) -> T
    where
        E: Future<Output = ControlFlow<()>> + Send,
    {
        loop {
            let extension = pin!(async {
                self.sleep(self.lease / 3).await;
                extend().await
            });
            work = match select(work, extension).await {
                Either::Left((outcome, _)) => return outcome,
                Either::Right((ControlFlow::Continue(()), work)) => work,
                Either::Right((ControlFlow::Break(()), work)) => return work.await,
            };
        }
    }
}
