//! `updateInstanceStatus` (更新实例状态): marketplace to seller, `POST` to the production address. SaaS access guide V2.0,
//! "update instance status" (China 2025-07-29, international 2025-10-09, Europe 2023-09-01).

pub use crate::saas::Acknowledgement as Response;
pub use crate::wire::FreezeStatus as Status;
use crate::wire::message;

message! {
    /// An instance is frozen (expiry or violation) or unfrozen (renewal or violation ended). Retried for an hour.
    #[doc(alias = "updateInstanceStatus")]
    #[doc(alias = "更新实例状态")]
    pub struct Request is UpdateInstanceStatus;
    mandatory {
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The status to take. `NORMAL`, V1.0's word for unfreezing, counts as `UNFREEZE` in the service.
        status: Status = effect "status", 32;
    }
    optional {}
}
