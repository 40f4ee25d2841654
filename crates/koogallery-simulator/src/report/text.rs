//! The report as text, for terminals.

use super::{Exchange, Report};
use crate::{Check, Severity};

/// The prerequisite of all other checks.
const REACHED: &str = "R1";

impl Report {
    /// Formats the report as text: the verdict, the failures by cause with hints, remarks, and the checks that were not
    /// run.
    pub fn to_text(&self, color: bool) -> String {
        let paint = |code: &str, text: &str| match color {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut text = paint(if self.is_ok() { "1;32" } else { "1;31" }, &self.verdict());
        text.push_str(&format!("\nseed {}{}\n", self.seed, if self.test_flag { ", testFlag 1" } else { "" }));
        text.push_str(&self.summary(&paint));
        for (number, cause) in (1..).zip(&self.causes) {
            text.push_str(&format!("\n{}\n", paint("1", &format!("{number}. {}", cause.headline))));
            for (result, failure) in self.failures_of(cause) {
                let check = result.check;
                let tint = if check.severity == Severity::Must { "31" } else { "33" };
                let head = format!("{} {}", check.id, check.severity);
                text.push_str(&format!("  {}  {}\n", paint(tint, &head), check.title));
                text.push_str(&format!("      expected  {}\n      got       {}\n", failure.expected, failure.got));
                text.push_str(&format!("      reference {}\n", check.reference));
                if let Some(exchange) = result.exchanges.last() {
                    text.push_str(&exchange_lines(exchange));
                }
            }
            text.push_str(&format!("  hint: {}\n", cause.advice));
        }
        if self.notes().next().is_some() {
            text.push_str("\nnotes\n");
        }
        for (result, note) in self.notes() {
            text.push_str(&format!("  {:4} {note}\n", result.check.id));
        }
        text.push_str(&self.not_run_lines());
        text
    }

    /// One line per mistake, and what to do, on one screen.
    fn summary(&self, paint: &dyn Fn(&str, &str) -> String) -> String {
        /// Two lines each, and a few around them, fit on a screen of 24 lines.
        const SHOWN: usize = 9;
        let mut text = String::new();
        for (number, cause) in (1..).zip(self.causes.iter().take(SHOWN)) {
            let tint = if cause.severity == Severity::Must { "31" } else { "33" };
            let checks = match cause.checks.len() {
                1 => cause.checks[0].to_owned(),
                count => format!("{count} checks"),
            };
            text.push_str(&format!(
                "{number:2}. {} {} ({checks})\n      do: {}\n",
                paint(tint, cause.severity.as_str()),
                cause.headline,
                cause.advice
            ));
        }
        if self.causes.len() > SHOWN {
            text.push_str(&format!("    and {} more, below\n", self.causes.len() - SHOWN));
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
            if checks.len() < MANY {
                checks.iter().for_each(|check| text.push_str(&format!("  {:4} {}: {why}\n", check.id, check.title)));
            } else {
                let ids: Vec<_> = checks.iter().map(|check| check.id).collect();
                text.push_str(&format!("  {} checks: {why}: {}\n", ids.len(), ids.join(" ")));
            }
        }
        text
    }
}

fn exchange_lines(exchange: &Exchange) -> String {
    let answer = match (&exchange.error, exchange.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("{status} {}", exchange.answer_body),
        (None, None) => String::new(),
    };
    let call = format!("{} {} {}", exchange.method, exchange.target, exchange.request_body);
    format!("      call      {}\n      answer    {answer}\n      repeat    {}\n", call.trim_end(), exchange.curl)
}
