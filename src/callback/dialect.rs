//! What each protocol does in its own way: verify a call, read it, and write its answer. What is a fact of the protocol
//! stands in its row.

use bytes::Bytes;
use http::request::Parts;

use super::call::{Call, Reply};
use super::settings::Settings;
use super::{
    CallbackError, answer, kit_v1, kit_v2, license_code, license_online, license_v1, order_notify, saas_v1, saas_v2,
};
use crate::activity::Activity;
use crate::key::{AccessKey, KeyRing};
use crate::protocol::{Protocol, SignatureScheme};
use crate::replay::CallId;
use crate::signature::{auth_token, auth_token_body, callback_v2, kit_v2 as kit_signature};
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError};

/// A verified call: the only thing that is parsed.
pub(super) enum Verified<'a> {
    CallbackV2(callback_v2::Verified<'a>),
    KitV2(kit_signature::Verified<'a>),
    AuthToken(auth_token::Verified<'a>),
    AuthTokenBody(auth_token_body::Verified<'a>),
}

impl<'a> Verified<'a> {
    /// Verifies a call in the scheme, with these keys.
    pub(super) fn new(
        scheme: SignatureScheme,
        keys: &KeyRing,
        settings: &Settings,
        (parts, body): (&'a Parts, &'a [u8]),
        now: Timestamp,
    ) -> Result<Self, CallbackError> {
        let (query, headers) = (parts.uri.query().unwrap_or_default(), &parts.headers);
        let window = settings.window_of(scheme);
        Ok(match scheme {
            SignatureScheme::CallbackV2 => Self::CallbackV2(
                callback_v2::verify(keys, query, body, now, window).map_err(|error| error.or_compressed(headers))?,
            ),
            SignatureScheme::KitV2 => Self::KitV2(kit_signature::verify(keys, headers, body, now, window)?),
            SignatureScheme::AuthToken => Self::AuthToken(auth_token::verify(keys, query, now, window)?),
            SignatureScheme::AuthTokenBody => {
                Self::AuthTokenBody(auth_token_body::verify(keys, headers, body, now, window)?)
            }
        })
    }

    /// Which key of the ring matched.
    pub(super) fn key_index(&self) -> usize {
        match self {
            Self::CallbackV2(verified) => verified.key_index(),
            Self::KitV2(verified) => verified.key_index(),
            Self::AuthToken(verified) => verified.key_index(),
            Self::AuthTokenBody(verified) => verified.key_index(),
        }
    }

    /// When the call was made.
    pub(super) fn time(&self) -> Timestamp {
        match self {
            Self::CallbackV2(verified) => verified.time(),
            Self::KitV2(verified) => verified.time(),
            Self::AuthToken(verified) => verified.time(),
            Self::AuthTokenBody(verified) => verified.time(),
        }
    }

    /// What to claim in the replay guard.
    pub(super) fn call_id(&self) -> CallId<'_> {
        match self {
            Self::CallbackV2(verified) => CallId::SignedQuery(verified.nonce()),
            Self::KitV2(verified) => CallId::KitV2(verified.nonce()),
            Self::AuthToken(verified) => CallId::AuthToken(verified.token()),
            Self::AuthTokenBody(verified) => CallId::AuthToken(verified.token()),
        }
    }

    /// What the call says, not read yet.
    pub(super) fn members(&self) -> Members<'_> {
        match self {
            Self::CallbackV2(verified) => Members::of_json(verified.body()),
            Self::KitV2(verified) => Members::of_json(verified.body()),
            Self::AuthToken(verified) => Members::from_parameters(verified.pairs()),
            Self::AuthTokenBody(verified) => Members::from_members(verified.members()),
        }
    }
}

/// A verified call and what is known of it beside what it says.
pub(super) struct Envelope<'c> {
    pub(super) protocol: Protocol,
    /// As its path says it; the Kit's only.
    pub(super) activity: Option<Activity>,
    pub(super) key_index: usize,
    pub(super) signed_at: Timestamp,
    /// When it came.
    pub(super) now: Timestamp,
    pub(super) settings: &'c Settings,
}

impl Envelope<'_> {
    pub(super) fn read(&self, members: &Members<'_>) -> Result<Call, CallbackError> {
        let activity = || self.activity.ok_or_else(|| ParseError::missing("activity"));
        match self.protocol {
            Protocol::SaasV2 => saas_v2::read(members),
            Protocol::SaasV1 => saas_v1::read(members, self),
            Protocol::LicenseOnline => license_online::read(members),
            Protocol::LicenseCode => license_code::read(members),
            Protocol::LicenseV1 => license_v1::read(members, self),
            Protocol::OrderNotify => order_notify::read(members),
            Protocol::KitV1 => kit_v1::read(members, activity()?, self.signed_at),
            Protocol::KitV2 => kit_v2::read(members, activity()?, self.signed_at),
        }
    }
}

/// Writes the answer to a call that was signed with a key.
pub(super) fn write(
    protocol: Protocol,
    settings: &Settings,
    key_index: usize,
    activity: Activity,
    reply: Reply,
) -> Result<Bytes, CallbackError> {
    Ok(match protocol {
        Protocol::SaasV2 => saas_v2::write(activity, reply)?,
        Protocol::SaasV1 => saas_v1::write(settings, key_index, activity, reply)?,
        Protocol::LicenseOnline => license_online::write(activity, reply)?,
        Protocol::LicenseV1 => license_v1::write(activity, reply)?,
        // Neither creates anything, so the answer is the result code alone.
        Protocol::LicenseCode | Protocol::OrderNotify | Protocol::KitV1 | Protocol::KitV2 => {
            answer::acknowledge(activity, protocol.has_ascii_answers())?
        }
    })
}

/// The key that signs the answer, if answers are signed. Before a call is verified `key_index` is 0.
pub(super) fn signing_key(protocol: Protocol, settings: &Settings, key_index: usize) -> Option<&AccessKey> {
    let signs =
        protocol.signs_answers() || (protocol.scheme() == SignatureScheme::CallbackV2 && settings.sign_v2_answers);
    if signs { Some(settings.keys_of(protocol).ok()?.get(key_index)) } else { None }
}
