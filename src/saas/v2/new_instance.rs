//! `newInstance` (创建实例): marketplace to seller, `POST` to the production address. SaaS access guide V2.0, "create
//! instance" (China 2025-12-30, international 2025-10-09, Europe 2023-09-01).

pub use crate::wire::CreatedInstance as Response;
use crate::wire::message;

message! {
    /// A customer has bought and paid; what was bought is learned from the order query.
    ///
    /// Sent again at any time: on failure for three hours (then the order is refunded), and also after success.
    #[doc(alias = "newInstance")]
    #[doc(alias = "创建实例")]
    pub struct Request is NewInstance;
    mandatory {
        /// Marketplace order id.
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
        /// Marketplace business id. **Different at every call**, also at retries of the same order line.
        business_id: String = identity "businessId", 64;
    }
    optional {
        /// Product id. No site documents it for this message (unverified); where it arrives it keeps apart the several
        /// instances of one pay-per-use order.
        product_id: String = identity "productId", 64;
    }
}
