//! The report: a table of figures against their goals.

use std::fmt::Write as _;

/// A figure and its goal.
pub struct Row {
    pub part: &'static str,
    pub on: String,
    pub figures: String,
    pub goal: String,
    /// `None` where a figure has no goal, or was not measured.
    pub is_met: Option<bool>,
    /// True if missing the goal breaks a promise, false if it is a matter of speed, which depends on the machine.
    pub is_promise: bool,
}

impl Row {
    /// Creates the row of a promise, which holds on every machine.
    pub fn promise(part: &'static str, on: &str, figures: String, goal: &str, is_met: bool) -> Self {
        Self { part, on: on.to_owned(), figures, goal: goal.to_owned(), is_met: Some(is_met), is_promise: true }
    }

    /// Creates the row of a speed.
    pub fn speed(part: &'static str, on: &str, figures: String, goal: &str, is_met: Option<bool>) -> Self {
        Self { part, on: on.to_owned(), figures, goal: goal.to_owned(), is_met, is_promise: false }
    }

    /// Creates the row of a part that ended in an error.
    pub fn failed(error: &str) -> Self {
        Self::promise("a part that failed", "", error.to_owned(), "no error", false)
    }

    /// Creates the row of a part that cannot be measured.
    pub fn left_out(part: &'static str, on: &str, why: &str) -> Self {
        let figures = format!("not measured: {why}");
        Self { part, on: on.to_owned(), figures, goal: String::new(), is_met: None, is_promise: false }
    }
}

/// Returns the report in Markdown.
pub fn markdown(setting: &[(&str, String)], rows: &[Row]) -> String {
    let mut text = String::from("# The promises under stress\n\nMade by `cargo run --release -p koogallery-stress");
    let _ = writeln!(text, "`; what each part does is said in its module.\n");
    for (name, value) in setting {
        let _ = writeln!(text, "- {name}: {value}");
    }
    text.push_str("\n| part | on | figures | goal | met |\n|---|---|---|---|---|\n");
    for Row { part, on, figures, goal, is_met, .. } in rows {
        let met = match is_met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let _ = writeln!(text, "| {part} | {on} | {figures} | {goal} | {met} |");
    }
    text
}
