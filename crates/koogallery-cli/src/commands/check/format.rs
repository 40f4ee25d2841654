//! The forms of the reports of all profiles together.

use clap::ValueEnum;
use koogallery_simulator::{LocalizedReport, Report};
use serde_json::json;

use super::served::LeftOut;
use crate::commands::serve::lang::Lang;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Junit,
    Markdown,
    Html,
}

impl Format {
    /// Returns whether its texts can be in another language than English.
    pub const fn is_translated(self) -> bool {
        matches!(self, Self::Junit | Self::Markdown | Self::Html)
    }

    /// Writes the reports; text, which may be colored or short, and JSON are in English.
    pub fn write(self, reports: &[Report], left_out: &[LeftOut], lang: Lang, colors: bool, is_quiet: bool) -> String {
        let say = |text: &str| lang.say(text).into_owned();
        let each = |write: &dyn Fn(&Report) -> String| reports.iter().map(write).collect::<Vec<_>>();
        let translated = |write: &dyn Fn(LocalizedReport<'_>) -> String| {
            reports.iter().map(|report| write(report.localized(lang.tag(), &say))).collect::<Vec<_>>()
        };
        match self {
            Self::Text if is_quiet => each(&|report| report.to_short_text(colors)).concat(),
            Self::Text => {
                let texts = each(&|report| report.to_text(colors));
                verdicts(&texts) + &texts.join("\n") + &in_lines(left_out, "", Lang::English)
            }
            Self::Html => html(&translated(&|report| report.to_html()), &in_lines(left_out, "", lang)),
            Self::Markdown => translated(&|report| report.to_markdown()).join("\n") + &in_lines(left_out, "* ", lang),
            Self::Json => {
                let left_out = left_out
                    .iter()
                    .map(|family| json!({ "profile": family.profile.as_str(), "left_out": family.why }).to_string());
                let all: Vec<_> = each(&Report::to_json).into_iter().chain(left_out).collect();
                format!("[{}]\n", all.join(","))
            }
            Self::Junit => {
                let suites = translated(&|report| {
                    let suite = report.to_junit();
                    suite.split_once("?>\n").map_or(suite.clone(), |(_, suite)| suite.to_owned())
                });
                let skipped: String = left_out.iter().map(|family| skipped_suite(family, lang)).collect();
                let suites = suites.concat() + &skipped;
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{suites}</testsuites>\n")
            }
        }
    }
}

/// The families that are not checked, one line per reason.
fn in_lines(left_out: &[LeftOut], mark: &str, lang: Lang) -> String {
    let mut lines = String::new();
    let mut families = left_out;
    while let Some((first, _)) = families.split_first() {
        let count = families.iter().take_while(|family| family.why == first.why).count();
        let (same, others) = families.split_at(count);
        let names: Vec<_> = same.iter().map(|family| family.profile.as_str()).collect();
        let (head, why) = (lang.say("left out"), lang.say(&first.why));
        lines.push_str(&format!("{mark}{head}: {}: {why}\n", names.join(", ")));
        families = others;
    }
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// The first lines of several reports.
fn verdicts(texts: &[String]) -> String {
    match texts {
        [] | [_] => String::new(),
        several => {
            several.iter().filter_map(|text| text.lines().next()).fold(String::new(), |all, line| all + line + "\n")
                + "\n"
        }
    }
}

/// One file of several.
fn html(files: &[String], left_out: &str) -> String {
    const BODY: &str = "<body>\n";
    const END: &str = "</body>\n</html>\n";
    let head =
        files.first().and_then(|file| file.split_once(BODY)).map_or("<!DOCTYPE html>\n<html>\n", |(head, _)| head);
    let body = |file: &String| {
        let (_, body) = file.split_once(BODY).unwrap_or(("", file));
        body.strip_suffix(END).unwrap_or(body).to_owned()
    };
    let bodies: String = files.iter().map(body).collect();
    let left_out: String = left_out.trim().lines().map(|line| format!("<p>{}</p>\n", escaped(line))).collect();
    format!("{head}{BODY}{bodies}{left_out}{END}")
}

fn skipped_suite(family: &LeftOut, lang: Lang) -> String {
    format!(
        "<testsuite name=\"{0}\" tests=\"1\" skipped=\"1\"><testcase name=\"{0} is served\"><skipped message=\"{1}\"/></testcase></testsuite>\n",
        family.profile,
        escaped(&lang.say(&family.why))
    )
}

/// Escapes a text for elements and attributes.
fn escaped(text: &str) -> String {
    let text = text.replace(char::is_control, "\u{fffd}").replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
