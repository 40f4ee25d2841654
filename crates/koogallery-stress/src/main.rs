//! What `koogallery` promises under stress, and how quick its stores are, measured by one command. Exits 0 only if every
//! promise holds; a speed that misses its goal is in the report.
//!
//! `cargo run --release -p koogallery-stress -- --full`
//!
//! | setting | meaning |
//! |---|---|
//! | `--quick` | small sizes, within a minute (default) |
//! | `--full` | the sizes of the goals, some twenty minutes |
//! | `--postgres URL`, `--mysql URL` | servers, on which it makes a schema and a database for each part; otherwise those of `KOOGALLERY_TEST_POSTGRES_URL` and `KOOGALLERY_TEST_MYSQL_URL`, or none |
//! | `--baseline REV` | builds that commit and measures its speed in turns with this build's (`default`: the last one before the stores were made for several replicas); or the path of a program that was built so |
//! | `--only PART` | one part: `kills`, `overload`, `lock`, `strangers`, `speed`, `growth` |
//! | `--output FILE` | where the report goes as well |

mod comparison;
mod database;
#[path = "../../../examples/replicas/deliveries.rs"]
mod deliveries;
#[path = "../../../examples/replicas/fleet.rs"]
mod fleet;
mod growth;
mod locked_table;
mod orders;
mod place;
#[path = "../../../examples/replicas/replica.rs"]
mod replica;
mod report;
mod setting;
mod speed;
mod strangers;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use orders::Trial;
use place::{ENGINES, Engine, Place};
use replica::ReplicaOptions;
use report::Row;
use setting::{Setting, machine};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--replica").is_some() {
        return replica::serve(ReplicaOptions::read(arguments)?).await;
    }
    if arguments.next_if_eq("--speed").is_some() {
        let url = arguments.next().ok_or("--speed wants the URL of a database")?;
        let size = speed::Size::read(arguments)?;
        let database = database::Database::open(&url).await?;
        let service = speed::service(database.ledger().await?, database.replay_guard().await?)?;
        return speed::measure(&service, size).await;
    }
    let setting = Setting::read(arguments)?;
    let mut rows = Vec::new();
    let mut report = String::new();
    for part in setting.parts() {
        eprintln!("measuring: {part}");
        // What was measured stays, also where a part fails.
        rows.extend(measure(part, &setting).await.unwrap_or_else(|error| vec![Row::failed(&error.to_string())]));
        report = report::markdown(&machine(&setting).await?, &rows);
        if let Some(path) = &setting.output {
            std::fs::write(path, &report)?;
        }
    }
    println!("{report}");
    let broken = rows.iter().filter(|row| row.is_promise && row.is_met == Some(false)).count();
    if broken > 0 { Err(format!("{broken} promises do not hold").into()) } else { Ok(()) }
}

/// Measures one part on every engine that it is about.
async fn measure(part: &str, setting: &Setting) -> Outcome<Vec<Row>> {
    let (servers, is_full) = (&setting.servers, setting.is_full);
    let seconds = Duration::from_secs;
    match part {
        "kills" => {
            let trial = if is_full {
                Trial::with_kills(2000, Duration::from_millis(20))
            } else {
                Trial::with_kills(60, Duration::from_millis(60))
            };
            on_each(&ENGINES, setting, part, async |place| trial.run(place).await).await
        }
        "overload" => {
            let trial = if is_full {
                Trial::overload(1500, seconds(5), [seconds(8), seconds(12)])
            } else {
                Trial::overload(60, seconds(1), [seconds(5), seconds(6)])
            };
            on_each(&ENGINES, setting, part, async |place| trial.run(place).await).await
        }
        "lock" => {
            let locked = if is_full { seconds(60) } else { seconds(6) };
            let servers_only = [Engine::Postgres, Engine::Mysql];
            on_each(&servers_only, setting, part, async |place| locked_table::run(place, locked).await).await
        }
        "strangers" => on_each(&[Engine::Sqlite], setting, part, async |place| strangers::run(place).await).await,
        "speed" => {
            let folder = tempfile::tempdir()?;
            let baseline = match &setting.baseline {
                Some(program) if Path::new(program).is_file() => Some(program.into()),
                Some(revision) => Some(comparison::build(revision, folder.path()).await?),
                None => None,
            };
            let (calls, rounds) = if is_full { (50, 5) } else { (10, 1) };
            comparison::run(servers, comparison::Size { calls, rounds }, baseline.as_deref()).await
        }
        "growth" => {
            let size = if is_full {
                growth::Size { instances: 1_000_000, records: 10_000_000, creations: 300, pushes: 50 }
            } else {
                growth::Size { instances: 1000, records: 10_000, creations: 50, pushes: 10 }
            };
            let engines = [Engine::Sqlite, Engine::Postgres];
            on_each(&engines, setting, "filled", async |filled| {
                let empty = Place::new(filled.engine, servers, "empty").await?.ok_or("the server is gone")?;
                let row = growth::run(&empty, filled, size).await;
                empty.remove().await?;
                row
            })
            .await
        }
        _ => Err(format!("there is no part {part}").into()),
    }
}

/// Runs a part on each engine that has a server: one after the other, or at once where little is measured.
async fn on_each(
    engines: &[Engine],
    setting: &Setting,
    part: &str,
    run: impl AsyncFn(&Place) -> Outcome<Row>,
) -> Outcome<Vec<Row>> {
    let on = async |engine: &Engine| {
        let Some(place) = Place::new(*engine, &setting.servers, part).await? else {
            return Ok(Row::left_out("servers", engine.name(), "no server is named"));
        };
        let row = run(&place).await;
        // Also after a failure.
        place.remove().await?;
        row
    };
    if !setting.is_full {
        return join_all(engines.iter().map(on)).await.into_iter().collect();
    }
    let mut rows = Vec::new();
    for engine in engines {
        rows.push(on(engine).await?);
    }
    Ok(rows)
}
