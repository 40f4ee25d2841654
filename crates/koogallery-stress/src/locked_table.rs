//! Another session locks the ledger's table. Calls are answered in time, the server gets no more connections than the
//! pool has, and other clients of the server are not disturbed.

use std::time::{Duration, Instant};

use futures_util::future::try_join3;
use koogallery::mysql::mysql_async::prelude::Queryable as _;
use koogallery::random::{self, OsRandom};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::Outcome;
use crate::deliveries::{Delivered, Load, marketplace};
use crate::fleet::Fleet;
use crate::orders::DEADLINE;
use crate::place::{Engine, Place};
use crate::replica::ReplicaOptions;
use crate::report::Row;

/// Of the pool (8), for leases (1), and to cancel a statement (1, for a moment).
const CONNECTIONS: usize = 10;

/// Longest time that another client may wait for a new connection and a row.
const OTHERS: Duration = Duration::from_secs(1);

const PART: &str = "locked table";

pub async fn run(place: &Place, locked: Duration) -> Outcome<Row> {
    let key = random::hex(&OsRandom)?;
    let mut fleet = Fleet::start(&key, vec![ReplicaOptions::new(&place.url)]).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let marketplace = marketplace(listener.local_addr()?, &key)?;
    let balancer = tokio::spawn(fleet.balance(listener));
    let pause = Duration::from_millis(100);
    let orders = usize::try_from(locked.as_millis() / pause.as_millis())?;
    let load = Load {
        orders,
        copies: 1,
        pause,
        retry_pause: Duration::from_secs(1),
        one_lost_of: 0,
        timeout: locked + Duration::from_secs(60),
    };
    let watching = watch(place, Instant::now() + locked);
    let (deliveries, (most, slowest), ()) =
        try_join3(load.deliver(&marketplace), watching, lock(place, locked)).await?;
    fleet.stop().await?;
    balancer.abort();
    let calls = || deliveries.iter().flat_map(|order| order.calls.iter().copied());
    let longest = calls().max().unwrap_or_default();
    let late: usize = deliveries.iter().map(|order| order.timed_out).sum();
    let is_once = |order: &Delivered| {
        order.instance_ids.len() == 1 && order.instance_ids.first().is_some_and(|id| fleet.runs_of(id).unexplained == 0)
    };
    let once = deliveries.iter().filter(|order| is_once(order)).count();
    let figures = format!(
        "{} s: at most {most} connections; {} calls, {late} not answered within 5 s, longest {:.3} s; another client \
         waited at most {:.3} s; {once} of {orders} orders done once afterwards",
        locked.as_secs(),
        calls().count(),
        longest.as_secs_f64(),
        slowest.as_secs_f64(),
    );
    let goal =
        format!("at most {CONNECTIONS} connections, every answer < 5 s, other clients < 1 s, every order done once");
    let is_met = most <= CONNECTIONS && late == 0 && longest < DEADLINE && slowest < OTHERS && once == orders;
    Ok(Row::promise(PART, place.engine.name(), figures, &goal, is_met))
}

async fn lock(place: &Place, time: Duration) -> Outcome {
    // Some calls before.
    sleep(Duration::from_secs(1)).await;
    match place.engine {
        Engine::Postgres => {
            let client = place.postgres().await?;
            client.batch_execute("BEGIN; LOCK TABLE koogallery_instance IN ACCESS EXCLUSIVE MODE").await?;
            sleep(time).await;
            client.batch_execute("COMMIT").await?;
        }
        Engine::Mysql => {
            let mut connection = place.mysql_server().await?;
            connection.query_drop(format!("LOCK TABLES {}.koogallery_instance WRITE", place.name())).await?;
            sleep(time).await;
            connection.query_drop("UNLOCK TABLES").await?;
        }
        Engine::Sqlite => {}
    }
    Ok(())
}

/// Returns the greatest number of connections that the stores had, and the longest time that another client waited for a
/// new connection and the answer to a statement.
async fn watch(place: &Place, until: Instant) -> Outcome<(usize, Duration)> {
    let (mut most, mut slowest) = (0, Duration::ZERO);
    while Instant::now() < until {
        let asked = Instant::now();
        most = most.max(place.connections().await?);
        slowest = slowest.max(asked.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    Ok((most, slowest))
}
