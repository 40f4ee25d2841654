//! What was done, as a scenario.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koogallery_simulator::delivery::{Callback, DeliveryOutcome};
use koogallery_simulator::{LifecycleError, Marketplace, Subscription};
use serde_json::Value;

use super::control::Control;
use super::form::Form;
use crate::commands::scenario::plan::{FormStep, ORDER, name_of_line};

/// Steps that are kept.
const KEPT: usize = 1000;

/// The latest steps, in TOML.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Numbered, as their outcome may come later.
    steps: VecDeque<(u64, String)>,
    latest: u64,
    /// The names of what was bought, by order.
    names: HashMap<String, String>,
}

/// The number of a step that was noted.
pub type Noted = Option<u64>;

/// Fields whose values are no strings in TOML.
const NUMBERS: [&str; 5] = ["amount", "count", "times", "percent", "before"];
const FLAGS: [&str; 3] = ["needs_package", "wrong_key", "damaged"];

/// No secret stands in a file; another is invented.
const SECRET: &str = "secret";

impl Recorder {
    pub fn bought(&self, order_id: &str, profile: &str, form: &Form, fields: &[&str]) -> Noted {
        let mut inner = self.inner();
        let name = format!("order-{}", inner.names.len() + 1);
        let mut step = format!("buy = {}\nprofile = {}\n", quoted(&name), quoted(profile));
        push_fields(&mut step, form, fields, str::to_owned);
        inner.names.insert(order_id.to_owned(), name);
        inner.push(step)
    }

    /// Notes a change of what was bought here.
    pub fn changed(&self, sold: &Subscription, action: &str, form: &Form, fields: &[&str]) -> Noted {
        let mut inner = self.inner();
        let name = inner.name_of(sold)?;
        let mut step = format!("{action} = {}\n", quoted(&name));
        push_fields(&mut step, form, fields, str::to_owned);
        if fields == ["period"] && form.get("period").is_none() {
            step.push_str("period = \"1 month\"\n");
        }
        inner.push(step)
    }

    /// Notes a call, except where TOML cannot express it.
    pub fn called(
        &self,
        form: &Form,
        message: Option<&Value>,
        left_out: &[String],
        marketplace: &Marketplace,
    ) -> Noted {
        let mut step = format!("call = {}\n", quoted(form.get("activity")?));
        push_fields(&mut step, form, &["profile", "clock", "wrong_key", "damaged", "hang_up"], str::to_owned);
        let mut inner = self.inner();
        if let Some(message) = message {
            let _ = writeln!(step, "set = {}", toml(message, &|text| inner.named(marketplace, text))?);
        }
        if !left_out.is_empty() {
            let names: Vec<_> = left_out.iter().map(|name| quoted(name)).collect();
            let _ = writeln!(step, "without = [{}]", names.join(", "));
        }
        inner.push(step)
    }

    /// Notes that a call of the log was sent again.
    pub fn repeated(&self, number: u64, callback: &Callback, marketplace: &Marketplace) -> Noted {
        let (protocol, activity) = (callback.protocol(), callback.activity());
        let later = marketplace.log_after(number);
        let before = later.iter().filter(|call| (call.protocol, call.activity) == (protocol, activity)).count();
        let mut step = format!("repeat = {}\nprofile = {}\n", quoted(activity.as_str()), quoted(protocol.id()));
        if before > 0 {
            let _ = writeln!(step, "before = {before}");
        }
        self.inner().push(step)
    }

    /// Notes a push of usage.
    pub fn pushed(&self, form: &Form, control: &Control) -> Noted {
        let mut inner = self.inner();
        let step = of_form(FormStep::PushUsage, form, |text| match &control.marketplace {
            Some(marketplace) => inner.named(marketplace, text),
            None => text.to_owned(),
        });
        inner.push(step)
    }

    /// Notes a form that was filled in.
    pub fn filled_in(&self, step: FormStep, form: &Form) -> Noted {
        self.inner().push(of_form(step, form, str::to_owned))
    }

    pub fn passed(&self, by: &str) {
        self.inner().push(format!("pass = {}\n", quoted(by)));
    }

    /// Adds to a step what the seller answered, unless that is confirmation.
    pub fn answered(&self, noted: Noted, outcome: &DeliveryOutcome) {
        if !outcome.is_final() {
            self.expect(noted, outcome.code().unwrap_or("none"));
        }
    }

    /// Adds to a step the refusal that ended it.
    pub fn failed(&self, noted: Noted, error: &LifecycleError) {
        if let LifecycleError::GivenUp { outcome, .. } = error {
            self.answered(noted, outcome);
        }
    }

    /// Adds the code that came of a step.
    pub fn expect(&self, noted: Noted, code: &str) {
        let mut inner = self.inner();
        if let Some((_, step)) = inner.steps.iter_mut().find(|(number, _)| Some(*number) == noted) {
            let _ = writeln!(step, "expect = {}", quoted(code));
        }
    }

