//! Order notices, run as purchases.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::callback::handler::orders::{OrderNotice, OrdersHandler};
use crate::callback::handler::subscription::{Description, ErasedHandler, Event, InstanceQuery, Purchase};
use crate::callback::{HandlerError, OrderError};
use crate::open_api::Client;
use crate::open_api::query_order::Request;

/// Runs an orders handler on the ledger as a subscription handler: a notice is a purchase that is handled once.
pub(in crate::callback) struct Notices<H> {
    pub(in crate::callback) handler: H,
    pub(in crate::callback) open_api: Option<Client>,
}

impl<H: OrdersHandler> ErasedHandler for Notices<H> {
    fn handle(&self, event: Event) -> BoxFuture<'_, Result<(), HandlerError>> {
        async move {
            let Event::Create(purchase) = event else {
                return Err(HandlerError::failed("a notice creates only"));
            };
            let Purchase { order_id, order_line_id, test_call, fence, completion, .. } = purchase;
            let order_line_id = order_line_id.unwrap_or_default();
            let order = match &self.open_api {
                Some(client) if !test_call => {
                    let request = Request::new(&order_id).with_order_line(&order_line_id);
                    let answer = client.call(&request).await;
                    let query = |source| OrderError::Query { order_id: order_id.clone(), source: Box::new(source) };
                    Some(answer.map_err(query)?)
                }
                _ => None,
            };
            let notice = OrderNotice { order_id, order_line_id, order, test_call, fence, completion };
            self.handler.notified(notice).await
        }
        .boxed()
    }

    fn describe(&self, _query: InstanceQuery) -> BoxFuture<'_, Result<Description, HandlerError>> {
        std::future::ready(Err(HandlerError::failed("a notice is not asked for"))).boxed()
    }
}
