//! Usage that is pushed from the page as a seller pushes it: signed, and by the open APIs, with their faults.

use std::time::Duration;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::amount::Amount;
use koogallery::key::{AccessKey, InterfaceType};
use koogallery::open_api::query_order::ChargingMode;
use koogallery::open_api::{CallError, Client, RetryPolicy, push_usage, push_usage_old};
use koogallery::random::{self, OsRandom};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{Instance, OpenApiCall, Operation};
use serde_json::json;

use super::control::Control;
use super::form::Form;
use super::reply::{Outcome, Refused};

/// The fields of the form.
pub const FIELDS: [&str; 9] =
    ["api", "instance", "product", "value", "begin", "end", "package", "metering_sn", "wrong_key"];

/// A record as the form asks for it.
struct Wanted {
    instance_id: String,
    product_id: String,
    value: Amount,
    begin: Timestamp,
    end: Timestamp,
    package: Option<String>,
    metering_sn: String,
}

/// What has come of a push.
pub struct Pushed {
    /// The request, if it arrived.
    pub request: Option<OpenApiCall>,
    pub metering_sn: String,
    /// Whether the record was accepted, and the answer arrived.
    pub is_taken: bool,
}

/// Returns the code that refuses a record: its own, or that of the answer; `none` without an answer.
pub fn code_of(request: Option<&OpenApiCall>) -> &str {
    let answered = request.filter(|call| call.status.is_some());
    let code = answered.and_then(|call| call.records.iter().find_map(|record| record.code.as_deref()));
    code.or(answered.map(|call| &*call.code)).filter(|code| !code.is_empty()).unwrap_or("none")
}

/// Checks what a form says by itself.
pub fn check(form: &Form) -> Result<(), String> {
    const APIS: [&str; 2] = [Operation::PushUsage.as_str(), Operation::PushUsageOld.as_str()];
    if let Some(api) = form.get("api").filter(|api| !APIS.contains(api)) {
        return Err(format!("api {api:?} is none of {}", APIS.join(", ")));
    }
    if form.get("instance").or(form.get("product")).is_none() {
        return Err("instance is missing: a pay-per-use instance, or the product of one".to_owned());
    }
    form.flag("wrong_key")?;
    value(form)?;
    ["begin", "end"].into_iter().try_for_each(|name| time(form, name).map(drop))
}

fn value(form: &Form) -> Result<Amount, String> {
    let value = form.get("value").ok_or("value is missing: the usage, such as 12.5")?;
    value.parse().map_err(|error| format!("value: {error}"))
}

fn time(form: &Form, name: &str) -> Result<Option<Timestamp>, String> {
    let read = |text| Timestamp::parse_basic_iso(text).map_err(|error| format!("{name}: {error}"));
    form.get(name).map(read).transpose()
}

impl Control {
    /// Returns the pushes whose keys are known.
    pub fn pushes(&self) -> Vec<Operation> {
        let new = self.keys.get(InterfaceType::Basic).map(|_| Operation::PushUsage);
        let old = self.credentials.as_ref().map(|_| Operation::PushUsageOld);
        new.into_iter().chain(old).collect()
    }

