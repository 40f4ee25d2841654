//! `expireLicense` (License过期): marketplace to seller, `GET` on the production address. License access guide V1; the
//! page was not found, so the table is that of `releaseLicense` and of the SaaS access guide V1.0, "expiration"
//! (unverified).

pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The License has expired: freeze it and delete nothing. Presumably called once, like its siblings.
    #[doc(alias = "expireLicense")]
    pub struct Request is ExpireLicense;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
    }
    optional {
        /// The order of the purchase. Probably mandatory (unverified).
        order_id: String = identity "orderId", 64;
    }
}
