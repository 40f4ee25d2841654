//! Which protocol is checked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::delivery::Generation;
use crate::activity::Activity;
use crate::key::InterfaceType;
use crate::wire::FieldSpec;
use crate::{kit, license, order_notify, saas};

/// That of V1.0, and of the debugging page for both generations.
pub(super) const LONGEST_DEADLINE: Duration = Duration::from_secs(20);

/// What is checked: one generation of one family of callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// `saas-v2`: SaaS callbacks V2.0.
    SaasV2,
    /// `saas-v1`: SaaS callbacks V1.0.
    SaasV1,
    /// `kit-v1`: Kit callbacks V1.0.
    KitV1,
    /// `kit-v2`: Kit callbacks V2.0.
    KitV2,
    /// `license-code`: License authorization code 2.0.
    LicenseCode,
    /// `license-online`: online License.
    LicenseOnline,
    /// `license-v1`: License V1.
    LicenseV1,
    /// `order-notify`: order notification.
    OrderNotify,
    /// `console`: what the seller console's debugging page is known to check of SaaS V2.0, in its words, and no more.
    Console,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SaasV2,
        Self::SaasV1,
        Self::KitV1,
        Self::KitV2,
        Self::LicenseCode,
        Self::LicenseOnline,
        Self::LicenseV1,
        Self::OrderNotify,
        Self::Console,
    ];

    /// The name on a command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SaasV2 => "saas-v2",
            Self::SaasV1 => "saas-v1",
            Self::KitV1 => "kit-v1",
            Self::KitV2 => "kit-v2",
            Self::LicenseCode => "license-code",
            Self::LicenseOnline => "license-online",
            Self::LicenseV1 => "license-v1",
            Self::OrderNotify => "order-notify",
            Self::Console => "console",
        }
    }

    /// Which key the calls are signed with.
    pub const fn interface(self) -> InterfaceType {
        match self {
            Self::SaasV1 | Self::LicenseV1 => InterfaceType::V1,
            Self::SaasV2 | Self::LicenseOnline | Self::Console => InterfaceType::Basic,
            Self::KitV1 | Self::KitV2 => InterfaceType::Kit,
            Self::LicenseCode => InterfaceType::License,
            Self::OrderNotify => InterfaceType::General,
        }
    }

    /// Whose calls are made.
    pub(super) const fn generation(self) -> Generation {
        match self {
            Self::SaasV2 | Self::Console => Generation::SaasV2,
            Self::SaasV1 => Generation::SaasV1,
            Self::KitV1 => Generation::KitV1,
            Self::KitV2 => Generation::KitV2,
            Self::LicenseCode => Generation::LicenseCode,
            Self::LicenseOnline => Generation::LicenseOnline,
            Self::LicenseV1 => Generation::LicenseV1,
            Self::OrderNotify => Generation::OrderNotify,
        }
    }

    /// The table of a message.
    pub(super) fn fields(self, activity: Activity) -> Option<&'static [FieldSpec]> {
        match self {
            Self::SaasV1 => saas::v1::Callback::fields(activity),
            Self::SaasV2 | Self::Console => saas::v2::Callback::fields(activity),
            Self::KitV1 => kit::v1::Callback::fields(activity),
            Self::KitV2 => kit::v2::Callback::fields(activity),
            Self::LicenseCode => license::code::Callback::fields(activity),
            Self::LicenseOnline => license::online::Callback::fields(activity),
            Self::LicenseV1 => license::v1::Callback::fields(activity),
            Self::OrderNotify => (activity == Activity::OrderNotify).then_some(order_notify::Request::FIELDS),
        }
    }

    pub(super) const fn scheme(self) -> Scheme {
        match self {
            Self::SaasV1 | Self::LicenseV1 => Scheme::AuthToken,
            Self::KitV1 => Scheme::AuthTokenBody,
            Self::KitV2 => Scheme::KitV2,
            _ => Scheme::CallbackV2,
        }
    }

    /// Within which an answer has to come.
    pub(super) const fn deadline(self) -> Duration {
        match self {
            Self::SaasV1 | Self::LicenseV1 | Self::KitV1 | Self::Console => LONGEST_DEADLINE,
            _ => Duration::from_secs(5),
        }
    }

    /// Whether the call that begins the life of an instance is about an order.
    pub(super) const fn has_purchases(self) -> bool {
        matches!(self, Self::SaasV1 | Self::SaasV2 | Self::LicenseOnline | Self::LicenseV1 | Self::Console)
    }
}

/// How a call is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `signature`, `timestamp` and `nonce` in the query.
    CallbackV2,
    /// `x-sign`, `x-timestamp` and `x-nonce` in headers.
    KitV2,
    /// `authToken` in the query.
    AuthToken,
    /// `authToken` in a header.
    AuthTokenBody,
}

impl Scheme {
    /// Whether calls carry a nonce and a window of 60 seconds is documented.
    pub(super) const fn has_nonce(self) -> bool {
        matches!(self, Self::CallbackV2 | Self::KitV2)
    }

    /// Whether answers carry `Body-Sign`.
    pub(super) const fn signs_answers(self) -> bool {
        !self.has_nonce()
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
        Self::ALL.into_iter().find(|profile| profile.as_str() == name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

/// A name that no profile has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no profile; there are saas-v2, saas-v1, kit-v1, kit-v2, license-code, license-online, license-v1, order-notify and console"
)]
pub struct UnknownProfile(String);
