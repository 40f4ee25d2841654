//! What each work of the crate costs beside the bare primitives, other crates, and the same algorithms in Java, Node and Python,
//! all in one run: writes `table.md`, `table.json` and `table.svg` to `benches`, or to the folder after `--output`.
//!
//! PostgreSQL is that of `KOOGALLERY_TEST_POSTGRES_URL`. A runtime that is absent is named as not run. `--rounds N` shortens the
//! run. `--only GROUP`, such as `v1-verify`, does that work alone and writes nothing: for a profiler.

mod figures;
mod goals;
mod markdown;
mod other_crates;
mod peers;
mod plot;
mod sample;
mod secrets;
mod signatures;
mod usage;
mod whole;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::{env, fs};

use koogallery_benches::calls::Calls;
use koogallery_benches::machine;
use koogallery_benches::ratio::median;
use koogallery_benches::schema::Schema;
use peers::Peers;
use sample::{Row, take_turns};

/// Times that the other programs run, between parts of the rounds.
const PARTS: usize = 3;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let mut rounds = 60;
    let mut only = None;
    let mut folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => {
                rounds = arguments.next().and_then(|text| text.parse().ok()).expect("a number after --rounds")
            }
            "--only" => only = arguments.next(),
            "--output" => folder = arguments.next().map(PathBuf::from).expect("a folder after --output"),
            // Of cargo.
            _ => {}
        }
    }
    // Rows borrow from them to the end.
    let calls: &'static Calls = Box::leak(Box::new(Calls::new()));
    let answer: &'static str = Box::leak(whole::v1_answer(calls, true).into_boxed_str());
    let files = tempfile::tempdir().expect("a folder");
    let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

    let mut rows = [
        signatures::rows(calls, answer),
        other_crates::rows(calls),
        whole::in_memory(calls),
        secrets::fields(&calls.key),
        secrets::open_api(),
        secrets::client_secrets(),
        whole::on_sqlite(calls, &runtime, files.path()),
        usage::rows(&runtime, files.path()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<Row>>();
    if let Some(only) = only {
        rows.retain(|row| row.group == only);
        take_turns(&mut rows, rounds);
        rows.iter_mut().for_each(|row| println!("{}: {:.0} ns", row.by, median(&mut row.rounds)));
        return ExitCode::SUCCESS;
    }
    let mut peers = Peers::install(calls, answer);
    let schema = runtime.block_on(Schema::new("table")).expect("the server that is named");
    match &schema {
        Some(schema) => rows.extend(whole::on_postgres(calls, &runtime, schema)),
        None => peers.not_run.push("PostgreSQL: KOOGALLERY_TEST_POSTGRES_URL is not set".to_owned()),
    }
    for part in 1..=PARTS {
        eprintln!("part {part} of {PARTS}: this program ...");
        take_turns(&mut rows, rounds / PARTS);
        eprintln!("part {part} of {PARTS}: the others ...");
        peers.run();
    }
    if let Some(schema) = schema {
        runtime.block_on(schema.remove()).expect("the server is still there");
    }

    let figures = figures::of(&rows, &peers.measured());
    let goals = goals::of(&figures);
    let setting = setting(&peers, rounds);
    let table = markdown::markdown(&setting, &figures, &goals, &peers.not_run);
    let mut json = format!("{:#}", figures::json(&setting, &figures, &peers.not_run));
    json.push('\n');
    println!("{table}");
    let files = [("table.md", &table), ("table.json", &json), ("table.svg", &plot::svg(&figures))];
    for (name, text) in files {
        if let Err(error) = fs::write(folder.join(name), text) {
            eprintln!("{}: {error}", folder.join(name).display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What the figures depend on.
fn setting(peers: &Peers, rounds: usize) -> Vec<(String, String)> {
    let mut setting = Vec::from(machine::described());
    setting.push(("rounds".to_owned(), rounds.to_string()));
    setting.extend(peers.versions.iter().cloned());
    setting
}
