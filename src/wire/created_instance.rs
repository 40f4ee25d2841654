//! The answer that names the instance of an order.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Answer, Checks, max_of, table};
use crate::result_code::ResultCode;

table! {
    serde
    /// The answer: the instance id, with [`ResultCode::Success`] or [`ResultCode::Processing`].
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct CreatedInstance {
        /// `000000` created, `000004` accepted and still being created.
        pub result_code: ResultCode = mandatory "resultCode", 6;
        /// At most 255 characters.
        pub result_msg: Cow<'static, str> = mandatory "resultMsg", 255;
        /// The seller's globally unique instance id, the same in every answer to this order line; at most 64 characters.
        pub instance_id: String = mandatory "instanceId", 64;
    }
}

impl CreatedInstance {
    /// The code with its default text.
    pub fn new(result_code: ResultCode, instance_id: impl Into<String>) -> Self {
        Self { result_code, result_msg: result_code.default_message().into(), instance_id: instance_id.into() }
    }
}

impl Answer for CreatedInstance {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, const { max_of(Self::FIELDS, "resultMsg") });
        checks.mandatory("instanceId", &self.instance_id, const { max_of(Self::FIELDS, "instanceId") });
    }
}
