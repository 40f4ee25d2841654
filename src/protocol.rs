//! The protocols of the marketplace's callbacks, one row each with every fact in which they differ.

mod retries;
mod scheme;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::Method;

use crate::activity::Activity;
use crate::key::{AccessKeys, InterfaceType, KeyRing};
use crate::wire::{FieldSpec, MessageSpec};
use crate::{kit, license, order_notify, saas};

pub use retries::Retries;
pub use scheme::SignatureScheme;

/// A protocol of the marketplace's callbacks.
///
/// Sources: the access guides named in [`saas`], [`kit`], [`license`] and [`order_notify`].
///
/// ```
/// use koogallery::protocol::{Protocol, SignatureScheme};
///
/// let protocol: Protocol = "saas-v2".parse()?;
/// assert_eq!(protocol, Protocol::SaasV2);
/// assert_eq!(protocol.to_string(), "SaaS V2.0");
/// assert_eq!(protocol.scheme(), SignatureScheme::CallbackV2);
/// assert_eq!(protocol.timeout().as_secs(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What the documents say of its messages, as data:
///
/// ```
/// use koogallery::activity::Activity;
/// use koogallery::key::InterfaceType;
/// use koogallery::protocol::{Protocol, UnfinishedCreation};
///
/// let protocol = Protocol::SaasV1;
/// assert_eq!((protocol.method().as_str(), protocol.interfaces()), ("GET", &[InterfaceType::V1][..]));
/// assert!(protocol.signs_answers() && protocol.has_access_with_creation() && !protocol.is_kit());
/// assert_eq!(protocol.unfinished_creation(), UnfinishedCreation::SuccessWithoutAccess);
/// assert!(protocol.default_deadline() < protocol.timeout());
/// assert!(protocol.scheme().is_in_query() && !protocol.scheme().has_nonce());
///
/// assert!(protocol.activities().contains(&Activity::NewInstance));
/// let retries = protocol.retries(Activity::NewInstance);
/// assert_eq!((retries.count(), retries.interval().as_secs()), (3, 3600));
/// let message = protocol.spec(Activity::NewInstance).ok_or("no such message")?;
/// assert_eq!(Some(message.fields), protocol.fields(Activity::NewInstance));
/// assert!(message.fields.iter().any(|field| field.name == "orderId" && field.mandatory));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// SaaS V2.0 ([`saas::v2`]).
    SaasV2,
    /// SaaS V1.0 ([`saas::v1`]).
    SaasV1,
    /// Online License ([`license::online`]).
    LicenseOnline,
    /// License authorization code 2.0 ([`license::code`]).
    LicenseCode,
    /// License V1 ([`license::v1`]).
    LicenseV1,
    /// Order notification ([`order_notify`]).
    OrderNotify,
    /// Kit V1.0 ([`kit::v1`]).
    KitV1,
    /// Kit V2.0 ([`kit::v2`]).
    KitV2,
}

/// Answer to a purchase whose creation takes longer than the marketplace waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnfinishedCreation {
    /// `000004`, with the id.
    ProcessingCode,
    /// Success, with the id and without access data.
    SuccessWithoutAccess,
    /// Nothing: the answer holds what was created, or nothing is created.
    Unsupported,
}

/// Documented facts of a protocol.
struct Row {
    id: &'static str,
    name: &'static str,
    method: Method,
    scheme: SignatureScheme,
    interfaces: &'static [InterfaceType],
    signs_answers: bool,
    ascii_answers: bool,
    timeout: Duration,
    deadline: Duration,
    unfinished_creation: UnfinishedCreation,
    access_with_creation: bool,
    activities: &'static [Activity],
    spec: fn(Activity) -> Option<MessageSpec>,
    retries: &'static [(Activity, Retries)],
}

