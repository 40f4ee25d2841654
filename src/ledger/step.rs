//! What a step on an instance means; shared by all engines.

use std::fmt;
use std::sync::Arc;

use super::{Instance, OrderKey, State};
use crate::timestamp::Timestamp;

/// The key of every purchase.
pub(super) const PURCHASE: &str = "purchase";

/// One thing to be done once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// On what.
    pub target: Target,
    /// What it does.
    pub effect: Effect,
}

/// What a step works on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Create; done once per purchase.
    Create {
        /// The product bought.
        product_id: Option<String>,
        /// The expiry told with the purchase.
        expire_time: Option<Timestamp>,
    },
    /// Set another expiry; done once per `key`.
    Renew {
        /// What identifies the renewal.
        key: String,
        /// The new expiry.
        expire_time: Timestamp,
        /// The new product.
        product_id: Option<String>,
        /// Whether it also ends a freeze.
        unfreezes: bool,
    },
    /// Change the specification; done once per `key`.
    Upgrade {
        /// What identifies the upgrade.
        key: String,
        /// The new product.
        product_id: Option<String>,
    },
    /// Make unusable; done if frozen.
    Freeze,
    /// Make usable; done if active.
    Unfreeze,
    /// Delete; done if released.
    Release,
    /// Leave it as it is; done once per `key`.
    Note {
        /// What is noted.
        key: String,
    },
}

impl Effect {
    /// A verb.
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

/// What is known about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Look {
    /// The purchase was not seen before, or the instance does not exist (any more).
    Unknown,
    /// Not done.
    Open(Arc<Instance>),
    /// Done before.
    Done(Arc<Instance>),
}

/// The answer to asking for the lease of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Begin {
    /// The lease is given: do it. The instance is as it was before the step.
    Run(Arc<Instance>),
    /// Somebody else works on the instance; ask again later.
    Busy(Arc<Instance>),
    /// Done before.
    Done(Arc<Instance>),
    /// The instance does not exist, or no longer.
    Unknown,
    /// The instance has not been created yet, and nobody is at it.
    NotCreated(Arc<Instance>),
    /// The id proposed for a new instance belongs to another one; propose another.
    IdTaken,
}

impl Look {
    /// The instance concerned.
    pub(super) fn instance(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Open(instance) | Self::Done(instance) => Some(instance),
            Self::Unknown => None,
        }
    }

    pub(super) fn map(self, change: impl FnOnce(Arc<Instance>) -> Arc<Instance>) -> Self {
        match self {
            Self::Open(instance) => Self::Open(change(instance)),
            Self::Done(instance) => Self::Done(change(instance)),
            Self::Unknown => Self::Unknown,
        }
    }
}

impl Begin {
    /// The instance concerned.
    pub(super) fn instance(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Run(instance) | Self::Busy(instance) | Self::Done(instance) | Self::NotCreated(instance) => {
                Some(instance)
            }
            Self::Unknown | Self::IdTaken => None,
        }
    }

    pub(super) fn map(self, change: impl FnOnce(Arc<Instance>) -> Arc<Instance>) -> Self {
        match self {
            Self::Run(instance) => Self::Run(change(instance)),
            Self::Busy(instance) => Self::Busy(change(instance)),
            Self::Done(instance) => Self::Done(change(instance)),
            Self::NotCreated(instance) => Self::NotCreated(change(instance)),
            other @ (Self::Unknown | Self::IdTaken) => other,
        }
    }
}

impl Step {
    /// A step on a known instance.
    pub fn on(instance_id: impl Into<String>, effect: Effect) -> Self {
        Self { target: Target::Instance(instance_id.into()), effect }
    }

    /// The order or instance concerned.
    pub fn subject(&self) -> &str {
        match &self.target {
            Target::Purchase { order, .. } => &order.order_id,
            Target::Instance(id) => id,
        }
    }

