//! `check`: checks an endpoint against the marketplace's rules.

pub mod format;
pub mod served;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use koogallery::key::AccessKeys;
use koogallery_simulator::{
    Charging, Check as Rule, CheckError, Checker, HttpProbe, Marketplace, OpenApiServer, Profile, Report,
};

use crate::commands::serve::lang::Lang;
use crate::support::assignment::assignment;
use crate::support::environment::{INTERFACES, access_keys, is_set, missing_for};
use crate::support::open_api;
use crate::support::seed::Seed;
use crate::support::target::TargetArgs;
use crate::support::{client_secret, runtime};
use crate::{Answer, Failure, Output};
use format::Format;
use served::Families;

const EXAMPLES: &str = "\
Examples:
  koogallery check http://127.0.0.1:8080/saasproduce
  koogallery check http://127.0.0.1:8080/x --profile saas-v2 --probe http://127.0.0.1:8080/admin/instances
  koogallery check http://127.0.0.1:8080/x --format junit --output report.xml
  koogallery check http://127.0.0.1:8080/x --profile saas-v2 --only X1 --only X2
  koogallery check http://127.0.0.1:8080/x --charging period --set productId=OFFI919400645308506112
  koogallery check http://127.0.0.1:8080/x --listen 127.0.0.1:9090   # where KOOGALLERY_OPEN_API_URL of the seller points
  koogallery check https://staging.example.com/x --i-own-this-host --ca staging-ca.pem

Exit codes: 0 no mandatory check failed, 1 one did, such as that the endpoint can be reached, or the time did not suffice for
all of them, 2 the checks could not be run.";

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
    /// Language of the texts of a report for Markdown, HTML or JUnit.
    #[arg(long, value_enum, value_name = "LANG", default_value = "en")]
    lang: Lang,
    /// File for the report; default: standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Address on which to answer the seller's own open-API calls during the check, authenticated by KOOGALLERY_AK and
    /// KOOGALLERY_SK: for sellers that query orders, and to check pushed usage.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    seed: Seed,
    /// Run only this check, and those that it needs; repeatable. A rule for every answer needs all of them.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// A way of charging for the product, which decides on the callbacks that have to be implemented: one-time, period,
    /// on-demand, package; repeatable. Default: the endpoint is asked.
    #[arg(long, value_name = "NAME")]
    charging: Vec<Charging>,
    /// Set a field of every purchase; repeatable.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Time after which no more checks of a profile are run. Default: 115.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time_budget: Option<u64>,
    /// Also run slow checks, and those that make many calls at once.
    #[arg(long)]
    timing: bool,
    #[command(flatten)]
    seller: TargetArgs,
}

impl Check {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        if self.lang != Lang::default() && !self.format.is_translated() {
            return Err(Failure::new("--lang is for --format markdown, html and junit: text and JSON are in English"));
        }
        let keys = access_keys()?;
        if self.profiles.is_empty() && !INTERFACES.into_iter().any(is_set) {
            let example = "KOOGALLERY_BASIC_KEY";
            return Err(Failure::new(format!("no access key is in the environment, such as {example}")));
        }
        let open_api = self.listen.as_ref().map(|_| open_api::server(self.seed.get()?, &keys, false)).transpose()?;
        let report = async |profile, seed| {
            output.progress(&format!("checking {profile} ..."));
            let checker = self.checker(profile, &keys, open_api.as_ref())?;
            let mut report = checker.with_seed(seed).run().await.map_err(|error| failure(profile, &error))?;
            self.complete(&mut report);
            Ok(report)
        };
        let (reports, left_out) = runtime::block_on(async {
            if let (Some(open_api), Some(address)) = (&open_api, &self.listen) {
                open_api::listen(open_api.clone(), address).await?;
            }
            let mut families = self.families(&keys).await?;
            let names: Vec<_> = families.judged.iter().map(Profile::to_string).collect();
            if let Some(unknown) = families.select(&self.only) {
                return Err(Failure::new(format!("there is no check {unknown} in {}", names.join(", "))));
            }
            if let Some(unkeyed) = families.judged.iter().find(|profile| profile.protocol().keys(&keys).is_none()) {
                return Err(failure(*unkeyed, &CheckError::NoKey(unkeyed.protocol())));
            }
            let mut reports = Vec::with_capacity(families.judged.len());
            // The endpoint would remember the orders and nonces of the previous profile.
            for (profile, apart) in families.judged.into_iter().zip(0..) {
                reports.push(report(profile, self.seed.get()?.wrapping_add(apart)).await?);
            }
            Ok((reports, families.left_out))
        })?;
        let has_colors = self.output.is_none() && output.has_colors();
        let written = self.format.write(&reports, &left_out, self.lang, has_colors, output.is_quiet());
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
        let has = |id: &&String| Rule::of(profile).iter().any(|check| check.id == **id);
        checker = checker.with_only(self.only.iter().filter(has)).with_charging(self.charging.iter().copied());
        for (name, value) in &self.set {
            checker = checker.with_field(name, value);
        }
        if let Some(seconds) = self.time_budget {
            checker = checker.with_time_budget(Duration::from_secs(seconds));
        }
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

    /// Adds the options of this run to the command lines in a report.
    fn complete(&self, report: &mut Report) {
        let of_target = self.seller.words();
        let mut words: Vec<String> = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        self.probe.iter().for_each(|url| add("--probe", url.clone()));
        self.listen.iter().for_each(|address| add("--listen", address.clone()));
        self.charging.iter().for_each(|charging| add("--charging", charging.to_string()));
        self.set.iter().for_each(|(name, value)| add("--set", format!("{name}={value}")));
        self.time_budget.iter().for_each(|seconds| add("--time-budget", seconds.to_string()));
        words.extend(self.timing.then(|| "--timing".to_owned()));
        words.extend(of_target.iter().cloned());
        report.add_options(&words, &of_target);
    }
}

/// Names the variable of a key that is missing.
fn failure(profile: Profile, error: &CheckError) -> Failure {
    match error {
        CheckError::NoKey(protocol) => Failure::new(format!("{profile}: {}", missing_for(*protocol))),
        other => Failure::of(profile, other),
    }
}
