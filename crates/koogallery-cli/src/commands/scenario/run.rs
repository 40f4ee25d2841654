//! Runs the steps of a scenario.

mod forms;
mod life;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery_simulator::delivery::{Callback, MessageBuilder};
use koogallery_simulator::{Attempt, CallOptions, Marketplace, OpenApiCall, SeededRandom};
use serde_json::Value;
use tokio::task::JoinError;

use super::plan::{Action, CallPlan, Clock, FormStep, HowOften, Step};
use crate::Failure;
use crate::commands::serve::control::Control;
use crate::commands::serve::reply::NotDone;
use crate::support::client_secret;
use life::{HeldStep, Lived};

/// A running scenario.
pub struct Run {
    control: Control,
    marketplace: Marketplace,
    random: SeededRandom,
    /// Values of the names.
    names: BTreeMap<String, String>,
    /// Whether the calendar is moved where time has to pass.
    moves_calendar: bool,
    held: Vec<HeldStep>,
}

/// Result of a step.
#[derive(Default)]
pub struct Done {
    pub attempts: Vec<Attempt>,
    /// What was pushed.
    pub requests: Vec<OpenApiCall>,
    /// The error, if any.
    pub wrong: Option<String>,
}

impl Run {
    pub fn new(control: Control, marketplace: Marketplace, seed: u64) -> Self {
        let (random, names) = (SeededRandom::new(seed), BTreeMap::new());
        Self { control, marketplace, random, names, moves_calendar: false, held: Vec::new() }
    }

    /// Moves the calendar where time has to pass, instead of waiting.
    pub fn moving_the_calendar(mut self, moves_calendar: bool) -> Self {
        self.moves_calendar = moves_calendar;
        self
    }

    pub async fn step(&mut self, step: &Step) -> Result<Done, Failure> {
        let before = self.latest();
        // A later step may name what is being bought.
        if !matches!(step.action, Action::Buy { .. }) {
            self.await_held(HeldStep::is_purchase).await;
        }
        let wrong = match &step.action {
            Action::Wait(time) => {
                tokio::time::sleep(*time).await;
                None
            }
            Action::Pass(time) => {
                match self.moves_calendar {
                    true => self.marketplace.pass(*time).await,
                    false => self.marketplace.run_until(self.marketplace.now().saturating_add(*time)).await,
                };
                self.judged_after(before, step, true, None)
            }
            Action::Call(call) => {
                let attempts = self.call(call).await?;
                let wrong = attempts.iter().find_map(|attempt| self.judge(step, attempt, call.hang_up.is_some()));
                return Ok(Done { attempts, wrong, ..Done::default() });
            }
            Action::Repeat { protocol, activity, before } => {
                let attempt = self.repeat(*protocol, *activity, *before).await?;
                let wrong = self.judge(step, &attempt, false);
                return Ok(Done { attempts: vec![attempt], wrong, ..Done::default() });
            }
            Action::Form(form) if form.step == FormStep::PushUsage => return self.push(step, form).await,
            Action::Form(form) => {
                let form_done = self.fill_in(form);
                let done = match self.moves_calendar {
                    true => self.marketplace.without_waiting(form_done).await,
                    false => form_done.await,
                };
                self.ended(before, step, done, None)
            }
            life => {
                let held_back = self.marketplace.held_back();
                let mut work = tokio::spawn(self.life(life.clone()));
                tokio::select! {
                    biased;
                    lived = &mut work => self.lived(before, step, lived, None),
                    // The next steps pass it.
                    () = held_back => {
                        let instance_id = life.name().and_then(|name| self.names.get(name)).cloned();
                        self.held.push(HeldStep { step: step.clone(), before, instance_id, work });
                        None
                    }
                }
            }
        };
        let marketplace = self.marketplace.clone();
        let passed = self.await_held(|held| !marketplace.is_held_back(held.instance_id.as_deref())).await;
        Ok(Done { attempts: self.marketplace.log_after(before), wrong: wrong.or(passed), ..Done::default() })
    }

    /// Waits for what is still held back.
    pub async fn finish(&mut self) -> Done {
        let before = self.latest();
        let wrong = self.await_held(|_| true).await;
        Done { attempts: self.marketplace.log_after(before), wrong, ..Done::default() }
    }

    fn latest(&self) -> u64 {
        self.marketplace.log_where(1, |_| true).first().map_or(0, |attempt| attempt.sequence)
    }

    /// Waits for these of the steps whose calls are held back, and returns what was wrong with one.
    async fn await_held(&mut self, is_wanted: impl Fn(&HeldStep) -> bool) -> Option<String> {
        let (wanted, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().partition(is_wanted);
        self.held = others;
        let mut wrong = None;
        for HeldStep { step, before, instance_id, work } in wanted {
            let lived = work.await;
            let found = self.lived(before, &step, lived, instance_id.as_deref());
            wrong = wrong.or(found.map(|what| format!("{}, which was held back: {what}", step.title)));
        }
        wrong
    }

    fn lived(
        &mut self,
        before: u64,
        step: &Step,
        lived: Result<Lived, JoinError>,
        instance_id: Option<&str>,
    ) -> Option<String> {
        match lived {
            Ok(Lived { names, result }) => {
                self.names.extend(names);
                self.ended(before, step, result.map_err(NotDone::from), instance_id)
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// Judges what was done by the last call since then, of this instance if others were called as well.
    fn ended(&self, before: u64, step: &Step, done: Result<(), NotDone>, instance_id: Option<&str>) -> Option<String> {
        match done {
            Err(NotDone::Form(why)) => Some(why),
            Err(NotDone::Seller(error)) if step.expect.is_empty() || self.latest() == before => Some(error.to_string()),
            _ => self.judged_after(before, step, false, instance_id),
        }
    }

    fn judged_after(&self, before: u64, step: &Step, is_lenient: bool, instance_id: Option<&str>) -> Option<String> {
        let is_its = |call: &&Attempt| {
            let names = |id: &str| call.exchange.target.contains(id) || call.exchange.request_body.contains(id);
            instance_id.is_none_or(names)
        };
        let attempts = self.marketplace.log_after(before);
        attempts.iter().rfind(is_its).and_then(|last| self.judge(step, last, is_lenient))
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
    pub(super) fn filled_in(&self, value: &Value) -> Value {
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
