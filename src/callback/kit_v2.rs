//! Kit V2.0 on the way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::call::{Call, Reply};
use super::kit::{self, Addressed, head};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::{AccessKey, InterfaceType};
use crate::kit::v2::Callback;
use crate::replay::CallId;
use crate::signature::kit_v2::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError};

pub(super) enum KitV2 {}

impl Dialect for KitV2 {
    type Verified<'a> = Addressed<Verified<'a>>;

    const PROTOCOL: Protocol = Protocol::KitV2;
    const ANSWERS_REPEATS: bool = false;
    const ASCII_ONLY: bool = false;
    const DESCRIBES_CREATION: bool = false;
    const HAS_PROCESSING_CODE: bool = false;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Self::Verified<'a>, CallbackError> {
        let keys = settings.keys(InterfaceType::Kit)?;
        Addressed::new(parts, kit_v2::verify(keys, &parts.headers, body, now, settings.v2_window)?)
    }

    fn claim<'v>(settings: &Settings, call: &'v Self::Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::KitV2(call.verified.nonce()), settings.v2_window.closes_for(call.verified.time()))
    }

    fn key_index(call: &Self::Verified<'_>) -> usize {
        call.verified.key_index()
    }

    fn members<'v>(call: &'v Self::Verified<'_>) -> Result<Members<'v>, ParseError> {
        Ok(Members::from_json(call.verified.body())?)
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
                let (app_id, flag, users) = (request.app_id, request.flag, request.user_list);
                kit::users(head!(request, signed_at), app_id, flag, users)
            }
            Callback::SingleOrgSync(request) => kit::department(request, signed_at),
            Callback::AllOrgSync(request) => {
                let departments = request.org_info_list;
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

    /// The Kit's answers of V2.0 are not signed.
    fn signing_key(_settings: &Settings, _key_index: usize) -> Option<&AccessKey> {
        None
    }
}
