//! Runs histories by their seeds.
//!
//! | setting | meaning |
//! |---|---|
//! | `--seed N` | one history |
//! | `--seeds FROM..TO` | many, and their figures together; ends at the first that breaks an invariant |
//! | `--orders M` | orders in each (default: 40) |
//! | `--replicas M` | replicas in each (default: 3) |
//! | `--history` | prints what happens |
//! | `--bug NAME` | plants a bug |

use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use koogallery_simulation::{Error, Outcome, Settings, Totals, run};

struct Arguments {
    seeds: Range<u64>,
    settings: Settings,
}

fn main() -> Result<ExitCode, Error> {
    let arguments = read(std::env::args().skip(1))?;
    match simulate(arguments, &mut io::stdout().lock()) {
        // The reader has seen enough.
        Err(error) if error.downcast_ref().map(io::Error::kind) == Some(ErrorKind::BrokenPipe) => Ok(ExitCode::SUCCESS),
        ended => ended,
    }
}

fn simulate(Arguments { seeds, settings }: Arguments, output: &mut impl Write) -> Result<ExitCode, Error> {
    let (began, mut totals) = (Instant::now(), Totals::default());
    for seed in seeds {
        let mut settings = settings.clone();
        settings.seed = seed;
        let Outcome { violation, history, totals: of_seed, .. } = run(settings)?;
        totals.add(&of_seed);
        write!(output, "{history}")?;
        if let Some(violation) = violation {
            writeln!(output, "seed {seed}: {violation}")?;
            return Ok(ExitCode::FAILURE);
        }
        if totals.histories.is_multiple_of(1000) {
            writeln!(output, "{}", figures(&totals, began))?;
        }
    }
    writeln!(output, "{}", figures(&totals, began))?;
    for (kind, count) in &totals.faults {
        writeln!(output, "{count:>12} {kind}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn figures(totals: &Totals, began: Instant) -> String {
    let Totals { histories, orders, calls, answers, handler_runs, steps, usage_records, .. } = totals;
    let (hours, faults) = (totals.simulated.as_secs() / 3600, totals.faults.values().sum::<u64>());
    let seconds = began.elapsed().as_secs();
    format!(
        "{histories} histories, {hours} simulated hours, {orders} orders, {calls} calls, {answers} answers, \
         {handler_runs} handler runs, {usage_records} usage records, {faults} faults, {steps} steps in {seconds} s"
    )
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, Error> {
    let (mut seeds, mut settings) = (0..1, Settings::new(0));
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match &*argument {
            "--seed" => {
                let seed = value()?.parse()?;
                seeds = seed..seed + 1;
            }
            "--seeds" => {
                let range = value()?;
                let (from, to) = range.split_once("..").ok_or("--seeds needs FROM..TO")?;
                seeds = from.parse()?..to.parse()?;
            }
            "--orders" => settings.orders = value()?.parse()?,
            "--replicas" => settings.replicas = value()?.parse()?,
            "--history" => settings.keeps_history = true,
            "--bug" => settings.bug = Some(value()?.parse()?),
            _ => return Err(format!("unknown argument {argument}").into()),
        }
    }
    Ok(Arguments { seeds, settings })
}