    /// Pushes one record, in one try, and leads to the request in the log.
    pub async fn push_usage(&self, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &FIELDS)?;
        let noted = self.recorder.pushed(&form, self);
        let Pushed { request, metering_sn, is_taken } = self.push(&form).await?;
        let shown = |call: &OpenApiCall| json!({"number": call.sequence, "status": call.status.map(|status| status.as_u16()), "code": call.code});
        let mut shown = request.as_ref().map_or_else(|| json!({}), shown);
        shown["meteringSn"] = metering_sn.into();
        shown["isTaken"] = is_taken.into();
        if !is_taken {
            self.recorder.expect(noted, code_of(request.as_ref()));
        }
        Ok(match request {
            Some(call) => Outcome::DoneAt(shown, format!("requests/{}", call.sequence)),
            None => Outcome::Done(shown),
        })
    }

    /// Pushes one record, in one try.
    pub async fn push(&self, form: &Form) -> Result<Pushed, Refused> {
        let offered = self.pushes();
        let names = || offered.iter().map(|push| push.as_str()).collect::<Vec<_>>().join(", ");
        let push = match form.get("api") {
            Some(name) => offered.iter().find(|push| push.as_str() == name),
            None => offered.first(),
        };
        let push = *push.ok_or_else(|| format!("api is unknown, or its key is not in the environment: {}", names()))?;
        if form.get("end").is_none() {
            self.let_a_second_pass().await;
        }
        let wanted = self.wanted(form)?;
        let client = self.client(form.flag("wrong_key")?)?;
        let (before, metering_sn) = (self.place().requests, wanted.metering_sn.clone());
        let pushed = match push {
            Operation::PushUsageOld => client.call(&wanted.into_old_push()?).await,
            _ => client.call(&wanted.into_push()?).await.map(drop),
        };
        if let Err(error @ (CallError::Limit { .. } | CallError::Sign { .. })) = pushed {
            return Err(error.to_string().into());
        }
        let is_it = |call: &OpenApiCall| call.operation == Some(push) || call.operation.is_none();
        let request = self.open_api.log_after(before).into_iter().rfind(is_it);
        let is_taken = request.as_ref().is_some_and(|call| call.explanation.is_empty() && pushed.is_ok());
        Ok(Pushed { request, metering_sn, is_taken })
    }

    /// Times of records are whole seconds: a period of its own begins after the last one.
    async fn let_a_second_pass(&self) {
        let last = self.open_api.usage().last().map(|usage| usage.end_time.as_unix_millis().div_euclid(1000));
        let now = self.open_api.now().as_unix_millis();
        if last.is_some_and(|last| last >= now.div_euclid(1000)) {
            let left = u64::try_from(1000 - now.rem_euclid(1000)).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
    }

    fn client(&self, wrong_key: bool) -> Result<Client, Refused> {
        let mut policy = RetryPolicy::default();
        policy.attempts = 1;
        let mut client = Client::builder(Site::China, self.open_api.clone(), TokioRuntime).retry_policy(policy);
        if let Some(ring) = self.keys.get(InterfaceType::Basic) {
            client = client.access_key(match wrong_key {
                true => AccessKey::new("a-key-of-no-seller").map_err(|error| error.to_string())?,
                false => ring.signing_key().clone(),
            });
        }
        if let Some(credentials) = &self.credentials {
            client = client.credentials(credentials.clone());
        }
        Ok(client.build().map_err(|error| error.to_string())?)
    }

    /// Reads a form. Without an instance it is that of the billing item; the period begins where the last one ended.
    fn wanted(&self, form: &Form) -> Result<Wanted, String> {
        let missing = |name: &str, what: &str| format!("{name} is missing: {what}");
        let is_by_use = |it: &&Instance| it.charging_mode == ChargingMode::OnDemand;
        let instances = self.open_api.instances();
        let known = match (form.get("instance"), form.get("product")) {
            (Some(id), _) => instances.iter().find(|it| it.instance_id == id),
            (None, Some(product)) => instances.iter().filter(is_by_use).find(|it| it.product_id == product),
            (None, None) => return Err(missing("instance", "a pay-per-use instance, or the product of one")),
        };
        let instance_id = form.get("instance").or(known.map(|it| it.instance_id.as_str()));
        let instance_id = instance_id.ok_or_else(|| "no pay-per-use instance has this product".to_owned())?.to_owned();
        let product_id = form.get("product").or(known.map(|it| it.product_id.as_str())).unwrap_or_default().to_owned();
        let value = value(form)?;
        let now = self.open_api.now();
        let earlier = self.open_api.usage().into_iter().filter(|usage| usage.instance_id == instance_id);
        let begin = earlier.map(|usage| usage.end_time).max().or(known.map(|it| it.opened_at)).unwrap_or(now);
        let metering_sn = match form.get("metering_sn") {
            Some(given) => given.to_owned(),
            None => random::hex(&OsRandom).map_err(|error| error.to_string())?,
        };
        let package = form.get("package").map(str::to_owned);
        let (begin, end) = (time(form, "begin")?.unwrap_or(begin), time(form, "end")?.unwrap_or(now));
        Ok(Wanted { instance_id, product_id, value, begin, end, package, metering_sn })
    }
}

impl Wanted {
    fn into_push(self) -> Result<push_usage::Request, String> {
        let Self { instance_id, value, begin, end, package, metering_sn, .. } = self;
        let mut record = push_usage::UsageRecord::new(metering_sn, instance_id, begin, end, value);
        record.relate_pkg_instance = package;
        push_usage::Request::new(vec![record]).map_err(|error| error.to_string())
    }

    fn into_old_push(self) -> Result<push_usage_old::Request, String> {
        let Self { instance_id, product_id, value, begin, end, package, .. } = self;
        let mut record = push_usage_old::UsageRecord::new(instance_id, product_id, begin, end, value);
        record.relate_pkg_instance = package;
        push_usage_old::Request::new(vec![record]).map_err(|error| error.to_string())
    }
}
