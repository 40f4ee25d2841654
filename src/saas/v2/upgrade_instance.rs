//! `upgradeInstance` (实例升级): marketplace to seller, `POST` to the production address. SaaS access guide V2.0, "instance
//! upgrade" (China 2025, international 2025-10-09, Europe 2023-09-01).

pub use crate::saas::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// An upgrade (higher specification) or expansion (more units) was paid; what it brings is learned from the order
    /// query. Retried for three hours, then refunded.
    #[doc(alias = "upgradeInstance")]
    #[doc(alias = "实例升级")]
    pub struct Request is UpgradeInstance;
    mandatory {
        /// The instance, whose id stays.
        instance_id: String = identity "instanceId", 64;
        /// The **new** order.
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
    }
    optional {}
}
