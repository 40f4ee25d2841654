//! Calls per second, of this build and of an earlier one in turns.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Outcome;
use crate::place::{ENGINES, Engine, Place, Servers};
use crate::report::Row;
use crate::speed::{MANY, WORKS};

/// The last commit before the stores were made for several replicas.
pub const BASELINE: &str = "5bdd065ada5e3a2c4b0c337e87e172ffafd28fd6";

const PART: &str = "speed";

/// What is measured, and how often.
#[derive(Clone, Copy)]
pub struct Size {
    /// Creations of one caller in a round.
    pub calls: usize,
    pub rounds: usize,
}

/// A build, on a place of its own.
struct Side {
    program: PathBuf,
    place: Place,
    next: usize,
    /// Calls per second of each round, by work.
    rates: [Vec<f64>; 4],
}

impl Side {
    async fn new(program: &Path, engine: Engine, servers: &Servers, purpose: &str) -> Outcome<Option<Self>> {
        let place = Place::new(engine, servers, purpose).await?;
        Ok(place.map(|place| Self { program: program.to_owned(), place, next: 0, rates: Default::default() }))
    }

    async fn measure(&mut self, calls: usize) -> Outcome {
        let numbers = [self.next, calls].map(|number| number.to_string());
        let output = Command::new(&self.program)
            .args(["--speed", &self.place.url])
            .args(numbers)
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .output()
            .await?;
        self.next += 10 * (MANY + 1) * calls;
        let text = String::from_utf8(output.stdout)?;
        for (line, rates) in text.lines().zip(&mut self.rates) {
            rates.push(line.rsplit(' ').next().unwrap_or_default().parse()?);
        }
        if output.status.success() { Ok(()) } else { Err(format!("{:?} failed", self.program).into()) }
    }

    fn medians(&mut self) -> [f64; 4] {
        self.rates.each_mut().map(|rates| {
            rates.sort_by(f64::total_cmp);
            rates.get(rates.len() / 2).copied().unwrap_or_default()
        })
    }
}

/// Measures all engines; the earlier build on those that it has.
pub async fn run(servers: &Servers, size: Size, baseline: Option<&Path>) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in ENGINES {
        let own = std::env::current_exe()?;
        let Some(mut today) = Side::new(&own, engine, servers, "today").await? else {
            rows.push(Row::left_out(PART, engine.name(), "no server is named"));
            continue;
        };
        let mut before = match baseline {
            Some(program) if engine != Engine::Mysql => Side::new(program, engine, servers, "before").await?,
            _ => None,
        };
        let mut measured = Ok(());
        for _ in 0..size.rounds {
            measured = async {
                if let Some(before) = &mut before {
                    before.measure(size.calls).await?;
                }
                today.measure(size.calls).await
            }
            .await;
            if measured.is_err() {
                break;
            }
        }
        let medians = [Some(&mut today), before.as_mut()].map(|side| side.map(Side::medians));
        today.place.remove().await?;
        if let Some(before) = before {
            before.place.remove().await?;
        }
        measured?;
        let [Some(today), before] = medians else { continue };
        for (index, (work, callers)) in WORKS.into_iter().enumerate() {
            rows.push(row(engine, work, callers, today[index], before.map(|before| before[index])));
        }
    }
    Ok(rows)
}

fn row(engine: Engine, work: &str, callers: usize, today: f64, before: Option<f64>) -> Row {
    let goal = match (engine, work, callers) {
        (Engine::Sqlite, "create", MANY) => Some(5.0),
        (Engine::Postgres, "create", MANY) => Some(3.0),
        (Engine::Sqlite, "query", MANY) => Some(8.0),
        _ => None,
    };
    let by = if callers == 1 { "caller" } else { "callers" };
    let mut figures = format!("{work} by {callers} {by}: {today:.0}/s");
    if let Some(before) = before {
        figures.push_str(&format!(", {:.1} times {before:.0}/s", today / before));
    }
    let is_met = goal.zip(before).map(|(goal, before)| today >= goal * before);
    let goal = goal.map(|goal| format!("{goal} times the baseline")).unwrap_or_default();
    Row::speed(PART, engine.name(), figures, &goal, is_met)
}

/// Builds an earlier commit in a worktree of its own. Returns the program, which lives as long as the folder.
pub async fn build(revision: &str, folder: &Path) -> Outcome<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = folder.join("baseline");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(&repository).args(arguments);
        command
    };
    let path = tree.to_str().ok_or("the temporary folder has no name in UTF-8")?;
    run_to_end(git(&["worktree", "add", "--detach", path, revision])).await?;
    let built = async {
        let crate_folder = tree.join("crates/koogallery-baseline");
        tokio::fs::create_dir_all(crate_folder.join("src")).await?;
        let files = [
            ("Cargo.toml", include_str!("../baseline/Cargo.toml")),
            ("src/main.rs", include_str!("../baseline/main.rs")),
            ("src/speed.rs", include_str!("speed.rs")),
        ];
        for (name, text) in files {
            tokio::fs::write(crate_folder.join(name), text).await?;
        }
        let target = folder.join("target");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&tree).args(["build", "--release", "-p", "koogallery-baseline", "--target-dir"]).arg(&target);
        run_to_end(cargo).await?;
        Ok(target.join("release/koogallery-baseline"))
    };
    let built = built.await;
    run_to_end(git(&["worktree", "remove", "--force", path])).await?;
    built
}

async fn run_to_end(mut command: Command) -> Outcome {
    let status = command.stdout(Stdio::null()).kill_on_drop(true).status().await?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}
