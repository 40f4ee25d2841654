//! Servers under open-loop load: on each engine and with a constant, at rates that they all bear and at one that none does.
//! `koogallery load` makes the calls; it is built first. Writes `report-load.md` to `benches`, or to the file after `--output`.
//!
//! `--seconds N` is how long each load lasts, `--rounds N` how often the servers take turns.

mod process;
mod report;
mod server;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use koogallery_benches::calls::KEY;
use koogallery_benches::schema::Schema;
use process::Process;
use report::{Load, Run};
use serde_json::Value;

const CONNECTIONS: &str = "64";
/// Different orders that are bought in turn. Nearly all calls find theirs in the ledger.
const ORDERS: &str = "20";
/// Calls per second; the last is more than any server here can answer.
const RATES: [u32; 3] = [500, 2000, 100_000];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, engine, place] = &*arguments
        && command == "serve"
    {
        return server::serve(engine, place);
    }
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let number = |name, default| after(name).map_or(Ok(default), |text| text.parse::<usize>());
    let (seconds, rounds) = (number("--seconds", 5)?, number("--rounds", 5)?);
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/report-load.md");
    let output = after("--output").map_or(output, PathBuf::from);

    let generator = generator()?;
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let schema = runtime.block_on(Schema::new("load"))?;
    let file = folder.path().join("load.db").display().to_string();
    let mut engines = vec![("constant", String::new()), ("memory", String::new()), ("SQLite", file)];
    engines.extend(schema.as_ref().map(|schema| ("PostgreSQL", schema.url())));

    // All at once, so that they can take turns; those without load do nothing.
    let mut servers = Vec::new();
    for (engine, place) in &engines {
        let server = Process::start(engine, place)?;
        run(&generator, &server, 500, 3)?;
        servers.push((*engine, server));
    }
    let mut loads = Vec::new();
    for round in 0..rounds {
        for rate in RATES {
            for (engine, server) in &servers {
                eprintln!("round {} of {rounds}: {engine} at {rate}/s ...", round + 1);
                loads.push(Load { engine, rate, round, run: run(&generator, server, rate, seconds)? });
            }
        }
    }
    drop(servers);
    if let Some(schema) = schema {
        runtime.block_on(schema.remove())?;
    }
    let report = report::markdown(&loads, &RATES, seconds, rounds);
    println!("{report}");
    Ok(fs::write(output, report)?)
}

/// Builds the command, and returns where it is.
fn generator() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../koogallery-cli/Cargo.toml");
    let built = Command::new(cargo).args(["build", "--release", "--manifest-path", manifest]).status()?;
    if !built.success() {
        return Err("the generator could not be built".into());
    }
    // This program is in its folder `deps`.
    let program = env::current_exe()?;
    let folder = program.parent().and_then(Path::parent).ok_or("no folder of the build")?;
    Ok(folder.join("koogallery"))
}

fn run(generator: &Path, server: &Process, rate: u32, seconds: usize) -> Result<Run, Box<dyn Error>> {
    let (before, memory) = (server.worked(), server.watch_memory());
    let output = Command::new(generator)
        .args(["--quiet", "load", &server.url, "--format", "json", "--connections", CONNECTIONS, "--orders", ORDERS])
        .args(["--rate", &rate.to_string(), "--duration", &format!("{seconds}s")])
        .env("KOOGALLERY_BASIC_KEY", KEY)
        .output()?;
    let resident = memory.stop();
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let worked = server.worked().zip(before).map(|(after, before)| after - before);
    Ok(Run { report, worked, resident })
}
