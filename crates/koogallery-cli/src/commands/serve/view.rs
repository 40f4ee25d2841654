//! What the marketplace has, as JSON.

use koogallery_simulator::{Marketplace, OpenApiServer, Subscription, UsageTotal};
use serde_json::{Value, json};

/// Returns a subscription, with the usage that was accepted of it.
pub fn subscription(open_api: &OpenApiServer, sold: &Subscription) -> Value {
    let line = sold.line_spec();
    let usage = open_api.usage_totals(&sold.instance_id);
    let usage = usage.into_iter().map(|UsageTotal { related_instance_id, usage, .. }| {
        json!({"relatedInstanceId": related_instance_id, "usageValue": usage.to_string()})
    });
    let quotas = line.map(|line| &*line.quotas).unwrap_or_default().iter();
    let quotas = quotas.map(|quota| json!({"productId": quota.product_id, "amount": quota.amount.to_string()}));
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
        "quotas": quotas.collect::<Vec<_>>(),
        "usage": usage.collect::<Vec<_>>(),
    })
}

/// Returns the calls of the marketplace, and those it received.
pub fn log(marketplace: &Marketplace) -> Value {
    let made = marketplace.log().into_iter().map(|attempt| {
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
    let taken = marketplace.open_api().log().into_iter().map(|call| {
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