static SAAS_V2: Row = Row {
    id: "saas-v2",
    name: "SaaS V2.0",
    method: Method::POST,
    scheme: SignatureScheme::CallbackV2,
    interfaces: &[InterfaceType::Basic],
    signs_answers: false,
    ascii_answers: false,
    timeout: Duration::from_secs(5),
    deadline: Duration::from_secs(4),
    unfinished_creation: UnfinishedCreation::ProcessingCode,
    access_with_creation: false,
    activities: saas::v2::Callback::ACTIVITIES,
    spec: saas::v2::Callback::spec,
    retries: &[
        (Activity::NewInstance, Retries::HOURLY_FOR_3_HOURS),
        (Activity::UpgradeInstance, Retries::HOURLY_FOR_3_HOURS),
        (Activity::RefreshInstance, Retries::EVERY_2_MINUTES_FOR_2_HOURS),
        (Activity::UpdateInstanceStatus, Retries::FOR_1_HOUR),
        (Activity::ReleaseInstance, Retries::FOR_1_HOUR),
    ],
};

static SAAS_V1: Row = Row {
    id: "saas-v1",
    name: "SaaS V1.0",
    method: Method::GET,
    scheme: SignatureScheme::AuthToken,
    interfaces: &[InterfaceType::V1],
    signs_answers: true,
    ascii_answers: true,
    timeout: Duration::from_secs(20),
    deadline: Duration::from_secs(15),
    unfinished_creation: UnfinishedCreation::SuccessWithoutAccess,
    access_with_creation: true,
    activities: saas::v1::Callback::ACTIVITIES,
    spec: saas::v1::Callback::spec,
    retries: &[
        (Activity::NewInstance, Retries::HOURLY_FOR_3_HOURS),
        (Activity::Upgrade, Retries::HOURLY_FOR_3_HOURS),
        (Activity::RefreshInstance, Retries::FOR_1_HOUR),
        (Activity::ExpireInstance, Retries::FOR_1_HOUR),
        (Activity::InstanceStatus, Retries::FOR_1_HOUR),
        (Activity::ReleaseInstance, Retries::FOR_1_HOUR),
    ],
};

static LICENSE_ONLINE: Row = Row {
    id: "license-online",
    name: "online License",
    method: Method::POST,
    scheme: SignatureScheme::CallbackV2,
    interfaces: &[InterfaceType::Basic, InterfaceType::License],
    signs_answers: false,
    ascii_answers: false,
    timeout: Duration::from_secs(5),
    deadline: Duration::from_secs(4),
    unfinished_creation: UnfinishedCreation::ProcessingCode,
    access_with_creation: false,
    activities: license::online::Callback::ACTIVITIES,
    spec: license::online::Callback::spec,
    retries: &[
        (Activity::NewInstance, Retries::EVERY_2_MINUTES_FOR_2_HOURS),
        (Activity::RefreshInstance, Retries::EVERY_2_MINUTES_FOR_2_HOURS),
        (Activity::UpdateInstanceStatus, Retries::EVERY_2_MINUTES_FOR_2_HOURS),
        (Activity::ReleaseInstance, Retries::EVERY_2_MINUTES_FOR_2_HOURS),
    ],
};

static LICENSE_CODE: Row = Row {
    id: "license-code",
    name: "License authorization code 2.0",
    method: Method::POST,
    scheme: SignatureScheme::CallbackV2,
    interfaces: &[InterfaceType::License],
    signs_answers: false,
    ascii_answers: false,
    timeout: Duration::from_secs(5),
    deadline: Duration::from_secs(4),
    unfinished_creation: UnfinishedCreation::Unsupported,
    access_with_creation: false,
    activities: license::code::Callback::ACTIVITIES,
    spec: license::code::Callback::spec,
    retries: &[
        (Activity::RefreshLicenseCode, Retries::EVERY_2_MINUTES_60_TIMES),
        (Activity::UpdateLicenseCodeStatus, Retries::EVERY_2_MINUTES_60_TIMES),
        (Activity::ReleaseLicenseCode, Retries::EVERY_2_MINUTES_60_TIMES),
    ],
};

static LICENSE_V1: Row = Row {
    id: "license-v1",
    name: "License V1",
    method: Method::GET,
    scheme: SignatureScheme::AuthToken,
    interfaces: &[InterfaceType::V1],
    signs_answers: true,
    ascii_answers: true,
    timeout: Duration::from_secs(20),
    deadline: Duration::from_secs(15),
    unfinished_creation: UnfinishedCreation::Unsupported,
    access_with_creation: false,
    activities: license::v1::Callback::ACTIVITIES,
    spec: license::v1::Callback::spec,
    retries: &[(Activity::GetLicense, Retries::HOURLY_FOR_3_HOURS)],
};

