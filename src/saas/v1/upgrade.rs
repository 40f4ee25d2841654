//! `upgrade` (商品升级): marketplace to seller, `GET` on the production address. SaaS access guide V1.0, "upgrade".

use super::ExtendParams;
pub use crate::saas::Acknowledgement as Response;
use crate::wire::message;

message! {
    /// An upgrade or expansion was paid. Retried for three hours, then refunded.
    #[doc(alias = "upgrade")]
    #[doc(alias = "商品升级")]
    pub struct Request is Upgrade;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The instance, whose id stays.
        instance_id: String = identity "instanceId", 64;
        /// The **new** order.
        order_id: String = identity "orderId", 64;
        /// Specification after the upgrade; stays for a pure expansion.
        sku_code: String = identity "skuCode", 64;
        /// Product after the upgrade.
        product_id: String = identity "productId", 64;
    }
    optional {
        /// New **total** quantity.
        amount: u32 = information "amount", 7;
        /// New total disk size in GB.
        disk_size: u32 = information "diskSize", 7;
        /// New total bandwidth in Mbit/s.
        band_width: u32 = information "bandWidth", 7;
        /// Extension parameters: in no table, but in every sample.
        saas_extend_params: ExtendParams = information "saasExtendParams", 2048;
    }
}
