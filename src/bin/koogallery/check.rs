//! `check`: what the marketplace would find wrong with an endpoint.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use koogallery::key::AccessKeys;
use koogallery::simulator::{Checker, Desk, HttpProbe, Profile, Report};

use crate::desk::{desk, open};
use crate::environment::access_keys;
use crate::seed::Seed;
use crate::seller::Seller;
use crate::{Answer, Failure, Output, client_secret, runtime};

const EXAMPLES: &str = "\
Examples:
  koogallery check http://127.0.0.1:8080/saasproduce
  koogallery check http://127.0.0.1:8080/x --profile saas-v2 --probe http://127.0.0.1:8080/admin/instances
  koogallery check http://127.0.0.1:8080/x --format junit --output report.xml
  koogallery check http://127.0.0.1:8080/x --listen 127.0.0.1:9090   # where KOOGALLERY_OPEN_API_URL of the seller points
  koogallery check https://staging.example.com/x --i-own-this-host --ca staging-ca.pem

Exit codes: 0 no mandatory check failed, 1 one did, such as that the endpoint can be reached, 2 the checks could not be run.";

/// Call an endpoint as the marketplace does, and say which rules it breaks, why, and how to mend it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// The production address.
    url: String,
    /// What to check; may be given several times. Otherwise every profile whose key is in the environment.
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<Profile>,
    /// A read-only address that lists the seller's instances, so that effects are checked and not only answers.
    #[arg(long, value_name = "URL")]
    probe: Option<String>,
    /// How the report is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Where the report is written; the standard output unless given.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the seller's own calls are answered meanwhile, by KOOGALLERY_AK and KOOGALLERY_SK: for a seller who asks what
    /// was ordered, and whose usage is to be judged.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    seed: Seed,
    /// Also what takes long or makes many calls at once.
    #[arg(long)]
    timing: bool,
    #[command(flatten)]
    seller: Seller,
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
        let profiles = match &self.profiles[..] {
            [] => Profile::ALL
                .into_iter()
                .filter(|profile| *profile != Profile::Console && keys.get(profile.interface()).is_some())
                .collect(),
            given => given.to_vec(),
        };
        if profiles.is_empty() {
            let example = "KOOGALLERY_BASIC_KEY";
            return Err(Failure::new(format!("no access key is in the environment, such as {example}")));
        }
        let desk = self.listen.as_ref().map(|_| desk(self.seed.get()?, &keys)).transpose()?;
        let checkers = profiles.into_iter().map(|profile| Ok((profile, self.checker(profile, &keys, desk.as_ref())?)));
        let checkers: Vec<_> = checkers.collect::<Result<_, Failure>>()?;
        let reports = runtime::block_on(async {
            if let (Some(desk), Some(address)) = (desk, &self.listen) {
                open(desk, address).await?;
            }
            let mut reports = Vec::with_capacity(checkers.len());
            for (profile, checker) in checkers {
                output.progress(&format!("checking {profile} ..."));
                reports.push(checker.run().await.map_err(|error| Failure::of(profile, &error))?);
            }
            Ok(reports)
        })?;
        let written = self.format.write(&reports, self.output.is_none() && output.has_colors());
        match &self.output {
            Some(path) => {
                std::fs::write(path, written).map_err(|error| Failure::of(path.display(), &error))?;
            }
            None => output.bytes(written.as_bytes())?,
        }
        Ok(if reports.iter().all(Report::is_ok) { Answer::Yes } else { Answer::No })
    }

    fn checker(&self, profile: Profile, keys: &AccessKeys, desk: Option<&Desk>) -> Result<Checker, Failure> {
        let target = self.seller.target(&self.url)?;
        let mut checker = Checker::new(target, keys.clone()).profile(profile);
        checker = checker.seed(self.seed.get()?).timing_checks(self.timing);
        if let Some(probe) = &self.probe {
            checker = checker.probe(HttpProbe::from(self.seller.target(probe)?));
        }
        if let Some(desk) = desk {
            checker = checker.desk(desk.clone());
        }
        if let Some(key) = client_secret::public_key()? {
            checker = checker.public_key(key);
        }
        Ok(checker)
    }
}

impl Format {
    fn write(self, reports: &[Report], colors: bool) -> String {
        let each = |write: &dyn Fn(&Report) -> String| reports.iter().map(write).collect::<Vec<_>>();
        match self {
            Self::Text => each(&|report| report.to_text(colors)).join("\n"),
            Self::Markdown => each(&Report::to_markdown).join("\n"),
            Self::Json => format!("[{}]\n", each(&Report::to_json).join(",")),
            Self::Junit => {
                let suites = each(&|report| {
                    let suite = report.to_junit();
                    suite.split_once("?>\n").map_or(suite.clone(), |(_, suite)| suite.to_owned())
                });
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{}</testsuites>\n", suites.concat())
            }
        }
    }
}
