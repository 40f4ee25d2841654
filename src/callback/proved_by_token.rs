//! The families whose calls are proved by `authToken` in the query: SaaS V1.0 and License V1.

use std::marker::PhantomData;

use bytes::Bytes;
use http::request::Parts;

use super::call::{Call, Reply};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::{AccessKey, InterfaceType};
use crate::replay::CallId;
use crate::signature::auth_token::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError};

/// What tells one such family from another.
pub(super) trait Family: Send + Sync + 'static {
    const PROTOCOL: Protocol;
    const DESCRIBES_CREATION: bool;
    const MAY_GO_ON: bool;

    fn read(
        settings: &Settings,
        members: &Members<'_>,
        key_index: usize,
        now: Timestamp,
    ) -> Result<Call, CallbackError>;

    fn write(settings: &Settings, key_index: usize, activity: Activity, reply: Reply) -> Result<Bytes, CallbackError>;
}

pub(super) struct ProvedByToken<F>(PhantomData<F>);

impl<F: Family> Dialect for ProvedByToken<F> {
    type Verified<'a> = Verified<'a>;

    const PROTOCOL: Protocol = F::PROTOCOL;
    const ANSWERS_REPEATS: bool = true;
    const ASCII_ONLY: bool = true;
    const DESCRIBES_CREATION: bool = F::DESCRIBES_CREATION;
    const HAS_PROCESSING_CODE: bool = false;
    const MAY_GO_ON: bool = F::MAY_GO_ON;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        _body: &'a [u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, CallbackError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(auth_token::verify(settings.keys(InterfaceType::V1)?, query, now, settings.v1_window)?)
    }

    fn claim<'v>(settings: &Settings, verified: &'v Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::AuthToken(verified.token()), settings.v1_window.closes_for(verified.time()))
    }

    fn key_index(verified: &Verified<'_>) -> usize {
        verified.key_index()
    }

    fn members<'v>(verified: &'v Verified<'_>) -> Result<Members<'v>, ParseError> {
        Ok(Members::from_parameters(verified.pairs()))
    }

    fn read(
        settings: &Settings,
        verified: &Verified<'_>,
        members: &Members<'_>,
        now: Timestamp,
    ) -> Result<Call, CallbackError> {
        F::read(settings, members, verified.key_index(), now)
    }

    fn render(settings: &Settings, key_index: usize, activity: Activity, reply: Reply) -> Result<Bytes, CallbackError> {
        F::write(settings, key_index, activity, reply)
    }

    fn signing_key(settings: &Settings, key_index: usize) -> Option<&AccessKey> {
        Some(settings.keys(InterfaceType::V1).ok()?.get(key_index))
    }
}
