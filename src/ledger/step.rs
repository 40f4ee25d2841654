//! Steps on instances, and the rules that all engines share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Instance, OrderKey, State};
use crate::timestamp::Timestamp;

/// The key of every purchase.
pub(super) const PURCHASE: &str = "purchase";

/// A change of an instance that is done once.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use koogallery::ledger::{Effect, Instance, LeaseOutcome, OrderKey, Step, StepStatus, Target};
///
/// // What an engine asks of a purchase: the record to store, and whether the work may begin.
/// let target = Target::Purchase { order: OrderKey::new("CS1"), proposed_id: String::new() };
/// let mut purchase = Step::new(target, Effect::Create { product_id: None, expire_time: None });
/// purchase.set_proposed_id("instance-1");
/// assert_eq!((purchase.subject(), purchase.key(), purchase.is_done_by_key()), ("CS1", Some("purchase"), false));
/// let mut instance = purchase.initial_instance().unwrap();
/// let status = purchase.status(Some(Arc::new(instance.clone())), false, Duration::ZERO);
/// assert!(matches!(purchase.lease_outcome(status), LeaseOutcome::Run(_)));
/// purchase.apply(&mut instance);
/// assert_eq!(instance.state.as_str(), "active");
///
/// // A freeze that was cut off leaves the status unsettled; one that was signed earlier than the last changes nothing.
/// let freeze = Step::on("instance-1", Effect::Freeze).with_signed_at("20250102030405".parse::<koogallery::Timestamp>()?);
/// assert_eq!(freeze.effect.as_str(), "freeze");
/// instance.status_unsettled = freeze.unsettles(&instance);
/// assert!(instance.status_unsettled && !freeze.confirms(&instance));
/// freeze.apply(&mut instance);
/// let late = Step::on("instance-1", Effect::Unfreeze).with_signed_at("20250102030404".parse::<koogallery::Timestamp>()?);
/// assert!(late.is_outdated(&instance));
/// assert!(matches!(late.status(Some(Arc::new(instance)), false, Duration::ZERO), StepStatus::Done(_)));
/// # Ok::<(), koogallery::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Step {
    /// The instance it changes.
    pub target: Target,
    /// The change.
    pub effect: Effect,
    /// When the call that asks for it was signed; `None` if it comes from no call. See [`Step::is_outdated`].
    pub signed_at: Option<Timestamp>,
}

/// The instance that a step changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "an engine has to find the instance of every kind of target")]
pub enum Target {
    /// The instance of a purchase, which gets `proposed_id` if it has none yet.
    Purchase {
        /// The purchase.
        order: OrderKey,
        /// The id for an instance not seen before.
        proposed_id: String,
    },
    /// A known instance.
    Instance(String),
}

/// The change that a step makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Create; done once per purchase.
    Create {
        /// The product bought.
        product_id: Option<String>,
        /// The expiry named in the purchase.
        expire_time: Option<Timestamp>,
    },
    /// Set another expiry; done once per `key`.
    Renew {
        /// The identity of the renewal.
        key: String,
        /// The new expiry.
        expire_time: Timestamp,
        /// The new product.
        product_id: Option<String>,
        /// True if it also ends a freeze.
        unfreezes: bool,
    },
    /// Change the specification; done once per `key`.
    Upgrade {
        /// The identity of the upgrade.
        key: String,
        /// The new product.
        product_id: Option<String>,
    },
    /// Make unusable; done if frozen, unless that is to be [confirmed](Step::confirms).
    Freeze,
    /// Make usable; done if active, unless that is to be [confirmed](Step::confirms).
    Unfreeze,
    /// Delete; done if released.
    Release,
    /// Change nothing; done once per `key`.
    Note {
        /// The identity of the note.
        key: String,
    },
}

impl Effect {
    /// Returns the change as a verb.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Renew { .. } => "renew",
            Self::Upgrade { .. } => "upgrade",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Release => "release",
            Self::Note { .. } => "note",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The status of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepStatus {
    /// The purchase was not seen before, or the instance does not exist, or no longer.
    Unknown,
    /// Not done.
    Open {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// How long the lease of a holder still lasts; zero without one.
        lease_left: Duration,
    },
    /// Done before.
    Done(Arc<Instance>),
}

/// The answer to asking for the lease of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseOutcome {
    /// The lease is granted. The instance is as it was before the step.
    Run(Arc<Instance>),
    /// Another holder works on the instance.
    Busy {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// How long its lease lasts, unless it is extended.
        lease_left: Duration,
    },
    /// Done before.
    Done(Arc<Instance>),
    /// The instance does not exist, or no longer.
    Unknown,
    /// The instance has not been created yet, and no holder is creating it.
    NotCreated(Arc<Instance>),
    /// The id proposed for a new instance belongs to another one; propose another.
    IdTaken,
}

