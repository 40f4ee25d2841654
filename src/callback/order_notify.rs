//! Order notification on the way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::answer::checked;
use super::call::{Call, Change, Command, Reply};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::{AccessKey, InterfaceType};
use crate::ledger::OrderKey;
use crate::order_notify::Request;
use crate::replay::CallId;
use crate::result_code::ResultCode;
use crate::signature::callback_v2::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Acknowledgement, TestFlag};

pub(super) enum OrderNotify {}

impl Dialect for OrderNotify {
    type Verified<'a> = Verified<'a>;

    const PROTOCOL: Protocol = Protocol::OrderNotify;
    const ANSWERS_REPEATS: bool = false;
    const ASCII_ONLY: bool = false;
    const DESCRIBES_CREATION: bool = false;
    const HAS_PROCESSING_CODE: bool = false;
    const MAY_GO_ON: bool = false;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, CallbackError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(callback_v2::verify(settings.keys(InterfaceType::General)?, query, body, now, settings.v2_window)?)
    }

    fn claim<'v>(settings: &Settings, verified: &'v Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::CallbackV2(verified.nonce()), settings.v2_window.closes_for(verified.time()))
    }

    fn key_index(verified: &Verified<'_>) -> usize {
        verified.key_index()
    }

    fn parse(_settings: &Settings, verified: &Verified<'_>, _now: Timestamp) -> Result<Call, CallbackError> {
        let request = Request::parse(verified)?;
        let proposed_id = format!("{}/{}", request.order_id, request.order_line_id);
        let order = OrderKey::new(request.order_id).with_order_line(request.order_line_id);
        let notice = Change::purchase(order, proposed_id, request.test_flag == TestFlag::Debug);
        let command = Command::Order(Box::new(notice));
        Ok(Call { activity: Activity::OrderNotify, test_flag: request.test_flag, command })
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
        let keys = settings.keys(InterfaceType::General).ok()?;
        settings.sign_v2_answers.then(|| keys.get(key_index))
    }
}
