//! Kit V1.0 on the way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::call::{Call, Reply};
use super::kit::{self, Addressed, head};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::{AccessKey, InterfaceType, KeyRing};
use crate::kit::v1::Callback;
use crate::replay::CallId;
use crate::signature::auth_token_body::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError};

pub(super) enum KitV1 {}

/// V1.0 knows one key per seller; a product of two generations may have set the Kit's alone.
fn keys(settings: &Settings) -> Result<&KeyRing, CallbackError> {
    settings.keys(InterfaceType::V1).or_else(|_| settings.keys(InterfaceType::Kit))
}

impl Dialect for KitV1 {
    type Verified<'a> = Addressed<Verified<'a>>;

    const PROTOCOL: Protocol = Protocol::KitV1;
    const ANSWERS_REPEATS: bool = true;
    const ASCII_ONLY: bool = true;
    const DESCRIBES_CREATION: bool = false;
    const HAS_PROCESSING_CODE: bool = false;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Self::Verified<'a>, CallbackError> {
        let verified = auth_token_body::verify(keys(settings)?, &parts.headers, body, now, settings.v1_window)?;
        Addressed::new(parts, verified)
    }

    fn claim<'v>(settings: &Settings, call: &'v Self::Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::AuthToken(call.verified.token()), settings.v1_window.closes_for(call.verified.time()))
    }

    fn key_index(call: &Self::Verified<'_>) -> usize {
        call.verified.key_index()
    }

    fn members<'v>(call: &'v Self::Verified<'_>) -> Result<Members<'v>, ParseError> {
        Ok(Members::from_members(call.verified.members()))
    }

    fn activity(call: &Self::Verified<'_>, _members: &Members<'_>) -> Option<Activity> {
        Some(call.activity)
    }

    fn read(
        _settings: &Settings,
        call: &Self::Verified<'_>,
        members: &Members<'_>,
        _now: Timestamp,
    ) -> Result<Call, CallbackError> {
        let (callback, signed_at) = (Callback::from_members(call.activity, members)?, call.verified.time());
        let warnings = callback.warnings().to_vec();
        let (test_flag, command) = match callback {
            Callback::TenantSync(request) => kit::tenant(request, signed_at)?,
            Callback::ApplicationSync(request) => kit::application(request, signed_at)?,
            Callback::AuthSync(request) => {
                let (app_id, flag, users) = (request.app_id, request.flag, request.user_list.into());
                kit::users(head!(request, signed_at), app_id, flag, users)
            }
            Callback::SingleOrgSync(request) => kit::department(request, signed_at),
            Callback::AllOrgSync(request) => {
                let departments = request.org_info.into();
                kit::departments(head!(request, signed_at), departments)
            }
        };
        Ok(Call { activity: call.activity, test_flag, command, warnings })
    }

    fn render(
        _settings: &Settings,
        _key_index: usize,
        activity: Activity,
        _reply: Reply,
    ) -> Result<Bytes, CallbackError> {
        kit::render(activity, Self::ASCII_ONLY)
    }

    fn signing_key(settings: &Settings, key_index: usize) -> Option<&AccessKey> {
        Some(keys(settings).ok()?.get(key_index))
    }
}
