//! Deliveries that are held back until another one of the same instance has passed them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::Marketplace;

/// Maximum time for which a call is held back, if no other one passes it. No signature gets too old by it.
const LONGEST: Duration = Duration::from_secs(10);

/// The calls that are held back, by their instance: one for each. Calls about no instance, such as purchases, share one place.
#[derive(Default)]
pub(super) struct HeldCalls(HashMap<Option<String>, Arc<Notify>>);

impl HeldCalls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a call about this instance is held back.
    pub(super) fn has(&self, instance_id: Option<&String>) -> bool {
        self.0.contains_key(&instance_id.cloned())
    }

    /// Holds a call back.
    pub(super) fn hold(&mut self, instance_id: Option<String>) {
        self.0.insert(instance_id, Arc::default());
    }

    /// Lets the call go that a call about this instance has passed, and the one about no instance.
    pub(super) fn let_go(&mut self, instance_id: Option<String>) {
        let passed = [self.0.remove(&instance_id), self.0.remove(&None)];
        passed.into_iter().flatten().for_each(|held| held.notify_one());
    }
}

impl Marketplace {
    /// Waits until the call that is held back has been passed by another one.
    /// Returns whether its signature is still of this time: virtual time passes at once.
    pub(super) async fn let_another_pass(&self, instance_id: Option<String>) -> bool {
        let begun = self.inner.time.now();
        let Some(passed) = self.state().held.0.get(&instance_id).cloned() else { return true };
        let held = Held { marketplace: self, instance_id, passed };
        self.inner.held_back.send_modify(|count| *count += 1);
        let _ = timeout(LONGEST, held.passed.notified()).await;
        drop(held);
        self.inner.time.now().abs_diff(begun) <= LONGEST
    }

    /// Returns whether a delivery about this instance, or one about none, is held back.
    pub fn is_held_back(&self, instance_id: Option<&str>) -> bool {
        self.state().held.has(instance_id.map(str::to_owned).as_ref())
    }

    /// Waits until a delivery is [held back](crate::CallbackFault::OutOfOrder) that was not yet when this was called.
    pub fn held_back(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut count = self.inner.held_back.subscribe();
        async move {
            let _ = count.changed().await;
        }
    }
}

/// Ends the holding back, also where the delivery is cancelled.
struct Held<'a> {
    marketplace: &'a Marketplace,
    instance_id: Option<String>,
    passed: Arc<Notify>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.marketplace.state();
        let HeldCalls(calls) = &mut state.held;
        // Another call may be held back by now.
        if calls.get(&self.instance_id).is_some_and(|held| Arc::ptr_eq(held, &self.passed)) {
            calls.remove(&self.instance_id);
        }
    }
}
