//! The report as JUnit XML, for continuous integration.

use super::{Cause, CheckResult, Failure, LocalizedReport, Outcome, Report};
use crate::Severity;

impl Report {
    /// Formats the report as JUnit XML: one test case per check, and one property per cause. Only failed mandatory checks
    /// are failures there; other failures and remarks are in the output of their case.
    pub fn to_junit(&self) -> String {
        self.english().to_junit()
    }
}

impl LocalizedReport<'_> {
    /// Formats the report as [`Report::to_junit`] does.
    pub fn to_junit(&self) -> String {
        let must = self.failures().filter(|(result, _)| result.check.severity == Severity::Must).count();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"koogallery {}\" tests=\"{}\" failures=\"{must}\" errors=\"0\" skipped=\"{}\">\n",
            self.profile,
            self.results.len(),
            self.not_run().count(),
        );
        if !self.causes.is_empty() {
            xml.push_str("  <properties>\n");
            for (number, cause) in (1..).zip(&self.causes) {
                let value = escaped(&self.described(cause));
                xml.push_str(&format!("    <property name=\"cause.{number}\" value=\"{value}\"/>\n"));
            }
            xml.push_str("  </properties>\n");
        }
        for result in &self.results {
            let name = escaped(&format!("{} {}", result.check.id, self.say(result.check.title)));
            xml.push_str(&format!("  <testcase classname=\"koogallery.{}\" name=\"{name}\">", self.profile));
            let mut output: Vec<String> = Vec::new();
            match &result.outcome {
                Outcome::Passed => {}
                Outcome::NotRun { why } => xml.push_str(&format!("<skipped message=\"{}\"/>", escaped(&self.say(why)))),
                Outcome::Failed(failure) => {
                    let (message, details) = (self.message(result, failure), self.details(result, failure));
                    match result.check.severity {
                        Severity::Must => xml.push_str(&format!(
                            "<failure message=\"{}\">{}</failure>",
                            escaped(&message),
                            escaped(&details)
                        )),
                        _ => output.extend([message, details]),
                    }
                }
            }
            output.extend(result.notes.iter().map(|note| self.say(note)));
            if !output.is_empty() {
                xml.push_str(&format!("<system-out>{}</system-out>", escaped(&output.join("\n"))));
            }
            xml.push_str("</testcase>\n");
        }
        xml.push_str("</testsuite>\n");
        xml
    }

    /// The cause of a failure, and what the check itself says if that is something else.
    fn message(&self, result: &CheckResult, failure: &Failure) -> String {
        match self.causes.iter().find(|cause| cause.checks.contains(&result.check.id)) {
            Some(cause) if cause.headline != failure.cause => {
                format!("{}: {}", self.say(&cause.headline), self.say(&failure.cause))
            }
            _ => self.say(&failure.cause),
        }
    }

    fn described(&self, cause: &Cause) -> String {
        let Cause { headline, advice, severity, checks, repeat } = cause;
        let (severity, headline) = (self.say(severity.as_str()), self.say(headline));
        let (act, again) = (self.say("do"), self.say("again"));
        format!("{severity}: {headline} ({}); {act}: {}; {again}: {repeat}", checks.join(" "), self.say(advice))
    }

    fn details(&self, result: &CheckResult, failure: &Failure) -> String {
        let repeat = result.exchanges.last().map_or("", |exchange| &*exchange.repeat);
        let Failure { expected, got, .. } = failure;
        let said = [("expected", &**expected), ("got", got), ("hint", result.hint())];
        let said = said.map(|(name, text)| format!("{}: {}\n", self.say(name), self.say(text)));
        format!("{}{}: {repeat}", said.concat(), self.say("repeat"))
    }
}

/// Escapes a text for elements and attributes, without the characters that XML cannot contain.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}
