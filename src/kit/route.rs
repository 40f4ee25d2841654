//! Paths of the messages.

use std::fmt;

use super::{v1, v2};
use crate::activity::Activity;

/// The path behind the production address under which every message is.
pub(crate) const DIRECTORY: &str = "/produceAPI";

/// A generation of the Kit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a message is written differently in each, so a new one must not pass unseen"
)]
pub enum Version {
    /// Guide V1.0: `authToken` over the body, answered with `Body-Sign`.
    V1,
    /// Guide V2.0: `x-sign` over the body.
    V2,
}

impl Version {
    /// The path between the production address and the name of the message.
    const fn directory(self) -> &'static str {
        match self {
            Self::V1 => DIRECTORY,
            Self::V2 => "/produceAPI/v2",
        }
    }

    const fn activities(self) -> &'static [Activity] {
        match self {
            Self::V1 => v1::Callback::ACTIVITIES,
            Self::V2 => v2::Callback::ACTIVITIES,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "V1.0",
            Self::V2 => "V2.0",
        })
    }
}

/// The message that a request path ends in, whatever production address stands before it.
///
/// Letter case counts. One slash at the end and a query behind the path are passed over.
///
/// ```
/// use koogallery::activity::Activity;
/// use koogallery::kit::{Version, route};
///
/// assert_eq!(route("/isv/produce/produceAPI/v2/authSync"), Some((Version::V2, Activity::AuthSync)));
/// assert_eq!(route("/produceAPI/tenantSync"), Some((Version::V1, Activity::TenantSync)));
/// assert_eq!(route("/isv/produce"), None);
/// ```
pub fn route(path: &str) -> Option<(Version, Activity)> {
    let path = path.split('?').next()?;
    let (before, name) = path.strip_suffix('/').unwrap_or(path).rsplit_once('/')?;
    let version = [Version::V1, Version::V2].into_iter().find(|version| before.ends_with(version.directory()))?;
    let activity = version.activities().iter().find(|activity| activity.as_str() == name)?;
    Some((version, *activity))
}

/// Returns the path that the marketplace appends to the production address for a message; `None` for what is no message
/// of the Kit.
///
/// ```
/// use koogallery::activity::Activity;
/// use koogallery::kit::{Version, sub_path};
///
/// assert_eq!(sub_path(Version::V2, Activity::AuthSync).as_deref(), Some("/produceAPI/v2/authSync"));
/// ```
pub fn sub_path(version: Version, activity: Activity) -> Option<String> {
    let known = version.activities().contains(&activity);
    known.then(|| format!("{}/{activity}", version.directory()))
}
