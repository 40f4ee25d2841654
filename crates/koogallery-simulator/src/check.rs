//! A check: its rule, the reference for the rule, and a hint for fixing violations.

use std::fmt;

/// Severity of a failed check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Likely to cause trouble sooner or later.
    Should,
    /// The marketplace rejects the endpoint, or customers lose what they paid for.
    Must,
}

impl Severity {
    /// Returns `must`, `should` or `info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Should => "should",
            Self::Must => "must",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A check and its background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Short, stable identifier, such as `F4`.
    pub id: &'static str,
    /// Severity.
    pub severity: Severity,
    /// The rule in one line.
    pub title: &'static str,
    /// The document, or the practical experience, behind the rule.
    pub reference: &'static str,
    /// Advice on fixing a failure.
    pub hint: &'static str,
}
