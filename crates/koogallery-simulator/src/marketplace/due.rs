//! What becomes due as time passes: expiry, and release.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

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

impl Marketplace {
    /// Processes what is due: freezes expired subscriptions, and releases those frozen for 15 days. Returns the last
    /// attempt of every call; refused calls are not made again. A seller gets no call when a package of V2.0 expires,
    /// only when it is released: the guide has no `updateInstanceStatus` for packages.
    pub async fn run_due(&self) -> Vec<Attempt> {
        let mut made = Vec::new();
        while let Some((instance_id, due)) = self.next_due(self.now()) {
            // The lifecycle continues, whatever the seller answers.
            let ended = match due {
                Due::Expiry if self.expires_silently(&instance_id) => {
                    let _ = self.set_frozen(&instance_id);
                    continue;
                }
                Due::Expiry => self.end_use(&instance_id).await,
                Due::Release => self.end_life(&instance_id).await,
            };
            made.extend(ended.map(|(_, attempt)| attempt));
        }
        made
    }

    fn expires_silently(&self, instance_id: &str) -> bool {
        let sold = self.subscription(instance_id);
        sold.is_some_and(|sold| sold.protocol == Protocol::SaasV2 && sold.line_spec().is_some_and(LineSpec::is_package))
    }

    /// Waits until this time, and processes everything as it becomes due.
    pub async fn run_until(&self, end: Timestamp) -> Vec<Attempt> {
        let (end, mut made) = (end.min(LAST), Vec::new());
        loop {
            made.extend(self.run_due().await);
            let now = self.now();
            if now >= end {
                return made;
            }
            let next = self.state().subscriptions.values().filter_map(Subscription::due).map(|(time, _)| time).min();
            let next = next.map_or(end, |next| next.min(end));
            self.inner.time.wait(next.abs_diff(now)).await;
        }
    }

    /// Moves the calendar forward by this time, and processes everything as it becomes due. Nothing is waited for but the
    /// seller: while he answers, and while a refused call waits for its next attempt, the calendar moves on. Returns the last
    /// attempt of every call.
    pub async fn pass(&self, time: Duration) -> Vec<Attempt> {
        let end = self.now().saturating_add(time).min(LAST);
        let left = || end.abs_diff(self.now().min(end));
        let mut made = Vec::new();
        loop {
            let mut due = pin!(self.run_due());
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
            if left().is_zero() {
                return made;
            }
            let next = self.state().subscriptions.values().filter_map(Subscription::due).map(|(time, _)| time).min();
            self.advance(next.map_or(left(), |next| next.abs_diff(self.now().min(next)).min(left())));
        }
    }

    fn next_due(&self, now: Timestamp) -> Option<(String, Due)> {
        let state = self.state();
        let due = state.subscriptions.values().filter_map(|sold| Some((sold.due()?, &sold.instance_id)));
        let ((time, due), id) = due.min_by_key(|((time, _), _)| *time)?;
        (time <= now).then(|| (id.clone(), due))
    }
}
