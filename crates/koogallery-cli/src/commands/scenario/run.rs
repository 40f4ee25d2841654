//! Runs the steps of a scenario.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery_simulator::delivery::{Callback, MessageBuilder};
use koogallery_simulator::{Attempt, CallOptions, LifecycleError, Marketplace, SeededRandom};
use serde_json::Value;

use super::plan::{Action, CallPlan, Clock, HowOften, ORDER, Step, name_of_line};
use crate::Failure;
use crate::support::client_secret;

/// A running scenario.
pub struct Run {
    marketplace: Marketplace,
    random: SeededRandom,
    /// Values of the names.
    names: BTreeMap<String, String>,
    /// Whether the calendar is moved where time has to pass.
    moves_calendar: bool,
}

/// Result of a step.
pub struct Done {
    pub attempts: Vec<Attempt>,
    /// The error, if any.
    pub wrong: Option<String>,
}

impl Run {
    pub fn new(marketplace: Marketplace, seed: u64) -> Self {
        Self { marketplace, random: SeededRandom::new(seed), names: BTreeMap::new(), moves_calendar: false }
    }

    /// Moves the calendar where time has to pass, instead of waiting.
    pub fn moving_the_calendar(mut self) -> Self {
        self.moves_calendar = true;
        self
    }

    pub async fn step(&mut self, step: &Step) -> Result<Done, Failure> {
        let before = self.marketplace.log_where(1, |_| true).first().map_or(0, |attempt| attempt.sequence);
        let outcome = match &step.action {
            Action::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Action::Pass(time) if self.moves_calendar => {
                self.marketplace.pass(*time).await;
                Ok(())
            }
            Action::Pass(time) => {
                self.marketplace.run_until(self.marketplace.now().saturating_add(*time)).await;
                Ok(())
            }
            Action::Call(call) => {
                let attempts = self.call(call).await?;
                let wrong = attempts.iter().find_map(|attempt| self.judge(step, attempt, call.hang_up.is_some()));
                return Ok(Done { attempts, wrong });
            }
            life => self.live(life).await,
        };
        let attempts = self.marketplace.log_after(before);
        let last = attempts.last();
        let wrong = match outcome {
            Err(error) if step.expect.is_empty() || last.is_none() => Some(error.to_string()),
            _ => last.and_then(|last| self.judge(step, last, matches!(step.action, Action::Pass(_)))),
        };
        Ok(Done { attempts, wrong })
    }

    async fn live(&mut self, action: &Action) -> Result<(), LifecycleError> {
        let id = |name: &String| self.names.get(name).cloned().unwrap_or_default();
        let marketplace = &self.marketplace;
        match action {
            Action::Buy { name, protocol, order } => {
                let order = marketplace.place_order(order.clone());
                self.names.insert(format!("{name}{ORDER}"), order.order_id.clone());
                for line in 0..order.spec.lines.len() {
                    let sold = marketplace.buy(*protocol, &order, line).await?;
                    self.names.insert(name_of_line(name, line), sold.instance_id);
                }
            }
            Action::Renew { name, period } => {
                marketplace.renew(&id(name), period.0.clone(), period.1).await?;
            }
            Action::ConvertTrial { name, period } => {
                marketplace.convert_trial(&id(name), period.0.clone(), period.1).await?;
            }
            Action::CancelRenewal { name } => drop(marketplace.cancel_renewal(&id(name)).await?),
            Action::Upgrade { name, line } => drop(marketplace.upgrade(&id(name), line.clone()).await?),
            Action::Freeze { name } => drop(marketplace.freeze(&id(name)).await?),
            Action::Unfreeze { name } => drop(marketplace.unfreeze(&id(name)).await?),
            Action::Release { name } => drop(marketplace.release(&id(name)).await?),
            Action::Query { name } => drop(marketplace.query(&id(name)).await?),
            Action::Apply { name } => drop(marketplace.apply_for_license(&id(name)).await?),
            Action::Call(_) | Action::Wait(_) | Action::Pass(_) => {}
        }
        Ok(())
    }

