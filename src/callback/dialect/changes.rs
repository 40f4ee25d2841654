//! Changes that the families signed in the query (SaaS V2.0, authorization codes, online License) send in the same
//! form.

use crate::callback::CallbackError;
use crate::callback::command::Change;
use crate::callback::handler::subscription::{Event, Freeze, FreezeReason, Release, Renewal, Unfreeze};
use crate::ledger::{Effect, Step};
use crate::wire::{FieldProblem, FreezeStatus, ParseError, RawField};

/// Reads the fields that every such renewal has.
macro_rules! renewal_of {
    ($request:ident, $id:expr) => {
        $crate::callback::subscription::Renewal {
            instance_id: $id,
            order_id: $request.order_id,
            order_line_id: Some($request.order_line_id),
            scene: $crate::callback::dialect::conversions::scene(&$request.scene),
            expire_time: $request.expire_time,
            product_id: $request.product_id,
            product: None,
            period: None,
            amount_paid: None,
            test_call: $request.test_flag == $crate::wire::TestFlag::Debug,
            fence: $crate::lease::Fence::default(),
            completion: $crate::ledger::Completion::default(),
        }
    };
}
pub(in crate::callback) use renewal_of;

/// Reads the fields that every such release has.
macro_rules! release_of {
    ($request:ident, $id:expr) => {
        $crate::callback::subscription::Release {
            instance_id: $id,
            order_id: $request.order_id,
            order_line_id: $request.order_line_id,
            test_call: $request.test_flag == $crate::wire::TestFlag::Debug,
            fence: $crate::lease::Fence::default(),
            completion: $crate::ledger::Completion::default(),
        }
    };
}
pub(in crate::callback) use release_of;

pub(in crate::callback) fn renew(ledger_id: String, event: Renewal) -> Box<Change> {
    let line = event.order_line_id.as_deref().unwrap_or_default();
    let effect = Effect::Renew {
        key: format!("renew {} {line} {} {}", event.order_id, event.scene, event.expire_time),
        expire_time: event.expire_time,
        product_id: event.product_id.clone(),
        // A separate call unfreezes, before or after.
        unfreezes: false,
    };
    Box::new(Change { step: Step::on(ledger_id, effect), event: Event::Renew(event) })
}

pub(in crate::callback) fn set_status(
    ledger_id: String,
    instance_id: String,
    status: FreezeStatus,
    test_call: bool,
) -> Result<Box<Change>, CallbackError> {
    let (effect, event) = match status {
        FreezeStatus::Freeze => {
            let reason = FreezeReason::Unspecified;
            (Effect::Freeze, Event::Freeze(Freeze { test_call, ..Freeze::new(instance_id, reason) }))
        }
        // Some senders use V1.0's word.
        status if status == FreezeStatus::Unfreeze || status.as_str() == "NORMAL" => {
            (Effect::Unfreeze, Event::Unfreeze(Unfreeze { test_call, ..Unfreeze::new(instance_id) }))
        }
        status => return Err(unknown_status("status", status.as_str())),
    };
    Ok(Box::new(Change { step: Step::on(ledger_id, effect), event }))
}

pub(in crate::callback) fn release(ledger_id: String, event: Release) -> Box<Change> {
    Box::new(Change { step: Step::on(ledger_id, Effect::Release), event: Event::Release(event) })
}

/// The one open text that cannot be acted on when it is unknown.
pub(in crate::callback) fn unknown_status(field: &'static str, status: &str) -> CallbackError {
    let problem = FieldProblem::NotA("FREEZE, UNFREEZE or NORMAL");
    CallbackError::Parse(ParseError::new(field, problem, &RawField::Text(status.into())))
}
