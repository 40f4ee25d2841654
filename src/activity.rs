//! The names by which a callback says what it is about.

use std::fmt;

/// What a callback is about: the value of `activity` in a SaaS callback, the last segment of a Kit callback's path.
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
    /// `tenantSync` (Kit): an enterprise is bound, changed or unbound.
    TenantSync,
    /// `applicationSync` (Kit): the OAuth client of an application for an enterprise.
    ApplicationSync,
    /// `authSync` (Kit): who may use an application.
    AuthSync,
    /// `singleOrgSync` (Kit): one department has changed.
    SingleOrgSync,
    /// `allOrgSync` (Kit): all departments of an enterprise.
    AllOrgSync,
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
            Self::TenantSync => "tenantSync",
            Self::ApplicationSync => "applicationSync",
            Self::AuthSync => "authSync",
            Self::SingleOrgSync => "singleOrgSync",
            Self::AllOrgSync => "allOrgSync",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
