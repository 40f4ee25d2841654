//! `refreshLicense` (License续费): marketplace to seller, `GET` on the production address. License access guide V1,
//! "renewal".

pub use crate::wire::Acknowledgement as Response;
use crate::wire::{CompactTime, PeriodType, message};

message! {
    /// The expiry changes: renewal, or trial to commercial. **Called once**: after a failure a person must restart it.
    #[doc(alias = "refreshLicense")]
    pub struct Request is RefreshLicense;
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
        /// The new product where the period type changes.
        product_id: String = identity "productId", 64;
        /// Unit of the period.
        period_type: PeriodType = information "periodType", 10;
        /// Number of periods.
        period_number: u32 = information "periodNumber", 2;
    }
}
