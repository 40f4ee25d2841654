//! What happens when the marketplace notifies of an order. Replace this with yours.

use koogallery::callback::HandlerError;
use koogallery::callback::orders::{OrderNotice, OrdersHandler};

/// Opens nothing: what was bought arrives in calls of its own.
pub struct Books;

impl OrdersHandler for Books {
    async fn notified(&self, notice: OrderNotice) -> Result<(), HandlerError> {
        let kind = notice.order.map_or_else(|| "an order".to_owned(), |order| format!("a {} order", order.order_type));
        println!("the marketplace has {kind}, {}", notice.order_line_id);
        Ok(())
    }
}
