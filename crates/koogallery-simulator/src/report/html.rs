//! The report as HTML, for browsers: one file without scripts and without anything from elsewhere.

use super::{Cause, CheckResult, Exchange, Failure, LocalizedReport, Outcome, Report};
use crate::Severity;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>koogallery check</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; background: #fff; }
h1 { font-size: 1.2em; } h2 { font-size: 1.1em; margin-top: 2em; }
.pass { color: #176b34; } .fail, .must { color: #b3161b; } .should { color: #8a5a00; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid #ddd; padding: .25em .5em; text-align: left; vertical-align: top; }
pre { background: #f5f5f5; padding: .5em; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3em 0; }
td, p, dd { overflow-wrap: anywhere; }
</style>
</head>
<body>
"#;

impl Report {
    /// Formats the report as one HTML file that needs nothing else: causes, failed checks with all their calls, all checks,
    /// and remarks.
    pub fn to_html(&self) -> String {
        self.english().to_html()
    }
}

impl LocalizedReport<'_> {
    /// Formats the report as [`Report::to_html`] does.
    pub fn to_html(&self) -> String {
        let mut html = HEAD.replacen("{lang}", &escaped(self.tag), 1);
        let tint = if self.is_ok() { "pass" } else { "fail" };
        html.push_str(&format!("<h1 class=\"{tint}\">{}</h1>\n", self.escaped(&self.verdict())));
        let flag = if self.test_flag { ", testFlag 1" } else { "" };
        html.push_str(&format!("<p>{} {}{flag}</p>\n", self.escaped("seed"), self.seed));
        html.push_str(&self.to_svg());
        html.push_str(&self.table_of_causes_in_html());
        for (number, cause) in (1..).zip(&self.causes) {
            html.push_str(&self.section(number, cause));
        }
        let checks = self.results.iter().map(|result| self.row_of(result)).collect::<String>();
        html.push_str(&format!("<h2>{}</h2>\n<table>\n", self.escaped("All checks")));
        html.push_str(&self.head_row(&["check", "severity", "result", "rule"]));
        html.push_str(&format!("{checks}</table>\n"));
        if self.notes().next().is_some() {
            let note = |(result, note): (&CheckResult, &str)| {
                format!("<li>{}: {}</li>\n", result.check.id, self.escaped(note))
            };
            let notes = self.notes().map(note).collect::<String>();
            html.push_str(&format!("<h2>{}</h2>\n<ul>\n{notes}</ul>\n", self.escaped("Notes")));
        }
        html.push_str("</body>\n</html>\n");
        html
    }

    /// Returns the name of a cause in links. Reports of several profiles may be put into one file.
    fn anchor(&self, number: usize) -> String {
        format!("{}-cause-{number}", self.profile)
    }

    fn table_of_causes_in_html(&self) -> String {
        if self.causes.is_empty() {
            return String::new();
        }
        let mut html = "<table>\n".to_owned() + &self.head_row(&["#", "severity", "cause", "do", "checks"]);
        for (number, cause) in (1..).zip(&self.causes) {
            let (headline, advice) = (self.escaped(&cause.headline), self.escaped(&cause.advice));
            let link = format!("<a href=\"#{}\">{headline}</a>", self.anchor(number));
            let cells = [&*number.to_string(), &self.severity(cause.severity), &link, &advice, &cause.checks.join(" ")];
            html.push_str(&row("td", &cells));
        }
        html + "</table>\n"
    }

    fn section(&self, number: usize, cause: &Cause) -> String {
        let (headline, advice) = (self.escaped(&cause.headline), self.escaped(&cause.advice));
        let mut html = format!("<h2 id=\"{}\">{number}. {headline}</h2>\n<p>{advice}</p>\n", self.anchor(number));
        html.push_str(&block(&cause.repeat));
        self.failures_of(cause).for_each(|(result, failure)| html.push_str(&self.failed(result, failure)));
        html
    }

    /// A text in the report's language, for elements.
    fn escaped(&self, text: &str) -> String {
        escaped(&self.say(text))
    }

    fn severity(&self, severity: Severity) -> String {
        format!("<span class=\"{severity}\">{}</span>", self.escaped(severity.as_str()))
    }

    fn head_row(&self, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| self.escaped(name)).collect();
        row("th", &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn row_of(&self, result: &CheckResult) -> String {
        let check = result.check;
        let outcome = match &result.outcome {
            Outcome::Passed => self.escaped("passed"),
            Outcome::Failed(_) => format!("<strong class=\"fail\">{}</strong>", self.escaped("failed")),
            Outcome::NotRun { why } => format!("{}: {}", self.escaped("not run"), self.escaped(why)),
        };
        row("td", &[check.id, &self.severity(check.severity), &outcome, &self.escaped(check.title)])
    }

    fn failed(&self, result: &CheckResult, failure: &Failure) -> String {
        let check = result.check;
        let (severity, title) = (self.severity(check.severity), self.escaped(check.title));
        let mut html = format!("<details>\n<summary>{} {severity} {title}</summary>\n", check.id);
        let Failure { expected, got, cause, .. } = failure;
        for (name, text) in [
            ("expected", &**expected),
            ("got", got),
            ("cause", cause),
            ("hint", result.hint()),
            ("reference", check.reference),
        ] {
            html.push_str(&format!("<p>{}: {}</p>\n", self.escaped(name), self.escaped(text)));
        }
        result.exchanges.iter().for_each(|exchange| html.push_str(&call(exchange)));
        html + "</details>\n"
    }
}

/// A row of a table; the cells are escaped already.
fn row(tag: &str, cells: &[&str]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
    format!("<tr>{cells}</tr>\n")
}

fn call(exchange: &Exchange) -> String {
    let Exchange { method, target, request_body, status, answer_headers, answer_body, error, .. } = exchange;
    let status = status.map(|status| format!("HTTP {status}, {} ms\n", exchange.duration.as_millis()));
    let headers: String = answer_headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let answer = match error {
        Some(error) => error.clone(),
        None => format!("{}{headers}\n{answer_body}", status.unwrap_or_default()),
    };
    [format!("{method} {target}\n\n{request_body}"), answer, exchange.repeat.clone()]
        .iter()
        .map(|text| block(text))
        .collect()
}

/// A text as it is; nothing for none. HTML drops a line break at its beginning.
fn block(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => format!("<pre>{}</pre>\n", escaped(text)),
    }
}

/// Escapes a text for elements and attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            // Not allowed in HTML either.
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            character => escaped.push(character),
        }
    }
    escaped
}
