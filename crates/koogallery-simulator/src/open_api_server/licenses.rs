//! Authorization codes: activation (`v1` and `v2`), query (`v1`) and usage statistics (`v2`) below
//! `/api/mkp-openapi-public/global/`. License authorization code guide 2.0 (2025).
//!
//! The batch form of the query is not fully documented and not implemented.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::exchange::{Answer, Received};
use super::operation::Operation;
use super::refusal::Refusal;
use super::seed::SeededRandom;
use koogallery::open_api::activate_license::LicenseStatus;
use koogallery::timestamp::Timestamp;

/// An authorization code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LicenseCode {
    /// The code.
    pub license: String,
    /// The product.
    pub product_id: String,
    /// The order.
    pub order_id: String,
    /// Time of the order; the code cannot take effect before.
    pub ordered_at: Timestamp,
    /// Quantity bought.
    pub amount: Option<u32>,
    /// Expiry.
    pub expire_time: Option<Timestamp>,
    /// Whether the buyer has received it; it cannot be activated before.
    pub is_received: bool,
    /// Time of activation.
    pub activated_at: Option<Timestamp>,
    /// Whether it was released.
    pub is_released: bool,
    /// The distinct clients that were reported.
    pub clients: BTreeSet<String>,
    /// The latest reported number of active clients.
    pub active_num: Option<u64>,
}

impl LicenseCode {
    /// Creates a code that was received and not activated.
    pub fn new(license: impl Into<String>, ordered_at: Timestamp) -> Self {
        Self {
            license: license.into(),
            product_id: "OFFI000001".to_owned(),
            order_id: String::new(),
            ordered_at,
            amount: None,
            expire_time: None,
            is_received: true,
            activated_at: None,
            is_released: false,
            clients: BTreeSet::new(),
            active_num: None,
        }
    }

    fn status(&self, now: Timestamp) -> LicenseStatus {
        match self.expire_time {
            _ if self.is_released => LicenseStatus::Released,
            Some(expiry) if expiry <= now => LicenseStatus::Expired,
            _ => LicenseStatus::Alive,
        }
    }

    fn may_be_activated(&self) -> Result<(), Refusal> {
        if !self.is_received {
            return Err(Refusal::new("92020004", "the buyer has not confirmed the receipt"));
        }
        if self.activated_at.is_some() || self.is_released {
            return Err(Refusal::new("92020003", "it was activated or released before"));
        }
        Ok(())
    }

    fn expire_text(&self) -> Value {
        self.expire_time.map(Timestamp::to_compact_seconds).into()
    }
}

#[derive(Default)]
pub(super) struct Licenses(BTreeMap<String, LicenseCode>);

impl Licenses {
    pub(super) fn all(&self) -> impl Iterator<Item = &LicenseCode> {
        self.0.values()
    }

    pub(super) fn put(&mut self, code: LicenseCode) {
        self.0.insert(code.license.clone(), code);
    }

    pub(super) fn get(&self, license: &str) -> Option<&LicenseCode> {
        self.0.get(license)
    }

    pub(super) fn new_code(random: &SeededRandom) -> String {
        format!("PL{}", random.letters(16))
    }

    pub(super) fn activate(&mut self, request: &Received, now: Timestamp) -> Result<Answer, Refusal> {
        let body = body(request)?;
        let license = license(&body, "license")?;
        let code = self.0.get_mut(license).ok_or_else(unknown)?;
        code.may_be_activated()?;
        check_effect(&body, code)?;
        code.activated_at = Some(now);
        let info = json!({
            "status": "ALIVE",
            "expire_time": code.expire_text(),
            "product_id": code.product_id,
            "order_id": code.order_id,
            "amount": code.amount,
        });
        let data = json!({"data": {"license_code_info": info.to_string()}});
        Ok(Answer::success(Operation::ActivateLicense, data).about(license))
    }

    /// All or nothing: the documents do not say whether a list with an invalid code activates the others.
    pub(super) fn activate_all(&mut self, request: &Received, now: Timestamp) -> Result<Answer, Refusal> {
        let body = body(request)?;
        let Some(list) = body["license_list"].as_array().filter(|list| (1..=100).contains(&list.len())) else {
            return Err(invalid("license_list must have 1 to 100 codes"));
        };
        let mut codes = Vec::new();
        for code in list {
            let license = code.as_str().unwrap_or_default();
            let found = self.0.get(license).filter(|code| code.may_be_activated().is_ok());
            let found = found.ok_or_else(|| Refusal::new("92020020", format!("one of them is {license:?}")))?;
            check_effect(&body, found)?;
            codes.push(license.to_owned());
        }
        for license in &codes {
            if let Some(code) = self.0.get_mut(license) {
                code.activated_at = Some(now);
            }
        }
        Ok(Answer::success(Operation::ActivateLicenses, Value::Null).about(codes.join(", ")))
    }

