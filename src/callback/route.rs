//! Which protocol a request speaks.

use std::borrow::Cow;
use std::fmt;

use http::{Method, request::Parts};

use super::settings::Settings;
use crate::activity::Activity;
use crate::signature::callback_v2;
use crate::text::json;
use crate::text::query::{Plus, raw_pairs};
use crate::timestamp::Timestamp;
use crate::{kit, license, saas};

/// A protocol that the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// SaaS callbacks V1.0: `GET`, `authToken` in the query.
    SaasV1,
    /// SaaS callbacks V2.0: `POST`, `signature` in the query.
    SaasV2,
    /// Kit callbacks V1.0: `POST` to `/produceAPI/...`, header `authToken`.
    KitV1,
    /// Kit callbacks V2.0: `POST` to `/produceAPI/v2/...`, header `x-sign`.
    KitV2,
    /// License authorization code 2.0: `POST`, `signature` in the query.
    LicenseCode,
    /// Online License: `POST`, `signature` in the query.
    LicenseOnline,
    /// License V1: `GET`, `authToken` in the query.
    LicenseV1,
    /// Order notification: `POST`, `signature` in the query.
    OrderNotify,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SaasV1 => "SaaS V1.0",
            Self::SaasV2 => "SaaS V2.0",
            Self::KitV1 => "Kit V1.0",
            Self::KitV2 => "Kit V2.0",
            Self::LicenseCode => "License authorization code 2.0",
            Self::LicenseOnline => "online License",
            Self::LicenseV1 => "License V1",
            Self::OrderNotify => "order notification",
        })
    }
}

/// What the service has handlers for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Families {
    pub(super) subscription: bool,
    pub(super) licensing: bool,
    pub(super) orders: bool,
}

/// One family of calls that come to the production address itself.
struct Row {
    method: Method,
    protocol: Protocol,
    is_served: fn(Families) -> bool,
    activities: &'static [Activity],
}

const fn row(
    method: Method,
    protocol: Protocol,
    is_served: fn(Families) -> bool,
    activities: &'static [Activity],
) -> Row {
    Row { method, protocol, is_served, activities }
}

/// What tells the families apart on one production address, whose path is the seller's to choose: the method, the activity,
/// and for the Kit what is appended to the path. A row counts only if there is a handler for it; the first that has the
/// activity counts. What is in no row is taken for SaaS, whose key then has to prove it.
static ROWS: [Row; 6] = [
    row(Method::GET, Protocol::SaasV1, |families| families.subscription, saas::v1::Callback::ACTIVITIES),
    row(Method::GET, Protocol::LicenseV1, |families| families.licensing, license::v1::Callback::ACTIVITIES),
    row(Method::POST, Protocol::SaasV2, |families| families.subscription, saas::v2::Callback::ACTIVITIES),
    row(Method::POST, Protocol::LicenseCode, |families| families.licensing, license::code::Callback::ACTIVITIES),
    row(Method::POST, Protocol::LicenseOnline, |families| families.licensing, license::online::Callback::ACTIVITIES),
    row(Method::POST, Protocol::OrderNotify, |families| families.orders, &[Activity::OrderNotify]),
];

/// The protocol of a request. What is read here is not proved yet: it only chooses who is to prove it.
pub(super) fn protocol_of(settings: &Settings, parts: &Parts, body: &[u8], now: Timestamp) -> Option<Protocol> {
    let fallback = match parts.method {
        Method::GET => Protocol::SaasV1,
        Method::POST => match kit::route(parts.uri.path()) {
            Some((kit::Version::V1, _)) => return Some(Protocol::KitV1),
            Some((kit::Version::V2, _)) => return Some(Protocol::KitV2),
            None => Protocol::SaasV2,
        },
        _ => return None,
    };
    let families = settings.families;
    if !families.licensing && !families.orders {
        return Some(fallback);
    }
    let Some(activity) = activity_of(parts, body) else { return Some(fallback) };
    let has_it = |row: &&Row| {
        row.method == parts.method
            && (row.is_served)(families)
            && row.activities.iter().any(|known| known.as_str() == activity)
    };
    let mut rows = ROWS.iter().filter(has_it).map(|row| row.protocol);
    Some(match (rows.next(), rows.next()) {
        (None, _) => fallback,
        (Some(only), None) => only,
        // Only the key can tell them apart.
        (Some(first), Some(second)) => match is_signed_for_online_license(settings, parts, body, now) {
            true => second,
            false => first,
        },
    })
}

/// What the request says it is about.
fn activity_of<'a>(parts: &'a Parts, body: &'a [u8]) -> Option<Cow<'a, str>> {
    if parts.method == Method::GET {
        let query = parts.uri.query()?;
        let activity = raw_pairs(query).find(|pair| pair.decoded_name(Plus::Space).as_deref() == Some("activity"))?;
        return activity.decoded_value(Plus::Space);
    }
    // Nothing else in the body leads a call to another family, such as a member that stands twice.
    let (_, activity) = json::readable_members(body).into_iter().find(|(name, _)| name == "activity")?;
    json::unquote(&activity).map(|activity| Cow::Owned(activity.into_owned()))
}

fn is_signed_for_online_license(settings: &Settings, parts: &Parts, body: &[u8], now: Timestamp) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    settings.online_license_key != crate::key::InterfaceType::Basic
        && settings
            .keys(settings.online_license_key)
            .is_ok_and(|keys| callback_v2::verify(keys, query, body, now, settings.v2_window).is_ok())
}