impl StepStatus {
    /// Returns the instance concerned.
    pub(super) fn instance(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Open { instance, .. } | Self::Done(instance) => Some(instance),
            Self::Unknown => None,
        }
    }

    pub(super) fn map(self, change: impl FnOnce(Arc<Instance>) -> Arc<Instance>) -> Self {
        match self {
            Self::Open { instance, lease_left } => Self::Open { instance: change(instance), lease_left },
            Self::Done(instance) => Self::Done(change(instance)),
            Self::Unknown => Self::Unknown,
        }
    }
}

impl LeaseOutcome {
    /// Returns the instance concerned.
    pub(super) fn instance(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Run(instance) | Self::Busy { instance, .. } | Self::Done(instance) | Self::NotCreated(instance) => {
                Some(instance)
            }
            Self::Unknown | Self::IdTaken => None,
        }
    }

    pub(super) fn map(self, change: impl FnOnce(Arc<Instance>) -> Arc<Instance>) -> Self {
        match self {
            Self::Run(instance) => Self::Run(change(instance)),
            Self::Busy { instance, lease_left } => Self::Busy { instance: change(instance), lease_left },
            Self::Done(instance) => Self::Done(change(instance)),
            Self::NotCreated(instance) => Self::NotCreated(change(instance)),
            other @ (Self::Unknown | Self::IdTaken) => other,
        }
    }
}

impl Step {
    /// Creates a step.
    pub fn new(target: Target, effect: Effect) -> Self {
        Self { target, effect, signed_at: None }
    }

    /// Creates a step on a known instance.
    pub fn on(instance_id: impl Into<String>, effect: Effect) -> Self {
        Self::new(Target::Instance(instance_id.into()), effect)
    }

    /// Sets when the call that asks for the step was signed.
    #[must_use]
    pub fn with_signed_at(mut self, signed_at: impl Into<Option<Timestamp>>) -> Self {
        self.signed_at = signed_at.into();
        self
    }

    /// Returns the id of the order or instance concerned.
    pub fn subject(&self) -> &str {
        match &self.target {
            Target::Purchase { order, .. } => &order.order_id,
            Target::Instance(id) => id,
        }
    }

    /// Sets the id for the instance of a purchase not seen before. Does nothing to steps on known instances.
    pub fn set_proposed_id(&mut self, id: impl Into<String>) {
        if let Target::Purchase { proposed_id, .. } = &mut self.target {
            *proposed_id = id.into();
        }
    }

    /// Returns the key under which the step is stored with its instance. A stored key shows that the step is done where
    /// the state alone does not; that of a purchase shows that its instance was stored under the ids of its own
    /// service.
    pub fn key(&self) -> Option<&str> {
        match (&self.effect, &self.target) {
            (Effect::Renew { key, .. } | Effect::Upgrade { key, .. } | Effect::Note { key }, _) => Some(key),
            (Effect::Create { .. }, Target::Purchase { .. }) => Some(PURCHASE),
            _ => None,
        }
    }

    /// Returns whether the step is done once its [key](Self::key) is stored, and not before. The status of other steps
    /// does not depend on keys.
    pub fn is_done_by_key(&self) -> bool {
        matches!(self.effect, Effect::Renew { .. } | Effect::Upgrade { .. } | Effect::Note { .. })
    }

    /// Returns whether the step would change the status of the instance, or delete it, although a call that was signed
    /// later has done so already. Such a step is done: a call that was captured, or came late, undoes nothing.
    ///
    /// Of a [renewal](Effect::Renew), which may be paid, only the end of the freeze is left out.
    pub fn is_outdated(&self, instance: &Instance) -> bool {
        self.changes_status() && self.signed_at.is_some_and(|signed_at| Some(signed_at) < instance.status_signed_at)
    }

    /// Returns whether the instance has the status that the step asks for, but by no call that was signed as late. Such a
    /// step is open: that it was asked for again, and when, is noted as any change is, so that a call which was signed
    /// earlier and comes later does not undo it. There is nothing else to do for it, unless the status is
    /// [unsettled](Self::unsettles): then it is a step as any other.
    pub fn confirms(&self, instance: &Instance) -> bool {
        self.has_its_status(instance) && !instance.status_unsettled && self.signed_at > instance.status_signed_at
    }

    /// Returns the [`Instance::status_unsettled`] to store when the step begins to run, given the instance as it is before.
    /// When a step is done that changes the status, [`apply`](Self::apply) settles it.
    ///
    /// A handler that was cut off, or failed, may have frozen the instance in the seller's system while the ledger has it
    /// active. If the marketplace then asks for it to be active, that must not pass for done.
    pub fn unsettles(&self, instance: &Instance) -> bool {
        let runs = match self.effect {
            Effect::Freeze | Effect::Unfreeze => !self.confirms(instance),
            Effect::Renew { unfreezes: true, .. } => instance.state == State::Frozen && !self.is_outdated(instance),
            Effect::Release => true,
            _ => false,
        };
        instance.status_unsettled || runs
    }

