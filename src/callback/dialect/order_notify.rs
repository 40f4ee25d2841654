//! Callback handling of order notification.

use crate::activity::Activity;
use crate::callback::CallbackError;
use crate::callback::command::{Call, Change, Command};
use crate::ledger::OrderKey;
use crate::order_notify::Request;
use crate::wire::{Members, TestFlag};

pub(in crate::callback) fn read(members: &Members<'_>) -> Result<Call, CallbackError> {
    let request = Request::from_members(members)?;
    let proposed_id = format!("{}/{}", request.order_id, request.order_line_id);
    let order = OrderKey::new(request.order_id).with_order_line(request.order_line_id);
    let notice = Change::purchase(order, proposed_id, None, request.test_flag == TestFlag::Debug);
    let command = Command::Order(Box::new(notice));
    let (test_flag, warnings) = (request.test_flag, request.warnings);
    Ok(Call { activity: Activity::OrderNotify, test_flag, command, warnings })
}
