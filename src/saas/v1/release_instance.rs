//! `releaseInstance` (商品资源释放): marketplace to seller, `GET` on the production address. SaaS access guide V1.0,
//! "release" (China 2025-04-25, international 2025-11-18).

use crate::amount::Amount;
pub use crate::saas::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The instance is to be deleted: not renewed in time, or unsubscribed. Retried for an hour.
    #[doc(alias = "releaseInstance")]
    #[doc(alias = "商品资源释放")]
    pub struct Request is ReleaseInstance;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
    }
    optional {
        /// The order of the purchase. Mandatory by the table, left out in the document's own sample.
        order_id: String = identity "orderId", 64;
        /// Amount in yuan or US dollars.
        order_amount: Amount = information "orderAmount", 20;
    }
}
