//! What becomes due as time passes: expiry, and release.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{sleep, timeout};

use super::subscription::{Due, Subscription};
use super::time::LAST;
use super::{Attempt, Marketplace};
use crate::LineSpec;
use crate::profile::LONGEST_TIMEOUT;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// Time after which a call that is not confirmed lets the calendar move on, and by how much.
const PATIENCE: Duration = Duration::from_millis(100);
const STRIDE: Duration = Duration::from_secs(3600);

/// Calls that are held back while others are made.
type Waiting<'a> = FuturesUnordered<BoxFuture<'a, Option<Attempt>>>;

impl Marketplace {
    /// Processes what is due: freezes expired subscriptions, and releases those frozen for 15 days. Returns the last
    /// attempt of every call; refused calls are not made again. A seller gets no call when a package of V2.0 expires,
    /// only when it is released: the guide has no `updateInstanceStatus` for packages.
    pub async fn run_due(&self) -> Vec<Attempt> {
        let mut waiting = Waiting::new();
        let mut made = self.make_due(&mut waiting).await;
        while !waiting.is_empty() {
            tokio::select! {
                Some(attempt) = waiting.next() => made.extend(attempt),
                // What becomes due meanwhile passes the call that is held back.
                () = sleep(PATIENCE) => made.extend(self.make_due(&mut waiting).await),
            }
        }
        made
    }

    /// Makes the calls that are due, and leaves those that are held back to others.
    async fn make_due<'a>(&'a self, waiting: &mut Waiting<'a>) -> Vec<Attempt> {
        let mut made = Vec::new();
        while let Some((instance_id, time, due)) = self.next_due(self.now()) {
            if matches!(due, Due::Expiry) && self.expires_silently(&instance_id) {
                let _ = self.set_frozen(&instance_id, time);
                continue;
            }
            let mut is_held = pin!(self.held_back());
            // The lifecycle continues, whatever the seller answers.
            let mut call: BoxFuture<'a, _> = Box::pin(async move {
                let ended = match due {
                    // The days until its release count from the expiry, however late that is noticed.
                    Due::Expiry => self.end_use(&instance_id, time).await,
                    Due::Release => self.end_life(&instance_id).await,
                };
                ended.ok().map(|(_, attempt)| attempt)
            });
            loop {
                tokio::select! {
                    biased;
                    attempt = &mut call => {
                        made.extend(attempt);
                        break;
                    }
                    () = &mut is_held => {
                        waiting.push(call);
                        break;
                    }
                    Some(attempt) = waiting.next() => made.extend(attempt),
                }
            }
        }
        made
    }

    fn expires_silently(&self, instance_id: &str) -> bool {
        let sold = self.subscription(instance_id);
        sold.is_some_and(|sold| sold.protocol == Protocol::SaasV2 && sold.line_spec().is_some_and(LineSpec::is_package))
    }

    /// Waits until this time, and processes everything as it becomes due.
    pub async fn run_until(&self, end: Timestamp) -> Vec<Attempt> {
        let (end, mut made, mut waiting) = (end.min(LAST), Vec::new(), Waiting::new());
        loop {
            made.extend(self.make_due(&mut waiting).await);
            let now = self.now();
            if now >= end {
                made.extend(waiting.collect::<Vec<_>>().await.into_iter().flatten());
                return made;
            }
            let next = self.state().subscriptions.values().filter_map(Subscription::due).map(|(time, _)| time).min();
            let next = next.map_or(end, |next| next.min(end));
            tokio::select! {
                () = self.inner.time.wait(next.abs_diff(now)) => {}
                Some(attempt) = waiting.next() => made.extend(attempt),
            }
        }
    }

    /// Moves the calendar forward by this time, and processes everything as it becomes due. Nothing is waited for but the
    /// seller: while it answers, and while a refused call waits for its next attempt, the calendar moves on. Returns the last
    /// attempt of every call.
    pub async fn pass(&self, time: Duration) -> Vec<Attempt> {
        let end = self.now().saturating_add(time).min(LAST);
        let left = || end.abs_diff(self.now().min(end));
        let (mut made, mut waiting) = (Vec::new(), Waiting::new());
        loop {
            let mut due = Box::pin(self.make_due(&mut waiting));
            loop {
                tokio::select! {
                    attempts = &mut due => {
                        made.extend(attempts);
                        break;
                    }
                    () = sleep(if left().is_zero() { LONGEST_TIMEOUT } else { PATIENCE }) => match left() {
                        // The rest of the attempts would be made after the end.
                        Duration::ZERO => return made,
                        left => self.advance(left.min(STRIDE)),
                    },
                }
            }
            drop(due);
            if left().is_zero() {
                while let Ok(Some(attempt)) = timeout(LONGEST_TIMEOUT, waiting.next()).await {
                    made.extend(attempt);
                }
                return made;
            }
            let next = self.state().subscriptions.values().filter_map(Subscription::due).map(|(time, _)| time).min();
            let until = next.map_or(left(), |next| next.abs_diff(self.now().min(next)).min(left()));
            if waiting.is_empty() || !self.state().held.is_empty() {
                self.advance(until);
                continue;
            }
            // A call that was held back is tried again.
            tokio::select! {
                Some(attempt) = waiting.next() => made.extend(attempt),
                () = sleep(PATIENCE) => self.advance(until.min(STRIDE)),
            }
        }
    }

    /// Does something, and moves the calendar to the next attempt wherever a refused call waits for it: nothing is waited
    /// for but the seller.
    pub async fn without_waiting<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = sleep(PATIENCE) => {
                    let now = self.now();
                    let waiting = self.log_where(usize::MAX, |attempt| attempt.next_attempt.is_some_and(|next| next > now));
                    if let Some(next) = waiting.iter().filter_map(|attempt| attempt.next_attempt).min() {
                        self.advance(next.abs_diff(now));
                    }
                }
            }
        }
    }

    fn next_due(&self, now: Timestamp) -> Option<(String, Timestamp, Due)> {
        let state = self.state();
        let due = state.subscriptions.values().filter_map(|sold| Some((sold.due()?, &sold.instance_id)));
        let ((time, due), id) = due.min_by_key(|((time, _), _)| *time)?;
        (time <= now).then(|| (id.clone(), time, due))
    }
}
