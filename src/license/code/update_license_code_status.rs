//! `updateLicenseCodeStatus` (授权码状态变更): marketplace to seller, `POST` to the production address. License authorization
//! code guide 2.0, "update the status" (2025-04-25).

pub use crate::wire::Acknowledgement as Response;
pub use crate::wire::FreezeStatus as Status;
use crate::wire::message;

message! {
    /// A code is frozen (expired and not renewed within the grace period) or unfrozen. The code must exist, else
    /// `000003`. After a late renewal this may come before or after `refreshLicenseCode`.
    #[doc(alias = "updateLicenseCodeStatus")]
    pub struct Request is UpdateLicenseCodeStatus;
    mandatory {
        /// The authorization code.
        license: String = identity "license", 64;
        /// The status to take. Published sellers' code also knows `FROZEN` and `UNFROZEN`, which no document has; they
        /// are kept as unknown texts.
        status: Status = effect "status", 32;
    }
    optional {}
}
