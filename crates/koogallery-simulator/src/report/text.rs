//! The report as text, for terminals.

use super::lines::{WIDTH, clipped, columns, evidence, one_line, shortened, wrapped};
use super::{Cause, CheckResult, Exchange, Failure, Report};
use crate::{Check, Severity};

/// The prerequisite of all other checks.
const REACHED: &str = "R1";

/// Lines of the smallest usual screen.
const SCREEN: usize = 24;

/// Checks of a cause that are shown with their calls.
const IN_FULL: usize = 2;

type Paint<'a> = &'a dyn Fn(&str, &str) -> String;

impl Report {
    /// Formats the report as text: on the first screen of 24 lines the verdict, and the causes with what to do about them;
    /// then each cause with its checks, remarks, and the checks that were not run.
    pub fn to_text(&self, color: bool) -> String {
        let paint = painter(color);
        let mut text = self.first_screen(&paint);
        for (number, cause) in (1..).zip(&self.causes) {
            text.push_str(&self.details(number, cause, &paint));
        }
        if self.notes().next().is_some() {
            text.push_str("\nnotes\n");
        }
        for (result, note) in self.notes() {
            text.push_str(&labeled(&format!("  {:4} ", result.check.id), &evidence(note)));
        }
        text.push_str(&self.not_run_lines());
        text
    }

    /// Formats the verdict and one line per cause.
    pub fn to_short_text(&self, color: bool) -> String {
        let paint = painter(color);
        let mut text = self.verdict_line(&paint);
        for (number, cause) in (1..).zip(&self.causes) {
            text.push_str(&format!("{}\n", heading(number, cause, 1, &paint)));
        }
        text
    }

    fn verdict_line(&self, paint: Paint<'_>) -> String {
        let mut verdict = self.verdict();
        let over = columns(&verdict).saturating_sub(WIDTH);
        if over > 0 {
            let target = one_line(&self.target);
            verdict = self.verdict_on(&clipped(&target, columns(&target).saturating_sub(over)));
        }
        format!("{}\n", paint(if self.is_ok() { "1;32" } else { "1;31" }, &verdict))
    }

    /// Verdict, causes, and what to do.
    fn first_screen(&self, paint: Paint<'_>) -> String {
        const ABOVE: usize = 2;
        const FEW: usize = (SCREEN - ABOVE) / 4;
        const SHOWN: usize = (SCREEN - ABOVE - 1) / 2;
        let lines = if self.causes.len() <= FEW { 2 } else { 1 };
        let mut text = self.verdict_line(paint);
        text.push_str(&format!("seed {}{}\n", self.seed, if self.test_flag { ", testFlag 1" } else { "" }));
        for (number, cause) in (1..).zip(self.causes.iter().take(SHOWN)) {
            text.push_str(&format!("{}\n", heading(number, cause, lines, paint)));
            text.push_str(&limited("      do: ", &one_line(&cause.advice), lines));
        }
        if self.causes.len() > SHOWN {
            text.push_str(&format!("    and {} more, below\n", self.causes.len() - SHOWN));
        }
        text
    }

    /// A cause and its checks, the first of them with their calls.
    fn details(&self, number: usize, cause: &Cause, paint: Paint<'_>) -> String {
        let headline = wrapped(&format!("{number}. {}", evidence(&cause.headline)), WIDTH, usize::MAX).join("\n   ");
        let mut text = format!("\n{}\n", paint("1", &headline));
        text.push_str(&labeled("   do     ", &evidence(&cause.advice)));
        if !cause.repeat.is_empty() {
            text.push_str(&format!("   again  {}\n", cause.repeat));
        }
        let failures: Vec<_> = self.failures_of(cause).collect();
        for (index, (result, failure)) in failures.iter().enumerate() {
            text.push_str(&check_lines(result, failure, index < IN_FULL, paint));
        }
        let mut references: Vec<(&str, Vec<&str>)> = Vec::new();
        for (result, _) in &failures {
            let Check { id, reference, .. } = result.check;
            match references.iter_mut().find(|(known, _)| *known == reference) {
                Some((_, ids)) => ids.push(id),
                None => references.push((reference, vec![id])),
            }
        }
        for (reference, ids) in references {
            text.push_str(&labeled("   rule   ", &format!("{reference} ({})", ids.join(", "))));
        }
        text
    }

