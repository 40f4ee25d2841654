//! `releaseInstance` (释放实例): marketplace to seller, `POST` to the production address. SaaS access guide V2.0, "release
//! instance" (China 2025, international 2024-06-12, Europe 2023-09-01).

pub use crate::saas::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The instance is to be deleted: not renewed in time, or unsubscribed. Final, although one table speaks of expiry.
    /// Retried for as long as a change of status, probably (unverified).
    #[doc(alias = "releaseInstance")]
    #[doc(alias = "释放实例")]
    pub struct Request is ReleaseInstance;
    mandatory {
        /// The instance.
        instance_id: String = identity "instanceId", 64;
    }
    optional {
        /// Only after an unsubscription: its order (China), or the order to be cancelled (Europe).
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
    }
}
