//! `authSync` (用户授权同步): marketplace to seller, `POST` to the production address and `/produceAPI/authSync`.
//! Joint-operations SaaS access guide V1.0, "user authorization synchronization" (2024-01-19).

use crate::kit::{AuthFlag, ChinaTime, JsonText, MAX_ENTRIES, User};
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// Users of an enterprise may use the application, no longer may, or have changed. V1.0 documents no
    /// flag `3`; it is taken all the same.
    ///
    /// On failure the enterprise's administrator decides whether to go on. The same for the same instance, tenant,
    /// application and user name: repeats create nothing new.
    #[doc(alias = "authSync")]
    #[doc(alias = "用户授权同步")]
    pub struct Request is AuthSync;
    mandatory {
        /// The buyer's enterprise.
        tenant_id: String = identity "tenantId", 64;
        /// The application's id in the marketplace.
        app_id: String = identity "appId", 64;
        /// The users, at most 500 by the document.
        user_list: JsonText<User> = effect "userList", MAX_ENTRIES;
        /// Start of the synchronization.
        current_sync_time: ChinaTime = information "currentSyncTime", 17;
        /// Operation on every user of the list.
        flag: AuthFlag = effect "flag", 2;
        /// Time of the message.
        time_stamp: ChinaTime = information "timeStamp", 17;
    }
    optional {
        /// The instance. Empty for the seller's own calls, mandatory for a buyer.
        instance_id: String = identity "instanceId", 64;
    }
}
