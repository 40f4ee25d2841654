//! `newInstance` (新购商品): marketplace to seller, `GET` on the production address. SaaS access guide V1.0, "subscription"
//! (China 2025-11-13, international 2025-11-27).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{ChargingMode, CompactTime, ExtendParams, PeriodType};
use crate::amount::Amount;
use crate::cipher::field::{Ciphertext, EncryptType};
use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::saas::{AppInfo, check_app_info};
use crate::wire::{Answer, Checks, max_of, message, table};

message! {
    /// A customer has bought and paid. Sent again for retries (three hours, then refund), **whenever the buyer opens
    /// the resource page**, for debugging and for probing.
    #[doc(alias = "newInstance")]
    #[doc(alias = "新购商品")]
    pub struct Request is NewInstance;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC, kept as received because it is part of the key.
        time_stamp: String = identity "timeStamp", 20;
        /// The customer's account id.
        customer_id: String = identity "customerId", 100;
        /// Marketplace business id. **Different in every call.**
        business_id: String = identity "businessId", 64;
        /// Order id.
        order_id: String = identity "orderId", 64;
        /// Product id: one per period type, and one per billing item of a pay-per-use product.
        product_id: String = identity "productId", 64;
    }
    optional {
        /// The customer's account name. Mandatory in China, optional on the international site.
        customer_name: Sensitive = information "customerName", 64;
        /// IAM user id, only with authorization by IAM user name and for assets from before 2025-10-25.
        user_id: String = information "userId", 64;
        /// IAM user name, under the same conditions.
        user_name: Sensitive = information "userName", 64;
        /// Encrypted mobile number without country code, only with authorization by mobile number. The length is
        /// unverified.
        mobile_phone: Ciphertext = information "mobilePhone", 256;
        /// Encrypted e-mail address, only with authorization by e-mail. The length is unverified.
        email: Ciphertext = information "email", 256;
        /// Specification id; stays when the period type changes.
        sku_code: String = information "skuCode", 64;
        /// `1`: a trial. Absent or `0`: none.
        trial_flag: String = information "trialFlag", 64;
        /// Expiry computed at the order, for information only; the zone is not stated. Too early for a product under
        /// service supervision, whose term starts at the acceptance.
        expire_time: CompactTime = information "expireTime", 20;
        /// Charging mode of the product.
        charging_mode: ChargingMode = effect "chargingMode", 3;
        /// Extension parameters that the seller defined.
        saas_extend_params: ExtendParams = information "saasExtendParams", 2048;
        /// Quantity, in pieces or times.
        amount: u32 = information "amount", 7;
        /// Disk size in GB.
        disk_size: u32 = information "diskSize", 7;
        /// Bandwidth in Mbit/s.
        band_width: u32 = information "bandWidth", 7;
        /// Unit of the period; only with charging mode `1`.
        period_type: PeriodType = information "periodType", 10;
        /// Number of periods.
        period_number: u32 = information "periodNumber", 2;
        /// Way of opening the instance. Seen in calls, with undocumented values (unverified): kept as text.
        provision_type: String = information "provisionType", 64;
        /// Time when the customer accepted the delivery of a product under service supervision, which is when its term
        /// starts. The form and the zone are not stated (unverified).
        acceptance_time: CompactTime = information "acceptanceTime", 64;
        /// Amount paid: yuan in China, US dollars on the international site; at most three decimals.
        order_amount: Amount = information "orderAmount", 20;
    }
}

table! {
    serde
    /// The answer: the instance id, and the customer's access data.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct Response {
        /// Only `000000` counts as success.
        pub result_code: ResultCode = mandatory "resultCode", 6;
        /// At most 255 characters.
        pub result_msg: Cow<'static, str> = mandatory "resultMsg", 255;
        /// The cipher of account and password.
        pub encrypt_type: EncryptType = mandatory "encryptType", 1;
        /// The seller's globally unique instance id, the same for every call of the order; at most 64 characters.
        pub instance_id: String = mandatory "instanceId", 64;
        /// **Current** access data; may be left out only where the customer gets it in another way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub app_info: Option<AppInfo<Ciphertext>> = optional "appInfo", 0;
    }
}

impl Response {
    /// A successful answer.
    pub fn new(
        encrypt_type: EncryptType,
        instance_id: impl Into<String>,
        app_info: Option<AppInfo<Ciphertext>>,
    ) -> Self {
        let result_code = ResultCode::Success;
        let result_msg = result_code.default_message().into();
        Self { result_code, result_msg, encrypt_type, instance_id: instance_id.into(), app_info }
    }
}

impl Answer for Response {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, const { max_of(Self::FIELDS, "resultMsg") });
        checks.mandatory("instanceId", &self.instance_id, const { max_of(Self::FIELDS, "instanceId") });
        if let Some(app_info) = &self.app_info {
            check_app_info(app_info, checks);
        }
    }
}
