//! Faults of the marketplace's own calls, as queues and networks have them.

use std::fmt;
use std::time::Duration;

use futures_util::future::join;

use super::attempt::Planned;
use super::{Attempt, CallOptions, Marketplace};
use crate::SeededRandom;
use crate::delivery::{Callback, DeliveryError};
use crate::frequency::Frequency;
use koogallery::activity::Activity;

/// A fault of the calls that the marketplace makes by itself: deliveries and their retries.
#[doc(alias = "fault injection")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackFault {
    /// The call arrives twice at the same time, each signed by itself, as two workers of one queue make it.
    Duplicate,
    /// The call arrives after the next one about the same instance, which passes it: it is signed, and held back until that
    /// call was answered, or for ten seconds. A call about no instance, such as a purchase, is passed by any other. Of each
    /// instance one call is held back at a time, so that each two calls swap; what is called only after an answer, as
    /// `queryInstance` after a purchase, cannot pass.
    OutOfOrder,
    /// The call takes effect, and its answer is lost: it is retried as its schedule says.
    LostAnswer,
}

impl CallbackFault {
    /// Every fault.
    pub const ALL: [Self; 3] = [Self::Duplicate, Self::OutOfOrder, Self::LostAnswer];

    /// Returns `duplicate`, `out-of-order` or `lost-answer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out-of-order",
            Self::LostAnswer => "lost-answer",
        }
    }

    /// Returns what it does to a call, such as `delivered twice`.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Duplicate => "delivered twice",
            Self::OutOfOrder => "delivered out of order",
            Self::LostAnswer => "the answer was lost",
        }
    }
}

impl fmt::Display for CallbackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out of order",
            Self::LostAnswer => "lost answer",
        })
    }
}

/// A fault and the calls that it affects (default: every delivery).
///
/// ```
/// use koogallery::activity::Activity;
/// use koogallery_simulator::{CallbackFault, CallbackFaultRule};
///
/// let twice = CallbackFaultRule::new(CallbackFault::Duplicate).with_activity(Activity::NewInstance).with_times(2);
/// assert_eq!(twice.to_string(), "duplicate of newInstance, 2 more");
/// ```
#[derive(Clone, Debug)]
pub struct CallbackFaultRule {
    fault: CallbackFault,
    activity: Option<Activity>,
    frequency: Frequency,
}

impl CallbackFaultRule {
    /// Creates a rule for every delivery.
    pub fn new(fault: CallbackFault) -> Self {
        Self { fault, activity: None, frequency: Frequency::ALWAYS }
    }

    /// Limits the rule to one activity.
    #[must_use]
    pub fn with_activity(mut self, activity: Activity) -> Self {
        self.activity = Some(activity);
        self
    }

    /// Limits the rule to this many calls.
    #[must_use]
    pub fn with_times(mut self, times: u32) -> Self {
        self.frequency.left = Some(times);
        self
    }

    /// Limits the rule to this percentage of calls, drawn from the seed.
    #[must_use]
    pub fn with_percent(mut self, percent: u8) -> Self {
        self.frequency.percent = percent;
        self
    }
}

/// Such as `out of order of newInstance, 2 more, 10 %`.
impl fmt::Display for CallbackFaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)?;
        if let Some(activity) = self.activity {
            write!(f, " of {activity}")?;
        }
        self.frequency.fmt(f)
    }
}

/// The rules of a marketplace.
#[derive(Default)]
pub(super) struct Faults {
    rules: Vec<CallbackFaultRule>,
}

impl Faults {
    /// Draws the fault of a call: that of the first rule which concerns it. The call that passes one that is held back is
    /// not held back itself.
    fn draw(&mut self, activity: Activity, is_passing: bool, random: &SeededRandom) -> Option<CallbackFault> {
        let fault = self.rules.iter_mut().find_map(|rule| {
            let concerns = rule.activity.is_none_or(|wanted| wanted == activity);
            let is_possible = rule.fault != CallbackFault::OutOfOrder || !is_passing;
            (concerns && is_possible && rule.frequency.draw(random)).then_some(rule.fault)
        })?;
        self.rules.retain(|rule| !rule.frequency.is_used_up());
        Some(fault)
    }
}

impl Marketplace {
    /// Activates a fault of the deliveries, and of their retries. Calls that are [made one by one](Self::call) have none.
    pub fn add_fault(&self, rule: CallbackFaultRule) {
        self.state().faults.rules.push(rule);
    }

    /// Returns the active faults.
    pub fn faults(&self) -> Vec<CallbackFaultRule> {
        self.state().faults.rules.clone()
    }

    /// Deactivates all faults.
    pub fn clear_faults(&self) {
        self.state().faults.rules.clear();
    }

    /// Makes one attempt of a delivery, with its fault if it has one.
    pub(super) async fn deliver_once(
        &self,
        callback: &Callback,
        number: u32,
        interval: Option<Duration>,
    ) -> Result<Attempt, DeliveryError> {
        let (fault, instance_id) = self.draw_fault(callback);
        let options = &CallOptions::default().with_fault(fault);
        let request = self.sign(callback, options);
        let planned = Planned { callback, number, options, interval };
        match fault {
            Some(CallbackFault::Duplicate) => {
                let (request, copy) = (request?, self.sign(callback, options)?);
                let copied = Planned { interval: None, ..planned };
                Ok(join(self.attempt(planned, request), self.attempt(copied, copy)).await.0)
            }
            Some(CallbackFault::OutOfOrder) => {
                let is_current = self.let_another_pass(instance_id).await;
                let request = if is_current { request } else { self.sign(callback, options) };
                Ok(self.attempt(planned, request?).await)
            }
            Some(CallbackFault::LostAnswer) | None => Ok(self.attempt(planned, request?).await),
        }
    }

    /// Draws the fault of a call, and returns its instance if there are faults at all.
    fn draw_fault(&self, callback: &Callback) -> (Option<CallbackFault>, Option<String>) {
        let mut state = self.state();
        if state.faults.rules.is_empty() {
            return (None, None);
        }
        let instance_id = callback.instance_id();
        let is_passing = state.held.has(instance_id.as_ref());
        let fault = state.faults.draw(callback.activity(), is_passing, &self.inner.random);
        if fault == Some(CallbackFault::OutOfOrder) {
            state.held.hold(instance_id.clone());
        }
        (fault, instance_id)
    }
}
