//! `singleOrgSync` (部门增量同步): marketplace to seller, `POST` to the production address and
//! `/produceAPI/singleOrgSync`. Joint-operations SaaS access guide V1.0, "incremental department synchronization"
//! (2024-06-25).

use crate::kit::{ChinaTime, Flag};
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// One department was added, changed or moved, or deleted.
    ///
    /// The effect of a failure is not documented. The same for the same instance, tenant and department: repeats create
    /// nothing new. An application without departments may simply answer success.
    #[doc(alias = "singleOrgSync")]
    #[doc(alias = "部门增量同步")]
    pub struct Request is SingleOrgSync;
    mandatory {
        /// The buyer's enterprise.
        tenant_id: String = identity "tenantId", 64;
        /// Code of the department, unique in the enterprise, which never changes.
        org_code: String = identity "orgCode", 64;
        /// Name, unique on its level.
        org_name: String = information "orgName", 128;
        /// Operation.
        flag: Flag = effect "flag", 2;
        /// Time of the message.
        time_stamp: ChinaTime = information "timeStamp", 17;
    }
    optional {
        /// The instance. Empty for the seller's own calls, mandatory for a buyer.
        instance_id: String = identity "instanceId", 64;
        /// Code of the department above; none on the top level.
        parent_code: String = information "parentCode", 64;
    }
}
