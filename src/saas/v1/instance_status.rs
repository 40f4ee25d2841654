//! `instanceStatus` (资源状态变更): marketplace to seller, `GET` on the production address. SaaS access guide V1.0, "resource
//! status change" (China 2024-12-25, international 2023-12-04).

pub use crate::saas::Acknowledgement as Response;
use crate::wire::{message, open_enum};

open_enum! {
    /// The status to take.
    pub enum InstanceStatus {
        /// Unusable, data kept.
        Freeze = "FREEZE",
        /// Usable again. (V2.0 says `UNFREEZE`.)
        Normal = "NORMAL",
    }
}

message! {
    /// A pay-per-use instance or package is frozen (expiry, violation, arrears) or unfrozen.
    #[doc(alias = "instanceStatus")]
    #[doc(alias = "资源状态变更")]
    pub struct Request is InstanceStatus;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The status to take; the parameter has the same name as the activity. `UNFREEZE`, V2.0's word, counts as
        /// `NORMAL` in the service.
        instance_status: InstanceStatus = effect "instanceStatus", 32;
    }
    optional {}
}