    /// Lists each check, or groups them by reason if they are many.
    fn not_run_lines(&self) -> String {
        const MANY: usize = 6;
        if self.failed_ids().contains(&REACHED) {
            return format!("\nnot run\n  the other {} checks\n", self.not_run().count());
        }
        let mut reasons: Vec<(&str, Vec<Check>)> = Vec::new();
        for (result, why) in self.not_run() {
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, checks)) => checks.push(result.check),
                None => reasons.push((why, vec![result.check])),
            }
        }
        let mut text = if reasons.is_empty() { String::new() } else { "\nnot run\n".to_owned() };
        for (why, checks) in reasons {
            let why = evidence(why);
            if checks.len() < MANY {
                for check in checks {
                    text.push_str(&labeled(&format!("  {:4} ", check.id), &format!("{}: {why}", check.title)));
                }
            } else {
                let ids: Vec<_> = checks.iter().map(|check| check.id).collect();
                text.push_str(&labeled("  ", &format!("{} checks: {why}: {}", ids.len(), ids.join(" "))));
            }
        }
        text
    }
}

fn painter(color: bool) -> impl Fn(&str, &str) -> String {
    move |code, text| match color {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

fn tint(severity: Severity) -> &'static str {
    if severity == Severity::Must { "31" } else { "33" }
}

/// A cause with its number, its severity, and the number of its checks.
fn heading(number: usize, cause: &Cause, lines: usize, paint: Paint<'_>) -> String {
    let checks = match *cause.checks {
        [only] => only.to_owned(),
        ref several => format!("{} checks", several.len()),
    };
    let severity = cause.severity.as_str();
    let label = format!("{number:2}. {severity} ");
    // The number of checks stands at the end of what is left of the headline.
    let rest = WIDTH - label.len() - checks.len() - " ()".len();
    let headline = wrapped(&one_line(&cause.headline), rest, lines).join(&format!("\n{}", " ".repeat(label.len())));
    format!("{number:2}. {} {headline} ({checks})", paint(tint(cause.severity), severity))
}

fn labeled(label: &str, text: &str) -> String {
    limited(label, text, usize::MAX)
}

/// A text behind its label, which indents the lines after the first.
fn limited(label: &str, text: &str, lines: usize) -> String {
    let indent = format!("\n{}", " ".repeat(label.len()));
    format!("{label}{}\n", wrapped(text, WIDTH - label.len(), lines).join(&indent))
}

fn check_lines(result: &CheckResult, failure: &Failure, in_full: bool, paint: Paint<'_>) -> String {
    let Check { id, severity, title, .. } = result.check;
    let head = format!("{id} {severity}");
    let rest = WIDTH - head.len() - "     ".len();
    let painted = paint(tint(severity), &head);
    if !in_full {
        return format!("   {painted}  {}\n", shortened(&format!("{title}: got {}", one_line(&failure.got)), rest));
    }
    let mut text = format!("   {painted}  {}\n", shortened(title, rest));
    text.push_str(&format!("      expected  {}\n", evidence(&failure.expected)));
    text.push_str(&format!("      got       {}\n", evidence(&failure.got)));
    if let Some(exchange) = result.exchanges.last() {
        text.push_str(&exchange_lines(exchange));
    }
    text
}

fn exchange_lines(exchange: &Exchange) -> String {
    let Exchange { method, target, request_body, answer_body, .. } = exchange;
    let answer = match (&exchange.error, exchange.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("{status} {answer_body}"),
        (None, None) => String::new(),
    };
    let call = evidence(&format!("{method} {target} {request_body}"));
    let mut text = format!("      call      {call}\n      answer    {}\n", evidence(&answer));
    // The line that runs the check stands at its cause.
    if exchange.is_fired() {
        text.push_str(&format!("      repeat    {}\n", exchange.repeat));
    }
    text
}
