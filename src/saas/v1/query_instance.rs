//! `queryInstance` (查询实例信息): marketplace to seller, `GET` on the production address. SaaS access guide V1.0, "instance
//! query" (China 2024-07-17, international 2024-06-12).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::cipher::field::{Ciphertext, EncryptType};
use crate::result_code::ResultCode;
use crate::saas::{InstanceIds, InstanceInfo, check_instance_info};
use crate::wire::{Answer, Checks, max_of, message, table};

message! {
    /// Access data and usage are asked for; mandatory for pay-per-use products and packages.
    #[doc(alias = "queryInstance")]
    #[doc(alias = "查询实例信息")]
    pub struct Request is QueryInstance;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// One to 100 instances.
        instance_ids: InstanceIds = identity "instanceId", 64;
    }
    optional {}
}

table! {
    serde
    /// The answer: one element per known instance, account and password encrypted.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct Response {
        /// Only `000000` counts as success.
        pub result_code: ResultCode = mandatory "resultCode", 6;
        /// At most 255 characters.
        pub result_msg: Cow<'static, str> = mandatory "resultMsg", 255;
        /// The cipher of account and password.
        pub encrypt_type: EncryptType = mandatory "encryptType", 1;
        /// The instances asked for.
        #[serde(default)]
        pub info: Vec<InstanceInfo<Ciphertext>> = mandatory "info", 0;
    }
}

impl Response {
    /// A successful answer.
    pub fn new(encrypt_type: EncryptType, info: Vec<InstanceInfo<Ciphertext>>) -> Self {
        let result_code = ResultCode::Success;
        Self { result_code, result_msg: result_code.default_message().into(), encrypt_type, info }
    }
}

impl Answer for Response {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, const { max_of(Self::FIELDS, "resultMsg") });
        self.info.iter().for_each(|info| check_instance_info(info, checks));
    }
}
