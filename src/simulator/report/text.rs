//! For a terminal.

use super::{Exchange, Report};
use crate::simulator::Severity;

impl Report {
    /// The verdict, then the failures by cause with what to do about each, then what was not run, and what was noted.
    pub fn to_text(&self, color: bool) -> String {
        let paint = |code: &str, text: &str| match color {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut text = paint(if self.is_ok() { "1;32" } else { "1;31" }, &self.verdict());
        text.push_str(&format!("\nseed {}{}\n", self.seed, if self.test_flag { ", testFlag 1" } else { "" }));
        for (cause, failures) in self.causes() {
            text.push_str(&format!("\n{}\n", paint("1", cause)));
            for (result, failure) in &failures {
                let check = result.check;
                let tint = if check.severity == Severity::Must { "31" } else { "33" };
                let head = format!("{} {}", check.id, check.severity);
                text.push_str(&format!("  {}  {}\n", paint(tint, &head), check.title));
                text.push_str(&format!("      expected  {}\n      got       {}\n", failure.expected, failure.got));
                text.push_str(&format!("      rests on  {}\n", check.rests_on));
                if let Some(exchange) = result.exchanges.last() {
                    text.push_str(&exchange_lines(exchange));
                }
            }
            let mut mends: Vec<_> = failures.iter().map(|(result, _)| result.check.mend).collect();
            mends.dedup();
            for mend in mends {
                text.push_str(&format!("  mend: {mend}\n"));
            }
        }
        let not_run: Vec<_> = self.not_run().collect();
        if !not_run.is_empty() {
            text.push_str("\nnot run\n");
            for (result, why) in not_run {
                text.push_str(&format!("  {:4} {}: {why}\n", result.check.id, result.check.title));
            }
        }
        if self.notes().next().is_some() {
            text.push_str("\nnoted\n");
        }
        for (result, note) in self.notes() {
            text.push_str(&format!("  {:4} {note}\n", result.check.id));
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
