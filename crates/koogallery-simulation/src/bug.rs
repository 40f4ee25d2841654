//! Planted bugs, which prove that the simulation finds what it is there for.

use std::fmt;
use std::str::FromStr;

use crate::Invariant;

/// A bug in a store, an adapter or a handler of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bug {
    /// A ledger releases the lease when an extension fails.
    LeaseForgotten,
    /// A ledger takes the outcome of a holder that has lost its lease.
    OutcomeOfAnyone,
    /// A ledger decides about leases by the clock of the replica that asks.
    ReplicaClock,
    /// A ledger says that it has extended a lease and has not.
    ExtensionNotStored,
    /// A ledger says that it has noted a change and has not.
    OutcomeNotStored,
    /// A ledger stores a renewal without its key.
    KeyNotStored,
    /// A ledger does not store when a change of the status was signed.
    TimeNotStored,
    /// A ledger makes a new instance where a creation was cut off.
    SecondInstance,
    /// A ledger never ends the lease of a holder that has died.
    EndlessLease,
    /// A replay guard forgets what it has claimed.
    ClaimForgotten,
    /// A License store keeps the last License instead of the first.
    LastLicense,
    /// An outbox counts records as delivered before the answer.
    DeliveredTooEarly,
    /// A usage store acknowledges usage without storing it, now and then.
    UsageNotStored,
    /// A usage store forgets whose usage it has counted, so that a repeat counts again.
    UsageCountedTwice,
    /// A handler writes without looking at the fence.
    NoFence,
}

impl Bug {
    /// All bugs.
    pub const ALL: [Self; 15] = [
        Self::LeaseForgotten,
        Self::OutcomeOfAnyone,
        Self::ReplicaClock,
        Self::ExtensionNotStored,
        Self::OutcomeNotStored,
        Self::KeyNotStored,
        Self::TimeNotStored,
        Self::SecondInstance,
        Self::EndlessLease,
        Self::ClaimForgotten,
        Self::LastLicense,
        Self::DeliveredTooEarly,
        Self::UsageNotStored,
        Self::UsageCountedTwice,
        Self::NoFence,
    ];

    /// Returns the invariant that shows the bug.
    pub const fn broken_invariant(self) -> Invariant {
        match self {
            Self::LeaseForgotten | Self::ReplicaClock | Self::ExtensionNotStored => Invariant::OneHolder,
            Self::OutcomeOfAnyone => Invariant::HolderOnly,
            Self::OutcomeNotStored => Invariant::SuccessIsDone,
            Self::KeyNotStored => Invariant::OneRun,
            Self::TimeNotStored | Self::NoFence => Invariant::NewestWins,
            Self::SecondInstance => Invariant::OneId,
            Self::EndlessLease => Invariant::EverythingEnds,
            Self::ClaimForgotten => Invariant::NoReplayedQuery,
            Self::LastLicense => Invariant::OneLicense,
            Self::DeliveredTooEarly => Invariant::DeliveredWithEvidence,
            Self::UsageNotStored | Self::UsageCountedTwice => Invariant::NoUsageLost,
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Bug {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|bug| bug.to_string().eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("there is no bug {name}; there are {:?}", Self::ALL))
    }
}
