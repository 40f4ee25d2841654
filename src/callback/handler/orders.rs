//! The handler of order notifications.

use std::future::Future;

use crate::callback::HandlerError;
pub use crate::lease::Fence;
pub use crate::ledger::Completion;
pub use crate::open_api::query_order::Order;
use crate::shareable::shared_handler;

/// The seller's handling of paid orders: for products without callbacks of their own, or for the seller's books.
///
/// It comes **in addition** to the callbacks of the product's family: a SaaS purchase is sent to this handler and to
/// [`SubscriptionHandler::create`](super::subscription::SubscriptionHandler::create), in any order, also where both are on
/// one ledger. **Do not provision here what the other provisions.**
#[doc(alias = "orderNotify")]
#[doc(alias = "webhook")]
pub trait OrdersHandler: Send + Sync + 'static {
    /// Handles a paid order. Runs once per order line, and again only if it failed.
    fn notified(&self, notice: OrderNotice) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

shared_handler! {
    OrdersHandler {
        notified(notice: OrderNotice) -> ();
    }
}

/// A paid order: a purchase, renewal, change or unsubscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderNotice {
    /// Order id.
    pub order_id: String,
    /// Order line id.
    pub order_line_id: String,
    /// Answer to the order query for this line; `None` without an open-API client, and for test calls, whose orders may be
    /// invented.
    pub order: Option<Order>,
    /// Whether the call came from the debugging page or a dial test; always false unless the seller asked for such calls.
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl OrderNotice {
    /// Returns the notice of an order line, without the order.
    pub fn new(order_id: impl Into<String>, order_line_id: impl Into<String>) -> Self {
        Self {
            order_id: order_id.into(),
            order_line_id: order_line_id.into(),
            order: None,
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}
