//! Three replicas of a seller's server on one database, behind a balancer, while one after the other is killed. Every
//! order is delivered several times at once, to different replicas, and yet gets one instance.
//! Exits 0 only if it was so.
//!
//! `cargo run --example replicas`
//!
//! `cargo run --features deadpool-postgres-0_14 --example replicas -- --database postgres://...`
//!
//! `cargo run --features mysql_async-0_37 --example replicas -- --database mysql://...`
//!
//! | setting | default |
//! |---|---|
//! | `--database` | SQLite in a temporary file |
//! | `--orders` | `60` |

#[expect(dead_code, reason = "the whole server has more stores")]
#[path = "../isv_server/database.rs"]
mod database;
mod deliveries;
#[expect(dead_code, reason = "the stress test asks for more")]
mod fleet;
mod replica;

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use deliveries::{Delivered, Load, marketplace};
use fleet::Fleet;
use koogallery::random::{self, OsRandom};
use replica::{ReplicaOptions, listen};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const REPLICAS: usize = 3;

const LOAD: Load = Load {
    orders: 60,
    copies: 3,
    pause: Duration::from_millis(100),
    retry_pause: Duration::from_millis(200),
    one_lost_of: 0,
    timeout: Duration::from_secs(60),
};

/// Between two kills.
const KILL_PAUSE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--replica").is_some() {
        return replica::serve(ReplicaOptions::read(arguments)?).await;
    }
    let (database, load) = read(arguments)?;
    let folder = tempfile::tempdir()?;
    let own = || format!("sqlite://{}", folder.path().join("replicas.db").display());
    let database = database.unwrap_or_else(own);
    let key = random::hex(&OsRandom)?;
    let mut fleet = Fleet::start(&key, vec![ReplicaOptions::new(&database); REPLICAS]).await?;
    let listener = listen()?;
    let address = listener.local_addr()?;
    tokio::spawn(fleet.balance(listener));
    println!("{REPLICAS} replicas share a database; a balancer on http://{address} calls them in turn.");
    println!("{} orders, each delivered {} times at once, while replicas are killed:", load.orders, load.copies);

    let marketplace = marketplace(address, &key)?;
    let deliveries = tokio::select! {
        deliveries = load.deliver(&marketplace) => deliveries?,
        error = fleet.kill_in_turn(KILL_PAUSE) => return Err(error),
    };
    fleet.stop().await?;
    verdict(&fleet, &deliveries, load)
}

/// Fails unless every order has one instance, for which the handler ran to its end once, or again after a kill.
fn verdict(fleet: &Fleet, deliveries: &[Delivered], load: Load) -> Outcome {
    let mut instances = BTreeSet::new();
    let (mut runs, mut repeated, mut wrong) = (0, 0, 0);
    for delivered in deliveries {
        let Some(instance_id) = delivered.instance_ids.first().filter(|_| delivered.instance_ids.len() == 1) else {
            continue;
        };
        instances.insert(instance_id);
        let of_instance = fleet.runs_of(instance_id);
        runs += of_instance.count;
        repeated += of_instance.count.saturating_sub(1);
        wrong += usize::from(of_instance.unexplained > 0 || !of_instance.has_ended);
    }
    let calls: usize = deliveries.iter().map(|delivered| delivered.calls.len()).sum();
    let timed_out: usize = deliveries.iter().map(|delivered| delivered.timed_out).sum();
    let slowest = deliveries.iter().map(|delivered| delivered.time).max().unwrap_or_default();
    println!("  replicas killed        {}", fleet.kills());
    println!("  calls                  {calls}, until {} deliveries had succeeded", load.orders * load.copies);
    println!("  answered too late      {timed_out}");
    println!("  instances              {} of {} orders", instances.len(), load.orders);
    println!("  runs of the handler    {runs}, {repeated} of them again after a kill");
    println!("  slowest delivery       {:.1} s", slowest.as_secs_f64());
    if instances.len() != load.orders || wrong > 0 {
        let ambiguous = load.orders - instances.len();
        return Err(
            format!("{ambiguous} orders have not one instance of their own, {wrong} were done twice or not").into()
        );
    }
    println!("Every order has one instance.");
    Ok(())
}

/// Reads the database, if one is named, and how orders are delivered.
fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<(Option<String>, Load)> {
    let (mut database, mut load) = (None, LOAD);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
        match name.as_str() {
            "--database" => database = Some(value()?),
            "--orders" => load.orders = value()?.parse()?,
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    Ok((database, load))
}
