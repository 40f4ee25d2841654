//! `check`: checks an endpoint against the marketplace's rules.

mod served;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use koogallery::key::AccessKeys;
use koogallery_simulator::{Checker, HttpProbe, Marketplace, OpenApiServer, Profile, Report};
use serde_json::json;

use crate::support::environment::{INTERFACES, access_keys, is_set};
use crate::support::open_api;
use crate::support::seed::Seed;
use crate::support::target::TargetArgs;
use crate::support::{client_secret, runtime};
use crate::{Answer, Failure, Output};
use served::{Families, LeftOut};

const EXAMPLES: &str = "\
Examples:
  koogallery check http://127.0.0.1:8080/saasproduce
  koogallery check http://127.0.0.1:8080/x --profile saas-v2 --probe http://127.0.0.1:8080/admin/instances
  koogallery check http://127.0.0.1:8080/x --format junit --output report.xml
  koogallery check http://127.0.0.1:8080/x --listen 127.0.0.1:9090   # where KOOGALLERY_OPEN_API_URL of the seller points
  koogallery check https://staging.example.com/x --i-own-this-host --ca staging-ca.pem

Exit codes: 0 no mandatory check failed, 1 one did, such as that the endpoint can be reached, 2 the checks could not be run.";

/// Call an endpoint as the marketplace does, and report which rules it breaks, why, and how to fix it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// The production address.
    url: String,
    /// Profile to check; repeatable. Default: every profile whose key is in the environment and that the endpoint
    /// serves; the others are listed.
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<Profile>,
    /// A read-only URL that lists the seller's instances, so that effects are checked and not only answers: a JSON array of
    /// objects with instanceId and orderId, and if possible orderLineId, productId, state (active, frozen, released, in any
    /// letter case; a released instance may also be gone), expireTime and handlerRuns.
    #[arg(long, value_name = "URL")]
    probe: Option<String>,
    /// Format of the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// File for the report; default: standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Address on which to answer the seller's own open-API calls during the check, authenticated by KOOGALLERY_AK and
    /// KOOGALLERY_SK: for sellers that query orders, and to check pushed usage.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    seed: Seed,
    /// Also run slow checks, and those that make many calls at once.
    #[arg(long)]
    timing: bool,
    #[command(flatten)]
    seller: TargetArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
    Markdown,
}

impl Check {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = access_keys()?;
        if self.profiles.is_empty() && !INTERFACES.into_iter().any(is_set) {
            let example = "KOOGALLERY_BASIC_KEY";
            return Err(Failure::new(format!("no access key is in the environment, such as {example}")));
        }
        let open_api = self.listen.as_ref().map(|_| open_api::server(self.seed.get()?, &keys)).transpose()?;
        let report = async |profile, seed| {
            output.progress(&format!("checking {profile} ..."));
            let checker = self.checker(profile, &keys, open_api.as_ref())?;
            checker.with_seed(seed).run().await.map_err(|error| Failure::of(profile, &error))
        };
        let (reports, left_out) = runtime::block_on(async {
            if let (Some(open_api), Some(address)) = (&open_api, &self.listen) {
                open_api::listen(open_api.clone(), address).await?;
            }
            let families = self.families(&keys).await?;
            let mut reports = Vec::with_capacity(families.judged.len());
            // The endpoint would remember the orders and nonces of the previous profile.
            for (profile, apart) in families.judged.into_iter().zip(0..) {
                reports.push(report(profile, self.seed.get()?.wrapping_add(apart)).await?);
            }
            Ok((reports, families.left_out))
        })?;
        let written = self.format.write(&reports, &left_out, self.output.is_none() && output.has_colors());
        match &self.output {
            Some(path) => {
                std::fs::write(path, written).map_err(|error| Failure::of(path.display(), &error))?;
            }
            None => output.bytes(written.as_bytes())?,
        }
        let is_ok = !reports.is_empty() && reports.iter().all(Report::is_ok);
        Ok(if is_ok { Answer::Yes } else { Answer::No })
    }

    async fn families(&self, keys: &AccessKeys) -> Result<Families, Failure> {
        if !self.profiles.is_empty() {
            return Ok(Families::given(&self.profiles));
        }
        // Differs from the nonces of the checks.
        let seed = !self.seed.get()?;
        let marketplace = Marketplace::builder(self.seller.target(&self.url)?, keys.clone()).seed(seed).build();
        Ok(Families::served(&marketplace, keys, seed.wrapping_sub(1)).await)
    }

    fn checker(
        &self,
        profile: Profile,
        keys: &AccessKeys,
        open_api: Option<&OpenApiServer>,
    ) -> Result<Checker, Failure> {
        let target = self.seller.target(&self.url)?;
        let mut checker = Checker::new(target, keys.clone()).with_profile(profile).with_timing_checks(self.timing);
        if let Some(probe) = &self.probe {
            checker = checker.with_probe(HttpProbe::from(self.seller.target(probe)?));
        }
        if let Some(open_api) = open_api {
            checker = checker.with_open_api(open_api.clone());
        }
        if let Some(key) = client_secret::public_key()? {
            checker = checker.with_public_key(key);
        }
        Ok(checker)
    }
}

impl Format {
    fn write(self, reports: &[Report], left_out: &[LeftOut], colors: bool) -> String {
        let each = |write: &dyn Fn(&Report) -> String| reports.iter().map(write).collect::<Vec<_>>();
        match self {
            Self::Text => each(&|report| report.to_text(colors)).join("\n") + &in_lines(left_out, ""),
            Self::Markdown => each(&Report::to_markdown).join("\n") + &in_lines(left_out, "* "),
            Self::Json => {
                let left_out = left_out
                    .iter()
                    .map(|family| json!({ "profile": family.protocol.id(), "left_out": family.why }).to_string());
                let all: Vec<_> = each(&Report::to_json).into_iter().chain(left_out).collect();
                format!("[{}]\n", all.join(","))
            }
            Self::Junit => {
                let suites = each(&|report| {
                    let suite = report.to_junit();
                    suite.split_once("?>\n").map_or(suite.clone(), |(_, suite)| suite.to_owned())
                });
                let skipped: String = left_out.iter().map(skipped_suite).collect();
                let suites = suites.concat() + &skipped;
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{suites}</testsuites>\n")
            }
        }
    }
}

/// The families that are not checked, one line per reason.
fn in_lines(left_out: &[LeftOut], mark: &str) -> String {
    let mut lines = String::new();
    let mut families = left_out;
    while let Some((first, _)) = families.split_first() {
        let count = families.iter().take_while(|family| family.why == first.why).count();
        let (same, others) = families.split_at(count);
        let names: Vec<_> = same.iter().map(|family| family.protocol.id()).collect();
        lines.push_str(&format!("{mark}left out: {}: {}\n", names.join(", "), first.why));
        families = others;
    }
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn skipped_suite(family: &LeftOut) -> String {
    let why = family.why.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    format!(
        "<testsuite name=\"{0}\" tests=\"1\" skipped=\"1\"><testcase name=\"{0} is served\"><skipped message=\"{why}\"/></testcase></testsuite>\n",
        family.protocol.id()
    )
}
