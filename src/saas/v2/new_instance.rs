//! `newInstance` (创建实例): marketplace to seller, `POST` to the production address. SaaS access guide V2.0, "create
//! instance" (China 2025-12-30, international 2025-10-09, Europe 2023-09-01).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::result_code::ResultCode;
use crate::wire::{Answer, Checks, message};

message! {
    /// A customer has bought and paid; what was bought is learned from the order query.
    ///
    /// Sent again at any time: on failure for three hours (then the order is refunded), and also after success.
    pub struct Request is NewInstance;
    mandatory {
        /// Marketplace order id.
        order_id: String = "orderId", 64;
        /// Order line id.
        order_line_id: String = "orderLineId", 64;
        /// Marketplace business id. **Different at every call**, also at retries of the same order line.
        business_id: String = "businessId", 64;
    }
    optional {
        /// Product id. No site documents it for this message (unverified); where it arrives it keeps apart the several
        /// instances of one pay-per-use order.
        product_id: String = "productId", 64;
    }
}

/// The answer: the instance id, with [`ResultCode::Success`] or [`ResultCode::Processing`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Response {
    /// `000000` created, `000004` accepted and still being created.
    pub result_code: ResultCode,
    /// At most 255 characters.
    pub result_msg: Cow<'static, str>,
    /// The seller's globally unique instance id, the same in every answer to this order line; at most 64 characters.
    pub instance_id: String,
}

impl Response {
    /// The code with its default text.
    pub fn new(result_code: ResultCode, instance_id: impl Into<String>) -> Self {
        Self { result_code, result_msg: result_code.default_message().into(), instance_id: instance_id.into() }
    }
}

impl Answer for Response {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, 255);
        checks.mandatory("instanceId", &self.instance_id, 64);
    }
}
