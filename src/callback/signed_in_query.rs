//! The families whose calls are signed in the query: SaaS V2.0, authorization codes, online License, order notification.

use std::marker::PhantomData;

use bytes::Bytes;
use http::request::Parts;

use super::call::{Call, Reply};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::{AccessKey, InterfaceType, KeyRing};
use crate::replay::CallId;
use crate::signature::callback_v2::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError, Violation};

/// What tells one such family from another.
pub(super) trait Family: Send + Sync + 'static {
    const PROTOCOL: Protocol;
    const HAS_PROCESSING_CODE: bool;
    const MAY_GO_ON: bool = true;

    /// Whose key its calls are signed with.
    fn interface(settings: &Settings) -> InterfaceType;

    /// The keys that verify its calls, and sign their answers.
    fn keys(settings: &Settings) -> Result<&KeyRing, CallbackError> {
        settings.keys(Self::interface(settings))
    }

    fn read(members: &Members<'_>) -> Result<Call, CallbackError>;

    fn write(activity: Activity, reply: Reply) -> Result<Bytes, Violation>;
}

pub(super) struct SignedInQuery<F>(PhantomData<F>);

impl<F: Family> Dialect for SignedInQuery<F> {
    type Verified<'a> = Verified<'a>;

    const PROTOCOL: Protocol = F::PROTOCOL;
    const ANSWERS_REPEATS: bool = false;
    const ASCII_ONLY: bool = false;
    const DESCRIBES_CREATION: bool = false;
    const HAS_PROCESSING_CODE: bool = F::HAS_PROCESSING_CODE;
    const MAY_GO_ON: bool = F::MAY_GO_ON;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, CallbackError> {
        let keys = F::keys(settings)?;
        let query = parts.uri.query().unwrap_or_default();
        let verified = callback_v2::verify(keys, query, body, now, settings.v2_window);
        Ok(verified.map_err(|error| error.or_compressed(&parts.headers))?)
    }

    fn claim<'v>(settings: &Settings, verified: &'v Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::CallbackV2(verified.nonce()), settings.v2_window.closes_for(verified.time()))
    }

    fn key_index(verified: &Verified<'_>) -> usize {
        verified.key_index()
    }

    fn members<'v>(verified: &'v Verified<'_>) -> Result<Members<'v>, ParseError> {
        Ok(Members::from_json(verified.body())?)
    }

    fn read(
        _settings: &Settings,
        _verified: &Verified<'_>,
        members: &Members<'_>,
        _now: Timestamp,
    ) -> Result<Call, CallbackError> {
        F::read(members)
    }

    fn render(
        _settings: &Settings,
        _key_index: usize,
        activity: Activity,
        reply: Reply,
    ) -> Result<Bytes, CallbackError> {
        Ok(F::write(activity, reply)?)
    }

    fn signing_key(settings: &Settings, key_index: usize) -> Option<&AccessKey> {
        let keys = F::keys(settings).ok()?;
        settings.sign_v2_answers.then(|| keys.get(key_index))
    }
}
