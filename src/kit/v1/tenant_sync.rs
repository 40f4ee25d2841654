//! `tenantSync` (企业同步): marketplace to seller, `POST` to the production address and `/produceAPI/tenantSync`.
//! Joint-operations SaaS access guide V1.0, "tenant synchronization" (2025-12-30).

use crate::kit::{ChinaTime, Flag};
use crate::redact::Sensitive;
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// An enterprise is bound to the application, changed, or unbound (as when it is dissolved).
    ///
    /// On failure the buyer decides whether to try again. The same for the same instance and tenant: repeats create
    /// nothing new.
    #[doc(alias = "tenantSync")]
    #[doc(alias = "企业同步")]
    pub struct Request is TenantSync;
    mandatory {
        /// The buyer's enterprise; the same in all messages.
        tenant_id: String = identity "tenantId", 64;
        /// Mark of the enterprise, which shows to which of the buyer's domains a login goes.
        tenant_code: String = put "tenantCode", 64;
        /// Name of the enterprise.
        name: Sensitive = information "name", 255;
        /// Address of the enterprise's authentication center, `https://` included; any text while debugging. A changed
        /// one counts at once: logins depend on it.
        domain_name: String = put "domainName", 255;
        /// Operation; `2` changes name and address only.
        flag: Flag = effect "flag", 2;
        /// Time of the message.
        time_stamp: ChinaTime = information "timeStamp", 17;
    }
    optional {
        /// The instance. Empty when the seller applies for credentials or debugs, mandatory for a buyer.
        instance_id: String = identity "instanceId", 64;
        /// The buyer's order. Empty in the same cases.
        order_id: String = information "orderId", 64;
    }
}
