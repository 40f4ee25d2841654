//! What can go wrong with packages.

use std::time::Duration;

use super::ReservationState;
use crate::amount::Amount;
use crate::metering::{MeteringError, UsageError};
use crate::random::RandomError;
use crate::timestamp::Timestamp;

/// A failed operation on packages. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The usage is invalid, or the store failed.
    #[error(transparent)]
    Metering(#[from] MeteringError),
    /// An id is empty or longer than 64 characters, or has the character U+0000.
    #[error("invalid id {0:?}: expected 1 to 64 characters")]
    Id(String),
    /// The quota of a package is not above zero, too large, or has more than four decimals.
    #[error("invalid quota {0}: expected more than 0 and at most 99999999.9999, with at most four decimals")]
    Quota(Amount),
    /// The validity of a package ends before it begins, or when it does.
    #[error("invalid validity: it ends at {until}, and begins at {from}")]
    Validity {
        /// Begin.
        from: Timestamp,
        /// End.
        until: Timestamp,
    },
    /// The package is known with other data.
    #[error("package {package_instance_id:?} is known with another {field}: {known}, not {given}")]
    Differs {
        /// The package.
        package_instance_id: String,
        /// What differs.
        field: &'static str,
        /// The stored value.
        known: String,
        /// The value given.
        given: String,
    },
    /// No package has this instance id.
    #[error("unknown package {0:?}")]
    UnknownPackage(String),
    /// The package is not for this pay-per-use instance.
    #[error("package {package_instance_id:?} does not cover instance {instance_id:?}")]
    NotCovered {
        /// The package.
        package_instance_id: String,
        /// The pay-per-use instance.
        instance_id: String,
    },
    /// The pay-per-use instance has no package, and usage must not be billed without one.
    #[error("instance {0:?} has no package")]
    NoPackage(String),
    /// The packages that are valid at the time of use have less left than is to be deducted.
    #[error("packages are used up: {left} left")]
    UsedUp {
        /// What is left for usage at that time.
        left: Amount,
    },
    /// A quota would be below what is used and reserved of it.
    #[error("quota {quota} is below {bound}, which is used or reserved")]
    QuotaInUse {
        /// The quota given.
        quota: Amount,
        /// What is used or reserved.
        bound: Amount,
    },
    /// A reservation ends too soon or too late: more than 19 days after its time of use, when its usage could hardly be
    /// reported any more.
    #[error("invalid lease of {0:?}: expected at least 1 ms, and an end within 19 days after the time of use")]
    Lease(Duration),
    /// There is no such reservation, or it was settled more than 21 days ago.
    #[error("unknown reservation {0:?}")]
    UnknownReservation(String),
    /// The reservation is not open any more.
    #[error("reservation {id:?} is {state}")]
    Settled {
        /// The reservation.
        id: String,
        /// Its state.
        state: ReservationState,
    },
    /// The id was used for another reservation that is still known.
    #[error("reservation {id:?} is known with another {field}")]
    OtherReservation {
        /// The reservation.
        id: String,
        /// What differs.
        field: &'static str,
    },
    /// Usage with the id of the reservation was recorded already.
    #[error("usage {0:?} was recorded before")]
    AlreadyRecorded(String),
    /// No id could be drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<UsageError> for PackageError {
    fn from(error: UsageError) -> Self {
        Self::Metering(error.into())
    }
}