    /// Proposes another id for an instance not seen before.
    pub fn propose(&mut self, id: String) {
        if let Target::Purchase { proposed_id, .. } = &mut self.target {
            *proposed_id = id;
        }
    }

    /// The key under which the step is noted with its instance. It tells that the step is done where the state alone does
    /// not; with a purchase, it tells that its instance is from a time when every family had ids of its own.
    pub fn key(&self) -> Option<&str> {
        match (&self.effect, &self.target) {
            (Effect::Renew { key, .. } | Effect::Upgrade { key, .. } | Effect::Note { key }, _) => Some(key),
            (Effect::Create { .. }, Target::Purchase { .. }) => Some(PURCHASE),
            _ => None,
        }
    }

    /// Whether the step is done once its key is noted, and not before.
    pub(super) fn is_done_by_key(&self) -> bool {
        matches!(self.effect, Effect::Renew { .. } | Effect::Upgrade { .. } | Effect::Note { .. })
    }

    /// What is known about the step, given its instance and whether its key was noted.
    pub fn look(&self, instance: Option<Arc<Instance>>, noted: bool) -> Look {
        let Some(instance) = instance else {
            return Look::Unknown;
        };
        let done = match self.effect {
            Effect::Create { .. } => instance.state != State::Creating,
            Effect::Release => instance.state == State::Released,
            Effect::Note { .. } => noted,
            _ if instance.state == State::Released => return Look::Unknown,
            Effect::Freeze => instance.state == State::Frozen,
            Effect::Unfreeze => instance.state == State::Active,
            Effect::Renew { .. } | Effect::Upgrade { .. } => noted,
        };
        if done { Look::Done(instance) } else { Look::Open(instance) }
    }

    /// The answer to asking for the lease, given in addition whether somebody holds one.
    pub fn begin(&self, look: Look, leased: bool) -> Begin {
        match look {
            Look::Unknown => Begin::Unknown,
            Look::Done(instance) => Begin::Done(instance),
            Look::Open(instance) if leased => Begin::Busy(instance),
            Look::Open(instance) if instance.state == State::Creating && !self.works_before_creation() => {
                Begin::NotCreated(instance)
            }
            Look::Open(instance) => Begin::Run(instance),
        }
    }

    /// An order that failed for good may be released although its instance was never finished.
    fn works_before_creation(&self) -> bool {
        matches!(self.effect, Effect::Create { .. } | Effect::Release | Effect::Note { .. })
    }

    /// The instance of a purchase seen for the first time.
    pub fn first_sight(&self) -> Option<Instance> {
        match &self.target {
            Target::Purchase { order, proposed_id } => Some(Instance {
                instance_id: proposed_id.clone(),
                order: order.clone(),
                product_id: order.product_id.clone(),
                state: State::Creating,
                expire_time: None,
                handler_runs: 0,
            }),
            Target::Instance(_) => None,
        }
    }

    /// Does to the record what the step does to the instance.
    pub fn apply(&self, instance: &mut Instance) {
        match &self.effect {
            Effect::Create { product_id, expire_time } => {
                instance.state = State::Active;
                instance.expire_time = *expire_time;
                replace_if_told(&mut instance.product_id, product_id);
            }
            Effect::Renew { expire_time, product_id, unfreezes, .. } => {
                instance.expire_time = Some(*expire_time);
                replace_if_told(&mut instance.product_id, product_id);
                if *unfreezes {
                    instance.state = State::Active;
                }
            }
            Effect::Upgrade { product_id, .. } => replace_if_told(&mut instance.product_id, product_id),
            Effect::Freeze => instance.state = State::Frozen,
            Effect::Unfreeze => instance.state = State::Active,
            Effect::Release => instance.state = State::Released,
            Effect::Note { .. } => {}
        }
    }
}

fn replace_if_told(known: &mut Option<String>, told: &Option<String>) {
    if told.is_some() {
        known.clone_from(told);
    }
}
