//! Usage: instances, the newer push (`POST /api/mkp-openapi-public/global/v1/isv/usage-data`) and the old one
//! (`POST /rest/marketplace/v1/isv/usage-data`). Open API reference, "usage push".
//!
//! The real marketplace queues a push and checks it later, without a report. This server checks at once and answers with
//! the documented codes, which is more useful in a test.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::exchange::{Answer, Received};
use super::operation::Operation;
use super::refusal::Refusal;
use super::refusal_form::{RefusalForm, Refused};
use super::seed::SeededRandom;
use koogallery::amount::Amount;
use koogallery::open_api::push_usage::MAX_RECORDS;
use koogallery::open_api::query_order::ChargingMode;
use koogallery::timestamp::Timestamp;

/// Maximum age of a period's begin.
const LONGEST_AGE: Duration = Duration::from_secs(21 * 24 * 3600);

/// An instance that the seller reported; usage is checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// The id that the seller assigned.
    pub instance_id: String,
    /// The product.
    pub product_id: String,
    /// Charging mode; usage is accepted for pay-per-use only.
    pub charging_mode: ChargingMode,
    /// Its state.
    pub state: InstanceState,
    /// Time of opening. Usage is compared with it in whole seconds, because the wire has no smaller unit.
    pub opened_at: Timestamp,
    /// Time of closing.
    pub closed_at: Option<Timestamp>,
    /// Whether a record must name the package that it is deducted from, which ends when it is used up.
    pub needs_package: bool,
    /// Whether it is an instance of another seller's product.
    pub is_of_another_seller: bool,
    /// Whether its product was withdrawn from sale.
    pub is_withdrawn: bool,
    /// Whether risk control blocks it.
    pub is_blocked: bool,
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceState {
    /// Still being opened.
    Opening,
    /// In use.
    Open,
    /// Neither in use nor closed, such as frozen.
    Abnormal,
    /// Closed; usage until then is still accepted.
    Closed,
}

impl Instance {
    /// Creates an open instance.
    pub fn new(
        instance_id: impl Into<String>,
        product_id: impl Into<String>,
        charging_mode: ChargingMode,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            instance_id: instance_id.into(),
            product_id: product_id.into(),
            charging_mode,
            state: InstanceState::Open,
            opened_at,
            closed_at: None,
            needs_package: false,
            is_of_another_seller: false,
            is_withdrawn: false,
            is_blocked: false,
        }
    }

    /// Creates an open pay-per-use instance of an invented product.
    pub fn on_demand(instance_id: impl Into<String>, opened_at: Timestamp) -> Self {
        Self::new(instance_id, "OFFI000000000000000001", ChargingMode::OnDemand, opened_at)
    }

    /// Closes it at a time.
    #[must_use]
    pub fn closed(mut self, at: Timestamp) -> Self {
        (self.state, self.closed_at) = (InstanceState::Closed, Some(at));
        self
    }
}

/// An accepted record of usage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedUsage {
    /// The instance.
    pub instance_id: String,
    /// Begin of the period.
    pub begin_time: Timestamp,
    /// End of the period.
    pub end_time: Timestamp,
    /// The usage.
    pub usage_value: Amount,
    /// The seller's id of the record; `None` for records of the old push.
    pub metering_sn: Option<String>,
    /// The package that it is deducted from.
    pub relate_pkg_instance: Option<String>,
}

#[derive(Default)]
pub(super) struct Usage {
    instances: BTreeMap<String, Instance>,
    taken: Vec<AcceptedUsage>,
    /// The numbers and periods of accepted records.
    numbers: HashSet<String>,
    periods: HashSet<(String, Timestamp, Timestamp)>,
}

/// A record's code, of the newer push.
type Code = &'static str;

/// Effects of faults on a push.
#[derive(Clone, Copy, Default)]
pub(super) struct PushFaults<'a> {
    /// About half of the records are refused with this code.
    pub(super) partial: Option<&'a str>,
    /// The form in which refused records are listed.
    pub(super) form: RefusalForm,
}

impl Usage {
    pub(super) fn put(&mut self, instance: Instance) {
        self.instances.insert(instance.instance_id.clone(), instance);
    }

    pub(super) fn instance(&self, instance_id: &str) -> Option<&Instance> {
        self.instances.get(instance_id)
    }