    pub(super) fn query(&self, request: &Received, now: Timestamp) -> Result<Answer, Refusal> {
        let body = body(request)?;
        let license = license(&body, "license")?;
        if let info @ Value::Object(_) = &body["heartbeatInfo"] {
            let account = info["thirdPartyAccount"].as_str().map_or(0, |account| account.chars().count());
            if !(1..=256).contains(&account) {
                return Err(invalid("heartbeatInfo has no thirdPartyAccount of at most 256 characters"));
            }
        }
        let code = self.0.get(license).ok_or_else(unknown)?;
        let activated = code.activated_at.ok_or_else(|| Refusal::new("92020011", "activate it first"))?;
        let data = json!({
            "license_code": code.license,
            "status": code.status(now).as_str(),
            "activate_time": activated.to_compact_seconds(),
            "expire_time": code.expire_text(),
            "product_id": code.product_id,
            "order_id": code.order_id,
            "amount": code.amount,
        });
        Ok(Answer::success(Operation::QueryLicense, json!({"data": data})).about(license))
    }

    /// Unknown codes and codes that are not activated are listed as failed, under an invented name.
    pub(super) fn report(&mut self, request: &Received) -> Result<Answer, Refusal> {
        let body = body(request)?;
        let Some(usage) = body["usage_info"].as_array().filter(|list| (1..=100).contains(&list.len())) else {
            return Err(invalid("usage_info must have 1 to 100 elements"));
        };
        let mut reports = Vec::new();
        for entry in usage {
            let license = license(entry, "license")?;
            let list = entry["software_usage_Info"].as_array().filter(|list| (1..=100).contains(&list.len()));
            let list =
                list.ok_or_else(|| invalid("software_usage_Info, with a capital I, must have 1 to 100 elements"))?;
            let list = list.iter().map(report).collect::<Option<Vec<_>>>();
            let list = list.ok_or_else(|| {
                invalid("a report has either an id of at most 256 characters or an active_num of at most 9 digits")
            })?;
            reports.push((license, list));
        }
        let mut failed = Vec::new();
        let about: Vec<_> = reports.iter().map(|(license, _)| *license).collect();
        let about = about.join(", ");
        for (license, list) in reports {
            match self.0.get_mut(license).filter(|code| code.activated_at.is_some()) {
                None => failed.push(license.to_owned()),
                Some(code) => list.into_iter().for_each(|report| match report {
                    Report::Id(id) => _ = code.clients.insert(id.to_owned()),
                    Report::ActiveNum(number) => code.active_num = Some(number),
                }),
            }
        }
        let data = if failed.is_empty() { Value::Null } else { json!({"data": {"check_fail_list": failed}}) };
        let explanation = failed.iter().map(|license| format!("{license} is unknown or not activated"));
        Ok(Answer::success(Operation::ReportSoftwareUsage, data).about(about).explained(explanation))
    }
}

enum Report<'a> {
    Id(&'a str),
    ActiveNum(u64),
}

fn report(value: &Value) -> Option<Report<'_>> {
    match (&value["id"], &value["active_num"]) {
        (Value::String(id), Value::Null) if (1..=256).contains(&id.chars().count()) => Some(Report::Id(id)),
        (Value::Null, number) => number.as_u64().filter(|number| *number <= 999_999_999).map(Report::ActiveNum),
        _ => None,
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::new("92020002", why)
}

fn unknown() -> Refusal {
    Refusal::new("92020005", "there is no such code")
}

fn body(request: &Received) -> Result<Value, Refusal> {
    if !request.content_type().starts_with("application/json") {
        return Err(Refusal::new("95000003", "the content type is not application/json"));
    }
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    body.filter(Value::is_object).ok_or_else(|| Refusal::new("95000004", "the body is not a JSON object"))
}

fn license<'a>(value: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    let text = value[name].as_str().filter(|text| (1..=64).contains(&text.chars().count()));
    text.ok_or_else(|| invalid("the code is missing, or not a text of at most 64 characters"))
}

fn check_effect(body: &Value, code: &LicenseCode) -> Result<(), Refusal> {
    let text = match &body["real_effect_time"] {
        Value::Null => return Ok(()),
        value => value.as_str().filter(|text| text.len() == 14),
    };
    let time: Option<Timestamp> = text.and_then(|text| text.parse().ok());
    let time = time.ok_or_else(|| invalid("real_effect_time is not of the form yyyyMMddHHmmss"))?;
    // The order's time has no milliseconds.
    let ordered = code.ordered_at.as_unix_millis().div_euclid(1000);
    if time.as_unix_millis().div_euclid(1000) < ordered {
        return Err(invalid("real_effect_time is before the order"));
    }
    Ok(())
}
