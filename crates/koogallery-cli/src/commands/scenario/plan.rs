//! The steps of a scenario, validated before anything is done.

mod form;
mod names;
mod order;
mod step;

use std::collections::BTreeSet;
use std::str::FromStr;

use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::SeededRandom;
use koogallery_simulator::delivery::MessageBuilder;
use serde_json::Value;

use super::document::{self, Found, Place, Problem, Table};
use crate::support::duration;
use crate::support::order_line;
pub use form::{FormPlan, FormStep};
pub use names::ORDER;
use names::placeholders;
pub use order::name_of_line;
use order::{line, order};
pub use step::{Action, CallPlan, Clock, HowOften, Step};

/// A scenario.
pub struct Plan {
    pub url: Option<String>,
    /// Address for the seller's own open-API calls.
    pub listen: Option<String>,
    pub compression: u32,
    pub seed: Option<u64>,
    /// Whether usage of doubtful packages is refused.
    pub strict_packages: bool,
    /// Whether the calendar is moved where time has to pass, instead of waiting.
    pub move_calendar: bool,
    pub steps: Vec<Step>,
    /// Protocols whose keys are needed.
    pub protocols: Vec<Protocol>,
}

const MAX_CALLS: u32 = 1000;

const ACTIONS: &str = "buy, renew, convert_trial, cancel_renewal, upgrade, freeze, unfreeze, release, query, apply, call, \
                       repeat, push_usage, open, bind, add_users, unbind, log_in, fault, callback_fault, clear_faults, wait \
                       and pass";

impl Plan {
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let parsed = document::parse(text)?;
        let mut table = Table::new(parsed.get_ref(), 0..0);
        let profile = table.text("profile")?;
        let profile = profile.map(|name| read::<Protocol>(&name)).transpose()?;
        let mut reader = Reader { profile, names: BTreeSet::new(), protocols: Vec::new() };
        let url = table.text("url")?.map(|url| url.value);
        let listen = table.text("listen")?.map(|address| address.value);
        let compression = table.number("compress")?.map_or(Ok(1), |factor| {
            factor
                .and(|factor| if *factor == 0 { Err("the factor must be at least 1".to_owned()) } else { Ok(*factor) })
        })?;
        let seed = table.number("seed")?.map(|seed| seed.value.into());
        let strict_packages = table.flag("strict_packages")?;
        let move_calendar = table.flag("move_calendar")?;
        let steps = table.tables("step")?;
        if steps.is_empty() {
            return Err(Problem::at(text.len()..text.len(), "there is no step: begin each with [[step]]"));
        }
        let steps = steps.into_iter().map(|step| reader.step(step)).collect::<Result<_, _>>()?;
        table.finish("url, profile, listen, compress, seed, strict_packages, move_calendar and step")?;
        Ok(Self { url, listen, compression, seed, strict_packages, move_calendar, steps, protocols: reader.protocols })
    }
}

impl Plan {
    pub fn pushes_usage(&self) -> bool {
        self.steps.iter().any(|step| matches!(&step.action, Action::Form(form) if form.step == FormStep::PushUsage))
    }
}

/// State while the steps are read.
struct Reader {
    profile: Option<Protocol>,
    names: BTreeSet<String>,
    protocols: Vec<Protocol>,
}

