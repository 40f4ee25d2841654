//! The families of callbacks.

use std::fmt;
use std::str::FromStr;

use crate::key::InterfaceType;
use crate::simulator::profile::Profile;

/// A family of callbacks, by how it is called and what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Generation {
    /// [`saas::v2`](crate::saas::v2), `saas-v2`.
    SaasV2,
    /// [`saas::v1`](crate::saas::v1), `saas-v1`.
    SaasV1,
    /// [`license::online`](crate::license::online), `license-online`.
    LicenseOnline,
    /// [`license::code`](crate::license::code), `license-code`.
    LicenseCode,
    /// [`license::v1`](crate::license::v1), `license-v1`.
    LicenseV1,
    /// [`order_notify`](crate::order_notify), `order-notify`.
    OrderNotify,
    /// [`kit::v1`](crate::kit::v1), `kit-v1`.
    KitV1,
    /// [`kit::v2`](crate::kit::v2), `kit-v2`.
    KitV2,
}

impl Generation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SaasV2,
        Self::SaasV1,
        Self::LicenseOnline,
        Self::LicenseCode,
        Self::LicenseV1,
        Self::OrderNotify,
        Self::KitV1,
        Self::KitV2,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SaasV2 => "saas-v2",
            Self::SaasV1 => "saas-v1",
            Self::LicenseOnline => "license-online",
            Self::LicenseCode => "license-code",
            Self::LicenseV1 => "license-v1",
            Self::OrderNotify => "order-notify",
            Self::KitV1 => "kit-v1",
            Self::KitV2 => "kit-v2",
        }
    }

    /// The profile under which it is checked.
    pub const fn profile(self) -> Profile {
        match self {
            Self::SaasV2 => Profile::SaasV2,
            Self::SaasV1 => Profile::SaasV1,
            Self::LicenseOnline => Profile::LicenseOnline,
            Self::LicenseCode => Profile::LicenseCode,
            Self::LicenseV1 => Profile::LicenseV1,
            Self::OrderNotify => Profile::OrderNotify,
            Self::KitV1 => Profile::KitV1,
            Self::KitV2 => Profile::KitV2,
        }
    }

    /// Whether it is one of the Kit's.
    pub const fn is_kit(self) -> bool {
        matches!(self, Self::KitV1 | Self::KitV2)
    }

    /// Whether calls are GET requests, with everything in the query: the base interface of V1.0.
    pub const fn is_query(self) -> bool {
        matches!(self, Self::SaasV1 | Self::LicenseV1)
    }

    /// Whether answers have to be signed (`Body-Sign`): V1.0.
    pub const fn signs_answers(self) -> bool {
        matches!(self, Self::SaasV1 | Self::LicenseV1 | Self::KitV1)
    }

    /// Whose key signs it. For the online License no document says it; the basic interface's is taken (unverified).
    pub const fn interface(self) -> InterfaceType {
        match self {
            Self::SaasV2 | Self::LicenseOnline => InterfaceType::Basic,
            Self::SaasV1 | Self::LicenseV1 | Self::KitV1 => InterfaceType::V1,
            Self::LicenseCode => InterfaceType::License,
            Self::OrderNotify => InterfaceType::General,
            Self::KitV2 => InterfaceType::Kit,
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Generation {
    type Err = UnknownGeneration;

    fn from_str(text: &str) -> Result<Self, UnknownGeneration> {
        Self::ALL.into_iter().find(|generation| generation.as_str() == text).ok_or(UnknownGeneration)
    }
}

/// The name is none of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the generation is none of saas-v2, saas-v1, license-online, license-code, license-v1, order-notify, kit-v1, kit-v2"
)]
pub struct UnknownGeneration;