    fn take(&mut self, usage: AcceptedUsage) {
        self.numbers.extend(usage.metering_sn.clone());
        self.periods.insert((usage.instance_id.clone(), usage.begin_time, usage.end_time));
        self.taken.push(usage);
    }

    pub(super) fn taken(&self) -> &[AcceptedUsage] {
        &self.taken
    }

    /// The newer push: valid records are accepted, and each of the others is refused with a code.
    pub(super) fn push(
        &mut self,
        request: &Received,
        PushFaults { partial, form }: PushFaults<'_>,
        now: Timestamp,
        random: &SeededRandom,
    ) -> Result<Answer, Refusal> {
        let records = records(request)?;
        let spared = partial.map(|_| random.below(records.len() as u64) as usize);
        let mut refused = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let disturbed = partial.filter(|_| spared == Some(index) || random.below(2) == 0);
            let code = match disturbed {
                Some(code) => Some(code),
                None => self.check(record, now).map(|usage| self.take(usage)).err(),
            };
            refused.extend(code.map(|code| Refused {
                metering_sn: record["metering_sn"].clone(),
                instance_id: record["instance_id"].clone(),
                code: code.to_owned(),
            }));
        }
        let about = format!("{} records", records.len());
        if refused.is_empty() {
            return Ok(Answer::success(Operation::PushUsage, Value::Null).about(about));
        }
        let line =
            |refused: &Refused| format!("record {}: {:?}, {:?}", refused.metering_sn, refused.code, refused.meaning());
        let mut answer = Answer::json(StatusCode::OK, form.code(), &form.body(&refused)).about(about);
        answer.explanation = refused.iter().map(line).collect();
        if form.identifies(records.len()) {
            let listed = |refused: &Refused| Some((refused.metering_sn.as_str()?.to_owned(), refused.code.clone()));
            answer.refused = refused.iter().filter_map(listed).collect();
        }
        Ok(answer)
    }

    fn check(&self, record: &Value, now: Timestamp) -> Result<AcceptedUsage, Code> {
        let sn = short_text(record, "metering_sn").ok_or("004")?;
        if self.numbers.contains(sn) {
            return Err("005");
        }
        let instance = short_text(record, "instance_id").and_then(|id| self.instances.get(id)).ok_or("001")?;
        self.check_instance(instance)?;
        let [begin_time, end_time, _] = times(record).ok_or("002")?;
        let usage_value = value(record).ok_or("003")?;
        if self.periods.contains(&(instance.instance_id.clone(), begin_time, end_time)) {
            return Err("010");
        }
        if begin_time > end_time || end_time > now {
            return Err("011");
        }
        if second(begin_time) < second(now.saturating_sub(LONGEST_AGE)) {
            return Err("007");
        }
        if second(begin_time) < second(instance.opened_at) {
            return Err("015");
        }
        if instance.state == InstanceState::Closed && instance.closed_at.is_none_or(|closed| end_time > closed) {
            return Err("014");
        }
        let relate_pkg_instance = self.package(record, instance)?;
        let (instance_id, metering_sn) = (instance.instance_id.clone(), Some(sn.to_owned()));
        Ok(AcceptedUsage { instance_id, begin_time, end_time, usage_value, metering_sn, relate_pkg_instance })
    }

    fn check_instance(&self, instance: &Instance) -> Result<(), Code> {
        match instance {
            Instance { is_of_another_seller: true, .. } => Err("009"),
            Instance { is_withdrawn: true, .. } => Err("006"),
            Instance { is_blocked: true, .. } => Err("019"),
            Instance { charging_mode, .. } if *charging_mode != ChargingMode::OnDemand => Err("012"),
            Instance { state: InstanceState::Opening, .. } => Err("016"),
            Instance { state: InstanceState::Abnormal, .. } => Err("013"),
            _ => Ok(()),
        }
    }

    fn package(&self, record: &Value, instance: &Instance) -> Result<Option<String>, Code> {
        match &record["relate_pkg_instance"] {
            Value::Null if instance.needs_package => Err("017"),
            Value::Null => Ok(None),
            _ => {
                let package = short_text(record, "relate_pkg_instance").and_then(|id| self.instances.get(id));
                let package = package.filter(|package| package.charging_mode == ChargingMode::OnDemandPackage);
                package.map(|package| Some(package.instance_id.clone())).ok_or("018")
            }
        }
    }

    /// The old push: the first invalid record makes the whole push invalid. A period that was reported before is
    /// skipped.
    pub(super) fn push_old(&mut self, request: &Received, now: Timestamp) -> Result<Answer, Refusal> {
        let records = records(request)?;
        let checked = records.iter().enumerate().map(|(index, record)| {
            self.check_old(record, now).map_err(|(code, why)| Refusal::new(code, format!("record {index}: {why}")))
        });
        let checked = checked.collect::<Result<Vec<_>, _>>()?;
        for usage in checked {
            if !self.periods.contains(&(usage.instance_id.clone(), usage.begin_time, usage.end_time)) {
                self.take(usage);
            }
        }
        Ok(Answer::success(Operation::PushUsageOld, Value::Null).about(format!("{} records", records.len())))
    }

    fn check_old(&self, record: &Value, now: Timestamp) -> Result<AcceptedUsage, (Code, &'static str)> {
        for name in ["instance_id", "product_id", "record_time", "begin_time", "end_time", "usage_value"] {
            if record[name].is_null() {
                return Err(("MKT.0199", "a mandatory member is missing"));
            }
        }
        let instance = short_text(record, "instance_id").and_then(|id| self.instances.get(id));
        let instance = instance.ok_or(("MKT.9001", "the instance does not exist"))?;
        if instance.is_of_another_seller {
            return Err(("MKT.0150", "the instance belongs to another seller"));
        }
        if self.check_instance(instance).is_err() {
            return Err(("MKT.9002", "the instance does not accept usage in its state"));
        }
        if record["product_id"] != instance.product_id.as_str() {
            return Err(("MKT.9002", "the instance is of another product"));
        }
        let times = times(record).ok_or(("MKT.0101", "a time is not of the form yyyyMMdd'T'HHmmss'Z'"))?;
        let [begin_time, end_time, _] = times;
        let usage_value =
            value(record).ok_or(("MKT.0101", "the usage must be above zero with at most four decimals"))?;
        if second(begin_time) < second(now.saturating_sub(LONGEST_AGE)) {
            return Err(("MKT.9004", "the period begins more than 21 days ago"));
        }
        let is_closed = instance.closed_at.is_some_and(|closed| end_time > closed);
        if begin_time > end_time || end_time > now || second(begin_time) < second(instance.opened_at) || is_closed {
            return Err(("MKT.9002", "the period is not in the instance's past"));
        }
        let package = self.package(record, instance);
        let relate_pkg_instance =
            package.map_err(|_| ("MKT.9002", "the package instance is missing or not a package"))?;
        let instance_id = instance.instance_id.clone();
        Ok(AcceptedUsage { instance_id, begin_time, end_time, usage_value, metering_sn: None, relate_pkg_instance })
    }
}

