//! Order notification, as a seller's code is told of it.

use std::future::Future;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::HandlerError;
use super::order::OrderError;
use super::subscription::{Description, ErasedHandler, Event, InstanceQuery};
use crate::open_api::Client;
pub use crate::open_api::query_order::Order;
use crate::open_api::query_order::Request;

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

/// An orders handler that the ledger's executor runs like any other: a notice is a purchase seen once.
pub(super) struct Notices<H> {
    pub(super) handler: H,
    pub(super) open_api: Option<Client>,
}

impl<H: OrdersHandler> ErasedHandler for Notices<H> {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>> {
        async move {
            let Event::Create(purchase) = event else {
                return Err(HandlerError::failed("a notice creates only"));
            };
            let (order_id, test_call) = (purchase.order_id, purchase.test_call);
            let order_line_id = purchase.order_line_id.unwrap_or_default();
            let order = match &self.open_api {
                Some(client) if !test_call => {
                    let request = Request::new(&order_id).with_order_line(&order_line_id);
                    let answer = client.call(&request).await;
                    let query = |source| OrderError::Query { order_id: order_id.clone(), source: Box::new(source) };
                    Some(answer.map_err(query)?)
                }
                _ => None,
            };
            self.handler.notified(OrderNotice { order_id, order_line_id, order, test_call }).await
        }
        .boxed()
    }

    fn describe(&self, _query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>> {
        std::future::ready(Err(HandlerError::failed("a notice is not asked for"))).boxed()
    }
}
