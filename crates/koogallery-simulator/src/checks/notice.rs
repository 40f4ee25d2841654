//! Order notifications beside purchases: both name the same order line, and mean different things.

use crate::call::Signer;
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use koogallery::key::AccessKey;
use koogallery::protocol::Protocol;

/// A notice and a purchase of one order line, in both orders.
pub(super) async fn beside_purchases(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let keys = Protocol::OrderNotify.keys(&session.judge.keys).map(|(_, ring)| ring.signing_key().clone());
    let Some(key) = keys else { return Err(Stop::not_run("there is no key for order notifications")) };

    let order = session.author.ids.order();
    match notify(session, &key, &order).await {
        Ok(reading) if reading.is_accepted() => {}
        Ok(_) | Err(Stop::Failed(_)) => return Err(Stop::not_run("order notifications are not served here")),
        Err(stop) => return Err(stop),
    }
    let what = "a purchase after the notice of its order line";
    buy(session, &order, what).await.map_err(swallowed)?;

    let order = session.author.ids.order();
    let what = "a purchase before the notice of its order line";
    buy(session, &order, what).await?;
    notify(session, &key, &order).await?.accepted("a notice of an order line that was bought").map_err(swallowed)?;
    session.expect_instances(&order, 1).await.map_err(swallowed)
}

fn swallowed(stop: Stop) -> Stop {
    stop.because("a notice and a purchase of the same order line are taken for the same call")
}

async fn notify(session: &mut Session, key: &AccessKey, order: &str) -> Result<Reading, Stop> {
    let message = session.author.notice_of(order, 1);
    let nonce = session.author.ids.nonce();
    let signer = Signer { scheme: Protocol::OrderNotify.scheme(), key: key.clone(), nonce, ..session.signer() };
    let call = signer.sign(&message);
    session.send_unjudged(call).await
}

/// Buys, and looks whether there is an instance.
async fn buy(session: &mut Session, order: &str, what: &str) -> Checked {
    let purchase = session.author.purchase_of(order, 1);
    let id = session.buy(&purchase).await?;
    if let Some(query) = session.author.query(&[&id]) {
        let reading = session.call(&query).await?;
        reading.accepted(&format!("a query after {what}"))?;
        if !reading.described_ids().contains(&&*id) {
            return Err(Stop::failed(format!("an instance after {what}"), "none", "there is no instance"));
        }
    }
    session.expect_instances(order, 1).await
}