fn records(request: &Received) -> Result<Vec<Value>, Refusal> {
    if !request.content_type().starts_with("application/json") {
        return Err(Refusal::new("MKT.0101", "the content type is not application/json"));
    }
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|_| Refusal::new("MKT.0101", "the body is not JSON"))?;
    match body.get("usage_records") {
        Some(Value::Array(records)) if records.len() > MAX_RECORDS => {
            Err(Refusal::new("MKT.9003", format!("{} records, and 1000 are allowed", records.len())))
        }
        Some(Value::Array(records)) if !records.is_empty() => Ok(records.clone()),
        _ => Err(Refusal::new("MKT.0101", "usage_records is missing, empty or not a list")),
    }
}

/// Times of records are whole seconds, so an instance accepts usage from the second in which it was opened.
fn second(time: Timestamp) -> i64 {
    time.as_unix_millis().div_euclid(1000)
}

/// A text of 1 to 64 characters.
fn short_text<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    record[name].as_str().filter(|text| (1..=64).contains(&text.chars().count()))
}

fn times(record: &Value) -> Option<[Timestamp; 3]> {
    let time = |name: &str| Timestamp::parse_basic_iso(record[name].as_str()?).ok();
    Some([time("begin_time")?, time("end_time")?, time("record_time")?])
}

/// A text; or a number, as on the international pages.
fn value(record: &Value) -> Option<Amount> {
    let amount: Amount = match &record["usage_value"] {
        Value::String(text) if text.len() <= 20 => text.parse().ok()?,
        Value::Number(number) => number.to_string().parse().ok()?,
        _ => return None,
    };
    Some(amount).filter(|amount| *amount > Amount::ZERO)
}
