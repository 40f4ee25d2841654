//! Checks of the seller, run from the page.

use std::sync::Arc;

use http::StatusCode;
use koogallery::key::AccessKeys;
use koogallery::random::{OsRandom, Random as _};
use koogallery_simulator::{
    Charging, Checker, HttpProbe, Marketplace, OpenApiServer, Outcome as Verdict, Profile, Report,
};
use serde_json::{Value, json};

use super::control::Control;
use super::form::Form;
use super::jobs::{Job, Jobs};
use super::lang::Lang;
use super::reply::{Outcome, Refused};
use super::routes::unknown;
use crate::Failure;
use crate::commands::check::format::Format;
use crate::commands::check::served::{Families, LeftOut};
use crate::support::client_secret;
use crate::support::target::TargetArgs;

const FIELDS: [&str; 4] = ["profile", "charging", "probe", "timing"];

/// A seller, and how to call him.
#[derive(Clone)]
pub struct Seller {
    pub url: String,
    pub options: TargetArgs,
}

/// A run of checks: how far it is, and its reports.
#[derive(Clone, Default)]
pub struct Run {
    /// What is checked at the moment, such as `saas-v2 X1`.
    pub now: String,
    pub done: usize,
    pub count: usize,
    pub reports: Arc<Vec<Report>>,
    pub left_out: Arc<Vec<LeftOut>>,
    /// Why it could not be run.
    pub problem: Option<String>,
}

/// What a form asks for.
struct Wanted {
    profile: Option<Profile>,
    charging: Option<Charging>,
    probe: Option<String>,
    timing: bool,
}

/// What a run needs.
struct Work {
    seller: Seller,
    keys: AccessKeys,
    open_api: OpenApiServer,
    jobs: Jobs<Run>,
    number: u64,
}

impl Control {
    /// Begins a run of checks.
    pub fn begin_check(&self, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &FIELDS)?;
        let profile = form.get("profile").map(str::parse).transpose().map_err(|error| format!("profile: {error}"))?;
        let charging = form.get("charging").map(str::parse).transpose();
        let charging = charging.map_err(|error| format!("charging: {error}"))?;
        let probe = form.get("probe").map(str::to_owned);
        let wanted = Wanted { profile, charging, probe, timing: form.flag("timing")? };
        self.marketplace()?;
        let seller = self.seller.clone().ok_or_else(|| unknown("no seller is called".to_owned()))?;
        if let Some(url) = &wanted.probe {
            seller.options.target(url).map_err(|failure| failure.to_string())?;
        }
        let busy = || Refused(StatusCode::CONFLICT, "another check is being run".to_owned());
        let number = self.checks.begin(Run::default()).ok_or_else(busy)?;
        let (keys, open_api, jobs) = (self.keys.clone(), self.open_api.clone(), self.checks.clone());
        let work = Work { seller, keys, open_api, jobs: jobs.clone(), number };
        tokio::spawn(async move {
            let problem = work.run(wanted).await.err().map(|failure| failure.to_string());
            jobs.change(number, |job| {
                job.is_done = true;
                job.state.problem = problem;
            });
        });
        Ok(Outcome::DoneAt(json!({"number": number}), format!("checks/{number}")))
    }

    pub fn check(&self, number: &str) -> Result<Job<Run>, Refused> {
        let found = number.parse().ok().and_then(|number| self.checks.get(number));
        found.ok_or_else(|| unknown(format!("there is no check {number}: the latest are kept")))
    }

    /// Returns the file of a report, such as `report.html`, in the language of the page.
    pub fn report(&self, number: &str, file: &str, lang: Lang) -> Result<Outcome, Refused> {
        let job = self.check(number)?;
        let (format, content_type) = match file {
            "report.json" => (Format::Json, "application/json"),
            "report.xml" => (Format::Junit, "application/xml"),
            "report.md" => (Format::Markdown, "text/markdown; charset=utf-8"),
            "report.html" => (Format::Html, "text/html; charset=utf-8"),
            _ => return Err(unknown(format!("there is no {file}: {}", FILES.join(", ")))),
        };
        if !job.is_done {
            return Err(Refused(StatusCode::CONFLICT, "the check is still being run".to_owned()));
        }
        let text = format.write(&job.state.reports, &job.state.left_out, lang, false, false);
        Ok(Outcome::File(content_type, format!("koogallery-{number}-{file}"), text))
    }
}

