//! The events of a subscription, the same for each protocol.

mod changes;
mod description;
mod purchase;

use crate::lease::Fence;
use crate::ledger::Completion;

pub use changes::{
    ChangeCheck, Freeze, FreezeReason, Release, Renewal, RenewalScene, TargetProduct, Unfreeze, Upgrade,
};
pub use description::{AccessInfo, Description, InstanceQuery, UsageInfo};
pub use purchase::{ChargingMode, Customer, ExtendParam, Period, PeriodType, Product, Purchase, PurchaseDetails};

/// An event of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A purchase.
    Create(Purchase),
    /// A new expiry.
    Renew(Renewal),
    /// Make the instance unusable.
    Freeze(Freeze),
    /// Make the instance usable again.
    Unfreeze(Unfreeze),
    /// Delete the instance.
    Release(Release),
    /// A higher specification or more units.
    Upgrade(Upgrade),
    /// A check before a change at renewal.
    CheckChange(ChangeCheck),
}

impl Event {
    /// Returns the id of the order that caused the event, if it has one.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::Create(event) => Some(&event.order_id),
            Self::Renew(event) => Some(&event.order_id),
            Self::Upgrade(event) => Some(&event.order_id),
            Self::Release(event) => event.order_id.as_deref(),
            Self::Freeze(_) | Self::Unfreeze(_) | Self::CheckChange(_) => None,
        }
    }

    /// Returns the id of the instance.
    pub fn instance_id(&self) -> &str {
        match self {
            Self::Create(event) => &event.instance_id,
            Self::Renew(event) => &event.instance_id,
            Self::Freeze(event) => &event.instance_id,
            Self::Unfreeze(event) => &event.instance_id,
            Self::Release(event) => &event.instance_id,
            Self::Upgrade(event) => &event.instance_id,
            Self::CheckChange(event) => &event.instance_id,
        }
    }

    /// Sets the fence of the run, and what marks the change done.
    pub(in crate::callback) fn of_run(mut self, run: Fence, mark: Completion) -> Self {
        match &mut self {
            Self::Create(Purchase { fence, completion, .. })
            | Self::Renew(Renewal { fence, completion, .. })
            | Self::Freeze(Freeze { fence, completion, .. })
            | Self::Unfreeze(Unfreeze { fence, completion, .. })
            | Self::Release(Release { fence, completion, .. })
            | Self::Upgrade(Upgrade { fence, completion, .. }) => (*fence, *completion) = (run, mark),
            // Changes nothing, so it runs without a lease.
            Self::CheckChange(_) => {}
        }
        self
    }
}
