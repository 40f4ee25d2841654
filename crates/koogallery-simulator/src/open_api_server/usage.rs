//! Usage: instances, the newer push (`POST /api/mkp-openapi-public/global/v1/isv/usage-data`) and the old one
//! (`POST /rest/marketplace/v1/isv/usage-data`). Open API reference, "usage push".
//!
//! The real marketplace queues a push and checks it later, without a report. This server checks at once and answers with
//! the documented codes, which is more useful in a test.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::{Answer, Received};
use super::instance::{Instance, InstanceState};
use super::operation::Operation;
use super::packages::{Deduction, PackageProblem};
use super::refusal::Refusal;
use super::refusal_form::{RefusalForm, Refused};
use super::seed::SeededRandom;
use koogallery::amount::Amount;
use koogallery::open_api::push_usage::MAX_RECORDS;
use koogallery::open_api::query_order::ChargingMode;
use koogallery::timestamp::Timestamp;

/// Maximum age of a period's begin.
const LONGEST_AGE: Duration = Duration::from_secs(21 * 24 * 3600);

/// An accepted record of usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What is doubtful about deducting it from that package, although the record was accepted.
    pub package_problem: Option<PackageProblem>,
}

/// The sum of accepted usage of an instance, as `usageInfo` of `queryInstance` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageTotal {
    /// For a package: the pay-per-use instance whose usage was deducted from it.
    pub related_instance_id: Option<String>,
    /// The sum.
    pub usage: Amount,
}

#[derive(Default)]
pub(super) struct Usage {
    /// Whether what is doubtful about a package is refused.
    is_strict: bool,
    instances: BTreeMap<String, Instance>,
    taken: Vec<AcceptedUsage>,
    /// Sums in ten-thousandths: by pay-per-use instance, or by package and pay-per-use instance.
    totals: BTreeMap<(String, Option<String>), i128>,
    /// The numbers and periods of accepted records.
    numbers: HashSet<String>,
    periods: HashSet<(String, Timestamp, Timestamp)>,
}

/// A record's code, of the newer push.
type Code = &'static str;

/// A package that a record names, and what is doubtful about it.
type Named = (Option<String>, Option<PackageProblem>);

/// A record's code, and what is wrong with its package.
type NotTaken = (Code, Option<PackageProblem>);

/// Effects of faults on a push.
#[derive(Clone, Copy, Default)]
pub(super) struct PushFaults<'a> {
    /// About half of the records are refused with this code.
    pub(super) partial: Option<&'a str>,
    /// The form in which refused records are listed.
    pub(super) form: RefusalForm,
}

impl Usage {
    pub(super) fn new(is_strict: bool) -> Self {
        Self { is_strict, ..Self::default() }
    }

    pub(super) fn put(&mut self, instance: Instance) {
        self.instances.insert(instance.instance_id.clone(), instance);
    }

