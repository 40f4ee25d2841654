//! `releaseInstance` (释放实例): marketplace to seller, `POST` to the production address. License client software guide,
//! "release instance" (2025-02-12).

pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The instance is to be deleted: not renewed in time, or unsubscribed. How often it is repeated is not stated.
    #[doc(alias = "releaseInstance")]
    #[doc(alias = "释放实例")]
    pub struct Request is ReleaseInstance;
    mandatory {
        /// The instance.
        instance_id: String = identity "instanceId", 64;
    }
    optional {
        /// The order of the unsubscription, only after one.
        order_id: String = identity "orderId", 64;
        /// Its line.
        order_line_id: String = identity "orderLineId", 64;
    }
}