/// The files of a report.
pub const FILES: [&str; 4] = ["report.html", "report.md", "report.json", "report.xml"];

impl Work {
    async fn run(&self, wanted: Wanted) -> Result<(), Failure> {
        let mut bytes = [0; 4];
        OsRandom.fill(&mut bytes).map_err(|error| Failure::of("no randomness for a seed", &error))?;
        let seed = u64::from(u32::from_ne_bytes(bytes));
        let families = match wanted.profile {
            Some(profile) => Families::given(&[profile]),
            None => {
                let target = self.seller.options.target(&self.seller.url)?;
                let marketplace = Marketplace::builder(target, self.keys.clone()).seed(!seed).build();
                Families::served(&marketplace, &self.keys, seed.wrapping_sub(1)).await
            }
        };
        let left_out = Arc::new(families.left_out);
        self.jobs.change(self.number, |job| job.state.left_out = left_out);
        let mut reports = Vec::new();
        // The endpoint would remember the orders and nonces of the previous profile.
        for (profile, apart) in families.judged.into_iter().zip(0..) {
            let checker = self.checker(profile, &wanted)?.with_seed(seed.wrapping_add(apart));
            reports.push(checker.run().await.map_err(|error| Failure::of(profile, &error))?);
            self.jobs.change(self.number, |job| job.state.reports = Arc::new(reports.clone()));
        }
        Ok(())
    }

    fn checker(&self, profile: Profile, wanted: &Wanted) -> Result<Checker, Failure> {
        let target = self.seller.options.target(&self.seller.url)?;
        let (jobs, number) = (self.jobs.clone(), self.number);
        let mut checker = Checker::new(target, self.keys.clone())
            .with_profile(profile)
            .with_timing_checks(wanted.timing)
            .with_charging(wanted.charging)
            .with_open_api(self.open_api.clone())
            .with_progress(move |check, done, count| {
                jobs.change(number, |job| {
                    (job.state.done, job.state.count) = (done, count);
                    job.state.now = format!("{profile} {}", check.id);
                });
            });
        if let Some(url) = &wanted.probe {
            checker = checker.with_probe(HttpProbe::from(self.seller.options.target(url)?));
        }
        if let Some(key) = client_secret::public_key()? {
            checker = checker.with_public_key(key);
        }
        Ok(checker)
    }
}

/// Returns the name of an outcome in addresses.
pub fn verdict(outcome: &Verdict) -> &'static str {
    match outcome {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "failed",
        _ => "not-run",
    }
}

/// Returns a run as JSON.
pub fn shown(job: &Job<Run>) -> Value {
    let Run { now, done, count, reports, left_out, problem } = &job.state;
    let report = |report: &Report| {
        let results = report.results.iter().map(|result| {
            json!({"check": result.check.id, "severity": result.check.severity.as_str(), "verdict": verdict(&result.outcome)})
        });
        json!({"profile": report.profile.as_str(), "ok": report.is_ok(), "results": results.collect::<Vec<_>>()})
    };
    let left_out = left_out.iter().map(|family| json!({"profile": family.profile.as_str(), "why": family.why}));
    json!({
        "number": job.number,
        "isDone": job.is_done,
        "now": now,
        "done": done,
        "count": count,
        "problem": problem,
        "reports": reports.iter().map(report).collect::<Vec<_>>(),
        "leftOut": left_out.collect::<Vec<_>>(),
    })
}
