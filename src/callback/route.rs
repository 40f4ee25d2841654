//! Which protocol a request speaks.

use std::borrow::Cow;

use http::{Method, request::Parts};

use super::CallbackError;
use super::dialect::Verified;
use super::settings::Settings;
use crate::activity::Activity;
use crate::kit;
use crate::protocol::Protocol;
use crate::query::{Plus, raw_pairs};
use crate::timestamp::Timestamp;
use crate::wire::Members;

/// What the service has handlers for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Families {
    pub(super) subscription: bool,
    pub(super) licensing: bool,
    pub(super) orders: bool,
}

impl Families {
    /// Whether calls of a protocol that come to the production address itself have a handler.
    fn serve(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::SaasV2 | Protocol::SaasV1 => self.subscription,
            Protocol::LicenseOnline | Protocol::LicenseCode | Protocol::LicenseV1 => self.licensing,
            Protocol::OrderNotify => self.orders,
            Protocol::KitV1 | Protocol::KitV2 => false,
        }
    }
}

/// Whose call a request is, by what it says. That is not proved yet: it only chooses who has to prove it.
pub(super) struct Route<'r> {
    pub(super) protocol: Protocol,
    /// What the path of a Kit call says it is about.
    pub(super) activity: Option<Activity>,
    /// The online License, where only the key tells it from `protocol`.
    alternative: Option<Protocol>,
    /// What the body says, if it was asked.
    members: Option<Members<'r>>,
}

impl<'r> Route<'r> {
    /// What tells the protocols apart on one production address, whose path is the seller's to choose: the method, for the
    /// Kit what is appended to the path, and the activity. Protocols count only if there is a handler for them. What is of
    /// none is taken for SaaS, whose key then has to prove it.
    pub(super) fn of(settings: &Settings, parts: &Parts, body: &'r [u8]) -> Option<Self> {
        let by_kit = |version, activity| Self {
            protocol: match version {
                kit::Version::V1 => Protocol::KitV1,
                kit::Version::V2 => Protocol::KitV2,
            },
            activity: Some(activity),
            alternative: None,
            members: None,
        };
        let saas = match parts.method {
            Method::GET => Protocol::SaasV1,
            Method::POST => match kit::route(parts.uri.path()) {
                Some((version, activity)) => return Some(by_kit(version, activity)),
                None => Protocol::SaasV2,
            },
            _ => return None,
        };
        let mut route = Self { protocol: saas, activity: None, alternative: None, members: None };
        if settings.families.licensing || settings.families.orders {
            route.ask(settings, parts, body);
        }
        Some(route)
    }

    /// Chooses the protocol by the activity.
    fn ask(&mut self, settings: &Settings, parts: &Parts, body: &'r [u8]) {
        let activity = match parts.method {
            Method::GET => activity_in(parts.uri.query().unwrap_or_default()),
            _ => self.members.insert(Members::of_json(body)).text("activity"),
        };
        let Some(activity) = activity.and_then(|activity| activity.parse::<Activity>().ok()) else { return };
        let is_it = |protocol: &Protocol| {
            *protocol.method() == parts.method
                && settings.families.serve(*protocol)
                && protocol.activities().contains(&activity)
        };
        let mut protocols = Protocol::ALL.into_iter().filter(is_it);
        self.protocol = protocols.next().unwrap_or(self.protocol);
        self.alternative = protocols.next();
    }

    /// Verifies the call, and settles whose it is.
    pub(super) fn verify<'a>(
        &mut self,
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<(Verified<'a>, usize), CallbackError> {
        let either = self.alternative.zip(settings.basic_or_online_license_keys.as_ref());
        let keys = match either {
            Some((_, keys)) => keys,
            None => settings.keys_of(self.protocol)?,
        };
        let verified = Verified::new(self.protocol.scheme(), keys, settings, (parts, body), now)?;
        let mut key_index = verified.key_index();
        if let Some((alternative, _)) = either {
            // The keys of the basic interface come first.
            let basic = settings.keys_of(self.protocol).map_or(0, |keys| keys.iter().count());
            if let Some(index) = key_index.checked_sub(basic) {
                (self.protocol, key_index) = (alternative, index);
            }
        }
        Ok((verified, key_index))
    }

    /// What the verified call says.
    pub(super) fn members<'m>(&mut self, verified: &'m Verified<'r>) -> Members<'m>
    where
        'r: 'm,
    {
        let members = self.members.take().unwrap_or_else(|| verified.members());
        // Only the directory keeps what no table lists; no event of the other protocols has it.
        if self.protocol.is_kit() { members } else { members.without_unknown() }
    }
}

fn activity_in(query: &str) -> Option<Cow<'_, str>> {
    let activity = raw_pairs(query).find(|pair| pair.decoded_name(Plus::Space).as_deref() == Some("activity"))?;
    activity.decoded_value(Plus::Space)
}
