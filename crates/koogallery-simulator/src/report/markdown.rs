//! The report as Markdown, for tickets.

use super::{Outcome, Report};

impl Report {
    /// Formats the report as Markdown: the verdict, a table of all checks, the failures in full, and remarks.
    pub fn to_markdown(&self) -> String {
        let mut text =
            format!("**{}**\n\n| check | severity | result | rule |\n|---|---|---|---|\n", cell(&self.verdict()));
        for result in &self.results {
            let outcome = match &result.outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed(_) => "**failed**".to_owned(),
                Outcome::NotRun { why } => format!("not run: {}", cell(why)),
            };
            let check = result.check;
            text.push_str(&format!("| {} | {} | {outcome} | {} |\n", check.id, check.severity, cell(check.title)));
        }
        for cause in &self.causes {
            text.push_str(&format!("\n### {}\n\n", cell(&cause.headline)));
            text.push_str(&format!("{}\n\n", cell(&cause.advice)));
            for (result, failure) in self.failures_of(cause) {
                let check = result.check;
                text.push_str(&format!(
                    "* {} ({}): expected {}; got {}. ",
                    check.id,
                    check.severity,
                    cell(&failure.expected),
                    cell(&failure.got)
                ));
                text.push_str(&format!("{} Reference: {}.\n", check.hint, check.reference));
                if let Some(exchange) = result.exchanges.last() {
                    text.push_str(&format!(
                        "\n  ```text\n  {}\n  ```\n",
                        exchange.curl.replace("```", "'''").replace('\n', " ")
                    ));
                }
            }
        }
        if self.notes().next().is_some() {
            text.push_str("\n### Notes\n\n");
        }
        for (result, note) in self.notes() {
            text.push_str(&format!("* {}: {}\n", result.check.id, cell(note)));
        }
        text
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}
