//! `releaseLicense` (License释放): marketplace to seller, `GET` on the production address. License access guide V1,
//! "release".

pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The License is to be deleted: not renewed in time, or unsubscribed. **Called once**: after a failure a person
    /// must restart it.
    #[doc(alias = "releaseLicense")]
    pub struct Request is ReleaseLicense;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The order of the purchase.
        order_id: String = identity "orderId", 64;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
    }
    optional {}
}
