//! A check: what it is, what it rests on, and how to mend what it finds.

use std::fmt;

use super::profile::Profile;
use super::session::{Checked, Session};
use futures_util::future::BoxFuture;

/// How much a failed check matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will go wrong one day.
    Should,
    /// The marketplace refuses it, or customers lose what they paid for.
    Must,
}

impl Severity {
    /// `must`, `should` or `info`.
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
    /// Short and lasting, like `F4`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The rule in one line.
    pub title: &'static str,
    /// The document, or the experience, that the rule rests on.
    pub rests_on: &'static str,
    /// What to do if it fails.
    pub mend: &'static str,
}

impl Check {
    /// The checks of a profile in the order in which they run.
    pub fn of(profile: Profile) -> Vec<Self> {
        super::checks::of(profile).map(|entry| entry.check).collect()
    }
}

/// How a check is done.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// By calls of its own.
    Calls(for<'s> fn(&'s mut Session) -> BoxFuture<'s, Checked>),
    /// On the answers to all other calls.
    Answers,
}

/// A check in the table.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) check: Check,
    pub(super) profiles: &'static [Profile],
    /// Without these it would prove nothing.
    pub(super) needs: &'static [&'static str],
    /// Whether it is only done on demand: it takes long or makes many calls.
    pub(super) is_slow: bool,
    pub(super) work: Work,
}
