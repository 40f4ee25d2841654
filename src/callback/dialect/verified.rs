//! A call whose signature was verified, in any of the schemes.

use http::request::Parts;

use crate::callback::CallbackError;
use crate::callback::settings::Settings;
use crate::key::KeyRing;
use crate::protocol::SignatureScheme;
use crate::replay::{CallId, ContentDigest};
use crate::signature::{auth_token, auth_token_body, callback_v2, kit_v2};
use crate::timestamp::Timestamp;
use crate::wire::Members;

/// A verified call: the only thing that is parsed.
pub(in crate::callback) enum Verified<'a> {
    CallbackV2(callback_v2::Verified<'a>),
    KitV2(kit_v2::Verified<'a>),
    AuthToken(auth_token::Verified<'a>),
    AuthTokenBody(auth_token_body::Verified<'a>),
}

impl<'a> Verified<'a> {
    /// Verifies a call in the scheme, with these keys.
    pub(in crate::callback) fn new(
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
            SignatureScheme::KitV2 => Self::KitV2(kit_v2::verify(keys, headers, body, now, window)?),
            SignatureScheme::AuthToken => Self::AuthToken(auth_token::verify(keys, query, now, window)?),
            SignatureScheme::AuthTokenBody => {
                Self::AuthTokenBody(auth_token_body::verify(keys, headers, body, now, window)?)
            }
        })
    }

    /// Returns the index of the key that matched.
    pub(in crate::callback) fn key_index(&self) -> usize {
        match self {
            Self::CallbackV2(verified) => verified.key_index(),
            Self::KitV2(verified) => verified.key_index(),
            Self::AuthToken(verified) => verified.key_index(),
            Self::AuthTokenBody(verified) => verified.key_index(),
        }
    }

    /// Returns the time at which the call was made.
    pub(in crate::callback) fn time(&self) -> Timestamp {
        match self {
            Self::CallbackV2(verified) => verified.time(),
            Self::KitV2(verified) => verified.time(),
            Self::AuthToken(verified) => verified.time(),
            Self::AuthTokenBody(verified) => verified.time(),
        }
    }

    /// Returns the id to claim in the replay guard.
    pub(in crate::callback) fn call_id(&self) -> CallId<'_> {
        match self {
            Self::CallbackV2(verified) => CallId::SignedQuery(verified.nonce()),
            Self::KitV2(verified) => CallId::KitV2(verified.nonce()),
            Self::AuthToken(verified) => CallId::AuthToken(verified.token()),
            Self::AuthTokenBody(verified) => CallId::AuthToken(verified.token()),
        }
    }

    /// Returns a digest of what the call says, where its id does not tell: the signature, which covers nonce, time and
    /// body. The path of a Kit call is not covered, but a body can be read as the message of one path only.
    pub(in crate::callback) fn content(&self) -> Option<ContentDigest> {
        match self {
            Self::CallbackV2(verified) => Some(ContentDigest::new(*verified.signature())),
            Self::KitV2(verified) => Some(ContentDigest::new(*verified.signature())),
            Self::AuthToken(_) | Self::AuthTokenBody(_) => None,
        }
    }

    /// Returns the members of the call, not read yet.
    pub(in crate::callback) fn members(&self) -> Members<'_> {
        match self {
            Self::CallbackV2(verified) => Members::of_json(verified.body()),
            Self::KitV2(verified) => Members::of_json(verified.body()),
            Self::AuthToken(verified) => Members::from_parameters(verified.pairs()),
            Self::AuthTokenBody(verified) => Members::from_members(verified.members()),
        }
    }
}
