//! What was done, as a scenario.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koogallery_simulator::Subscription;
use serde_json::Value;

use super::form::Form;
use crate::commands::scenario::plan::name_of_line;

/// Steps that are kept.
const KEPT: usize = 1000;

/// The latest steps, in TOML.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    steps: VecDeque<String>,
    /// The names of what was bought, by order.
    names: HashMap<String, String>,
}

/// Fields whose values are no strings in TOML.
const NUMBERS: [&str; 2] = ["amount", "count"];
const FLAGS: [&str; 3] = ["needs_package", "wrong_key", "damaged"];

impl Recorder {
    pub fn bought(&self, order_id: &str, profile: &str, form: &Form, fields: &[&str]) {
        let mut inner = self.inner();
        let name = format!("order-{}", inner.names.len() + 1);
        let mut step = format!("buy = {}\nprofile = {}\n", quoted(&name), quoted(profile));
        push_fields(&mut step, form, fields);
        inner.names.insert(order_id.to_owned(), name);
        inner.push(step);
    }

    /// Notes a change of what was bought here.
    pub fn changed(&self, sold: &Subscription, action: &str, form: &Form, fields: &[&str]) {
        let mut inner = self.inner();
        let Some(name) = inner.names.get(&sold.order.order_id) else { return };
        let mut step = format!("{action} = {}\n", quoted(&name_of_line(name, sold.line)));
        push_fields(&mut step, form, fields);
        if fields == ["period"] && form.get("period").is_none() {
            step.push_str("period = \"1 month\"\n");
        }
        inner.push(step);
    }

    /// Notes a call, except where TOML cannot express it.
    pub fn called(&self, form: &Form, message: Option<&Value>) {
        let Some(activity) = form.get("activity") else { return };
        let mut step = format!("call = {}\n", quoted(activity));
        push_fields(&mut step, form, &["profile", "clock", "wrong_key", "damaged", "hang_up"]);
        if let Some(message) = message {
            let Some(set) = toml(message) else { return };
            let _ = writeln!(step, "set = {set}");
        }
        self.inner().push(step);
    }

    pub fn passed(&self, by: &str) {
        self.inner().push(format!("pass = {}\n", quoted(by)));
    }

    /// Returns the scenario, which names no address.
    pub fn scenario(&self) -> String {
        self.inner().steps.iter().map(|step| format!("[[step]]\n{step}\n")).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, step: String) {
        if self.steps.len() == KEPT {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }
}

fn push_fields(step: &mut String, form: &Form, fields: &[&str]) {
    for name in fields {
        let Some(value) = form.get(name) else { continue };
        let value = match () {
            () if FLAGS.contains(name) => (value == "on" || value == "true").to_string(),
            () if NUMBERS.contains(name) => value.to_owned(),
            () => quoted(value),
        };
        let _ = writeln!(step, "{name} = {value}");
    }
}

/// JSON escapes what TOML does, except for one character.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Returns a value in TOML; `None` where it has a null.
fn toml(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Option<Vec<_>>>()?.join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| Some(format!("{} = {}", quoted(name), toml(value)?));
            format!("{{ {} }}", members.iter().map(member).collect::<Option<Vec<_>>>()?.join(", "))
        }
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::scenario::plan::Plan;

    #[test]
    fn what_is_recorded_is_a_scenario() {
        let recorder = Recorder::default();
        let fields = ["period", "amount", "count", "needs_package", "customer"];
        let form = Form::parse(b"period=1+month&amount=5&count=2&customer=%22%5C%0A%7F", &fields).unwrap();
        recorder.bought("CS1", "saas-v2", &form, &fields);
        let fields = ["activity", "profile", "clock", "wrong_key"];
        let form = Form::parse(b"activity=newInstance&profile=saas-v1&clock=-61s&wrong_key=on", &fields).unwrap();
        recorder.called(&form, Some(&serde_json::json!({"a b": ["x", 1, {"y": true}], "orderId": "CS1"})));
        recorder.called(&form, Some(&serde_json::json!({"a": null})));
        recorder.passed("15d");
        let text = recorder.scenario();
        let plan = Plan::parse(&text).unwrap_or_else(|problem| panic!("{}: {text}", problem.located(&text)));
        let titles: Vec<_> = plan.steps.iter().map(|step| step.title.as_str()).collect();
        assert_eq!(titles, ["buy order-1", "call newInstance", "pass 15d"]);
    }
}
