//! `getLicenseAsync` (申请License): marketplace to seller, `POST` to the production address. License client software
//! guide, "apply for a License" (2023-12-25, 2025-04-25).

use super::{DeviceFingerprint, LicenseTime};
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// A user applies for a License. It is never part of the answer: it is delivered with
    /// [`open_api::upload`](crate::open_api::upload), under the same event id.
    ///
    /// Answer `000000`, or `000004` if it takes time, or why not (`000900` to `000903`). The call may be repeated; how
    /// often, and how long the marketplace waits for the upload, is not stated.
    #[doc(alias = "getLicenseAsync")]
    pub struct Request is GetLicenseAsync;
    mandatory {
        /// The instance whose License it is. It must exist.
        instance_id: String = identity "instanceId", 64;
        /// Start of the License.
        effective_time: LicenseTime = effect "effectiveTime", 32;
        /// The application. A repeated id, with the same fingerprint, asks for **the same License again**, never for
        /// another one.
        event_id: String = identity "eventId", 64;
    }
    optional {
        /// End of the License; sent for period products.
        expire_time: LicenseTime = effect "expireTime", 32;
        /// The device that the License is bound to, if it is.
        device_fingerprint: DeviceFingerprint = identity "deviceFingerprint", DeviceFingerprint::MAX;
    }
}
