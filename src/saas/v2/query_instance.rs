//! `queryInstance` (查询实例信息): marketplace to seller, `POST` to the production address. SaaS access guide V2.0, "query
//! instance information" (China 2025-11-13, international 2025-11-18, Europe 2023-09-01).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::saas::{InstanceIds, InstanceInfo, check_instance_info};
use crate::wire::{Answer, Checks, max_of, message, table};

message! {
    /// Access data and usage are asked for: after a creation until they are there, whenever the customer opens the
    /// resource page, and in dial tests.
    #[doc(alias = "queryInstance")]
    #[doc(alias = "查询实例信息")]
    pub struct Request is QueryInstance;
    mandatory {
        /// One to 100 instances.
        instance_ids: InstanceIds = identity "instanceId", 64;
    }
    optional {}
}

table! {
    serde
    /// The answer: one element per known instance, account and password in plain text.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct Response {
        /// `000000`, or `000004` while the instance is being created (what to answer then is not documented).
        pub result_code: ResultCode = mandatory "resultCode", 6;
        /// At most 255 characters.
        pub result_msg: Cow<'static, str> = mandatory "resultMsg", 255;
        /// The instances asked for.
        #[serde(default)]
        pub info: Vec<InstanceInfo<Sensitive>> = mandatory "info", 0;
    }
}

impl Response {
    /// A successful answer.
    pub fn new(info: Vec<InstanceInfo<Sensitive>>) -> Self {
        let result_code = ResultCode::Success;
        Self { result_code, result_msg: result_code.default_message().into(), info }
    }
}

impl Answer for Response {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, const { max_of(Self::FIELDS, "resultMsg") });
        self.info.iter().for_each(|info| check_instance_info(info, checks));
    }
}
