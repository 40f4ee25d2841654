//! `newInstance` (创建实例): marketplace to seller, `POST` to the production address. License client software guide,
//! "create instance" (2023-12-25).

pub use crate::wire::CreatedInstance as Response;
use crate::wire::message;

message! {
    /// A customer has bought and paid; what was bought is learned from the order query.
    ///
    /// Repeated every 2 minutes for two hours, by another sentence of the page for three; then the order is refunded.
    /// The page says that after `000004` the instance is queried, by a call that this family does not document.
    #[doc(alias = "newInstance")]
    #[doc(alias = "创建实例")]
    pub struct Request is NewInstance;
    mandatory {
        /// Marketplace order id.
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
        /// Marketplace business id. **Different at every call**; that of the first one is recommended as instance id.
        business_id: String = identity "businessId", 64;
    }
    optional {}
}
