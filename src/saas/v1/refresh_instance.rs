//! `refreshInstance` (商品续费): marketplace to seller, `GET` on the production address. SaaS access guide V1.0, "renewal"
//! (China 2025-11-13, international 2025-01-17).

use super::{CompactTime, PeriodType};
use crate::amount::Amount;
pub use crate::saas::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The expiry changes: renewal, trial to commercial, or (newer texts) refund of a renewal, which moves it **back**.
    /// Retried for an hour.
    #[doc(alias = "refreshInstance")]
    #[doc(alias = "商品续费")]
    pub struct Request is RefreshInstance;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The **new** order, not the purchase.
        order_id: String = identity "orderId", 64;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The new expiry; the zone is not stated.
        expire_time: CompactTime = effect "expireTime", 20;
    }
    optional {
        /// The new product, where the period type changes or a trial becomes commercial.
        product_id: String = identity "productId", 64;
        /// `1`: trial to period. A further value for pay-per-use probably exists (unverified).
        trial_to_formal: String = effect "trialToFormal", 64;
        /// Unit of the period.
        period_type: PeriodType = information "periodType", 10;
        /// Number of periods.
        period_number: u32 = information "periodNumber", 2;
        /// Amount paid: yuan or US dollars, **negative** for a refunded renewal (older texts know none).
        order_amount: Amount = information "orderAmount", 20;
    }
}
