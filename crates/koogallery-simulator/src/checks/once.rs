//! Idempotency: the same call again, once, often, concurrently, and after a failure.

use serde_json::Value;

use crate::charging::Charging;
use crate::message::Message;
use crate::profile::Profile;
use crate::session::{Checked, Session, Stop};
use koogallery::protocol::Protocol;

pub(super) fn other_id(first: &str, again: &str, cause: &str) -> Stop {
    Stop::failed(format!("instance {first} again"), format!("instance {again}"), cause)
}

/// Buys one order line this many times, each time with another `businessId`.
async fn buy_again(session: &mut Session, order: &str, times: u32) -> Checked {
    let purchase = session.author.purchase_of(order, 1);
    let first = session.buy(&purchase).await?;
    for _ in 1..times {
        let purchase = session.author.purchase_of(order, 1);
        let again = session.buy(&purchase).await?;
        if again != first {
            let echoed = purchase.get("businessId") == Some(&*again);
            let cause = match echoed {
                true => {
                    "businessId is used as the instance id although it differs in every attempt; the first id must be kept"
                }
                false if session.is_same_id(&first, &again) => {
                    "every attempt gets the same id, encrypted each time, so the ids differ: the id must be the same text"
                }
                false => "every attempt gets a new id: the order line is not remembered",
            };
            return Err(other_id(&first, &again, cause));
        }
    }
    session.expect_instances(order, 1).await
}

pub(super) async fn twice(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    buy_again(session, &order, 2).await
}

pub(super) async fn ten_times(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    buy_again(session, &order, 10).await
}

async fn at_once(session: &mut Session, copies: u32) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    let mut calls = Vec::new();
    for _ in 0..copies {
        let purchase = session.author.purchase_of(&order, 1);
        calls.push(session.sign(&purchase));
    }
    let mut first: Option<String> = None;
    for reading in session.send_all(calls).await? {
        reading.accepted("a concurrent copy of a purchase")?;
        let Some(id) = reading.instance_id() else { continue };
        match &first {
            None => first = Some(id.to_owned()),
            Some(first) if first == id => {}
            Some(first) => {
                return Err(other_id(first, id, "concurrent copies are not deduplicated"));
            }
        }
    }
    let purchase = session.author.purchase_of(&order, 1);
    let again = session.buy(&purchase).await?;
    match first {
        Some(first) if first != again => Err(other_id(&first, &again, "concurrent copies are not deduplicated")),
        _ => session.expect_instances(&order, 1).await,
    }
}

pub(super) async fn twenty_at_once(session: &mut Session) -> Checked {
    at_once(session, 20).await
}

pub(super) async fn hung_up(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    let purchase = session.author.purchase_of(&order, 1);
    let call = session.sign(&purchase);
    session.hang_up(&call).await;
    buy_again(session, &order, 2).await
}

pub(super) async fn after_a_failure(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    let malformed = session.author.purchase_of(&order, 1).without("businessId");
    let call = session.sign(&malformed);
    match session.send_unjudged(call).await {
        Ok(reading) if reading.is_accepted() => {
            return Err(Stop::not_run("a purchase without businessId is accepted (L8), so it cannot be made to fail"));
        }
        Err(stop @ Stop::NotRun(_)) => return Err(stop),
        _ => {}
    }
    let purchase = session.author.purchase_of(&order, 1);
    let reading = session.call(&purchase).await?;
    if !(reading.is_success() || reading.is_processing()) {
        return Err(Stop::failed(
            "a purchase succeeds after a failed attempt",
            format!("resultCode {}", reading.code.as_deref().unwrap_or("none")),
            "a failure is remembered as final, so that no retry can succeed",
        ));
    }
    session.settled(&purchase, reading).await?;
    session.expect_instances(&order, 1).await
}

pub(super) async fn different_orders(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    let first = session.author.purchase_of(&order, 1);
    let first = session.buy(&first).await?;
    let other = match session.profile {
        // V1.0 has no order lines.
        Profile::Protocol(Protocol::SaasV1) | Profile::Protocol(Protocol::LicenseV1) => session.author.purchase(),
        _ => session.author.purchase_of(&order, 2),
    };
    let other = session.buy(&other).await?;
    match first == other {
        true => Err(Stop::failed(
            "another instance for another order line",
            "the same one",
            "two order lines share one instance",
        )),
        false => Ok(()),
    }
}

