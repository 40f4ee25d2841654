//! License authorization code 2.0 on the way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::answer::checked;
use super::call::{Call, Change, Command, LicensingCommand, Reply};
use super::changes::{self, release_of, renewal_of};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::{AccessKey, InterfaceType};
use crate::license::code::Callback;
use crate::replay::CallId;
use crate::result_code::ResultCode;
use crate::signature::callback_v2::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Acknowledgement, TestFlag};

pub(super) enum LicenseCode {}

impl Dialect for LicenseCode {
    type Verified<'a> = Verified<'a>;

    const PROTOCOL: Protocol = Protocol::LicenseCode;
    const ANSWERS_REPEATS: bool = false;
    const ASCII_ONLY: bool = false;
    const DESCRIBES_CREATION: bool = false;
    const HAS_PROCESSING_CODE: bool = false;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, CallbackError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(callback_v2::verify(settings.keys(InterfaceType::License)?, query, body, now, settings.v2_window)?)
    }

    fn claim<'v>(settings: &Settings, verified: &'v Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::CallbackV2(verified.nonce()), settings.v2_window.closes_for(verified.time()))
    }

    fn key_index(verified: &Verified<'_>) -> usize {
        verified.key_index()
    }

    fn parse(_settings: &Settings, verified: &Verified<'_>, _now: Timestamp) -> Result<Call, CallbackError> {
        let callback = Callback::parse(verified)?;
        let activity = callback.activity();
        let (test_flag, command) = read(callback)?;
        Ok(Call { activity, test_flag, command: Command::Licensing(command) })
    }

    fn render(
        _settings: &Settings,
        _key_index: usize,
        activity: Activity,
        _reply: Reply,
    ) -> Result<Bytes, CallbackError> {
        Ok(checked(&Acknowledgement::new(ResultCode::Success), Some(activity), Self::ASCII_ONLY)?)
    }

    fn signing_key(settings: &Settings, key_index: usize) -> Option<&AccessKey> {
        let keys = settings.keys(InterfaceType::License).ok()?;
        settings.sign_v2_answers.then(|| keys.get(key_index))
    }
}

/// Codes and instance ids come from different hands, and share a ledger.
fn ledger_id(code: &str) -> String {
    format!("code:{code}")
}

fn read(callback: Callback) -> Result<(TestFlag, LicensingCommand), CallbackError> {
    let command = |change: Box<Change>| LicensingCommand::Code(change.step.subject().to_owned(), change);
    Ok(match callback {
        Callback::RefreshLicenseCode(request) => {
            let code = request.license;
            (request.test_flag, command(changes::renew(ledger_id(&code), renewal_of!(request, code))))
        }
        Callback::UpdateLicenseCodeStatus(request) => {
            let (code, test_call) = (request.license, request.test_flag == TestFlag::Debug);
            (request.test_flag, command(changes::set_status(ledger_id(&code), code, request.status, test_call)?))
        }
        Callback::ReleaseLicenseCode(request) => {
            let code = request.license;
            (request.test_flag, command(changes::release(ledger_id(&code), release_of!(request, code))))
        }
    })
}
