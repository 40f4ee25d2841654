//! A report in another language.

use std::fmt;
use std::ops::Deref;

use super::Report;

/// Returns a text in the language of a report; what it does not know stays as it is.
pub type Translate<'a> = dyn Fn(&str) -> String + 'a;

/// A report whose words are translated where it is formatted for people: see [`Report::localized`].
#[derive(Clone, Copy)]
pub struct LocalizedReport<'a> {
    pub(super) report: &'a Report,
    pub(super) tag: &'a str,
    pub(super) translate: &'a Translate<'a>,
}

impl Report {
    /// Returns the report in another language: its tag, such as `zh-CN`, and a function that translates the texts of the
    /// checks and the words around them, without what stands in calls and answers.
    pub fn localized<'a>(&'a self, tag: &'a str, translate: &'a Translate<'a>) -> LocalizedReport<'a> {
        LocalizedReport { report: self, tag, translate }
    }

    pub(super) fn english(&self) -> LocalizedReport<'_> {
        self.localized("en", &str::to_owned)
    }
}

impl LocalizedReport<'_> {
    pub(super) fn say(&self, text: &str) -> String {
        (self.translate)(text)
    }
}

impl Deref for LocalizedReport<'_> {
    type Target = Report;

    fn deref(&self) -> &Report {
        self.report
    }
}

impl fmt::Debug for LocalizedReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalizedReport").field("report", self.report).field("tag", &self.tag).finish_non_exhaustive()
    }
}
