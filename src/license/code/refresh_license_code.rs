//! `refreshLicenseCode` (更新授权码有效期): marketplace to seller, `POST` to the production address. License authorization
//! code guide 2.0, "update the validity" (2025-04-25, 2025-12-30).

use crate::timestamp::Timestamp;
pub use crate::wire::Acknowledgement as Response;
pub use crate::wire::RenewalScene as Scene;
use crate::wire::message;

message! {
    /// The expiry of a code changes: a renewal, or the refund of one, which moves it **back**. Yearly and monthly
    /// products only. The code must exist, else `000003`. If the call fails permanently, what the customer paid for may
    /// be released.
    #[doc(alias = "refreshLicenseCode")]
    pub struct Request is RefreshLicenseCode;
    mandatory {
        /// Reason: `RENEWAL` or `UNSUBSCRIBE_RENEWAL_PERIOD`.
        scene: Scene = effect "scene", 64;
        /// The order of the renewal or of its refund, not the purchase. Older texts mean the refunded renewal by it:
        /// the code is what identifies the resource.
        order_id: String = identity "orderId", 64;
        /// Order line id.
        order_line_id: String = identity "orderLineId", 64;
        /// The authorization code.
        license: String = identity "license", 64;
        /// The new expiry, an absolute time. The zone is not stated; taken as UTC (unverified).
        expire_time: Timestamp = effect "expireTime", 20;
    }
    optional {
        /// The new product where the period type changes.
        product_id: String = identity "productId", 64;
    }
}
