//! The seller's reaction to order notifications. Replace this with yours.

use koogallery::callback::HandlerError;
use koogallery::callback::orders::{OrderNotice, OrdersHandler};

/// Opens nothing: what was bought arrives in calls of its own.
pub struct Books;

impl OrdersHandler for Books {
    async fn notified(&self, notice: OrderNotice) -> Result<(), HandlerError> {
        let order_type = notice.order.and_then(|order| order.order_type);
        let kind = order_type.map_or_else(|| "an order".to_owned(), |order_type| format!("a {order_type} order"));
        println!("the marketplace has {kind}, {}", notice.order_line_id);
        Ok(())
    }
}
