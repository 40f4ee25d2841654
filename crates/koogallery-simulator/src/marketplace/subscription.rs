//! Subscriptions that were sold.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{LineSpec, PlacedOrder};
use koogallery::open_api::query_order::ChargingMode;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// Time for which an expired subscription is kept; up to 15 days, depending on the customer's level.
pub(super) const GRACE: Duration = Duration::from_secs(15 * 86_400);

/// A sold order line: an instance, or an authorization code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subscription {
    /// The instance id, or the code.
    pub instance_id: String,
    /// The protocol of its callbacks.
    #[serde(with = "crate::saved::protocol_id")]
    pub protocol: Protocol,
    /// The order that created it.
    pub order: PlacedOrder,
    /// The order's line, counted from 0.
    pub line: usize,
    /// Lifecycle state.
    pub state: SubscriptionState,
    /// Expiry; `None` if it does not expire.
    pub expire_time: Option<Timestamp>,
    /// Expiry before each renewal, the latest last.
    pub(super) earlier_expiries: Vec<Option<Timestamp>>,
}

/// Lifecycle state of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SubscriptionState {
    /// The seller is still opening it (`000004`).
    Opening,
    /// In use.
    Active,
    /// Suspended, but kept.
    Frozen {
        /// Begin of the freeze.
        since: Timestamp,
    },
    /// Deleted.
    Released,
}

impl Subscription {
    /// Returns the next automatic step and its time.
    pub(super) fn due(&self) -> Option<(Timestamp, Due)> {
        match self.state {
            SubscriptionState::Active => self.expire_time.map(|time| (time, Due::Expiry)),
            SubscriptionState::Frozen { since } => Some((since.saturating_add(GRACE), Due::Release)),
            SubscriptionState::Opening | SubscriptionState::Released => None,
        }
    }

    /// Returns the order line that was sold.
    pub fn line_spec(&self) -> Option<&LineSpec> {
        self.order.spec.lines.get(self.line)
    }

    /// Returns whether V1.0 freezes and unfreezes it by `instanceStatus`.
    pub(super) fn has_status_calls(&self) -> bool {
        let is_by_usage = |line: &LineSpec| line.is_package() || line.charging_mode == ChargingMode::OnDemand;
        self.protocol == Protocol::SaasV1 && self.line_spec().is_some_and(is_by_usage)
    }

    pub(super) fn product_id(&self) -> &str {
        self.line_spec().and_then(|line| line.products.first()).map_or("", |product| &product.product_id)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Due {
    Expiry,
    Release,
}

impl SubscriptionState {
    /// Returns `opening`, `active`, `frozen` or `released`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Active => "active",
            Self::Frozen { .. } => "frozen",
            Self::Released => "released",
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
