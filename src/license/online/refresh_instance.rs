//! `refreshInstance` (更新实例): marketplace to seller, `POST` to the production address. License client software guide,
//! "update instance" (2023-12-25).

use crate::timestamp::Timestamp;
pub use crate::wire::Acknowledgement as Response;
pub use crate::wire::RenewalScene as Scene;
use crate::wire::message;

message! {
    /// The expiry of an instance changes. The instance must exist, else `000003`. Repeated for two hours.
    #[doc(alias = "refreshInstance")]
    #[doc(alias = "更新实例")]
    pub struct Request is RefreshInstance;
    mandatory {
        /// Reason: any scene but `RENEWAL_CHANGE`.
        scene: Scene = effect "scene", 64;
        /// The order of this change; for a cancelled renewal the renewal that is cancelled.
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The new expiry, an absolute time. Documented with 14 digits, shown with 17 on the same page; both are read.
        /// The zone is not stated; taken as UTC (unverified).
        expire_time: Timestamp = effect "expireTime", 20;
    }
    optional {
        /// The new product where the period type changes.
        product_id: String = identity "productId", 64;
    }
}