static ORDER_NOTIFY: Row = Row {
    id: "order-notify",
    name: "order notification",
    method: Method::POST,
    scheme: SignatureScheme::CallbackV2,
    interfaces: &[InterfaceType::General],
    signs_answers: false,
    ascii_answers: false,
    timeout: Duration::from_secs(5),
    deadline: Duration::from_secs(4),
    unfinished_creation: UnfinishedCreation::Unsupported,
    access_with_creation: false,
    activities: &[Activity::OrderNotify],
    spec: |activity| (activity == Activity::OrderNotify).then_some(order_notify::Request::SPEC),
    retries: &[(Activity::OrderNotify, Retries::HOURLY_FOR_3_HOURS)],
};

static KIT_V1: Row = Row {
    id: "kit-v1",
    name: "Kit V1.0",
    method: Method::POST,
    scheme: SignatureScheme::AuthTokenBody,
    interfaces: &[InterfaceType::V1, InterfaceType::Kit],
    signs_answers: true,
    ascii_answers: true,
    timeout: Duration::from_secs(20),
    deadline: Duration::from_secs(15),
    unfinished_creation: UnfinishedCreation::Unsupported,
    access_with_creation: false,
    activities: kit::v1::Callback::ACTIVITIES,
    spec: kit::v1::Callback::spec,
    retries: &[],
};

static KIT_V2: Row = Row {
    id: "kit-v2",
    name: "Kit V2.0",
    method: Method::POST,
    scheme: SignatureScheme::KitV2,
    interfaces: &[InterfaceType::Kit],
    signs_answers: false,
    ascii_answers: false,
    timeout: Duration::from_secs(20),
    deadline: Duration::from_secs(15),
    unfinished_creation: UnfinishedCreation::Unsupported,
    access_with_creation: false,
    activities: kit::v2::Callback::ACTIVITIES,
    spec: kit::v2::Callback::spec,
    retries: &[],
};

impl Protocol {
    /// All protocols.
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

