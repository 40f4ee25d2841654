//! Completes events with the data that V2.0 leaves out of its calls, from the order query.

use crate::amount::Amount;
use crate::callback::OrderError;
use crate::callback::handler::subscription::{
    Customer, Event, ExtendParam, Period, Product, Purchase, PurchaseDetails, RenewalScene,
};
use crate::ledger::Effect;
use crate::open_api::Client;
use crate::open_api::query_order::{BuyerInfo, Order, OrderLine, OrderType, Product as OrderProduct, Request};
use crate::wire::FieldWarning;

/// Events with all data of the order, and the part of it that the ledger should know.
pub(in crate::callback) struct Completed {
    pub(in crate::callback) events: Vec<Event>,
    pub(in crate::callback) effect: Effect,
    /// Fields of the order that could not be read.
    pub(in crate::callback) warnings: Vec<FieldWarning>,
}

impl Completed {
    /// An event as it is.
    pub(in crate::callback) fn as_it_is(event: Event, effect: Effect) -> Self {
        Self { events: vec![event], effect, warnings: Vec::new() }
    }
}

/// Completes the event of a change. One event may become several: one per product of a pay-per-use order line.
pub(in crate::callback) async fn complete(
    client: &Client,
    event: Event,
    effect: Effect,
) -> Result<Completed, OrderError> {
    let Some((order_id, order_line_id)) = wanted(&event) else {
        return Ok(Completed::as_it_is(event, effect));
    };
    let request = Request::new(order_id).with_order_line(order_line_id);
    let answer = client.call(&request).await;
    let order =
        answer.map_err(|source| OrderError::Query { order_id: order_id.to_owned(), source: Box::new(source) })?;
    complete_from(&order, event, effect)
}

/// The order line that may have more data than the call.
fn wanted(event: &Event) -> Option<(&str, &str)> {
    let (order_id, line) = match event {
        Event::Create(Purchase { order_id, order_line_id, details: None, .. }) => (order_id, order_line_id),
        Event::Renew(renewal) if renewal.scene != RenewalScene::UnsubscribeRenewalPeriod => {
            (&renewal.order_id, &renewal.order_line_id)
        }
        Event::Upgrade(upgrade) if upgrade.product.is_none() => (&upgrade.order_id, &upgrade.order_line_id),
        _ => return None,
    };
    // Only V2.0 has order lines.
    Some((order_id, line.as_deref()?))
}

fn complete_from(order: &Order, event: Event, effect: Effect) -> Result<Completed, OrderError> {
    let incomplete = |missing: String| OrderError::Incomplete { order_id: order.order_id.clone(), missing };
    let line_id = wanted(&event).map(|(_, line_id)| line_id).unwrap_or_default();
    let line = order.order_lines.iter().find(|line| line.order_line_id == line_id);
    let line = line.ok_or_else(|| incomplete(format!("order line {line_id}")))?;
    let warnings = order.warnings.clone();
    let no_product = || incomplete(format!("the product of order line {}", line.order_line_id));
    Ok(match (event, effect) {
        (Event::Create(purchase), Effect::Create { product_id, expire_time }) => {
            let products = match (product_in(line, product_id.as_deref()), &product_id) {
                (Some(product), _) => std::slice::from_ref(product),
                (None, Some(_)) => return Err(no_product()),
                (None, None) if line.products.is_empty() => return Err(no_product()),
                (None, None) => &line.products,
            };
            let event_of = |product| {
                let details = Some(Box::new(details(order, line, product)));
                Event::Create(Purchase { details, ..purchase.clone() })
            };
            Completed {
                events: products.iter().map(event_of).collect(),
                effect: Effect::Create {
                    product_id: product_id.or_else(|| Some(product_in(line, None)?.product_id.clone())),
                    expire_time: expire_time.or(line.expire_time),
                },
                warnings,
            }
        }
        (Event::Renew(mut renewal), effect) => {
            renewal.period = period(line);
            renewal.amount_paid = amount_paid(order, line);
            // A renewal needs no details: the expiry counts.
            renewal.product = product_in(line, renewal.product_id.as_deref()).map(product_of);
            Completed { events: vec![Event::Renew(renewal)], effect, warnings }
        }
        (Event::Upgrade(mut upgrade), Effect::Upgrade { key, .. }) => {
            let product = product_in(line, None).ok_or_else(no_product)?;
            upgrade.product = Some(product_of(product));
            let product_id = Some(product.product_id.clone());
            Completed { events: vec![Event::Upgrade(upgrade)], effect: Effect::Upgrade { key, product_id }, warnings }
        }
        (event, effect) => Completed::as_it_is(event, effect),
    })
}

/// The product that the call names, or the only one.
fn product_in<'o>(line: &'o OrderLine, named: Option<&str>) -> Option<&'o OrderProduct> {
    match &*line.products {
        [only] => Some(only),
        several => several.iter().find(|product| Some(&*product.product_id) == named),
    }
}

fn details(order: &Order, line: &OrderLine, product: &OrderProduct) -> PurchaseDetails {
    let params = line.extend_params.iter().chain(&order.extend_params);
    PurchaseDetails {
        customer: order.buyer_info.as_ref().map(customer_of),
        product: product_of(product),
        charging_mode: line.charging_mode.as_ref().map(|mode| mode.as_str().into()),
        period: period(line),
        trial: order.order_type == Some(OrderType::Trial),
        expire_time: line.expire_time,
        acceptance_time: None,
        amount_paid: amount_paid(order, line),
        extend_params: params.map(|param| ExtendParam::new(&*param.name, param.value.clone())).collect(),
        provision_type: None,
        warnings: order.warnings.clone(),
    }
}

/// The amount after discount; the list amount where there is none, but not where it could not be read.
fn amount_paid(order: &Order, line: &OrderLine) -> Option<Amount> {
    let is_unread = |warning: &FieldWarning| warning.path.ends_with(".currencyAfterDiscount");
    let list = line.amount.filter(|_| !order.warnings.iter().any(is_unread));
    line.amount_after_discount.or(list)
}

fn period(line: &OrderLine) -> Option<Period> {
    let unit = line.period_type.as_ref()?;
    Some(Period::new(unit.as_str().into(), line.period_number))
}

fn product_of(product: &OrderProduct) -> Product {
    Product {
        sku_code: product.sku_code.clone(),
        product_name: product.product_name.clone(),
        amount: product.linear_value,
        ..Product::new(&*product.product_id)
    }
}

fn customer_of(buyer: &BuyerInfo) -> Customer {
    Customer {
        customer_id: buyer.customer_id.clone(),
        customer_name: buyer.customer_name.clone(),
        user_id: buyer.user_id.clone(),
        user_name: buyer.user_name.clone(),
        real_name: buyer.customer_real_name.clone(),
        mobile_phone: buyer.mobile_phone.clone(),
        email: buyer.email.clone(),
    }
}
