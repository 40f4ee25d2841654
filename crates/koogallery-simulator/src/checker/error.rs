//! Why no check could be run.

use std::fmt;

use crate::{ProbeError, Profile};
use koogallery::key::InterfaceType;
use koogallery::protocol::Protocol;

/// Reason why no check could be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is no key to sign calls with.
    #[error("no key for {0} calls; set the key of {interfaces}", interfaces = Names(.0.interfaces()))]
    NoKey(Protocol),
    /// No check of the profile has this id.
    #[error("{0} has no check {1}")]
    UnknownCheck(Profile, String),
    /// The seller's instances cannot be listed, so nothing could be said about effects.
    #[error(transparent)]
    Probe(#[from] ProbeError),
}

/// Interface types, one of which is enough.
struct Names(&'static [InterfaceType]);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, interface) in self.0.iter().enumerate() {
            write!(f, "{}{interface:?}", if index > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}
