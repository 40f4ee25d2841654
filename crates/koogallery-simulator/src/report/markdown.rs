//! The report as Markdown, for tickets.

use super::lines::{evidence, one_line};
use super::{Cause, CheckResult, Exchange, Failure, Outcome, Report};

impl Report {
    /// Formats the report as Markdown: the verdict, a table of the causes, the failures by cause, a table of all checks, and
    /// remarks.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("**{}**\n", cell(&self.verdict()));
        text.push_str(&self.table_of_causes());
        for (number, cause) in (1..).zip(&self.causes) {
            text.push_str(&format!("\n### {number}. {}\n\n{}\n", cell(&cause.headline), cell(&cause.advice)));
            text.push_str(&code(&[&cause.repeat], ""));
            self.failures_of(cause).for_each(|(result, failure)| text.push_str(&item(result, failure)));
        }
        text.push_str(&self.table_of_checks());
        if self.notes().next().is_some() {
            text.push_str("\n### Notes\n\n");
        }
        for (result, note) in self.notes() {
            text.push_str(&format!("* {}: {}\n", result.check.id, cell(note)));
        }
        text
    }

    fn table_of_causes(&self) -> String {
        if self.causes.is_empty() {
            return String::new();
        }
        let mut text = "\n| # | severity | cause | do | checks |\n|---|---|---|---|---|\n".to_owned();
        for (number, cause) in (1..).zip(&self.causes) {
            let Cause { headline, advice, severity, checks, .. } = cause;
            let (headline, advice) = (cell(headline), cell(advice));
            text.push_str(&format!("| {number} | {severity} | {headline} | {advice} | {} |\n", checks.join(" ")));
        }
        text
    }

    fn table_of_checks(&self) -> String {
        let mut text = "\n| check | severity | result | rule |\n|---|---|---|---|\n".to_owned();
        for result in &self.results {
            let outcome = match &result.outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed(_) => "**failed**".to_owned(),
                Outcome::NotRun { why } => format!("not run: {}", cell(why)),
            };
            let check = result.check;
            text.push_str(&format!("| {} | {} | {outcome} | {} |\n", check.id, check.severity, cell(check.title)));
        }
        text
    }
}

/// A failed check, with its last call.
fn item(result: &CheckResult, failure: &Failure) -> String {
    let check = result.check;
    let (expected, got, hint) = (cell(&failure.expected), cell(&failure.got), cell(result.hint()));
    let mut text = format!("\n* {} ({}): expected {expected}; got {got}. {hint}.", check.id, check.severity);
    text.push_str(&format!(" Reference: {}.\n", cell(check.reference)));
    let Some(exchange) = result.exchanges.last() else { return text };
    let Exchange { method, target, request_body, answer_body, error, status, repeat, .. } = exchange;
    let status = status.map(|status| status.to_string());
    let answer = [status.as_deref(), error.as_deref(), Some(answer_body)].map(Option::unwrap_or_default).join(" ");
    let call = evidence(&format!("{method} {target} {request_body}"));
    text.push_str(&code(&[&call, &evidence(answer.trim()), repeat], "  "));
    text
}

/// A block whose fence is longer than any inside.
fn code(lines: &[&str], indent: &str) -> String {
    let lines: Vec<_> = lines.iter().map(|line| one_line(line)).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return String::new();
    }
    let ticks = |line: &String| line.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(lines.iter().map(ticks).max().unwrap_or_default().max(2) + 1);
    let body: String = lines.iter().map(|line| format!("{indent}{line}\n")).collect();
    format!("\n{indent}{fence}text\n{body}{indent}{fence}\n")
}

/// A text in one line, without what Markdown or HTML would read in it.
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for character in evidence(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' => escaped.extend(['\\', character]),
            character => escaped.push(character),
        }
    }
    escaped
}