    fn has_its_status(&self, instance: &Instance) -> bool {
        matches!((&self.effect, instance.state), (Effect::Freeze, State::Frozen) | (Effect::Unfreeze, State::Active))
    }

    /// Returns whether the instance has the status that the step asks for in the ledger, and perhaps there alone. A copy of the
    /// call that was noted last settles nothing, since what was cut off came after it.
    fn settles(&self, instance: &Instance) -> bool {
        let is_newest = self.signed_at.is_none() || self.signed_at > instance.status_signed_at;
        self.has_its_status(instance) && instance.status_unsettled && is_newest
    }

    fn changes_status(&self) -> bool {
        matches!(
            self.effect,
            Effect::Freeze | Effect::Unfreeze | Effect::Release | Effect::Renew { unfreezes: true, .. }
        )
    }

    /// Returns the status of the step, given its instance, if there is one, whether its [key](Self::key) is stored with
    /// it, and how long the lease on it still lasts: zero without one, or if it is over.
    pub fn status(&self, instance: Option<Arc<Instance>>, has_key: bool, lease_left: Duration) -> StepStatus {
        let Some(instance) = instance else {
            return StepStatus::Unknown;
        };
        let done = match self.effect {
            Effect::Create { .. } => instance.state != State::Creating,
            Effect::Release => instance.state == State::Released || self.is_outdated(&instance),
            Effect::Note { .. } => has_key,
            _ if instance.state == State::Released => return StepStatus::Unknown,
            _ if self.confirms(&instance) || self.settles(&instance) => false,
            Effect::Freeze => instance.state == State::Frozen || self.is_outdated(&instance),
            Effect::Unfreeze => instance.state == State::Active || self.is_outdated(&instance),
            Effect::Renew { .. } | Effect::Upgrade { .. } => has_key,
        };
        if done { StepStatus::Done(instance) } else { StepStatus::Open { instance, lease_left } }
    }

    /// Returns the answer to asking for the lease, given the [status](Self::status).
    pub fn lease_outcome(&self, status: StepStatus) -> LeaseOutcome {
        match status {
            StepStatus::Unknown => LeaseOutcome::Unknown,
            StepStatus::Done(instance) => LeaseOutcome::Done(instance),
            StepStatus::Open { instance, lease_left } if !lease_left.is_zero() => {
                LeaseOutcome::Busy { instance, lease_left }
            }
            StepStatus::Open { instance, .. } if instance.state == State::Creating && !self.works_before_creation() => {
                LeaseOutcome::NotCreated(instance)
            }
            StepStatus::Open { instance, .. } => LeaseOutcome::Run(instance),
        }
    }

    /// Returns whether the step needs no finished instance: an order that failed permanently may be released.
    fn works_before_creation(&self) -> bool {
        matches!(self.effect, Effect::Create { .. } | Effect::Release | Effect::Note { .. })
    }

    /// Returns the record for a purchase that was not seen before, or `None` for steps on known instances.
    pub fn initial_instance(&self) -> Option<Instance> {
        match &self.target {
            Target::Purchase { order, proposed_id } => Some(Instance::new(proposed_id, order.clone())),
            Target::Instance(_) => None,
        }
    }

    /// Applies the step to the record, once it was done to the instance.
    pub fn apply(&self, instance: &mut Instance) {
        let is_outdated = self.is_outdated(instance);
        if self.changes_status() {
            instance.status_signed_at = instance.status_signed_at.max(self.signed_at);
            instance.status_unsettled &= is_outdated;
        }
        match &self.effect {
            Effect::Create { product_id, expire_time } => {
                instance.state = State::Active;
                instance.expire_time = *expire_time;
                replace_if_given(&mut instance.product_id, product_id);
            }
            Effect::Renew { expire_time, product_id, unfreezes, .. } => {
                instance.expire_time = Some(*expire_time);
                replace_if_given(&mut instance.product_id, product_id);
                if *unfreezes && !is_outdated {
                    instance.state = State::Active;
                }
            }
            Effect::Upgrade { product_id, .. } => replace_if_given(&mut instance.product_id, product_id),
            Effect::Freeze => instance.state = State::Frozen,
            Effect::Unfreeze => instance.state = State::Active,
            Effect::Release => instance.state = State::Released,
            Effect::Note { .. } => {}
        }
    }
}

fn replace_if_given(known: &mut Option<String>, given: &Option<String>) {
    if given.is_some() {
        known.clone_from(given);
    }
}
