//! `updateInstanceStatus` (更新实例状态): marketplace to seller, `POST` to the production address. License client software
//! guide, "update instance status" (2023-12).

pub use crate::wire::Acknowledgement as Response;
pub use crate::wire::FreezeStatus as Status;
use crate::wire::message;

message! {
    /// An instance is frozen or unfrozen. The instance must exist, else `000003`. Repeated for two hours.
    #[doc(alias = "updateInstanceStatus")]
    #[doc(alias = "更新实例状态")]
    pub struct Request is UpdateInstanceStatus;
    mandatory {
        /// The instance.
        instance_id: String = identity "instanceId", 64;
        /// The status to take. Published sellers' code also knows `FROZEN` and `UNFROZEN`, which no document has; they
        /// are kept as unknown texts.
        status: Status = effect "status", 32;
    }
    optional {}
}
