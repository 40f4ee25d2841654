//! Scenarios that are edited, checked and run on the page.

use http::StatusCode;
use koogallery::random::{OsRandom, Random as _};
use koogallery_simulator::{Attempt, OpenApiCall};
use serde_json::{Value, json};

use super::control::Control;
use super::events::{line_of_call, line_of_request};
use super::form::Form;
use super::jobs::{Job, Jobs};
use super::lang::Lang;
use super::page;
use super::reply::{Outcome, Refused};
use super::routes::unknown;
use crate::commands::scenario::plan::Plan;
use crate::commands::scenario::run::{Done, Run};
use crate::support::environment::missing_for;

/// The only field of the forms.
const TEXT: &str = "text";

/// Calls of a step that are kept with it: thousands may be made at once. All of them are in the log, as long as it reaches back.
const KEPT_CALLS: usize = 20;

/// A step that was made.
#[derive(Clone)]
pub struct Step {
    pub title: String,
    /// What was not as expected, if anything.
    pub wrong: Option<String>,
    /// The first calls.
    pub calls: Vec<Call>,
    /// How many more there were.
    pub more: usize,
}

/// A call or request that a step made: its page, and what has come of it.
#[derive(Clone)]
pub struct Call {
    pub path: String,
    pub english: String,
    pub chinese: String,
}

/// A run of a scenario: how far it is.
#[derive(Clone, Default)]
pub struct ScenarioRun {
    pub count: usize,
    pub steps: Vec<Step>,
    /// Why it could not go on.
    pub problem: Option<String>,
}

/// Reads a scenario; an error begins with line and column.
fn plan(text: &str) -> Result<Plan, String> {
    Plan::parse(text).map_err(|problem| problem.located(text).to_string())
}

impl Control {
    /// Checks a scenario without running it.
    pub fn validate_scenario(&self, body: &[u8], lang: Lang) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &[TEXT])?;
        let text = form.text(TEXT);
        let found = plan(text);
        let shown = match &found {
            Ok(plan) => json!({"isValid": true, "steps": plan.steps.len()}),
            Err(problem) => json!({"isValid": false, "problem": problem}),
        };
        Ok(Outcome::Both(shown, page::scenarios(self, lang, text, Some(found.map(|plan| plan.steps.len())))))
    }

    /// Begins a run. The seller is that of this marketplace, whatever the scenario says, and so are time and keys.
    pub fn begin_scenario(&self, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &[TEXT])?;
        let plan = plan(form.text(TEXT))?;
        if let Some(protocol) = plan.protocols.iter().find(|protocol| protocol.keys(&self.keys).is_none()) {
            return Err(missing_for(*protocol).to_string().into());
        }
        let mut seed = [0; 8];
        OsRandom.fill(&mut seed).map_err(|error| error.to_string())?;
        let run = Run::new(self.clone(), self.marketplace()?.clone(), u64::from_ne_bytes(seed));
        let run = run.moving_the_calendar(true);
        let busy = || Refused(StatusCode::CONFLICT, "another scenario is being run".to_owned());
        let begun = ScenarioRun { count: plan.steps.len(), ..ScenarioRun::default() };
        let number = self.scenarios.begin(begun).ok_or_else(busy)?;
        tokio::spawn(make(plan, run, self.scenarios.clone(), number));
        Ok(Outcome::DoneAt(json!({"number": number}), format!("scenarios/{number}")))
    }

    pub fn scenario(&self, number: &str) -> Result<Job<ScenarioRun>, Refused> {
        let found = number.parse().ok().and_then(|number| self.scenarios.get(number));
        found.ok_or_else(|| unknown(format!("there is no run {number}: the latest are kept")))
    }

    /// Returns a scenario as a file, as it was written.
    pub fn scenario_file(&self, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &[TEXT])?;
        // Browsers send line ends of their own.
        Ok(file(form.text(TEXT).replace("\r\n", "\n")))
    }

    /// Returns what was done as a file.
    pub fn recorded(&self) -> Outcome {
        file(self.recorder.scenario())
    }
}

fn file(text: String) -> Outcome {
    Outcome::File("application/toml", "scenario.toml".to_owned(), text)
}

async fn make(plan: Plan, mut run: Run, jobs: Jobs<ScenarioRun>, number: u64) {
    for step in &plan.steps {
        let made = match run.step(step).await {
            Ok(done) => Ok(made_of(&step.title, done)),
            Err(failure) => Err(failure.to_string()),
        };
        let has_ended = made.is_err();
        jobs.change(number, |job| match made {
            Ok(step) => job.state.steps.push(step),
            Err(problem) => job.state.problem = Some(problem),
        });
        if has_ended {
            break;
        }
    }
    let rest = run.finish().await;
    jobs.change(number, |job| {
        if !rest.attempts.is_empty() {
            job.state.steps.push(made_of(HELD_BACK, rest));
        }
        job.is_done = true;
    });
}

/// Calls that no step passed.
const HELD_BACK: &str = "what was still held back";

fn made_of(title: &str, Done { attempts, requests, wrong }: Done) -> Step {
    let call = |attempt: &Attempt| Call {
        path: format!("calls/{}", attempt.sequence),
        english: line_of_call(Lang::English, attempt),
        chinese: line_of_call(Lang::Chinese, attempt),
    };
    let request = |request: &OpenApiCall| Call {
        path: format!("requests/{}", request.sequence),
        english: line_of_request(Lang::English, request),
        chinese: line_of_request(Lang::Chinese, request),
    };
    let calls = attempts.iter().map(call).chain(requests.iter().map(request)).take(KEPT_CALLS).collect();
    Step { title: title.to_owned(), wrong, calls, more: attempts.len().saturating_sub(KEPT_CALLS) }
}

/// Returns a run as JSON.
pub fn shown(job: &Job<ScenarioRun>) -> Value {
    let step = |step: &Step| {
        let calls: Vec<_> = step.calls.iter().map(|call| &call.english).collect();
        json!({"title": step.title, "wrong": step.wrong, "calls": calls, "moreCalls": step.more})
    };
    let ScenarioRun { count, steps, problem } = &job.state;
    let steps: Vec<_> = steps.iter().map(step).collect();
    json!({"number": job.number, "isDone": job.is_done, "count": count, "problem": problem, "steps": steps})
}
