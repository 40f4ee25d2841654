//! `allOrgSync` (部门全量同步): marketplace to seller, `POST` to the production address and `/produceAPI/allOrgSync`.
//! Joint-operations SaaS access guide V1.0, "full department synchronization" (2024-01-23).

use crate::kit::{ChinaTime, Department, JsonText, MAX_ENTRIES};
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// All departments of an enterprise, as a flat list.
    ///
    /// Whether departments that are not in the list are to be deleted is not documented (unverified); the safe reading
    /// is not to. What follows a failure is not documented either.
    #[doc(alias = "allOrgSync")]
    #[doc(alias = "部门全量同步")]
    pub struct Request is AllOrgSync;
    mandatory {
        /// The buyer's enterprise.
        tenant_id: String = identity "tenantId", 64;
        /// The departments.
        org_info: JsonText<Department> = effect "orgInfo", MAX_ENTRIES;
        /// Time of the message.
        time_stamp: ChinaTime = information "timeStamp", 17;
    }
    optional {
        /// The instance. Empty for the seller's own calls, mandatory for a buyer.
        instance_id: String = identity "instanceId", 64;
    }
}
