//! What can be done to a subscription.

use std::fmt;

use koogallery::protocol::Protocol;
use koogallery_simulator::{Subscription, SubscriptionState};

use super::lang::Lang;
use crate::support::order_line::LINE_FIELDS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Renew,
    ConvertTrial,
    CancelRenewal,
    Upgrade,
    Freeze,
    Unfreeze,
    Release,
    Query,
    Apply,
}

impl Action {
    pub const ALL: [Self; 9] = [
        Self::Renew,
        Self::ConvertTrial,
        Self::CancelRenewal,
        Self::Upgrade,
        Self::Freeze,
        Self::Unfreeze,
        Self::Release,
        Self::Query,
        Self::Apply,
    ];

    /// Returns the name in addresses, which is that of the step in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::ConvertTrial => "convert_trial",
            Self::CancelRenewal => "cancel_renewal",
            Self::Upgrade => "upgrade",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Release => "release",
            Self::Query => "query",
            Self::Apply => "apply",
        }
    }

    /// Returns the text of its button.
    pub const fn label(self, lang: Lang) -> &'static str {
        let (english, chinese) = match self {
            Self::Renew => ("Renew", "续费"),
            Self::ConvertTrial => ("Convert trial", "试用转正"),
            Self::CancelRenewal => ("Cancel renewal", "退续费"),
            Self::Upgrade => ("Upgrade", "升级"),
            Self::Freeze => ("Freeze (expire)", "冻结（到期）"),
            Self::Unfreeze => ("Unfreeze", "解冻"),
            Self::Release => ("Release", "释放"),
            Self::Query => ("Query", "查询"),
            Self::Apply => ("Apply for License", "申请License"),
        };
        lang.of_two(english, chinese)
    }

    /// Returns whether the page has a button for it.
    pub fn is_offered(self, sold: &Subscription) -> bool {
        let is_frozen = matches!(sold.state, SubscriptionState::Frozen { .. });
        let is_saas = matches!(sold.protocol, Protocol::SaasV1 | Protocol::SaasV2);
        match self {
            Self::Freeze => !is_frozen,
            Self::Unfreeze => is_frozen,
            Self::Upgrade | Self::Query => is_saas,
            Self::Apply => sold.protocol == Protocol::LicenseOnline,
            _ => true,
        }
    }

    pub fn named(name: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| UnknownAction(name.to_owned()))
    }

    /// Returns the fields of its form.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Renew | Self::ConvertTrial => &["period"],
            Self::Upgrade => &LINE_FIELDS,
            _ => &[],
        }
    }
}

#[derive(Debug)]
pub struct UnknownAction(String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown action {}; known are {}", self.0, Action::ALL.map(Action::name).join(", "))
    }
}