    pub(super) fn instance(&self, instance_id: &str) -> Option<&Instance> {
        self.instances.get(instance_id)
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    pub(super) fn change(&mut self, instance_id: &str, change: impl FnOnce(&mut Instance)) {
        if let Some(instance) = self.instances.get_mut(instance_id) {
            change(instance);
        }
    }

    pub(super) fn totals(&self, instance_id: &str) -> Vec<UsageTotal> {
        let of_instance = self.totals.range((instance_id.to_owned(), None)..);
        let of_instance = of_instance.take_while(|((owner, _), _)| owner == instance_id);
        let total = |((_, related), sum): (&(String, Option<String>), &i128)| UsageTotal {
            related_instance_id: related.clone(),
            usage: Amount::from_ten_thousandths(i64::try_from(*sum).unwrap_or(i64::MAX)),
        };
        of_instance.map(total).collect()
    }

    /// Returns what was deducted from a package for a product, in ten-thousandths.
    fn deducted(&self, package_id: &str, product_id: &str) -> i128 {
        let is_of_product = |id: &String| self.instances.get(id).is_some_and(|it| it.product_id == product_id);
        let of_package = self.totals.range((package_id.to_owned(), None)..);
        let of_package = of_package.take_while(|((owner, _), _)| owner == package_id);
        of_package.filter(|((_, related), _)| related.as_ref().is_some_and(is_of_product)).map(|(_, sum)| sum).sum()
    }

    /// Adds a record that was accepted before.
    pub(super) fn restore(&mut self, usage: AcceptedUsage) {
        let is_known = match &usage.metering_sn {
            Some(number) => self.numbers.contains(number),
            None => self.periods.contains(&usage.period()),
        };
        if !is_known {
            self.take(usage);
        }
    }

    fn take(&mut self, usage: AcceptedUsage) {
        let amount = usage.usage_value.ten_thousandths().unwrap_or_default();
        let package = usage.relate_pkg_instance.clone().map(|package| (package, Some(usage.instance_id.clone())));
        for owner in [Some((usage.instance_id.clone(), None)), package].into_iter().flatten() {
            *self.totals.entry(owner).or_default() += amount;
        }
        self.numbers.extend(usage.metering_sn.clone());
        self.periods.insert(usage.period());
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
        let (mut refused, mut remarks) = (Vec::new(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            let disturbed = partial.filter(|_| spared == Some(index) || random.below(2) == 0);
            let checked = match disturbed {
                Some(code) => Err((code, None)),
                None => self.check(record, now),
            };
            let (code, problem) = match checked {
                Ok(usage) => {
                    let problem = usage.package_problem;
                    self.take(usage);
                    (None, problem)
                }
                Err((code, problem)) => (Some(code), problem),
            };
            remarks.extend(problem.map(|problem| remark(record, problem)));
            refused.extend(code.map(|code| Refused {
                metering_sn: record["metering_sn"].clone(),
                instance_id: record["instance_id"].clone(),
                code: code.to_owned(),
            }));
        }
        let about = format!("{} records", records.len());
        if refused.is_empty() {
            return Ok(Answer::success(Operation::PushUsage, Value::Null).about(about).with_remarks(remarks));
        }
        let line =
            |refused: &Refused| format!("record {}: {:?}, {:?}", refused.metering_sn, refused.code, refused.meaning());
        let answer = Answer::json(StatusCode::OK, form.code(), &form.body(&refused));
        let mut answer = answer.about(about).with_remarks(remarks);
        answer.explanation = refused.iter().map(line).collect();
        if form.identifies(records.len()) {
            let listed = |refused: &Refused| Some((refused.metering_sn.as_str()?.to_owned(), refused.code.clone()));
            answer.refused = refused.iter().filter_map(listed).collect();
        }
        Ok(answer)
    }

    fn check(&self, record: &Value, now: Timestamp) -> Result<AcceptedUsage, NotTaken> {
        let mut usage = self.check_alone(record, now).map_err(|code| (code, None))?;
        (usage.relate_pkg_instance, usage.package_problem) = self.package(record, &usage, &[])?;
        Ok(usage)
    }

    /// Checks a record without its package.
    fn check_alone(&self, record: &Value, now: Timestamp) -> Result<AcceptedUsage, Code> {
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
        let metering_sn = Some(sn.to_owned());
        Ok(AcceptedUsage::new(instance, begin_time, end_time, usage_value, metering_sn))
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

    /// Returns the package of a record, and what is doubtful about it, given the records that are taken with it.
    fn package(&self, record: &Value, usage: &AcceptedUsage, beside: &[AcceptedUsage]) -> Result<Named, NotTaken> {
        let missing = ("017", None);
        let invalid = ("018", Some(PackageProblem::NoPackage));
        let instance = self.instances.get(&usage.instance_id).ok_or(missing)?;
        let package = match &record["relate_pkg_instance"] {
            Value::Null if instance.needs_package => return Err(missing),
            Value::Null => return Ok((None, None)),
            _ => short_text(record, "relate_pkg_instance").and_then(|id| self.instances.get(id)).ok_or(invalid)?,
        };
        let is_same = |other: &&AcceptedUsage| {
            other.relate_pkg_instance.as_ref() == Some(&package.instance_id)
                && self.instances.get(&other.instance_id).is_some_and(|it| it.product_id == instance.product_id)
        };
        let beside = beside.iter().filter(is_same).filter_map(|other| other.usage_value.ten_thousandths());
        let used = self.deducted(&package.instance_id, &instance.product_id) + beside.sum::<i128>();
        let AcceptedUsage { begin_time, end_time, usage_value, .. } = *usage;
        let problem = Deduction { instance, begin_time, end_time, usage_value, used }.problem(package);
        match problem.filter(|problem| problem.is_certain() || self.is_strict) {
            Some(problem) => Err(("018", Some(problem))),
            None => Ok((Some(package.instance_id.clone()), problem)),
        }
    }

    /// The old push: the first invalid record makes the whole push invalid. A period that was reported before is
    /// skipped.
    pub(super) fn push_old(&mut self, request: &Received, now: Timestamp) -> Result<Answer, Refusal> {
        let records = records(request)?;
        let (mut taken, mut remarks) = (Vec::new(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            let refused = |(code, why): (Code, String)| Refusal::new(code, format!("record {index}: {why}"));
            let mut usage = self.check_old(record, now).map_err(|(code, why)| refused((code, why.to_owned())))?;
            let is_repeated = |known: &AcceptedUsage| known.period() == usage.period();
            if self.periods.contains(&usage.period()) || taken.iter().any(is_repeated) {
                continue;
            }
            let package = self.package(record, &usage, &taken).map_err(|(_, problem)| match problem {
                Some(problem) => ("MKT.9002", problem.to_string()),
                None => ("MKT.9002", "the record must name a package".to_owned()),
            });
            (usage.relate_pkg_instance, usage.package_problem) = package.map_err(refused)?;
            remarks.extend(usage.package_problem.map(|problem| remark(record, problem)));
            taken.push(usage);
        }
        taken.into_iter().for_each(|usage| self.take(usage));
        let answer = Answer::success(Operation::PushUsageOld, Value::Null);
        Ok(answer.about(format!("{} records", records.len())).with_remarks(remarks))
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
        Ok(AcceptedUsage::new(instance, begin_time, end_time, usage_value, None))
    }
}

impl AcceptedUsage {
    fn new(
        instance: &Instance,
        begin_time: Timestamp,
        end_time: Timestamp,
        usage_value: Amount,
        metering_sn: Option<String>,
    ) -> Self {
        let instance_id = instance.instance_id.clone();
        let (relate_pkg_instance, package_problem) = (None, None);
        Self { instance_id, begin_time, end_time, usage_value, metering_sn, relate_pkg_instance, package_problem }
    }

    fn period(&self) -> (String, Timestamp, Timestamp) {
        (self.instance_id.clone(), self.begin_time, self.end_time)
    }
}

fn remark(record: &Value, problem: PackageProblem) -> String {
    let number = &record["metering_sn"];
    let of = if number.is_null() { &record["instance_id"] } else { number };
    format!("record {of}, package {}: {problem}", record["relate_pkg_instance"])
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
    Some(amount).filter(|amount| *amount > Amount::ZERO && amount.ten_thousandths().is_some())
}