impl Reader {
    fn step(&mut self, mut table: Table<'_>) -> Result<Step, Problem> {
        let place = table.place();
        let mut actions = Vec::new();
        for name in ACTIONS.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and") {
            actions.extend(table.text(name)?.map(|found| (name, found)));
        }
        let [(action, object)] = &actions[..] else {
            let what = if actions.is_empty() { "does nothing" } else { "has several actions" };
            return Err(Problem::at(place, format!("the step {what}: it must have one of {ACTIONS}")));
        };
        let (action, known) = self.action(action, object, &mut table)?;
        let (makes_calls, has_answer) = match &action {
            Action::Wait(_) | Action::Pass(_) => (false, false),
            Action::Form(form) => (form.step.makes_calls(), false),
            _ => (true, true),
        };
        let (mut expect, mut answer) = (Vec::new(), Vec::new());
        if makes_calls {
            expect = table.texts("expect")?.map_or(Vec::new(), |codes| codes.value);
        }
        if has_answer {
            answer = self.values(table.fields("answer")?)?;
        }
        let title = format!("{} {}", actions[0].0, object.value);
        let outcome = match (makes_calls, has_answer) {
            (true, true) => "expect and answer",
            (true, false) => "expect",
            _ => "",
        };
        table.finish(&match (known.is_empty(), outcome.is_empty()) {
            (true, true) => "nothing else".to_owned(),
            (false, true) => known.to_owned(),
            (true, false) => outcome.to_owned(),
            (false, false) => format!("{known}, {outcome}"),
        })?;
        Ok(Step { title, action, expect, answer })
    }

    /// Reads the action, and its options.
    fn action(
        &mut self,
        action: &str,
        object: &Found<String>,
        table: &mut Table<'_>,
    ) -> Result<(Action, String), Problem> {
        if let Some(step) = FormStep::named(action) {
            let form = FormPlan::read(step, object, table)?;
            for (value, place) in form.values() {
                self.values(vec![(String::new(), Found { value: value.into(), place })])?;
            }
            return Ok((Action::Form(form), step.known()));
        }
        let named = |reader: &Self| reader.known(&object.value, &object.place);
        let name = object.value.clone();
        let (action, known) = match action {
            "buy" => {
                let protocol = self.protocol(table)?;
                let order = order(table)?;
                self.names.extend((0..order.lines.len()).map(|line| name_of_line(&name, line)));
                let known = "profile, product, mode, period, amount, quota, count, needs_package and customer";
                (Action::Buy { name, protocol, order }, known)
            }
            "renew" | "convert_trial" => {
                named(self)?;
                let found = table.text("period")?;
                let missing = || Problem::at(object.place.clone(), "period is missing, such as \"1 year\"");
                let period = found.ok_or_else(missing)?.and(|text| order_line::period(text))?;
                match action {
                    "renew" => (Action::Renew { name, period }, "period"),
                    _ => (Action::ConvertTrial { name, period }, "period"),
                }
            }
            "upgrade" => {
                named(self)?;
                (Action::Upgrade { name, line: line(table)? }, "product, mode, period and amount")
            }
            "repeat" => {
                let (activity, protocol) = (read(object)?, self.protocol(table)?);
                let before = table.number("before")?.map_or(0, |before| before.value);
                (Action::Repeat { protocol, activity, before }, "profile and before")
            }
            "call" => (Action::Call(Box::new(self.call(object, table)?)), CallPlan::KNOWN),
            "wait" => (Action::Wait(object.and(|text| duration::parse(text))?), ""),
            "pass" => (Action::Pass(object.and(|text| duration::parse(text))?), ""),
            _ => {
                named(self)?;
                let action = match action {
                    "cancel_renewal" => Action::CancelRenewal { name },
                    "freeze" => Action::Freeze { name },
                    "unfreeze" => Action::Unfreeze { name },
                    "release" => Action::Release { name },
                    "query" => Action::Query { name },
                    _ => Action::Apply { name },
                };
                (action, "")
            }
        };
        Ok((action, known.to_owned()))
    }

    fn call(&mut self, object: &Found<String>, table: &mut Table<'_>) -> Result<CallPlan, Problem> {
        let activity: Activity = read(object)?;
        let protocol = self.protocol(table)?;
        let random = SeededRandom::new(0);
        if MessageBuilder::new(protocol, activity, &random, Timestamp::from_unix_millis(0)).is_none() {
            return Err(Problem::at(object.place.clone(), format!("{} has no {activity}", protocol.id())));
        }
        let set = self.values(table.fields("set")?)?;
        let without = table.texts("without")?.map_or(Vec::new(), |names| names.value);
        let clock = table.text("clock")?.map_or(Ok(Clock::Right), |text| text.and(|text| clock(text)))?;
        let hang_up = table.text("hang_up")?.map(|text| text.and(|text| duration::parse(text))).transpose()?;
        let (wrong_key, damaged) = (table.flag("wrong_key")?, table.flag("damaged")?);
        let (times, at_once) = (count(table, "times")?, count(table, "at_once")?);
        let how_often = match (times, at_once, table.flag("replay")?) {
            (times, None, false) => HowOften::Times(times.map_or(1, |times| times.value)),
            (None, Some(copies), false) => HowOften::AtOnce(copies.value),
            (None, None, true) => HowOften::Replayed,
            _ => return Err(Problem::at(object.place.clone(), "only one of times, at_once and replay is allowed")),
        };
        let name = table.text("as")?.map(|name| name.value);
        self.names.extend(name.clone());
        Ok(CallPlan { protocol, activity, set, without, clock, wrong_key, damaged, hang_up, how_often, name })
    }

    fn protocol(&mut self, table: &mut Table<'_>) -> Result<Protocol, Problem> {
        let given = table.text("profile")?.map(|name| read(&name)).transpose()?;
        let protocol = given.or(self.profile).unwrap_or(Protocol::SaasV2);
        if !self.protocols.contains(&protocol) {
            self.protocols.push(protocol);
        }
        Ok(protocol)
    }

    /// Reads values, and checks their placeholders.
    fn values(&self, fields: Vec<(String, Found<Value>)>) -> Result<Vec<(String, Value)>, Problem> {
        for (_, found) in &fields {
            for name in placeholders(&found.value) {
                let sold = name.strip_suffix(ORDER).unwrap_or(&name);
                self.known(sold, &found.place)?;
            }
        }
        Ok(fields.into_iter().map(|(name, found)| (name, found.value)).collect())
    }

    fn known(&self, name: &str, place: &Place) -> Result<(), Problem> {
        match self.names.contains(name) {
            true => Ok(()),
            false => Err(Problem::at(place.clone(), format!("no earlier step defines {name:?}"))),
        }
    }
}

fn read<T: FromStr<Err: std::fmt::Display>>(name: &Found<String>) -> Result<T, Problem> {
    name.and(|text| text.parse().map_err(|error| format!("{text:?}: {error}")))
}

fn count(table: &mut Table<'_>, name: &str) -> Result<Option<Found<u32>>, Problem> {
    let found = table.number(name)?;
    if let Some(found) = &found {
        found.and(|count| match *count {
            1..=MAX_CALLS => Ok(()),
            _ => Err(format!("{name} must be from 1 to {MAX_CALLS}")),
        })?;
    }
    Ok(found)
}

/// Parses an offset such as `-61s`.
fn clock(text: &str) -> Result<Clock, String> {
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(behind), _) => duration::parse(behind).map(Clock::Behind),
        (_, Some(ahead)) => duration::parse(ahead).map(Clock::Ahead),
        _ => Err(format!("{text:?} is not an offset such as \"-61s\" or \"+2min\"")),
    }
}
