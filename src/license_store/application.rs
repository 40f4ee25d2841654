//! An application, the License issued for it, and the rules that all engines share.

use std::fmt;

use bytes::Bytes;

use super::ApplicationOutcome;
use crate::lease::{Fence, Lease};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// The identity of an application: repeats carry the same values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ApplicationId {
    /// Online License: the marketplace's flow id.
    Event(String),
    /// License V1: the order.
    Order(String),
}

impl ApplicationId {
    /// Returns the word for the kind of id: `event` or `order`. With [`value`](Self::value) it makes a key for a store.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Order(_) => "order",
        }
    }

    /// Returns the id itself.
    pub fn value(&self) -> &str {
        match self {
            Self::Event(id) | Self::Order(id) => id,
        }
    }

    /// Returns the id of a [kind](Self::kind) and [value](Self::value), or `None` if the kind is unknown.
    pub fn from_parts(kind: &str, value: impl Into<String>) -> Option<Self> {
        match kind {
            "event" => Some(Self::Event(value.into())),
            "order" => Some(Self::Order(value.into())),
            _ => None,
        }
    }
}

/// An application for a License.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LicenseApplication {
    /// Its identity.
    pub id: ApplicationId,
    /// The instance that it is for.
    pub instance_id: String,
    /// The device to bind the License to: a fingerprint, or a hardware or system identification code.
    pub device: Option<Sensitive>,
    /// Begin of the License's validity; online License only.
    pub effective_time: Option<Timestamp>,
    /// End of the License's validity; none for one-time products. An estimate in V1.
    pub expire_time: Option<Timestamp>,
    /// Fencing token of the run and end of its lease, for the handler's own writes. The tokens are those of the
    /// application, not of the instance. A store does not keep it.
    pub fence: Fence,
}

impl LicenseApplication {
    /// Creates an application without a device and times.
    ///
    /// ```
    /// use koogallery::license_store::{ApplicationId, LicenseApplication};
    ///
    /// let mut application = LicenseApplication::new(ApplicationId::Event("E1".to_owned()), "instance-1");
    /// application.device = Some("fingerprint".into());
    /// ```
    pub fn new(id: ApplicationId, instance_id: impl Into<String>) -> Self {
        Self {
            id,
            instance_id: instance_id.into(),
            device: None,
            effective_time: None,
            expire_time: None,
            fence: Fence::default(),
        }
    }

    /// Returns whether another application with the same id repeats this one: for the same instance and device. The
    /// times are not compared; those of the first count. An order has one License whatever a repetition says.
    fn is_repeated_by(&self, other: &Self) -> bool {
        matches!(self.id, ApplicationId::Order(_))
            || self.instance_id == other.instance_id && self.device == other.device
    }
}

/// A License as the seller issued it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum License {
    /// A text: at most 1024 characters for the upload.
    Text(Sensitive),
    /// A file, at most 12 MiB.
    File {
        /// The file name, at most 1024 characters.
        name: String,
        /// The content.
        content: Bytes,
    },
    /// The seller delivers it in another way.
    DeliveredElsewhere,
}

impl License {
    /// Creates a License that is a text.
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

/// The record of an application in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredApplication {
    /// The application.
    pub application: LicenseApplication,
    /// The License, once issued.
    pub license: Option<License>,
    /// Progress of the work on it.
    pub progress: Progress,
    /// Number of leases that were granted on it. It never decreases.
    pub attempts: u32,
}

/// Progress of the work on an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// To be worked on from this time, which is the end of the lease where a holder has one.
    Due(Timestamp),
    /// The marketplace has the License.
    Delivered,
    /// No retry unless it is applied for again.
    GivenUp,
}

/// The answer to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "nearly every application is accepted")]
pub enum Applied {
    /// It is to be worked on; the record as it is now.
    Accepted(StoredApplication),
    /// Another instance or device has this id.
    Conflict,
}

/// Rules for implementations of [`LicenseStore`](super::LicenseStore).
impl StoredApplication {
    /// Creates a record as it was stored, without a License.
    ///
    /// ```
    /// use koogallery::license_store::{ApplicationId, License, LicenseApplication, Progress, StoredApplication};
    ///
    /// let application = LicenseApplication::new(ApplicationId::Event("E1".to_owned()), "instance-1");
    /// let mut stored = StoredApplication::new(application, Progress::Delivered);
    /// stored.license = Some(License::text("LICENSE-1"));
    /// ```
    pub fn new(application: LicenseApplication, progress: Progress) -> Self {
        Self { application, license: None, progress, attempts: 0 }
    }

    /// Returns the answer to an application, given the record with its id, if there is one. An accepted record replaces
    /// the known one; a lease on the known one stays.
    pub fn apply(known: Option<Self>, application: LicenseApplication, now: Timestamp) -> Applied {
        let due = Progress::Due(now);
        Applied::Accepted(match known {
            None => Self::new(application, due),
            Some(known) if !known.application.is_repeated_by(&application) => return Applied::Conflict,
            // A holder that works on it is not disturbed.
            Some(known) => match known.progress {
                Progress::Due(_) => known,
                Progress::Delivered | Progress::GivenUp => Self { progress: due, ..known },
            },
        })
    }

    /// Leases the record if it is due, by making it due at the end of the lease. Returns whether it was due; the store
    /// then keeps the record together with the lease's holder. For stores whose processes share one clock.
    pub fn claim(&mut self, lease: Lease, now: Timestamp) -> bool {
        match self.progress {
            Progress::Due(at) if at <= now => {
                self.progress = Progress::Due(lease.end(now));
                self.attempts = self.attempts.saturating_add(1);
                true
            }
            _ => false,
        }
    }
}

impl From<ApplicationOutcome> for Progress {
    fn from(outcome: ApplicationOutcome) -> Self {
        match outcome {
            ApplicationOutcome::Delivered => Self::Delivered,
            ApplicationOutcome::Later(at) => Self::Due(at),
            ApplicationOutcome::GivenUp => Self::GivenUp,
        }
    }
}
