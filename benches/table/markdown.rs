//! The table as Markdown.

use std::fmt::Write as _;

use crate::figures::{Figure, groups};
use crate::goals::Goal;
use crate::sample::Kind;

pub fn markdown(setting: &[(String, String)], figures: &[Figure], goals: &[Goal], not_run: &[String]) -> String {
    let mut text = String::from(
        "# What work costs, here and elsewhere\n\nMade by `cargo bench -p koogallery-benches --features peers --bench \
         table`. All rows of this program take turns, and the other programs run between its parts, warmed up and timed \
         inside their own process. A multiple is the median of the rounds' ratios, with the ratio of the best samples in \
         brackets; those of other programs are ratios of their medians.\n\n",
    );
    for (name, value) in setting {
        let _ = writeln!(text, "- {name}: {value}");
    }
    for line in not_run {
        let _ = writeln!(text, "- **not run**: {line}");
    }
    text.push_str(
        "\n| work | by | time, median | best | of the bare work | of koogallery |\n|---|---|---:|---:|---:|---:|\n",
    );
    for (group, work) in groups() {
        let mut work = work;
        let mut of_group: Vec<_> = figures.iter().filter(|figure| figure.group == group).collect();
        of_group.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.median.total_cmp(&b.median)));
        for Figure { by, kind, median, best, of_floor, of_ours, .. } in of_group {
            let by = if *kind == Kind::Ours { format!("**{by}**") } else { by.clone() };
            let (median, best) = (time(*median), time(*best));
            let _ = writeln!(
                text,
                "| {work} | {by} | {median} | {best} | {} | {} |",
                multiple(*of_floor),
                multiple(*of_ours)
            );
            work = "";
        }
    }
    text.push_str("\n| goal | limit | found | met |\n|---|---:|---:|---|\n");
    for Goal { text: goal, limit, found, is_met } in goals {
        let met = match (found, is_met) {
            (None, _) => "not measured",
            (_, true) => "yes",
            (_, false) => "**no**",
        };
        let _ = writeln!(text, "| {goal} | {limit} | {} | {met} |", multiple(*found));
    }
    text
}

const fn rank(figure: &Figure) -> u8 {
    match figure.kind {
        Kind::Floor => 0,
        Kind::Ours => 1,
        Kind::Peer => 2,
    }
}

fn multiple(pair: Option<(f64, f64)>) -> String {
    pair.map_or_else(String::new, |(median, best)| format!("{median:.2} ({best:.2})"))
}

/// Formats nanoseconds in the unit that suits them.
pub fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ..1e3 => (nanoseconds, "ns"),
        ..1e6 => (nanoseconds / 1e3, "µs"),
        _ => (nanoseconds / 1e6, "ms"),
    };
    if value < 10.0 { format!("{value:.2} {unit}") } else { format!("{value:.0} {unit}") }
}
