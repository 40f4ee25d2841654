//! The ways of charging for a product, and the callbacks that each requires.

use std::fmt;
use std::str::FromStr;

use koogallery::activity::Activity::{
    self, ExpireInstance, GetLicense, InstanceStatus, NewInstance, QueryInstance, RefreshInstance, ReleaseInstance,
    UpdateInstanceStatus,
};
use koogallery::protocol::Protocol;

/// Way of charging for a product. It decides which callbacks the marketplace makes, and so which ones a seller has to
/// implement.
///
/// Sources: the matrices of the access guides (V2.0 2025-12-16, V1.0 2025-11-13) and of the pages about packages
/// (2024-05-22).
///
/// ```
/// use koogallery::activity::Activity;
/// use koogallery::protocol::Protocol;
/// use koogallery_simulator::Charging;
///
/// let charging: Charging = "one-time".parse()?;
/// assert!(!charging.requires(Protocol::SaasV2, Activity::RefreshInstance));
/// assert!(Charging::Period.requires(Protocol::SaasV2, Activity::RefreshInstance));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Charging {
    /// `one-time`: paid once, without an end (按次).
    OneTime,
    /// `period`: by the month or year (包周期).
    Period,
    /// `on-demand`: by usage, afterwards (按需).
    OnDemand,
    /// `package`: usage paid in advance, until it is used up (套餐包).
    Package,
}

impl Charging {
    /// All ways of charging.
    pub const ALL: [Self; 4] = [Self::OneTime, Self::Period, Self::OnDemand, Self::Package];

    /// Returns the name on a command line: `one-time`, `period`, `on-demand` or `package`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneTime => "one-time",
            Self::Period => "period",
            Self::OnDemand => "on-demand",
            Self::Package => "package",
        }
    }

    /// Returns whether the guide's matrix requires the seller to implement a callback. Upgrades and checks of changes are
    /// never required. Protocols without a matrix require all of their callbacks.
    pub fn requires(self, protocol: Protocol, activity: Activity) -> bool {
        match (protocol, self) {
            (Protocol::SaasV2, Self::OneTime) => matches!(activity, NewInstance | QueryInstance | ReleaseInstance),
            (Protocol::SaasV2, Self::Period | Self::OnDemand) => matches!(
                activity,
                NewInstance | QueryInstance | RefreshInstance | UpdateInstanceStatus | ReleaseInstance
            ),
            (Protocol::SaasV2, Self::Package) => {
                matches!(activity, NewInstance | QueryInstance | RefreshInstance | ReleaseInstance)
            }
            (Protocol::SaasV1, Self::OneTime) => matches!(activity, NewInstance | ReleaseInstance),
            (Protocol::SaasV1, Self::Period) => {
                matches!(activity, NewInstance | RefreshInstance | ExpireInstance | ReleaseInstance)
            }
            (Protocol::SaasV1, Self::OnDemand | Self::Package) => {
                matches!(activity, NewInstance | InstanceStatus | QueryInstance | ReleaseInstance)
            }
            // The older guide has no other callback.
            (Protocol::LicenseV1, _) => activity == GetLicense,
            _ => protocol.activities().contains(&activity),
        }
    }
}

impl fmt::Display for Charging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Charging {
    type Err = UnknownCharging;

    fn from_str(name: &str) -> Result<Self, UnknownCharging> {
        Self::ALL.into_iter().find(|charging| charging.as_str() == name).ok_or_else(|| UnknownCharging(name.to_owned()))
    }
}

/// The name is not the name of a way of charging.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown way of charging {0:?}; known are one-time, period, on-demand and package")]
pub struct UnknownCharging(String);
