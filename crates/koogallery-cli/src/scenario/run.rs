//! Doing the steps of a scenario.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery_simulator::delivery::{Callback, Draft};
use koogallery_simulator::{Attempt, LifeError, Manner, Marketplace, SeededRandom};
use serde_json::Value;

use super::plan::{Action, CallPlan, Clock, HowOften, ORDER, Step};
use crate::Failure;
use crate::client_secret;

/// A scenario on its way.
pub struct Run {
    marketplace: Marketplace,
    random: SeededRandom,
    /// What names stand for.
    names: BTreeMap<String, String>,
}

/// What came of a step.
pub struct Done {
    pub attempts: Vec<Attempt>,
    /// What is wrong, if anything is.
    pub wrong: Option<String>,
}

impl Run {
    pub fn new(marketplace: Marketplace, seed: u64) -> Self {
        Self { marketplace, random: SeededRandom::new(seed), names: BTreeMap::new() }
    }

    pub async fn step(&mut self, step: &Step) -> Result<Done, Failure> {
        self.marketplace.take_log();
        let outcome = match &step.action {
            Action::Wait(time) => {
                tokio::time::sleep(*time).await;
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
        let attempts = self.marketplace.take_log();
        let last = attempts.last();
        let wrong = match outcome {
            Err(error) if step.expect.is_empty() || last.is_none() => Some(error.to_string()),
            _ => last.and_then(|last| self.judge(step, last, matches!(step.action, Action::Pass(_)))),
        };
        Ok(Done { attempts, wrong })
    }

    async fn live(&mut self, action: &Action) -> Result<(), LifeError> {
        let id = |name: &String| self.names.get(name).cloned().unwrap_or_default();
        let marketplace = &self.marketplace;
        match action {
            Action::Buy { name, protocol, order } => {
                let order = marketplace.place_order(order.clone());
                self.names.insert(format!("{name}{ORDER}"), order.order_id.clone());
                let sold = marketplace.buy(*protocol, &order, 0).await?;
                self.names.insert(name.clone(), sold.instance_id);
            }
            Action::Renew { name, period } => {
                marketplace.renew(&id(name), period.0.clone(), period.1).await?;
            }
            Action::Formalize { name, period } => {
                marketplace.formalize(&id(name), period.0.clone(), period.1).await?;
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
        let manner = manner(plan)?;
        let unsent = |error| Failure::of("a call could not be signed", &error);
        let marketplace = &self.marketplace;
        let attempts = match plan.how_often {
            HowOften::Times(times) => {
                let mut attempts = Vec::new();
                for _ in 0..times {
                    attempts.push(marketplace.call(&callback, &manner).await.map_err(unsent)?);
                }
                attempts
            }
            HowOften::AtOnce(copies) => {
                let made = join_all((0..copies).map(|_| marketplace.call(&callback, &manner))).await;
                made.into_iter().collect::<Result<_, _>>().map_err(unsent)?
            }
            HowOften::Replayed => {
                let request = marketplace.sign(&callback, &manner).map_err(unsent)?;
                // The first one may be answered as it likes.
                marketplace.send(&callback, request.clone()).await;
                vec![marketplace.send(&callback, request).await]
            }
        };
        if let Some(name) = &plan.name {
            let id = attempts.iter().find_map(|attempt| attempt.verdict.instance_id());
            self.names.extend(id.map(|id| (name.clone(), id.to_owned())));
        }
        Ok(attempts)
    }

    fn callback(&self, plan: &CallPlan) -> Result<Callback, Failure> {
        let draft = Draft::new(plan.protocol, plan.activity, &self.random, SystemClock.now());
        let mut draft =
            draft.ok_or_else(|| Failure::new(format!("{} has no {}", plan.protocol.id(), plan.activity)))?;
        client_secret::encrypt(&mut draft)?;
        for (name, value) in &plan.set {
            draft.set(name, self.filled_in(value));
        }
        plan.without.iter().for_each(|name| draft.remove(name));
        Ok(draft.into())
    }

    /// With what the names in braces stand for.
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

    /// What is wrong with an answer; `is_lenient` if none needs to be right.
    fn judge(&self, step: &Step, attempt: &Attempt, is_lenient: bool) -> Option<String> {
        let verdict = &attempt.verdict;
        let is_right = match &step.expect[..] {
            [] => is_lenient || verdict.is_final(),
            expected => {
                let code = verdict.code().unwrap_or(NONE);
                expected.iter().any(|wanted| wanted == code)
            }
        };
        if !is_right {
            let expected = match &step.expect[..] {
                [] => "the seller to understand".to_owned(),
                codes => codes.join(" or "),
            };
            return Some(format!("expected {expected}, got {verdict}"));
        }
        let answer: Value = serde_json::from_str(&attempt.exchange.answer_body).unwrap_or_default();
        step.answer.iter().find_map(|(name, wanted)| {
            let (wanted, got) = (self.filled_in(wanted), answer.get(name).unwrap_or(&Value::Null));
            (*got != wanted).then(|| format!("expected {name} to be {wanted}, got {got}"))
        })
    }
}

/// What is expected instead of a code where there is none.
const NONE: &str = "none";

fn manner(plan: &CallPlan) -> Result<Manner, Failure> {
    let mut manner = match plan.clock {
        Clock::Right => Manner::default(),
        Clock::Ahead(by) => Manner::default().clock_ahead(by),
        Clock::Behind(by) => Manner::default().clock_behind(by),
    };
    if plan.wrong_key {
        let key = AccessKey::new("a-key-that-nobody-has").map_err(|error| Failure::of("the wrong key", &error))?;
        manner = manner.signed_with(key);
    }
    if plan.damaged {
        manner = manner.damaged_on_the_way();
    }
    Ok(match plan.hang_up {
        Some(patience) => manner.hanging_up_after(patience),
        None => manner,
    })
}
