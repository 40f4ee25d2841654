//! A call whose signature was verified, in any of the schemes.

use http::HeaderMap;
use http::request::Parts;

use crate::callback::settings::Settings;
use crate::key::KeyRing;
use crate::protocol::SignatureScheme;
use crate::replay::{CallId, ContentDigest};
use crate::signature::{VerifyError, Window, auth_token, auth_token_body, callback_v2, kit_v2};
use crate::timestamp::Timestamp;
use crate::wire::Members;

/// What proves a call, as its head has it: there, and fresh where the head has the time. Not verified. A query that is
/// the whole call is left as it is.
pub(in crate::callback) enum Unverified<'a> {
    CallbackV2(callback_v2::Unverified<'a>),
    KitV2(kit_v2::Unverified<'a>),
    AuthToken(&'a str),
    AuthTokenBody(auth_token_body::Unverified),
}

impl<'a> Unverified<'a> {
    /// Reads the proof of a call in the scheme.
    pub(in crate::callback) fn of(
        scheme: SignatureScheme,
        settings: &Settings,
        parts: &'a Parts,
        now: Timestamp,
    ) -> Result<Self, VerifyError> {
        let (query, headers) = (parts.uri.query().unwrap_or_default(), &parts.headers);
        let window = settings.window_of(scheme);
        Ok(match scheme {
            SignatureScheme::CallbackV2 => Self::CallbackV2(callback_v2::Unverified::from_query(query, now, window)?),
            SignatureScheme::KitV2 => Self::KitV2(kit_v2::Unverified::from_headers(headers, now, window)?),
            SignatureScheme::AuthToken => Self::AuthToken(query),
            SignatureScheme::AuthTokenBody => Self::AuthTokenBody(auth_token_body::Unverified::from_headers(headers)?),
        })
    }

    /// Verifies the call with these keys.
    pub(in crate::callback) fn verify(
        self,
        keys: &KeyRing,
        (headers, body): (&HeaderMap, &'a [u8]),
        now: Timestamp,
        window: Window,
    ) -> Result<Verified<'a>, VerifyError> {
        let verified = match self {
            Self::AuthToken(query) => return auth_token::verify(keys, query, now, window).map(Verified::AuthToken),
            Self::CallbackV2(call) => call.verify(keys, body).map(Verified::CallbackV2),
            Self::KitV2(call) => call.verify(keys, body).map(Verified::KitV2),
            Self::AuthTokenBody(call) => call.verify(keys, body, now, window).map(Verified::AuthTokenBody),
        };
        let verified = verified.map_err(|error| error.or_compressed(headers))?;
        // It was fresh when its head came; the body may have taken its time.
        window.check(verified.time(), now)?;
        Ok(verified)
    }
}

/// A verified call: the only thing that is parsed.
pub(in crate::callback) enum Verified<'a> {
    CallbackV2(callback_v2::Verified<'a>),
    KitV2(kit_v2::Verified<'a>),
    AuthToken(auth_token::Verified<'a>),
    AuthTokenBody(auth_token_body::Verified<'a>),
}

impl<'a> Verified<'a> {
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
