//! An application, the License made for it, and what the two mean for each other; shared by all engines.

use std::fmt;

use bytes::Bytes;

use super::{Claim, Outcome};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// What identifies an application: repeats carry the same values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApplicationId {
    /// Online License: the marketplace's flow id.
    Event(String),
    /// License V1: the order.
    Order(String),
}

/// Somebody asks for a License.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Application {
    /// What identifies it.
    pub id: ApplicationId,
    /// The instance that it is for.
    pub instance_id: String,
    /// What it is to be bound to: a device fingerprint, or a hardware or system identification code.
    pub device: Option<Sensitive>,
    /// When it begins; online License only.
    pub effective_time: Option<Timestamp>,
    /// When it ends; none for one-time products. An estimate in V1.
    pub expire_time: Option<Timestamp>,
}

impl Application {
    /// An application that is bound to nothing.
    pub fn new(id: ApplicationId, instance_id: impl Into<String>) -> Self {
        Self { id, instance_id: instance_id.into(), device: None, effective_time: None, expire_time: None }
    }

    /// Whether another application under the same id is a repeat of this one: for the same instance and device. The times
    /// are not compared; those of the first count. An order has one License whatever a repetition says.
    fn is_repeated_by(&self, other: &Self) -> bool {
        matches!(self.id, ApplicationId::Order(_))
            || self.instance_id == other.instance_id && self.device == other.device
    }
}

/// A License as the seller made it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum License {
    /// A text: at most 1024 characters for the upload.
    Text(Sensitive),
    /// A file, at most 12 MiB.
    File {
        /// Its name, at most 1024 characters.
        name: String,
        /// What is in it.
        content: Bytes,
    },
    /// The seller delivers it in another way.
    DeliveredElsewhere,
}

impl License {
    /// A text.
    pub fn text(text: impl Into<Sensitive>) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Debug for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::File { .. } => "File([redacted])",
            Self::DeliveredElsewhere => "DeliveredElsewhere",
        })
    }
}

/// What is known of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredApplication {
    /// The application.
    pub application: Application,
    /// The License, once made.
    pub license: Option<License>,
    /// How work on it stands.
    pub progress: Progress,
}

/// How work on an application stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// To be worked on from this time; until then somebody may be at it.
    Due(Timestamp),
    /// The marketplace has the License.
    Delivered,
    /// Not to be gone on with unless it is applied for again.
    GivenUp,
}

/// The answer to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It is to be worked on; the record as it is now.
    Accepted(StoredApplication),
    /// Another instance or device has this id.
    Conflict,
}

impl StoredApplication {
    /// The record of an application, given what was known of its id.
    pub(super) fn after(known: Option<Self>, application: Application, now: Timestamp) -> Applied {
        let due = Progress::Due(now);
        Applied::Accepted(match known {
            None => Self { application, license: None, progress: due },
            Some(known) if !known.application.is_repeated_by(&application) => return Applied::Conflict,
            // Whoever is at it already goes on undisturbed.
            Some(known) => match known.progress {
                Progress::Due(_) => known,
                Progress::Delivered | Progress::GivenUp => Self { progress: due, ..known },
            },
        })
    }

    /// Takes the record for a holder; tells whether that could be done.
    pub(super) fn take(&mut self, claim: Claim) -> bool {
        match self.progress {
            Progress::Due(at) if at <= claim.now => {
                self.progress = Progress::Due(claim.until);
                true
            }
            _ => false,
        }
    }
}

impl From<Outcome> for Progress {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Delivered,
            Outcome::Later(at) => Self::Due(at),
            Outcome::GivenUp => Self::GivenUp,
        }
    }
}
