//! `scenario`: makes calls by a script.

pub mod document;
pub mod plan;
pub mod run;

use std::path::PathBuf;

use clap::Args;
use koogallery_simulator::Marketplace;

use crate::commands::serve::control::Control;
use crate::support::environment::{access_keys, missing_for, optional_credentials};
use crate::support::open_api;
use crate::support::output::Color;
use crate::support::seed::Seed;
use crate::support::target::TargetArgs;
use crate::support::{input, runtime};
use crate::{Answer, Failure, Output};
use plan::Plan;
use run::{Done, Run};

/// The address at which enterprises log in, where nothing listens: the default of `serve`.
const CENTER: &str = "127.0.0.1:9090";

const EXAMPLES: &str = r#"A file in TOML, for instance:
  url = "http://127.0.0.1:8080/saasproduce"
  profile = "saas-v2"
  compress = 3600            # an hour between two attempts takes a second

  [[step]]
  buy = "first"              # a name for the subscription
  period = "1 year"          # or mode = "one-time", "on-demand", "package"; product, amount, customer

  [[step]]
  buy = "packages"           # the others are "packages-2" and "packages-3"; up to 30 in one order
  mode = "package"
  period = "1 month"
  count = 3                  # V1.0 names no order line, and needs another product for each: product = "P1, P2, P3"
  quota = "OFFI1:1000"       # deducted from usage of a pay-per-use product of the customer

  [[step]]
  call = "newInstance"       # any activity, field by field
  set = { orderId = "{first.order}", orderLineId = "{first.order}-000001" }
  at_once = 20               # or times = 3, replay = true
  answer = { instanceId = "{first}" }

  [[step]]
  call = "releaseInstance"
  set = { instanceId = "{first}" }
  clock = "-61s"             # or wrong_key = true, damaged = true, hang_up = "5ms"
  expect = ["000001", "000002"]

  [[step]]
  pass = "380d"              # expired subscriptions are frozen, and released 15 days later

Steps: buy, renew, convert_trial, cancel_renewal, upgrade, freeze, unfreeze, release, query, apply, call, wait, pass, and what
the forms of `koogallery serve` do, with their fields:
  repeat = "newInstance"        # the latest such call, the same bytes; before = 1: the one before it
  push_usage = "12.5"           # instance = "{first}"; product, begin, end, package, metering_sn, api, wrong_key
  open = "inst-1"               # a pay-per-use instance that the seller never created; as buy
  bind = "t-1"                  # callback = "http://127.0.0.1:8080/sso"; profile, instance, app, client, secret, users
  add_users = "t-1"             # users = "lihua:Li Hua"; unbind = "t-1"; log_in = "t-1" with user = "lihua"
  fault = "lost-answer"         # of the open APIs: value, api, times, percent
  callback_fault = "duplicate"  # or out-of-order, lost-answer: activity, times, percent
  clear_faults = "all"
With `move_calendar = true` time that has to pass, also until the next attempt of a refused call, is not waited for.
With `listen = "127.0.0.1:9090"` the seller's own calls are answered there, with the keys KOOGALLERY_AK and KOOGALLERY_SK.
A pay-per-use product that stops when its packages are used up has `needs_package = true`. Usage of a package that has expired or
is used up is accepted, since the documents do not forbid it, unless the file has `strict_packages = true`.
A step without `expect` requires the seller to confirm; "none" expects no answer with a code.

Example:
  koogallery scenario life.toml --url http://127.0.0.1:8080/saasproduce

Exit codes: 0 every step went as expected, 1 one did not, 2 nothing could be done."#;

/// Make calls to a seller's endpoint by a script: lifecycles, retries, and faults.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Scenario {
    /// The script; - reads standard input.
    file: PathBuf,
    /// The production address; overrides the script's.
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: TargetArgs,
}

impl Scenario {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let name = self.file.display();
        let text = String::from_utf8(input::read(&self.file)?);
        let text = text.map_err(|_| Failure::new(format!("{name} is not UTF-8")))?;
        let plan = Plan::parse(&text).map_err(|problem| Failure::new(format!("{name}:{}", problem.located(&text))))?;
        let url = self.url.as_ref().or(plan.url.as_ref());
        let url = url.ok_or_else(|| Failure::new(format!("{name} has no url, and --url is not given")))?;
        let keys = access_keys()?;
        if let Some(protocol) = plan.protocols.iter().find(|protocol| protocol.keys(&keys).is_none()) {
            return Err(missing_for(*protocol));
        }
        let seed = plan.seed.map_or_else(|| self.seed.get(), Ok)?;
        let target = self.seller.target(url)?;
        let mut marketplace = Marketplace::builder(target, keys.clone()).compressed(plan.compression).seed(seed);
        if plan.listen.is_some() {
            marketplace = marketplace.open_api(open_api::server(seed, &keys, plan.strict_packages)?);
        } else if plan.pushes_usage() {
            marketplace = marketplace.open_api(open_api::server_of_pushes(seed, &keys, plan.strict_packages)?);
        }
        let marketplace = marketplace.build();
        let open_api = marketplace.open_api().clone();
        let center = format!("http://{}", plan.listen.as_deref().unwrap_or(CENTER));
        let control = Control::new(open_api.clone(), Some(marketplace.clone()), &keys, &center);
        let control = control.with_credentials(optional_credentials()?);
        let run = Run::new(control, marketplace, seed.wrapping_add(1)).moving_the_calendar(plan.move_calendar);
        runtime::block_on(async {
            if let Some(address) = &plan.listen {
                open_api::listen(open_api, address).await?;
            }
            do_steps(&plan, run, output).await
        })
    }
}

async fn do_steps(plan: &Plan, mut run: Run, output: &Output) -> Result<Answer, Failure> {
    let mut wrong_steps = 0;
    for (number, step) in (1..).zip(&plan.steps) {
        let Done { attempts, requests, wrong } = run.step(step).await?;
        let color = if wrong.is_some() { Color::Red } else { Color::Green };
        let (mark, rest) = match &wrong {
            None => ("ok   ", String::new()),
            Some(what) => ("WRONG", format!(": {what}")),
        };
        output.status(color, mark, &format!(" {number:3}  {}{rest}", step.title))?;
        for attempt in &attempts {
            output.note(&format!("             {attempt}"))?;
        }
        for request in &requests {
            output.note(&format!("             {}", request.to_string().replace('\n', "\n             ")))?;
        }
        wrong_steps += u32::from(wrong.is_some());
    }
    let Done { attempts, wrong, .. } = run.finish().await;
    for attempt in &attempts {
        output.note(&format!("             {attempt}"))?;
    }
    if let Some(what) = wrong {
        output.status(Color::Red, "WRONG", &format!("      {what}"))?;
        wrong_steps += 1;
    }
    output.note(&format!("\n{} steps, {wrong_steps} wrong", plan.steps.len()))?;
    Ok(if wrong_steps == 0 { Answer::Yes } else { Answer::No })
}
