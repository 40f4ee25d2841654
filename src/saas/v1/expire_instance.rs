//! `expireInstance` (商品过期): marketplace to seller, `GET` on the production address. SaaS access guide V1.0,
//! "expiration".

pub use crate::saas::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The instance has expired: freeze it and keep its data for up to 15 days. Retried for an hour.
    #[doc(alias = "expireInstance")]
    #[doc(alias = "商品过期")]
    pub struct Request is ExpireInstance;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
    }
    optional {
        /// The order of the purchase. Mandatory by the table, left out in the documents' own samples.
        order_id: String = identity "orderId", 64;
    }
}
