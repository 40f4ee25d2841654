//! Check profiles.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use koogallery::protocol::{Protocol, SignatureScheme};

/// The marketplace's longest timeout: that of V1.0, the Kit and the debugging page.
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The scope of a check: a protocol, or the rules of the seller console's debugging page.
///
/// ```
/// use koogallery::protocol::Protocol;
/// use koogallery_simulator::Profile;
///
/// assert_eq!("kit-v2".parse::<Profile>()?, Protocol::KitV2.into());
/// assert_eq!(Profile::Console.protocol(), Protocol::SaasV2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// A protocol, under its [id](Protocol::id).
    Protocol(Protocol),
    /// `console`: what the seller console's debugging page is known to check of SaaS V2.0, in its words, and no more. The
    /// cases are those that a product needs in its [ways of charging](crate::Checker::with_charging) (default: by period).
    Console,
    /// `console-v1`: the same of SaaS V1.0.
    ConsoleV1,
    /// `console-license`: the same of the online License.
    ConsoleLicense,
}

impl Profile {
    /// Returns all profiles.
    pub fn all() -> impl Iterator<Item = Self> {
        Protocol::ALL.into_iter().map(Self::Protocol).chain([Self::Console, Self::ConsoleV1, Self::ConsoleLicense])
    }

    /// Returns the name on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.id(),
            Self::Console => "console",
            Self::ConsoleV1 => "console-v1",
            Self::ConsoleLicense => "console-license",
        }
    }

    /// Returns the protocol whose calls are made.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Protocol(protocol) => protocol,
            Self::Console => Protocol::SaasV2,
            Self::ConsoleV1 => Protocol::SaasV1,
            Self::ConsoleLicense => Protocol::LicenseOnline,
        }
    }

    /// Returns whether these are the rules of the debugging page, whose calls are tests.
    pub(super) const fn is_console(self) -> bool {
        !matches!(self, Self::Protocol(_))
    }

    pub(super) fn scheme(self) -> SignatureScheme {
        self.protocol().scheme()
    }

    /// Returns the timeout of the marketplace, or of the page.
    pub(super) fn timeout(self) -> Duration {
        match self {
            Self::Protocol(protocol) => protocol.timeout(),
            Self::Console | Self::ConsoleV1 | Self::ConsoleLicense => LONGEST_TIMEOUT,
        }
    }

    /// Returns whether the call that creates an instance is about an order.
    pub(super) fn has_purchases(self) -> bool {
        use Protocol::{LicenseOnline, LicenseV1, SaasV1, SaasV2};
        matches!(self.protocol(), SaasV1 | SaasV2 | LicenseOnline | LicenseV1)
    }
}

impl From<Protocol> for Profile {
    fn from(protocol: Protocol) -> Self {
        Self::Protocol(protocol)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::all().find(|profile| profile.as_str() == name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

/// The name is not the name of a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown profile {0:?}; known are saas-v2, saas-v1, license-online, license-code, license-v1, order-notify, kit-v1, \
     kit-v2, console, console-v1 and console-license"
)]
pub struct UnknownProfile(String);
