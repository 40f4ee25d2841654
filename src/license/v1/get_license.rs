//! `getLicense` (获取License): marketplace to seller, `GET` on the production address. License access guide V1, "obtain a
//! License" (2024-07-31).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::wire::{
    Answer, Checks, CompactTime, ExtendParams, FieldError, FieldProblem, FieldWarning, ParseError, PeriodType, max_of,
    message, table,
};

/// The extension parameter that carries the identification code.
const IDENTIFICATION_CODE: &str = "identificationCode";

message! {
    /// A customer has bought and paid; the answer delivers the License. Repeated hourly for three hours; then the order
    /// stays open until a person restarts the call or delivers by hand.
    #[doc(alias = "getLicense")]
    pub struct Request is GetLicense;
    mandatory {
        /// Time of the call, `yyyyMMddHHmmssSSS` in UTC.
        time_stamp: String = identity "timeStamp", 20;
        /// The customer's account id.
        customer_id: String = identity "customerId", 100;
        /// Marketplace business id. **Different in every call**; that of the first one is recommended as instance id.
        business_id: String = identity "businessId", 64;
        /// The order. A repeated one gets **the same License and instance id**.
        order_id: String = identity "orderId", 64;
        /// Product id, one per period type.
        product_id: String = identity "productId", 64;
    }
    optional {
        /// The customer's account name.
        customer_name: Sensitive = information "customerName", 64;
        /// Specification id; stays when the period type changes.
        sku_code: String = information "skuCode", 64;
        /// Expiry computed at the order, an estimate; period products only. The zone is not stated.
        expire_time: CompactTime = information "expireTime", 20;
        /// Unit of the period; period products only.
        period_type: PeriodType = information "periodType", 10;
        /// Number of periods (newer page only).
        period_number: u32 = information "periodNumber", 2;
        /// Quantity. The length is unverified.
        amount: u32 = information "amount", 7;
        /// Extension parameters, among them `identificationCode`, which the License is bound to. The length is unverified.
        saas_extend_params: ExtendParams = effect "saasExtendParams", 2048;
    }
}

impl Request {
    /// Returns the code that the License is bound to: a hardware identification code that the buyer typed, or a system
    /// identification code that the marketplace made for this application. Which of them the product's settings say,
    /// not the call.
    pub fn identification_code(&self) -> Option<&str> {
        self.identification_codes().next()
    }

    /// Every value under the name, in any spelling of it: one that is not found makes a License that is bound to
    /// nothing.
    fn identification_codes(&self) -> impl Iterator<Item = &str> {
        let params = self.saas_extend_params.iter().flat_map(ExtendParams::as_slice);
        let named = params.filter(|param| param.name.trim().eq_ignore_ascii_case(IDENTIFICATION_CODE));
        named.map(|param| param.value.expose()).filter(|code| !code.trim().is_empty())
    }

    /// Refuses parameters that leave it unclear what the License is bound to, so that none is issued unbound by
    /// mistake.
    pub(crate) fn check_identification_code(&self) -> Result<(), ParseError> {
        const FIELD: &str = "saasExtendParams";
        let is_left_out = |warning: &&FieldWarning| warning.path.starts_with(FIELD) && warning.raw.is_some();
        let mut codes = self.identification_codes();
        let form = match codes.next() {
            Some(first) if codes.all(|code| code == first) => return Ok(()),
            Some(_) => String::new(),
            None => match self.warnings.iter().find(is_left_out) {
                Some(warning) => warning.form.clone(),
                None => return Ok(()),
            },
        };
        let problem = FieldProblem::NotA("clear about the identification code");
        Err(FieldError { field: FIELD, problem, form }.into())
    }
}

table! {
    serde
    /// The answer: the License itself.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct Response {
        /// Only `000000` counts as success.
        pub result_code: ResultCode = mandatory "resultCode", 6;
        /// At most 255 characters; mandatory here.
        pub result_msg: Cow<'static, str> = mandatory "resultMsg", 255;
        /// The seller's globally unique instance id, the same for every call of the order; at most 64 characters.
        /// Integrations of the oldest guide, which knew no other callback, answer none; it reads as empty then.
        #[serde(default)]
        pub instance_id: String = mandatory "instanceId", 64;
        /// The License or authorization code, as text. No length is stated.
        pub license: Sensitive = mandatory "license", usize::MAX;
    }
}

impl Response {
    /// A successful answer.
    pub fn new(instance_id: impl Into<String>, license: impl Into<Sensitive>) -> Self {
        let result_code = ResultCode::Success;
        Self {
            result_code,
            result_msg: result_code.default_message().into(),
            instance_id: instance_id.into(),
            license: license.into(),
        }
    }
}

impl Answer for Response {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, const { max_of(Self::FIELDS, "resultMsg") });
        checks.mandatory("instanceId", &self.instance_id, const { max_of(Self::FIELDS, "instanceId") });
        checks.mandatory("license", self.license.expose(), const { max_of(Self::FIELDS, "license") });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Violation, ViolationKind};

    fn violation(answer: &Response) -> Option<Violation> {
        Checks::run(answer, Some(Request::ACTIVITY), true).err()
    }

    #[test]
    fn an_answer_is_checked_against_its_table() {
        let answer = Response::new("demo-biz-01", "L".repeat(100_000).as_str());
        assert_eq!(violation(&answer), None);
        for (field, broken) in [
            ("resultMsg", Response { result_msg: "".into(), ..answer.clone() }),
            ("instanceId", Response { instance_id: String::new(), ..answer.clone() }),
            ("license", Response { license: "".into(), ..answer.clone() }),
        ] {
            assert_eq!(violation(&broken), Some(Violation { field, kind: ViolationKind::Empty }));
        }
        let unknown = Response { result_code: ResultCode::QuotaInsufficient, ..answer };
        assert_eq!(violation(&unknown).unwrap().field, "resultCode");
    }
}
