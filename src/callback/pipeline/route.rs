//! Routing: finds the protocol of a request.

use http::request::Parts;
use http::{HeaderMap, Method};

use crate::activity::Activity;
use crate::callback::CallbackError;
use crate::callback::dialect::{Unverified, Verified};
use crate::callback::settings::Settings;
use crate::kit;
use crate::protocol::{Protocol, SignatureScheme};
use crate::timestamp::Timestamp;
use crate::wire::Members;

/// The protocol of a request by its content, which is not verified yet: it only chooses the keys that have to verify it.
#[derive(Clone, Copy)]
pub(in crate::callback) struct Route {
    pub(in crate::callback) protocol: Protocol,
    /// Activity in the path of a Kit call.
    pub(in crate::callback) activity: Option<Activity>,
    /// The online License, where only the key distinguishes it from `protocol`.
    alternative: Option<Protocol>,
}

impl Route {
    /// Distinguishes the protocols on one production address, whose path is the seller's to choose: by the method, by
    /// the path that is appended for the Kit, and by the activity. Protocols count only if there is a handler for them.
    /// A call of none is taken for SaaS, whose key has to verify it then.
    ///
    /// This is the part that the head shows: which of the protocols that are signed alike it is, the body tells.
    pub(in crate::callback) fn of(settings: &Settings, parts: &Parts) -> Option<Self> {
        let mut route = Self { protocol: Protocol::SaasV1, activity: None, alternative: None };
        match parts.method {
            // The other protocol in a query has the same keys, so its activity can wait until the call is verified.
            Method::GET => {}
            Method::POST => match kit::route(parts.uri.path()) {
                Some((version, activity)) => {
                    route.activity = Some(activity);
                    route.protocol = match version {
                        kit::Version::V1 => Protocol::KitV1,
                        kit::Version::V2 => Protocol::KitV2,
                    };
                }
                None => {
                    let is_posted = |protocol: &Protocol| protocol.scheme() == SignatureScheme::CallbackV2;
                    let mut served =
                        Protocol::ALL.into_iter().filter(|it| is_posted(it) && settings.families.serve(*it));
                    route.protocol = served.next().unwrap_or(Protocol::SaasV2);
                }
            },
            _ => return None,
        }
        Some(route)
    }

    /// Reads what proves the call, and checks as much of it as the head shows.
    pub(in crate::callback) fn unverified<'a>(
        &self,
        settings: &Settings,
        parts: &'a Parts,
        now: Timestamp,
    ) -> Result<Unverified<'a>, CallbackError> {
        Ok(Unverified::of(self.protocol.scheme(), settings, parts, now)?)
    }

    /// Returns the largest body of the call.
    pub(in crate::callback) fn body_limit(&self, settings: &Settings) -> usize {
        let limits = settings.body_limits;
        match self.activity {
            Some(Activity::AuthSync | Activity::AllOrgSync) if settings.families.directory => limits.list,
            _ => limits.body,
        }
    }

    /// Reads the activity in the body, where it chooses the protocol. Returns the members of the body if it was read.
    pub(in crate::callback) fn read_activity<'b>(
        &mut self,
        settings: &Settings,
        body: &'b [u8],
    ) -> Option<Members<'b>> {
        if self.protocol.scheme() != SignatureScheme::CallbackV2 || !settings.families.has_others_than_saas() {
            return None;
        }
        let members = Members::of_json(body);
        self.protocol = Protocol::SaasV2;
        self.choose(settings, &members);
        Some(members)
    }

    /// Chooses the protocol by the activity, among those that are signed alike.
    fn choose(&mut self, settings: &Settings, members: &Members<'_>) {
        let activity = members.text("activity");
        let Some(activity) = activity.and_then(|activity| activity.parse::<Activity>().ok()) else { return };
        let scheme = self.protocol.scheme();
        let is_it = |protocol: &Protocol| {
            protocol.scheme() == scheme
                && settings.families.serve(*protocol)
                && protocol.activities().contains(&activity)
        };
        let mut protocols = Protocol::ALL.into_iter().filter(is_it);
        self.protocol = protocols.next().unwrap_or(self.protocol);
        self.alternative = protocols.next();
    }

    /// Verifies the call, and returns which of its protocol's keys matched.
    pub(in crate::callback) fn verify<'a>(
        &mut self,
        settings: &Settings,
        unverified: Unverified<'a>,
        call: (&HeaderMap, &'a [u8]),
        now: Timestamp,
    ) -> Result<(Verified<'a>, usize), CallbackError> {
        let either = self.alternative.zip(settings.basic_or_online_license_keys.as_ref());
        let keys = match either {
            Some((_, keys)) => keys,
            None => settings.keys_of(self.protocol)?,
        };
        let window = settings.window_of(self.protocol.scheme());
        let verified = unverified.verify(keys, call, now, window)?;
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

    /// Returns the members of the verified call, given those of its body if it was read.
    pub(in crate::callback) fn members<'m>(
        &mut self,
        settings: &Settings,
        verified: &'m Verified<'_>,
        read: Option<Members<'m>>,
    ) -> Members<'m> {
        let mut members = read.unwrap_or_else(|| verified.members());
        if self.protocol == Protocol::SaasV1 && settings.families.has_others_than_saas() {
            self.choose(settings, &members);
        }
        // Only the directory keeps unknown members; no event of the other protocols has them.
        if !self.protocol.is_kit() {
            members.drop_unknown();
        }
        members
    }
}
