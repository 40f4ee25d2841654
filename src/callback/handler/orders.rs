//! Order notification, as a seller's code is told of it.

use std::future::Future;

use crate::callback::HandlerError;
pub use crate::open_api::query_order::Order;

/// Is told of paid orders. For products without callbacks of their own, or for the seller's books.
///
/// It comes **in addition** to the callbacks of the product's family: a SaaS purchase is told here and to
/// [`SubscriptionHandler::create`](super::subscription::SubscriptionHandler::create), in any order, also where both are on
/// one ledger. **Do not provision from it what the other provisions.**
pub trait OrdersHandler: Send + Sync + 'static {
    /// There is a paid order. Told once per order line, again only if it failed.
    fn notified(&self, notice: OrderNotice) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// A paid order: a purchase, renewal, change or unsubscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderNotice {
    /// The order.
    pub order_id: String,
    /// Its line.
    pub order_line_id: String,
    /// What the order query tells of this line; `None` without an open-API client, and for test calls, whose orders may be
    /// invented.
    pub order: Option<Order>,
    /// Whether the call came from the debugging page or a dial test; always false unless the seller asked for such calls.
    pub test_call: bool,
}
