//! What the marketplace has, as JSON.

use koogallery_simulator::{
    CallbackFault, Instance, Marketplace, OpenApiServer, PlacedOrder, Quota, Subscription, UsageTotal,
};
use serde_json::{Value, json};

use super::fault::{CALLBACK_FIELDS, FIELDS, KINDS};

/// Returns an order that was placed.
pub fn order(order: &PlacedOrder) -> Value {
    let lines: Vec<_> = (0..order.spec.lines.len()).map(|line| order.order_line_id(line)).collect();
    json!({"orderId": order.order_id, "orderLineIds": lines})
}

/// Returns all subscriptions.
pub fn subscriptions(marketplace: Option<&Marketplace>) -> Value {
    let shown = |marketplace: &Marketplace| -> Vec<Value> {
        marketplace.subscriptions().iter().map(|sold| subscription(marketplace.open_api(), sold)).collect()
    };
    marketplace.map(shown).unwrap_or_default().into()
}

fn usage(open_api: &OpenApiServer, instance_id: &str) -> Value {
    let usage = open_api.usage_totals(instance_id);
    let shown = |UsageTotal { related_instance_id, usage, .. }| json!({"relatedInstanceId": related_instance_id, "usageValue": usage.to_string()});
    usage.into_iter().map(shown).collect()
}

fn quotas(quotas: &[Quota]) -> Value {
    let shown = |quota: &Quota| json!({"productId": quota.product_id, "amount": quota.amount.to_string()});
    quotas.iter().map(shown).collect()
}

/// Returns the instances that usage is checked against.
pub fn instances(open_api: &OpenApiServer) -> Value {
    let shown = |instance: &Instance| {
        json!({
            "instanceId": instance.instance_id,
            "productId": instance.product_id,
            "chargingMode": instance.charging_mode.as_str(),
            "customerId": instance.customer_id,
            "quotas": quotas(&instance.quotas),
            "usage": usage(open_api, &instance.instance_id),
        })
    };
    open_api.instances().iter().map(shown).collect()
}

/// Returns the active faults, and those that can be switched on.
pub fn faults(open_api: &OpenApiServer, marketplace: Option<&Marketplace>) -> Value {
    let active: Vec<_> = open_api.faults().iter().map(ToString::to_string).collect();
    let known: Vec<_> = KINDS.iter().map(|(fault, value)| json!({"fault": fault, "value": value})).collect();
    let of_callbacks = marketplace.map(|marketplace| {
        let active: Vec<_> = marketplace.faults().iter().map(ToString::to_string).collect();
        json!({"active": active, "known": CallbackFault::ALL.map(CallbackFault::as_str), "fields": CALLBACK_FIELDS})
    });
    json!({"active": active, "known": known, "fields": FIELDS, "callbacks": of_callbacks})
}

/// Returns a subscription, with the usage that was accepted of it.
pub fn subscription(open_api: &OpenApiServer, sold: &Subscription) -> Value {
    let line = sold.line_spec();
    json!({
        "instanceId": sold.instance_id,
        "profile": sold.protocol.id(),
        "orderId": sold.order.order_id,
        "orderLineId": sold.order.order_line_id(sold.line),
        "productId": line.and_then(|line| line.products.first()).map(|product| &product.product_id),
        "chargingMode": line.map(|line| line.charging_mode.as_str()),
        "customerId": sold.order.spec.buyer.customer_id,
        "state": sold.state.as_str(),
        "expireTime": sold.expire_time.map(|time| time.to_compact_seconds()),
        "quotas": quotas(line.map(|line| &*line.quotas).unwrap_or_default()),
        "usage": usage(open_api, &sold.instance_id),
    })
}

/// Returns the calls of the marketplace, and those it received.
pub fn log(marketplace: Option<&Marketplace>, open_api: &OpenApiServer) -> Value {
    let made = marketplace.map(Marketplace::log).unwrap_or_default().into_iter().map(|attempt| {
        json!({
            "at": attempt.at.to_compact_millis(),
            "profile": attempt.protocol.id(),
            "activity": attempt.activity.as_str(),
            "try": attempt.number,
            "outcome": attempt.outcome.to_string(),
            "request": format!("{} {}", attempt.exchange.method, attempt.exchange.target),
            "requestBody": attempt.exchange.request_body,
            "status": attempt.exchange.status,
            "answerBody": attempt.exchange.answer_body,
            "milliseconds": attempt.exchange.duration.as_millis() as u64,
        })
    });
    let taken = open_api.log().into_iter().map(|call| {
        json!({
            "at": call.at.to_compact_millis(),
            "request": call.request,
            "about": call.about,
            "status": call.status.map(|status| status.as_u16()),
            "code": call.code,
            "explanation": call.explanation,
            "remarks": call.remarks,
        })
    });
    json!({"calls": made.collect::<Vec<_>>(), "openApi": taken.collect::<Vec<_>>()})
}
