//! A small licensed application: it turns each line of its input into capitals, as long as its License is good.
//!
//! `cargo run --features reqwest-0_13,rustls,tokio --example licensed_app -- --license PL0000000000DEMO01`
//!
//! The License is checked at the start and before every line; the marketplace is asked on the first use of a day only. The
//! program ends with status 2 where the License may not be used, and says why.
//!
//! | setting | default |
//! |---|---|
//! | `--license` (the code) | none |
//! | `--client-id` (of the account or device, reported once a day) | none: nothing is reported |
//! | `--state` (a folder) | `license` |
//! | `--offline-days` (of use without the marketplace, at most) | `0` |
//! | `KOOGALLERY_AK`, `KOOGALLERY_SK` | none; **never ship them to customers**, see the documentation of `heartbeat` |
//! | `KOOGALLERY_SITE`, `KOOGALLERY_OPEN_API_URL` | `china`, the site's host |

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::heartbeat::{FileStateStore, Heartbeat, HeartbeatError, OfflinePolicy, Permit};
use koogallery::open_api::Client;
use koogallery::transport::ReqwestTransport;
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::read()?;
    let client = Client::from_env(ReqwestTransport::new()?, TokioRuntime)?.build()?;
    let policy = match settings.offline_days {
        0 => OfflinePolicy::FailClosed,
        days => OfflinePolicy::FailOpen { for_at_most: Duration::from_secs(days * 24 * 3600) },
    };
    let store = FileStateStore::new(settings.state);
    let heartbeat = Heartbeat::builder(settings.license, store, client, TokioRuntime).offline_policy(policy).build()?;

    let verdict = run(&heartbeat, settings.client_id.as_deref()).await;
    // What was begun for the marketplace is done before the program ends.
    heartbeat.flush().await;
    Ok(match verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::License(error)) => {
            println!("not usable: {error}");
            if let Some(cause) = error.source() {
                println!("because: {cause}");
            }
            ExitCode::from(2)
        }
        Err(Failure::Input(error)) => return Err(error.into()),
    })
}

async fn run(heartbeat: &Heartbeat, client_id: Option<&str>) -> Result<(), Failure> {
    println!("usable: {}", check(heartbeat, client_id).await?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        check(heartbeat, client_id).await?;
        println!("{}", line.to_uppercase());
    }
    Ok(())
}

async fn check(heartbeat: &Heartbeat, client_id: Option<&str>) -> Result<Permit, HeartbeatError> {
    match client_id {
        Some(id) => heartbeat.check_client(id).await,
        None => heartbeat.check().await,
    }
}

enum Failure {
    License(HeartbeatError),
    Input(std::io::Error),
}

impl From<HeartbeatError> for Failure {
    fn from(error: HeartbeatError) -> Self {
        Self::License(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Input(error)
    }
}

struct Settings {
    license: String,
    client_id: Option<String>,
    state: String,
    offline_days: u64,
}

impl Settings {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut settings =
            Self { license: String::new(), client_id: None, state: "license".to_owned(), offline_days: 0 };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--license" => settings.license = value,
                "--client-id" => settings.client_id = Some(value),
                "--state" => settings.state = value,
                "--offline-days" => settings.offline_days = value.parse::<u16>()?.into(),
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(settings)
    }
}
