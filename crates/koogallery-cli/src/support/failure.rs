//! Errors that end a command.

use std::error::Error;
use std::fmt;

/// Ends a command with exit code 2 and this text.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Creates a failure from the attempted action, and the error with all its causes.
    pub fn of(what: impl fmt::Display, error: &dyn Error) -> Self {
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        Self(causes.fold(format!("{what}: {error}"), |text, cause| format!("{text}: {cause}")))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
