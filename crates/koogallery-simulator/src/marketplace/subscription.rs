//! What was sold.

use std::fmt;
use std::time::Duration;

use crate::PlacedOrder;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// How long what has expired is kept; up to 15 days, by the customer's level.
pub(super) const GRACE: Duration = Duration::from_secs(15 * 86_400);

/// A line of an order that was sold: an instance, or an authorization code.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscription {
    /// The instance, or the code.
    pub instance_id: String,
    /// By which callbacks the seller is told.
    pub protocol: Protocol,
    /// The order that made it.
    pub order: PlacedOrder,
    /// The order's line, counted from 0.
    pub line: usize,
    /// Where in its life it is.
    pub state: SubscriptionState,
    /// When it expires; `None` for what does not.
    pub expire_time: Option<Timestamp>,
    /// When it would have expired before its renewals, the latest last.
    pub(super) earlier_expiries: Vec<Option<Timestamp>>,
}

/// Where in its life something is that was sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionState {
    /// The seller is still at it (`000004`).
    Opening,
    /// In use.
    Active,
    /// Not to be used, but kept.
    Frozen {
        /// Since when.
        since: Timestamp,
    },
    /// Gone.
    Released,
}

impl Subscription {
    /// What happens next by itself, and when.
    pub(super) fn due(&self) -> Option<(Timestamp, Due)> {
        match self.state {
            SubscriptionState::Active => self.expire_time.map(|time| (time, Due::Expiry)),
            SubscriptionState::Frozen { since } => Some((since.saturating_add(GRACE), Due::Release)),
            SubscriptionState::Opening | SubscriptionState::Released => None,
        }
    }

    pub(super) fn product_id(&self) -> &str {
        let line = self.order.spec.lines.get(self.line);
        line.and_then(|line| line.products.first()).map_or("", |product| &product.product_id)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Due {
    Expiry,
    Release,
}

impl SubscriptionState {
    /// `opening`, `active`, `frozen` or `released`.
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
