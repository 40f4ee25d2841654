//! Slow purchases, callers that disconnect, and repeats after days.

use std::time::Duration;

use super::once::other_id;
use crate::message::Message;
use crate::session::{Checked, Session, Stop};
use koogallery::protocol::SignatureScheme;

const DAY: Duration = Duration::from_secs(86400);

/// An endpoint cannot be forced to be slow.
fn never_slow() -> Stop {
    Stop::not_run("every purchase was done at once")
}

/// Buys from an endpoint that answers before the work is done; returns the instance too.
async fn put_off(session: &mut Session, order: &str) -> Result<(Message, String), Stop> {
    session.wants_effects()?;
    let purchase = session.author.purchase_of(order, 1);
    let reading = session.call(&purchase).await?;
    reading.accepted("a purchase")?;
    match reading.instance_id() {
        Some(id) if session.is_put_off(&reading) => Ok((purchase, id.to_owned())),
        _ => Err(never_slow()),
    }
}

pub(super) async fn done_later(session: &mut Session) -> Checked {
    let order = session.author.ids.order();
    let (purchase, id) = put_off(session, &order).await?;
    let mut patience = session.patience();
    loop {
        let question = session.question(&purchase, &id);
        let reading = session.call(&question).await?;
        if session.is_done(&reading, &id) {
            break;
        }
        if let Some(code) = reading.code.as_deref().filter(|code| !["000000", "000004"].contains(code)) {
            let note = format!("{} of an instance that is being created is answered with {code}", question.activity);
            if !session.notes.contains(&note) {
                session.notes.push(note);
            }
        }
        if !patience.pause().await {
            return Err(patience.exhausted());
        }
    }
    for _ in 0..3 {
        let question = session.question(&purchase, &id);
        let reading = session.call(&question).await?;
        if !session.is_done(&reading, &id) {
            return Err(Stop::failed(
                "a ready instance stays ready",
                format!("resultCode {}", reading.code.as_deref().unwrap_or("none")),
                "the ready state is not stored",
            ));
        }
    }
    session.expect_instances(&order, 1).await
}

/// Attempts within which a slow endpoint must finish.
const TRIES: u32 = 5;

pub(super) async fn hung_up_at_the_deadline(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    for tried in 0..TRIES {
        let purchase = session.author.purchase_of(&order, 1);
        let call = session.sign(&purchase);
        let Some(reading) = session.send_within(call, session.judge.deadline).await? else { continue };
        if tried == 0 {
            return Err(Stop::not_run("purchases are answered before the deadline"));
        }
        let first = session.settled(&purchase, reading).await?;
        let purchase = session.author.purchase_of(&order, 1);
        let again = session.buy(&purchase).await?;
        return match first == again {
            true => session.expect_instances(&order, 1).await,
            false => Err(other_id(&first, &again, "an attempt that took too long is forgotten")),
        };
    }
    Err(Stop::failed(
        format!("an answer before the deadline in one of {TRIES} attempts"),
        "none",
        "the work is cancelled when the caller disconnects, and every attempt starts over",
    ))
}

pub(super) async fn while_running(session: &mut Session) -> Checked {
    let order = session.author.ids.order();
    let (_, first) = put_off(session, &order).await?;
    let purchase = session.author.purchase_of(&order, 1);
    let reading = session.call(&purchase).await?;
    reading.accepted("a repeat while the first attempt is running")?;
    if let Some(again) = reading.instance_id().filter(|again| *again != first) {
        return Err(other_id(&first, again, "a repeat that arrives during the work starts it again"));
    }
    session.settled(&purchase, reading).await?;
    let runs = session.probed_instance(&first).await?.and_then(|instance| instance.handler_runs);
    match runs {
        Some(runs) if runs > 1 => Err(Stop::failed(
            "the seller's code runs once",
            format!("it ran {runs} times"),
            "a repeat that arrives during the work starts it again",
        )),
        _ => session.expect_instances(&order, 1).await,
    }
}

/// Moves the clocks; returns whether they can be moved.
fn travel(session: &mut Session, by: Duration) -> bool {
    let before = session.clock.now();
    session.travel.as_ref().is_some_and(|travel| {
        travel(by);
        session.clock.now() >= before.saturating_add(by)
    })
}

pub(super) async fn days_later(session: &mut Session) -> Checked {
    session.wants_effects()?;
    if session.travel.is_none() {
        return Err(Stop::not_run("the clock cannot be moved"));
    }
    let order = session.author.ids.order();
    let purchase = session.author.purchase_of(&order, 1);
    let first = session.buy(&purchase).await?;
    for days in [1, 29] {
        if !travel(session, DAY * days) {
            return Err(Stop::not_run("the checker's clock does not follow the time travel"));
        }
        let purchase = session.author.purchase_of(&order, 1);
        let again = session.buy(&purchase).await?;
        if again != first {
            return Err(other_id(&first, &again, "orders are forgotten after some time"));
        }
    }
    session.expect_instances(&order, 1).await
}

pub(super) async fn grace(session: &mut Session) -> Checked {
    let id = session.instance().await?;
    let expiry = session.now().saturating_add(DAY);
    if let Some(renewal) = session.author.renewal(&id, expiry) {
        session.call(&renewal).await?.accepted("a renewal")?;
    }
    let Some(freeze) = session.author.freeze(&id) else { return Ok(()) };
    session.call(&freeze).await?.accepted("a freeze")?;
    if !travel(session, DAY * 14) {
        session.notes.push("the renewal came at once, because the clock cannot be moved".to_owned());
    }
    let what = "a renewal within the grace period of 15 days";
    let until = session.now().saturating_add(DAY * 30);
    let Some(renewal) = session.author.renewal(&id, until) else { return Ok(()) };
    session.call(&renewal).await?.accepted(what)?;
    // V1.0 has no unfreeze call: a renewal ends the freeze.
    let unfreeze = session.author.unfreeze(&id).filter(|_| session.profile.scheme() != SignatureScheme::AuthToken);
    if let Some(unfreeze) = unfreeze {
        session.call(&unfreeze).await?.accepted("the unfreeze after it")?;
    }
    session.expect_state(&id, "active", what).await?;
    super::lifecycle::expect_expiry(session, &id, until, what).await
}
