//! The report as Markdown, for tickets.

use super::lines::{evidence, one_line};
use super::{Cause, CheckResult, Exchange, Failure, LocalizedReport, Outcome, Report};

impl Report {
    /// Formats the report as Markdown: the verdict, a table of the causes, the failures by cause, a table of all checks, and
    /// remarks.
    pub fn to_markdown(&self) -> String {
        self.english().to_markdown()
    }
}

impl LocalizedReport<'_> {
    /// Formats the report as [`Report::to_markdown`] does.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("**{}**\n", self.cell(&self.verdict()));
        text.push_str(&self.table_of_causes());
        for (number, cause) in (1..).zip(&self.causes) {
            text.push_str(&format!("\n### {number}. {}\n\n{}\n", self.cell(&cause.headline), self.cell(&cause.advice)));
            text.push_str(&code(&[&cause.repeat], ""));
            self.failures_of(cause).for_each(|(result, failure)| text.push_str(&self.item(result, failure)));
        }
        text.push_str(&self.table_of_checks());
        if self.notes().next().is_some() {
            text.push_str(&format!("\n### {}\n\n", self.say("Notes")));
        }
        for (result, note) in self.notes() {
            text.push_str(&format!("* {}: {}\n", result.check.id, self.cell(note)));
        }
        text
    }

    fn table_of_causes(&self) -> String {
        if self.causes.is_empty() {
            return String::new();
        }
        let mut text = self.head(&["#", "severity", "cause", "do", "checks"]);
        for (number, cause) in (1..).zip(&self.causes) {
            let Cause { headline, advice, severity, checks, .. } = cause;
            let (headline, advice) = (self.cell(headline), self.cell(advice));
            let severity = self.say(severity.as_str());
            text.push_str(&format!("| {number} | {severity} | {headline} | {advice} | {} |\n", checks.join(" ")));
        }
        text
    }

    fn table_of_checks(&self) -> String {
        let mut text = self.head(&["check", "severity", "result", "rule"]);
        for result in &self.results {
            let outcome = match &result.outcome {
                Outcome::Passed => self.say("passed"),
                Outcome::Failed(_) => format!("**{}**", self.say("failed")),
                Outcome::NotRun { why } => format!("{}: {}", self.say("not run"), self.cell(why)),
            };
            let check = result.check;
            let severity = self.say(check.severity.as_str());
            text.push_str(&format!("| {} | {severity} | {outcome} | {} |\n", check.id, self.cell(check.title)));
        }
        text
    }

    fn head(&self, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| self.say(name)).collect();
        format!("\n| {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len()))
    }

    /// A text in the report's language, in one line.
    fn cell(&self, text: &str) -> String {
        cell(&self.say(text))
    }

    /// A failed check, with its last call.
    fn item(&self, result: &CheckResult, failure: &Failure) -> String {
        let check = result.check;
        let texts = [&*failure.expected, &*failure.got, result.hint(), check.reference].map(|text| self.cell(text));
        let [expected, got, hint, reference] = texts;
        let words = [check.severity.as_str(), "expected", "got", "Reference"].map(|word| self.say(word));
        let [severity, expects, gets, refers] = words;
        let head = format!("\n* {} ({severity}): {expects} {expected}; {gets} {got}. {hint}.", check.id);
        let mut text = format!("{head} {refers}: {reference}.\n");
        let Some(exchange) = result.exchanges.last() else { return text };
        let Exchange { method, target, request_body, answer_body, error, status, repeat, .. } = exchange;
        let status = status.map(|status| status.to_string());
        let answer = [status.as_deref(), error.as_deref(), Some(answer_body)].map(Option::unwrap_or_default).join(" ");
        let call = evidence(&format!("{method} {target} {request_body}"));
        text.push_str(&code(&[&call, &evidence(answer.trim()), repeat], "  "));
        text
    }
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