    /// Returns the scenario, which names no address.
    pub fn scenario(&self) -> String {
        let steps: String = self.inner().steps.iter().map(|(_, step)| format!("[[step]]\n{step}\n")).collect();
        if steps.is_empty() { steps } else { format!("move_calendar = true\n\n{steps}") }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, step: String) -> Noted {
        if self.steps.len() == KEPT {
            self.steps.pop_front();
        }
        self.latest += 1;
        self.steps.push_back((self.latest, step));
        Some(self.latest)
    }

    /// Returns the name of what was bought here.
    fn name_of(&self, sold: &Subscription) -> Option<String> {
        self.names.get(&sold.order.order_id).map(|name| name_of_line(name, sold.line))
    }

    /// Returns a text with names in place of the ids of what was bought: those are others the next time.
    fn named(&self, marketplace: &Marketplace, text: &str) -> String {
        let instances = marketplace.subscriptions().into_iter().filter(|sold| text.contains(&sold.instance_id));
        let instances = instances.filter_map(|sold| Some((self.name_of(&sold)?, sold.instance_id)));
        let orders = self.names.iter().filter(|(order_id, _)| text.contains(order_id.as_str()));
        let orders = orders.map(|(order_id, name)| (format!("{name}{ORDER}"), order_id.clone()));
        let all = instances.chain(orders);
        all.fold(text.to_owned(), |text, (name, id)| text.replace(&id, &format!("{{{name}}}")))
    }
}

fn of_form(step: FormStep, form: &Form, named: impl Fn(&str) -> String) -> String {
    let (key, object) = step.key();
    let mut text = format!("{key} = {}\n", quoted(&named(form.get(object).unwrap_or_default())));
    let fields: Vec<_> = step.fields().into_iter().filter(|name| *name != SECRET).collect();
    push_fields(&mut text, form, &fields, named);
    text
}

fn push_fields(step: &mut String, form: &Form, fields: &[&str], named: impl Fn(&str) -> String) {
    for name in fields {
        let Some(value) = form.get(name) else { continue };
        let value = match () {
            () if FLAGS.contains(name) => (value == "on" || value == "true").to_string(),
            () if NUMBERS.contains(name) => value.to_owned(),
            () => quoted(&named(value)),
        };
        let _ = writeln!(step, "{name} = {value}");
    }
}

/// JSON escapes what TOML does, except for one character.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Returns a value in TOML; `None` where it has a null.
fn toml(value: &Value, named: &dyn Fn(&str) -> String) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => quoted(&named(text)),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| toml(item, named)).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| Some(format!("{} = {}", quoted(name), toml(value, named)?));
            format!("{{ {} }}", members.iter().map(member).collect::<Option<Vec<_>>>()?.join(", "))
        }
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::scenario::plan::Plan;

    fn marketplace() -> Marketplace {
        let silent = |_: http::Request<bytes::Bytes>| async { http::Response::new(bytes::Bytes::new()) };
        Marketplace::builder(silent, koogallery::key::AccessKeys::new()).build()
    }

    #[test]
    fn what_is_recorded_is_a_scenario() {
        let (recorder, marketplace) = (Recorder::default(), marketplace());
        let fields = ["period", "amount", "count", "needs_package", "customer"];
        let form = Form::parse(b"period=1+month&amount=5&count=2&customer=%22%5C%0A%7F", &fields).unwrap();
        recorder.bought("CS1", "saas-v2", &form, &fields);
        let fields = ["activity", "profile", "clock", "wrong_key"];
        let form = Form::parse(b"activity=newInstance&profile=saas-v1&clock=-61s&wrong_key=on", &fields).unwrap();
        let message = serde_json::json!({"a b": ["x", 1, {"y": true}], "orderId": "CS1"});
        let called = recorder.called(&form, Some(&message), &["orderLineId".to_owned()], &marketplace);
        recorder.expect(called, "000001");
        assert_eq!(recorder.called(&form, Some(&serde_json::json!({"a": null})), &[], &marketplace), None);
        recorder.passed("15d");
        let form = |text: &str, fields: &[&str]| Form::parse(text.as_bytes(), fields).unwrap();
        recorder.filled_in(
            FormStep::Fault,
            &form("fault=server-error&value=503&times=2&percent=5", &super::super::fault::FIELDS),
        );
        let tenant = form("tenant=t-1&callback=http://x/&secret=hidden&users=a:A", &super::super::tenants::FIELDS);
        recorder.filled_in(FormStep::Bind, &tenant);
        recorder.filled_in(FormStep::ClearFaults, &form("all=all", &["all"]));
        let text = recorder.scenario();
        let plan = Plan::parse(&text).unwrap_or_else(|problem| panic!("{}: {text}", problem.located(&text)));
        let titles: Vec<_> = plan.steps.iter().map(|step| step.title.as_str()).collect();
        assert!(text.contains("orderId\" = \"{order-1.order}\"") && !text.contains("hidden"), "{text}");
        assert_eq!(plan.steps[1].expect, ["000001"]);
        let expected =
            ["buy order-1", "call newInstance", "pass 15d", "fault server-error", "bind t-1", "clear_faults all"];
        assert_eq!(titles, expected);
    }
}
