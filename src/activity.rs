//! The names by which a callback says what it is about.

use std::fmt;

/// The value of `activity` in a SaaS callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activity {
    /// `newInstance` (V1.0, V2.0): a customer has bought and paid.
    NewInstance,
    /// `queryInstance` (V1.0, V2.0): access data and usage are asked for.
    QueryInstance,
    /// `refreshInstance` (V1.0, V2.0): the expiry date changes.
    RefreshInstance,
    /// `updateInstanceStatus` (V2.0): freeze or unfreeze.
    UpdateInstanceStatus,
    /// `releaseInstance` (V1.0, V2.0): final deletion.
    ReleaseInstance,
    /// `upgradeInstance` (V2.0): upgrade or expansion.
    UpgradeInstance,
    /// `changeInstanceCheck` (V2.0): may the instance change at its renewal?
    ChangeInstanceCheck,
    /// `expireInstance` (V1.0): freeze at expiry.
    ExpireInstance,
    /// `upgrade` (V1.0): upgrade or expansion.
    Upgrade,
    /// `instanceStatus` (V1.0): freeze or unfreeze.
    InstanceStatus,
}

impl Activity {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewInstance => "newInstance",
            Self::QueryInstance => "queryInstance",
            Self::RefreshInstance => "refreshInstance",
            Self::UpdateInstanceStatus => "updateInstanceStatus",
            Self::ReleaseInstance => "releaseInstance",
            Self::UpgradeInstance => "upgradeInstance",
            Self::ChangeInstanceCheck => "changeInstanceCheck",
            Self::ExpireInstance => "expireInstance",
            Self::Upgrade => "upgrade",
            Self::InstanceStatus => "instanceStatus",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
