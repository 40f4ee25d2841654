//! `allOrgSync` (部门全量同步): marketplace to seller, `POST` to the production address and `/produceAPI/v2/allOrgSync`.
//! SaaS access guide V2.0, "full department synchronization" (2024-08-16).

use crate::kit::{ChinaTime, Department, MAX_ENTRIES};
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// All departments of an enterprise, as a flat list. The document's sample has a `flag` that its table does not
    /// list; it is kept among the unknown members.
    ///
    /// Whether departments that are not in the list are to be deleted is not documented (unverified); the safe reading
    /// is not to. What follows a failure is not documented either.
    #[doc(alias = "allOrgSync")]
    #[doc(alias = "部门全量同步")]
    pub struct Request is AllOrgSync;
    mandatory {
        /// The buyer's enterprise.
        tenant_id: String = identity "tenantId", 64;
        /// The departments. An array by the table, text that holds one by the sample.
        org_info_list: Vec<Department> = effect "orgInfoList", MAX_ENTRIES;
        /// Time of the message.
        time_stamp: ChinaTime = information "timeStamp", 17;
    }
    optional {
        /// The instance. Empty for the seller's own calls, mandatory for a buyer.
        instance_id: String = identity "instanceId", 64;
    }
}
