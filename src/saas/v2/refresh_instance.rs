//! `refreshInstance` (更新实例): marketplace to seller, `POST` to the production address. SaaS access guide V2.0, "update
//! instance" (China 2025, international 2025, Europe 2025-03-13).

pub use crate::saas::Acknowledgement as Response;
use crate::timestamp::Timestamp;
pub use crate::wire::RenewalScene as Scene;
use crate::wire::message;

message! {
    /// The expiry date of a period product's instance changes. Retried for two hours.
    #[doc(alias = "refreshInstance")]
    #[doc(alias = "更新实例")]
    pub struct Request is RefreshInstance;
    mandatory {
        /// The reason.
        scene: Scene = effect "scene", 64;
        /// The order that triggers the update, not the purchase. For a cancelled renewal the newest China text says
        /// the unsubscription order, older ones the renewal order that is cancelled.
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The new expiry, an absolute time. Documented with 14 digits, shown with 17; both are read. UTC by the newest
        /// China text, no zone stated elsewhere.
        expire_time: Timestamp = effect "expireTime", 20;
    }
    optional {
        /// The new product where the period type changes.
        product_id: String = identity "productId", 64;
    }
}