    fn row(self) -> &'static Row {
        match self {
            Self::SaasV2 => &SAAS_V2,
            Self::SaasV1 => &SAAS_V1,
            Self::LicenseOnline => &LICENSE_ONLINE,
            Self::LicenseCode => &LICENSE_CODE,
            Self::LicenseV1 => &LICENSE_V1,
            Self::OrderNotify => &ORDER_NOTIFY,
            Self::KitV1 => &KIT_V1,
            Self::KitV2 => &KIT_V2,
        }
    }

    /// Returns the name for command lines and settings: `saas-v2`, `saas-v1`, `license-online`, `license-code`,
    /// `license-v1`, `order-notify`, `kit-v1` or `kit-v2`. It is what [`FromStr`] reads; `Display` writes the name of the
    /// documents.
    pub fn id(self) -> &'static str {
        self.row().id
    }

    /// Returns the HTTP method of its calls.
    pub fn method(self) -> &'static Method {
        &self.row().method
    }

    /// Returns how its calls are signed.
    pub fn scheme(self) -> SignatureScheme {
        self.row().scheme
    }

    /// Returns the interface types whose keys may sign its calls: the first that has a key signs. No document says which
    /// one signs the online License (unverified), and Kit V1.0 knows one key per seller.
    pub fn interfaces(self) -> &'static [InterfaceType] {
        self.row().interfaces
    }

    /// Returns the keys that sign its calls, and their interface type; `None` where the seller has none.
    pub fn keys(self, keys: &AccessKeys) -> Option<(InterfaceType, &KeyRing)> {
        self.interfaces().iter().find_map(|&interface| Some((interface, keys.get(interface)?)))
    }

    /// Returns whether answers have to be signed with `Body-Sign`.
    pub fn signs_answers(self) -> bool {
        self.row().signs_answers
    }

    /// Returns whether answers may have characters outside ASCII in `memo` only.
    pub fn has_ascii_answers(self) -> bool {
        self.row().ascii_answers
    }

    /// Returns how long the marketplace waits for an answer. For the Kit, 20 seconds are documented as the default of the
    /// platform; for order notification nothing is, and the general rule of V2.0 is taken.
    pub fn timeout(self) -> Duration {
        self.row().timeout
    }

    /// Returns after how long the service answers at the latest, unless set otherwise.
    pub fn default_deadline(self) -> Duration {
        self.row().deadline
    }

    /// Returns what is answered to a purchase that takes longer than the marketplace waits.
    pub fn unfinished_creation(self) -> UnfinishedCreation {
        self.row().unfinished_creation
    }

    /// Returns whether the answer to a purchase holds the access data.
    pub fn has_access_with_creation(self) -> bool {
        self.row().access_with_creation
    }

    /// Returns what its calls can be about.
    pub fn activities(self) -> &'static [Activity] {
        self.row().activities
    }

    /// Returns the fields of one of its messages; `None` where it has no such activity.
    pub fn fields(self, activity: Activity) -> Option<&'static [FieldSpec]> {
        Some(self.spec(activity)?.fields)
    }

    /// Returns one of its messages and the answer to it, as the documents have them; `None` where it has no such activity.
    pub fn spec(self, activity: Activity) -> Option<MessageSpec> {
        (self.row().spec)(activity)
    }

    /// Returns how often the marketplace repeats a call that failed. Where an interval is not documented, that of a sister
    /// message is taken.
    pub fn retries(self, activity: Activity) -> Retries {
        let row = self.row().retries.iter().find(|(known, _)| *known == activity);
        row.map_or(Retries::NONE, |(_, retries)| *retries)
    }

    /// Returns whether it is one of the Kit's, whose calls have their activity in the path.
    pub fn is_kit(self) -> bool {
        matches!(self, Self::KitV1 | Self::KitV2)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().name)
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(id: &str) -> Result<Self, UnknownProtocol> {
        Self::ALL.into_iter().find(|protocol| protocol.id() == id).ok_or_else(|| UnknownProtocol(id.to_owned()))
    }
}

/// A text that names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown protocol {0:?}; known are saas-v2, saas-v1, license-online, license-code, license-v1, order-notify, kit-v1 \
     and kit-v2"
)]
pub struct UnknownProtocol(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_its_row() {
        for protocol in Protocol::ALL {
            let row = protocol.row();
            assert_eq!(row.id.parse(), Ok(protocol));
            assert_eq!(Protocol::ALL[protocol as usize], protocol);
            assert!(UnknownProtocol(String::new()).to_string().contains(row.id), "{}", row.id);
            assert!(row.deadline < row.timeout, "{protocol}: the answer comes before the marketplace hangs up");
            assert_eq!(row.method == Method::GET, row.scheme == SignatureScheme::AuthToken, "{protocol}");
            for activity in row.activities {
                assert!(protocol.fields(*activity).is_some(), "{protocol} {activity}");
            }
            for (activity, _) in row.retries {
                assert!(row.activities.contains(activity), "{protocol} {activity}");
            }
        }
        assert!("saas".parse::<Protocol>().is_err());
    }

    /// Facts that the documents state of all protocols of V1.0, and of all of V2.0.
    #[test]
    fn generations_agree() {
        for row in Protocol::ALL.map(Protocol::row) {
            let is_v1 = !row.scheme.has_nonce();
            assert_eq!([row.signs_answers, row.ascii_answers], [is_v1; 2], "{}", row.id);
        }
    }

    #[test]
    fn the_first_interface_with_a_key_signs() {
        use crate::key::AccessKey;
        let key = |text| AccessKey::new(text).unwrap();
        let only_kit = AccessKeys::new().with(InterfaceType::Kit, key("kit-key-0123")).unwrap();
        assert_eq!(Protocol::KitV1.keys(&only_kit).map(|(interface, _)| interface), Some(InterfaceType::Kit));
        let both = only_kit.clone().with(InterfaceType::V1, key("v1-key-0123")).unwrap();
        assert_eq!(Protocol::KitV1.keys(&both).map(|(interface, _)| interface), Some(InterfaceType::V1));
        assert!(Protocol::SaasV2.keys(&only_kit).is_none());
    }
}
