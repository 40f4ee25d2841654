//! `applicationSync` (应用同步): marketplace to seller, `POST` to the production address and
//! `/produceAPI/applicationSync`. Joint-operations SaaS access guide V1.0, "application synchronization" (2025-12-30).

use crate::kit::{ChinaTime, Flag};
use crate::redact::Sensitive;
pub use crate::wire::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// The OAuth client with which the application lets an enterprise's users in.
    ///
    /// On failure the buyer decides whether to try again. The same for the same instance, tenant and application:
    /// repeats create nothing new. A secret that cannot be decrypted is to be answered with a failure.
    #[doc(alias = "applicationSync")]
    #[doc(alias = "应用同步")]
    pub struct Request is ApplicationSync;
    mandatory {
        /// The buyer's enterprise.
        tenant_id: String = identity "tenantId", 64;
        /// The application's id in the marketplace.
        app_id: String = identity "appId", 64;
        /// OAuth client id, given by the enterprise's authentication center.
        client_id: String = put "clientId", 64;
        /// OAuth client secret, **still encrypted** with the seller's RSA key (OAEP). No length is documented; 8192
        /// characters are taken.
        client_secret: Sensitive = put "clientSecret", 8192;
        /// Operation.
        flag: Flag = effect "flag", 2;
        /// Time of the message.
        time_stamp: ChinaTime = information "timeStamp", 17;
    }
    optional {
        /// The instance. Empty when the seller applies for credentials or debugs, mandatory for a buyer.
        instance_id: String = identity "instanceId", 64;
    }
}
