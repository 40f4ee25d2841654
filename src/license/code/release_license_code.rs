//! `releaseLicenseCode` (授权码释放): marketplace to seller, `POST` to the production address. License authorization code
//! guide 2.0, "release" (2025-04-25).

pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// All that belongs to the code is to be deleted: not renewed in time, or unsubscribed.
    #[doc(alias = "releaseLicenseCode")]
    pub struct Request is ReleaseLicenseCode;
    mandatory {
        /// The authorization code.
        license: String = identity "license", 64;
    }
    optional {
        /// The order of the unsubscription, only after one.
        order_id: String = identity "orderId", 64;
        /// Its line.
        order_line_id: String = identity "orderLineId", 64;
    }
}
