//! Order notification on the way of a callback.

use bytes::Bytes;

use super::answer::checked;
use super::call::{Call, Change, Command, Reply};
use super::settings::Settings;
use super::signed_in_query::Family;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::InterfaceType;
use crate::ledger::OrderKey;
use crate::order_notify::Request;
use crate::result_code::ResultCode;
use crate::wire::{Acknowledgement, Members, TestFlag, Violation};

pub(super) enum OrderNotify {}

impl Family for OrderNotify {
    const PROTOCOL: Protocol = Protocol::OrderNotify;
    const HAS_PROCESSING_CODE: bool = false;
    const MAY_GO_ON: bool = false;

    fn interface(_settings: &Settings) -> InterfaceType {
        InterfaceType::General
    }

    fn read(members: &Members<'_>) -> Result<Call, CallbackError> {
        let request = Request::from_members(members)?;
        let proposed_id = format!("{}/{}", request.order_id, request.order_line_id);
        let order = OrderKey::new(request.order_id).with_order_line(request.order_line_id);
        let notice = Change::purchase(order, proposed_id, None, request.test_flag == TestFlag::Debug);
        let command = Command::Order(Box::new(notice));
        let (test_flag, warnings) = (request.test_flag, request.warnings);
        Ok(Call { activity: Activity::OrderNotify, test_flag, command, warnings })
    }

    fn write(activity: Activity, _reply: Reply) -> Result<Bytes, Violation> {
        checked(&Acknowledgement::new(ResultCode::Success), Some(activity), false)
    }
}