    async fn call(&mut self, plan: &CallPlan) -> Result<Vec<Attempt>, Failure> {
        let callback = self.callback(plan)?;
        let options = options(plan)?;
        let unsent = |error| Failure::of("a call could not be signed", &error);
        let marketplace = &self.marketplace;
        let attempts = match plan.how_often {
            HowOften::Times(times) => {
                let mut attempts = Vec::new();
                for _ in 0..times {
                    attempts.push(marketplace.call(&callback, &options).await.map_err(unsent)?);
                }
                attempts
            }
            HowOften::AtOnce(copies) => {
                let made = join_all((0..copies).map(|_| marketplace.call(&callback, &options))).await;
                made.into_iter().collect::<Result<_, _>>().map_err(unsent)?
            }
            HowOften::Replayed => {
                let request = marketplace.sign(&callback, &options).map_err(unsent)?;
                // The first answer may be any.
                marketplace.send(&callback, request.clone()).await;
                vec![marketplace.send(&callback, request).await]
            }
        };
        if let Some(name) = &plan.name {
            let id = attempts.iter().find_map(|attempt| attempt.outcome.instance_id());
            self.names.extend(id.map(|id| (name.clone(), id.to_owned())));
        }
        Ok(attempts)
    }

    fn callback(&self, plan: &CallPlan) -> Result<Callback, Failure> {
        let builder = MessageBuilder::new(plan.protocol, plan.activity, &self.random, SystemClock.now());
        let mut builder =
            builder.ok_or_else(|| Failure::new(format!("{} has no {}", plan.protocol.id(), plan.activity)))?;
        client_secret::encrypt(&mut builder)?;
        for (name, value) in &plan.set {
            builder.set(name, self.filled_in(value));
        }
        plan.without.iter().for_each(|name| builder.remove(name));
        Ok(builder.into())
    }

    /// Replaces the names in braces by their values.
    fn filled_in(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let fill = |text: String, (name, id): (&String, &String)| text.replace(&format!("{{{name}}}"), id);
                self.names.iter().fold(text.clone(), fill).into()
            }
            Value::Array(items) => items.iter().map(|item| self.filled_in(item)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), self.filled_in(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// Returns the error of an answer; `is_lenient` accepts any code.
    fn judge(&self, step: &Step, attempt: &Attempt, is_lenient: bool) -> Option<String> {
        let outcome = &attempt.outcome;
        let is_right = match &step.expect[..] {
            [] => is_lenient || outcome.is_final(),
            expected => {
                let code = outcome.code().unwrap_or(NONE);
                expected.iter().any(|wanted| wanted == code)
            }
        };
        if !is_right {
            let expected = match &step.expect[..] {
                [] => "confirmation by the seller".to_owned(),
                codes => codes.join(" or "),
            };
            return Some(format!("expected {expected}, got {outcome}"));
        }
        let answer: Value = serde_json::from_str(&attempt.exchange.answer_body).unwrap_or_default();
        step.answer.iter().find_map(|(name, wanted)| {
            let (wanted, got) = (self.filled_in(wanted), answer.get(name).unwrap_or(&Value::Null));
            (*got != wanted).then(|| format!("expected {name} to be {wanted}, got {got}"))
        })
    }
}

/// The expectation that there is no code.
const NONE: &str = "none";

fn options(plan: &CallPlan) -> Result<CallOptions, Failure> {
    let mut options = match plan.clock {
        Clock::Right => CallOptions::default(),
        Clock::Ahead(by) => CallOptions::default().clock_ahead(by),
        Clock::Behind(by) => CallOptions::default().clock_behind(by),
    };
    if plan.wrong_key {
        let key = AccessKey::new("a-key-of-no-seller").map_err(|error| Failure::of("the wrong key", &error))?;
        options = options.sign_with(key);
    }
    if plan.damaged {
        options = options.tampered();
    }
    Ok(match plan.hang_up {
        Some(patience) => options.disconnect_after(patience),
        None => options,
    })
}
