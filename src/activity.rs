//! The names by which a callback says what it is about.

use std::fmt;
use std::str::FromStr;

/// The activity of a callback: the value of `activity` in its body or query, the last segment of a Kit callback's path.
///
/// Four names serve both SaaS and the online License; the name alone does not show which of the two is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activity {
    /// `newInstance` (SaaS V1.0, V2.0; online License): a customer has bought and paid.
    NewInstance,
    /// `queryInstance` (SaaS V1.0, V2.0): access data and usage are asked for.
    QueryInstance,
    /// `refreshInstance` (SaaS V1.0, V2.0; online License): the expiry date changes.
    RefreshInstance,
    /// `updateInstanceStatus` (SaaS V2.0; online License): freeze or unfreeze.
    UpdateInstanceStatus,
    /// `releaseInstance` (SaaS V1.0, V2.0; online License): final deletion.
    ReleaseInstance,
    /// `upgradeInstance` (SaaS V2.0): upgrade or expansion.
    UpgradeInstance,
    /// `changeInstanceCheck` (SaaS V2.0): checks whether the instance may change at its renewal.
    ChangeInstanceCheck,
    /// `expireInstance` (SaaS V1.0): freeze at expiry.
    ExpireInstance,
    /// `upgrade` (SaaS V1.0): upgrade or expansion.
    Upgrade,
    /// `instanceStatus` (SaaS V1.0): freeze or unfreeze.
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
    /// `getLicenseAsync` (online License): a user applies for a License.
    GetLicenseAsync,
    /// `refreshLicenseCode` (authorization code 2.0): the expiry date changes.
    RefreshLicenseCode,
    /// `updateLicenseCodeStatus` (authorization code 2.0): freeze or unfreeze.
    UpdateLicenseCodeStatus,
    /// `releaseLicenseCode` (authorization code 2.0): final deletion.
    ReleaseLicenseCode,
    /// `getLicense` (License V1): a customer has bought and paid, and waits for the License.
    GetLicense,
    /// `refreshLicense` (License V1): the expiry date changes.
    RefreshLicense,
    /// `expireLicense` (License V1): freeze at expiry.
    ExpireLicense,
    /// `releaseLicense` (License V1): final deletion.
    ReleaseLicense,
    /// `orderNotify` (order notification): there is a new order.
    OrderNotify,
}

impl Activity {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::NewInstance,
        Self::QueryInstance,
        Self::RefreshInstance,
        Self::UpdateInstanceStatus,
        Self::ReleaseInstance,
        Self::UpgradeInstance,
        Self::ChangeInstanceCheck,
        Self::ExpireInstance,
        Self::Upgrade,
        Self::InstanceStatus,
        Self::TenantSync,
        Self::ApplicationSync,
        Self::AuthSync,
        Self::SingleOrgSync,
        Self::AllOrgSync,
        Self::GetLicenseAsync,
        Self::RefreshLicenseCode,
        Self::UpdateLicenseCodeStatus,
        Self::ReleaseLicenseCode,
        Self::GetLicense,
        Self::RefreshLicense,
        Self::ExpireLicense,
        Self::ReleaseLicense,
        Self::OrderNotify,
    ];

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
            Self::GetLicenseAsync => "getLicenseAsync",
            Self::RefreshLicenseCode => "refreshLicenseCode",
            Self::UpdateLicenseCodeStatus => "updateLicenseCodeStatus",
            Self::ReleaseLicenseCode => "releaseLicenseCode",
            Self::GetLicense => "getLicense",
            Self::RefreshLicense => "refreshLicense",
            Self::ExpireLicense => "expireLicense",
            Self::ReleaseLicense => "releaseLicense",
            Self::OrderNotify => "orderNotify",
        }
    }

    /// Returns whether the marketplace repeats a failed call by itself; each message says how often and for how long.
    /// What it does not repeat, a person must restart in the seller console.
    ///
    /// The two read-only calls (`queryInstance`, `changeInstanceCheck`) are not repeated, and License V1 makes its calls
    /// once, except `getLicense`. (`expireLicense` by analogy, unverified.) Of Kit calls no repetition is documented:
    /// the buyer or the enterprise's administrator chooses to try again.
    pub const fn is_retried(self) -> bool {
        !matches!(
            self,
            Self::QueryInstance
                | Self::ChangeInstanceCheck
                | Self::RefreshLicense
                | Self::ExpireLicense
                | Self::ReleaseLicense
                | Self::TenantSync
                | Self::ApplicationSync
                | Self::AuthSync
                | Self::SingleOrgSync
                | Self::AllOrgSync
        )
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Activity {
    type Err = UnknownActivity;

    /// Letter case counts.
    fn from_str(name: &str) -> Result<Self, UnknownActivity> {
        Self::ALL.into_iter().find(|activity| activity.as_str() == name).ok_or(UnknownActivity)
    }
}

/// The name is none of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name is none of an activity")]
#[non_exhaustive]
pub struct UnknownActivity;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for activity in Activity::ALL {
            assert_eq!(activity.as_str().parse(), Ok(activity));
        }
        for name in ["", "NewInstance", "newinstance", " newInstance"] {
            assert_eq!(name.parse::<Activity>(), Err(UnknownActivity));
        }
    }
}