pub(super) async fn pay_per_use(session: &mut Session) -> Checked {
    session.wants_effects()?;
    if !session.sells(Charging::OnDemand) {
        return Err(Stop::not_run("the product is not sold pay-per-use"));
    }
    let order = session.author.ids.order();
    let mut ids = Vec::new();
    for product in ["OFFI000000000000000001", "OFFI000000000000000002", "OFFI000000000000000001"] {
        let purchase = session.author.purchase_of(&order, 1).with("chargingMode", "0").with("productId", product);
        let purchase = purchase.without("expireTime").without("periodType").without("periodNumber");
        let reading = session.call(&purchase).await?;
        if session.charging.is_empty() && !reading.is_accepted() {
            return Err(Stop::not_run("pay-per-use purchases are refused (L17)"));
        }
        ids.push(session.settled(&purchase, reading).await?);
    }
    match ids[0] != ids[1] && ids[0] == ids[2] {
        true => Ok(()),
        false => Err(Stop::failed(
            "one instance per product of a pay-per-use order",
            format!("instances {}", ids.join(", ")),
            "a pay-per-use order has one purchase per billing item: its idempotency key is order and product",
        )),
    }
}

pub(super) async fn other_content(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    let first = session.author.purchase_of(&order, 1);
    let first = session.buy(&first).await?;
    let other = session.author.purchase_of(&order, 1).with("productId", "OFFI000000000000000009");
    let reading = session.call(&other).await?;
    match reading.instance_id() {
        Some(again) if again != first && (reading.is_success() || reading.is_processing()) => {
            Err(other_id(&first, again, "orders are identified by more than their id"))
        }
        _ => session.expect_instances(&order, 1).await,
    }
}

/// Sends a message this many times, each time as a new call.
async fn all_accepted(session: &mut Session, message: &Message, what: &str) -> Checked {
    for _ in 0..3 {
        session.call(message).await?.accepted(what)?;
    }
    Ok(())
}

pub(super) async fn renewal(session: &mut Session) -> Checked {
    let id = session.instance().await?;
    let time = session.now().saturating_add(std::time::Duration::from_secs(365 * 86400));
    let Some(renewal) = session.author.renewal(&id, time) else { return Ok(()) };
    session.call(&renewal).await?.accepted("a renewal")?;
    let first = session.probed_instance(&id).await?.and_then(|instance| instance.expire_time);
    all_accepted(session, &renewal, "a repeated renewal").await?;
    let again = session.probed_instance(&id).await?.and_then(|instance| instance.expire_time);
    match first == again {
        true => Ok(()),
        false => Err(Stop::failed(
            "the expiry is set once",
            "it changes with every repeat",
            "the renewal adds a period instead of setting the time that was sent",
        )),
    }
}

pub(super) async fn status_and_release(session: &mut Session) -> Checked {
    let id = match session.profile {
        // Only as tests, for which every id is valid.
        Profile::Protocol(Protocol::LicenseCode) => session.author.ids.named("code-"),
        _ => session.instance().await?,
    };
    let messages = [session.author.freeze(&id), session.author.unfreeze(&id), session.author.release(&id)];
    let names = ["a repeated freeze", "a repeated unfreeze", "a repeated release"];
    for (message, name) in messages.into_iter().zip(names) {
        if let Some(message) = message {
            all_accepted(session, &message, name).await?;
        }
    }
    Ok(())
}

pub(super) async fn notices(session: &mut Session) -> Checked {
    let notice = session.fresh();
    all_accepted(session, &notice, "a repeated notice").await
}

pub(super) async fn fifty_orders(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let purchases: Vec<_> = (0..50).map(|_| session.author.purchase()).collect();
    let calls = purchases.iter().map(|purchase| session.sign(purchase)).collect();
    let readings = session.send_all(calls).await?;
    let mut ids: Vec<Value> = Vec::new();
    for reading in readings {
        reading.accepted("one of 50 purchases at once")?;
        ids.extend(reading.instance_id().map(Value::from));
    }
    let count = ids.len();
    ids.sort_by_key(Value::to_string);
    ids.dedup();
    match ids.len() == count {
        true => Ok(()),
        false => Err(Stop::failed("50 instances", format!("{}", ids.len()), "concurrent purchases are mixed up")),
    }
}
