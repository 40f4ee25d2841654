//! A seller whose tables are in the ledger's database: the handler's write and the ledger's mark are committed together.
//! So a server that is killed right after the commit does not run the handler again.
//! Exits 0 only if it was so.
//!
//! `cargo run --example own_transaction`
//!
//! `cargo run --features deadpool-postgres-0_14 --example own_transaction -- --database postgres://...`
//!
//! `cargo run --features mysql_async-0_37 --example own_transaction -- --database mysql://...`
//!
//! | setting | default |
//! |---|---|
//! | `--database` | SQLite in a temporary file |

mod accounts;
mod shop;

use std::error::Error;
use std::process::Stdio;
use std::time::Duration;

use accounts::Accounts;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery::random::{self, OsRandom};
use koogallery::saas::v2::refresh_instance::Scene;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome};
use koogallery_simulator::{CallOptions, HttpTarget, LineSpec, Marketplace, OrderSpec};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// For a server to commit.
const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir()?;
    match arguments[..] {
        ["--serve", database, pause] => shop::serve(database, Duration::from_secs(pause.parse()?)).await,
        ["--database", database] => demonstrate(database).await,
        [] => demonstrate(&format!("sqlite://{}", folder.path().join("accounts.db").display())).await,
        _ => Err("expected --database URL, or nothing".into()),
    }
}

async fn demonstrate(database: &str) -> Outcome {
    let key = random::hex(&OsRandom)?;
    let accounts = Accounts::open(database).await?;
    // A database that is used again knows the orders of earlier runs.
    let seed = u64::from_str_radix(random::hex(&OsRandom)?.get(..16).unwrap_or_default(), 16)?;
    let (mut server, lines, marketplace) = start(database, &key, "60", seed).await?;
    let order = || marketplace.place_order(OrderSpec::new(LineSpec::one_time("OFFI919400645308506112")));
    let (bought, renewed) = (order(), order());
    let purchase = Callback::purchase(Protocol::SaasV2, &bought, 0).ok_or("V2.0 sells what is paid for once")?;
    let id = kill_after_commit(&mut server, lines, &marketplace, &purchase).await?;
    repeat(database, &key, &purchase).await?;
    let credit = accounts.credit(id.clone()).await?.unwrap_or_default();
    println!("A purchase: killed after its commit, repeated, {credit} credits.");
    if credit != 100 {
        return Err("the purchase was not done once".into());
    }

    let expiry = marketplace.now().saturating_add(Duration::from_secs(365 * 24 * 3600));
    let renewal = Callback::refresh(Protocol::SaasV2, Scene::Renewal, &id, &renewed, expiry).ok_or("V2.0 renews")?;
    let (mut server, lines, marketplace) = start(database, &key, "60", seed).await?;
    kill_after_commit(&mut server, lines, &marketplace, &renewal).await?;
    repeat(database, &key, &renewal).await?;
    let credit = accounts.credit(id).await?.unwrap_or_default();
    println!("A renewal: killed after its commit, repeated, {credit} credits.");
    if credit != 200 {
        return Err("the renewal was not done once".into());
    }
    println!("Every change was done once.");
    Ok(())
}

/// Starts a server that pauses for so many seconds after each commit, and a marketplace that calls it.
async fn start(
    database: &str,
    key: &str,
    pause: &str,
    seed: u64,
) -> Outcome<(Child, Lines<BufReader<ChildStdout>>, Marketplace)> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["--serve", database, pause])
        .env("KOOGALLERY_BASIC_KEY", key)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(server.stdout.take().ok_or("the server has no output")?).lines();
    let line = lines.next_line().await?.ok_or("the server has ended")?;
    let address = line.strip_prefix("listening on ").ok_or("the server does not say where it listens")?;
    let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(key)?)?;
    let target = HttpTarget::new(&format!("http://{address}/saasproduce"))?;
    Ok((server, lines, Marketplace::builder(target, keys).seed(seed).build()))
}

/// Makes a call, and kills the server, as `kill -9` does, as soon as it has committed. Returns the id of the account.
async fn kill_after_commit(
    server: &mut Child,
    mut lines: Lines<BufReader<ChildStdout>>,
    marketplace: &Marketplace,
    callback: &Callback,
) -> Outcome<String> {
    let committed = async {
        let line = lines.next_line().await?.ok_or("the server has ended")?;
        let id = line.strip_prefix("committed ").ok_or("the server has not committed")?.to_owned();
        server.kill().await?;
        Ok(id)
    };
    let options = CallOptions::default();
    let (id, attempt) = tokio::join!(timeout(TIMEOUT, committed), marketplace.call(callback, &options));
    match attempt?.outcome {
        DeliveryOutcome::Done { .. } => Err("the server answered before it was killed".into()),
        _ => id?,
    }
}

/// Makes the call again, at another server, whose handler must not run.
async fn repeat(database: &str, key: &str, callback: &Callback) -> Outcome {
    let (mut server, mut lines, marketplace) = start(database, key, "0", 0).await?;
    let attempt = marketplace.call(callback, &CallOptions::default()).await?;
    server.kill().await?;
    if !matches!(attempt.outcome, DeliveryOutcome::Done { .. }) {
        return Err(format!("the repeated call did not succeed: {}", attempt.outcome).into());
    }
    match lines.next_line().await? {
        Some(line) => Err(format!("the handler ran again: {line}").into()),
        None => Ok(()),
    }
}
