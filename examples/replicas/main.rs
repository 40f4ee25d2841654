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
mod fleet;
mod replica;

use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, Instant};

use fleet::Fleet;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery::random::{self, OsRandom};
use koogallery_simulator::delivery::{Callback, DeliveryOutcome};
use koogallery_simulator::{CallOptions, HttpTarget, LineSpec, Marketplace, OrderSpec};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const REPLICAS: usize = 3;

/// Deliveries of each order at once.
const COPIES: usize = 3;

/// Between two orders.
const ORDER_PAUSE: Duration = Duration::from_millis(100);

/// Between two kills.
const KILL_PAUSE: Duration = Duration::from_secs(1);

/// Before a delivery that failed is repeated. The real marketplace waits longer.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Outcome {
    let arguments = Arguments::read()?;
    if arguments.is_replica {
        let database = arguments.database.ok_or("a replica wants --database")?;
        return replica::serve(&database).await;
    }
    let folder = tempfile::tempdir()?;
    let own = || format!("sqlite://{}", folder.path().join("replicas.db").display());
    let database = arguments.database.unwrap_or_else(own);
    let key = random::hex(&OsRandom)?;
    let mut fleet = Fleet::start(&database, &key, REPLICAS).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(fleet.balance(listener));
    println!("{REPLICAS} replicas share a database; a balancer on http://{address} calls them in turn.");
    println!("{} orders, each delivered {COPIES} times at once, while replicas are killed:", arguments.orders);

    let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(key)?)?;
    let target = HttpTarget::new(&format!("http://{address}/saasproduce"))?;
    // A database that is used again knows the orders of earlier runs.
    let seed = u64::from_str_radix(random::hex(&OsRandom)?.get(..16).unwrap_or_default(), 16)?;
    let marketplace = Marketplace::builder(target, keys).seed(seed).build();
    let ordering = order(&marketplace, arguments.orders);
    let deliveries = tokio::select! {
        deliveries = ordering => deliveries?,
        error = kill_in_turn(&mut fleet) => return Err(error),
    };
    fleet.stop().await?;
    verdict(&fleet, &deliveries, arguments.orders)
}

/// The deliveries of one order: every instance id that was answered.
struct Delivered {
    instance_ids: BTreeSet<String>,
    attempts: usize,
    /// Until the last copy had succeeded.
    time: Duration,
}

/// Kills one replica after the other, until that fails.
async fn kill_in_turn(fleet: &mut Fleet) -> Box<dyn Error + Send + Sync> {
    for place in (0..REPLICAS).cycle() {
        tokio::time::sleep(KILL_PAUSE).await;
        if let Err(error) = fleet.replace(place).await {
            return error;
        }
    }
    "there is no replica to kill".into()
}

/// Places the orders and delivers them until every copy has succeeded.
async fn order(marketplace: &Marketplace, orders: usize) -> Outcome<Vec<Delivered>> {
    let mut deliveries = JoinSet::new();
    for _ in 0..orders {
        let order = marketplace.place_order(OrderSpec::new(LineSpec::one_time("OFFI919400645308506112")));
        let purchase = Callback::purchase(Protocol::SaasV2, &order, 0).ok_or("V2.0 sells what is paid for once")?;
        deliveries.spawn(deliver(marketplace.clone(), purchase));
        tokio::time::sleep(ORDER_PAUSE).await;
    }
    let mut delivered = Vec::with_capacity(orders);
    while let Some(outcome) = deliveries.join_next().await {
        delivered.push(outcome??);
    }
    Ok(delivered)
}

async fn deliver(marketplace: Marketplace, purchase: Callback) -> Outcome<Delivered> {
    let mut copies = JoinSet::new();
    for _ in 0..COPIES {
        copies.spawn(deliver_copy(marketplace.clone(), purchase.clone()));
    }
    let mut all = Delivered { instance_ids: BTreeSet::new(), attempts: 0, time: Duration::ZERO };
    while let Some(copy) = copies.join_next().await {
        let Delivered { instance_ids, attempts, time } = copy??;
        all.instance_ids.extend(instance_ids);
        all.attempts += attempts;
        all.time = all.time.max(time);
    }
    Ok(all)
}

async fn deliver_copy(marketplace: Marketplace, purchase: Callback) -> Outcome<Delivered> {
    let began = Instant::now();
    let mut instance_ids = BTreeSet::new();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let attempt = marketplace.call(&purchase, &CallOptions::default()).await?;
        instance_ids.extend(attempt.outcome.instance_id().map(str::to_owned));
        if matches!(attempt.outcome, DeliveryOutcome::Done { .. }) {
            return Ok(Delivered { instance_ids, attempts, time: began.elapsed() });
        }
        if began.elapsed() > TIMEOUT {
            return Err(format!("a delivery does not succeed: {}", attempt.outcome).into());
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Fails unless every order has one instance, for which the handler ran to its end once, or again after a kill.
fn verdict(fleet: &Fleet, deliveries: &[Delivered], orders: usize) -> Outcome {
    let mut instances = BTreeSet::new();
    let (mut runs, mut repeated, mut wrong) = (0, 0, 0);
    for delivered in deliveries {
        let Some(instance_id) = delivered.instance_ids.first().filter(|_| delivered.instance_ids.len() == 1) else {
            continue;
        };
        instances.insert(instance_id);
        let of_instance = fleet.runs_of(instance_id);
        runs += of_instance.len();
        repeated += of_instance.len().saturating_sub(1);
        let undisturbed = of_instance.iter().filter(|run| !fleet.was_killed(**run)).count();
        wrong += usize::from(undisturbed > 1 || !of_instance.iter().any(|run| run.has_ended));
    }
    let attempts: usize = deliveries.iter().map(|delivered| delivered.attempts).sum();
    let slowest = deliveries.iter().map(|delivered| delivered.time).max().unwrap_or_default();
    println!("  replicas killed        {}", fleet.kills());
    println!("  calls                  {attempts}, until {} deliveries had succeeded", orders * COPIES);
    println!("  instances              {} of {orders} orders", instances.len());
    println!("  runs of the handler    {runs}, {repeated} of them again after a kill");
    println!("  slowest delivery       {:.1} s", slowest.as_secs_f64());
    if instances.len() != orders || wrong > 0 {
        let ambiguous = orders - instances.len();
        return Err(
            format!("{ambiguous} orders have not one instance of their own, {wrong} were done twice or not").into()
        );
    }
    println!("Every order has one instance.");
    Ok(())
}

struct Arguments {
    is_replica: bool,
    database: Option<String>,
    orders: usize,
}

impl Arguments {
    fn read() -> Outcome<Self> {
        let mut read = Self { is_replica: false, database: None, orders: 60 };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
            match name.as_str() {
                "--replica" => read.is_replica = true,
                "--database" => read.database = Some(value()?),
                "--orders" => read.orders = value()?.parse()?,
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(read)
    }
}
