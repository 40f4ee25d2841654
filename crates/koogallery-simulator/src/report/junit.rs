//! The report as JUnit XML, for continuous integration.

use super::{Outcome, Report};
use crate::Severity;

impl Report {
    /// Formats the report as JUnit XML: one test case per check. Only failed mandatory checks are failures there; other
    /// failures and remarks are in the output of their case.
    pub fn to_junit(&self) -> String {
        let must = self.failures().filter(|(result, _)| result.check.severity == Severity::Must).count();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"koogallery {}\" tests=\"{}\" failures=\"{must}\" errors=\"0\" skipped=\"{}\">\n",
            self.profile,
            self.results.len(),
            self.not_run().count(),
        );
        for result in &self.results {
            let name = escaped(&format!("{} {}", result.check.id, result.check.title));
            xml.push_str(&format!("  <testcase classname=\"koogallery.{}\" name=\"{name}\">", self.profile));
            let mut output: Vec<String> = Vec::new();
            match &result.outcome {
                Outcome::Passed => {}
                Outcome::NotRun { why } => xml.push_str(&format!("<skipped message=\"{}\"/>", escaped(why))),
                Outcome::Failed(failure) => {
                    let curl = result.exchanges.last().map_or("", |exchange| &*exchange.curl);
                    let details = format!(
                        "expected: {}\ngot: {}\nhint: {}\nrepeat: {curl}",
                        failure.expected, failure.got, result.check.hint
                    );
                    match result.check.severity {
                        Severity::Must => xml.push_str(&format!(
                            "<failure message=\"{}\">{}</failure>",
                            escaped(&failure.cause),
                            escaped(&details)
                        )),
                        _ => output.extend([failure.cause.clone(), details]),
                    }
                }
            }
            output.extend(result.notes.iter().cloned());
            if !output.is_empty() {
                xml.push_str(&format!("<system-out>{}</system-out>", escaped(&output.join("\n"))));
            }
            xml.push_str("</testcase>\n");
        }
        xml.push_str("</testsuite>\n");
        xml
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
