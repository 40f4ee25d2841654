//! An instance of each protocol, from purchase to release.

use std::time::Duration;

use koogallery::key::AccessKey;
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::Callback;
use koogallery_simulator::{CallOptions, LineSpec, OrderSpec, SubscriptionState};

use super::Outcome;
use super::story::Story;

pub async fn of_each_generation(story: &mut Story) -> Outcome {
    story.chapter("SaaS V2.0: POST, signed in the query");
    life(story, Protocol::SaasV2, "000002").await?;
    story.chapter("SaaS V1.0: GET, proved by authToken, answered with Body-Sign");
    life(story, Protocol::SaasV1, "000000").await
}

async fn life(story: &mut Story, protocol: Protocol, when_replayed: &str) -> Outcome {
    let marketplace = story.marketplace.clone();
    let order =
        marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Month, 1).with_linear_value(50)));
    let sold = marketplace.buy(protocol, &order, 0).await?;
    story.reported("buy for a month");
    let again = marketplace.buy(protocol, &order, 0).await?;
    story.reported("the same purchase again");
    story.check("the same instance again", sold.instance_id == again.instance_id);
    let id = sold.instance_id.as_str();

    let stranger = CallOptions::default().sign_with(AccessKey::new("a-stranger's-key")?);
    let release = Callback::release(protocol, id, &order.order_id).ok_or("SaaS has releases")?;
    let forged = marketplace.call(&release, &stranger).await?;
    story.answered("a forged release", &forged, "000001");
    let query = Callback::query(protocol, &[id]).ok_or("SaaS has queries")?;
    let request = marketplace.sign(&query, &CallOptions::default())?;
    marketplace.send(&query, request.clone()).await;
    let replayed = marketplace.send(&query, request).await;
    story.answered("a captured query, replayed", &replayed, when_replayed);

    marketplace.upgrade(id, LineSpec::period("OFFI1", PeriodType::Month, 1).with_linear_value(80)).await?;
    story.reported("upgrade");
    marketplace.freeze(id).await?;
    story.reported("freeze");
    marketplace.renew(id, PeriodType::Month, 1).await?;
    story.reported("renew, which unfreezes");

    marketplace.run_until(marketplace.now().saturating_add(Duration::from_secs(90 * 86_400))).await;
    story.reported("90 days later");
    let ended = marketplace.subscription(id).map(|sold| sold.state);
    story.check("it was frozen when it expired, and released", ended == Some(SubscriptionState::Released));
    let late = marketplace.call(&query, &CallOptions::default()).await?;
    story.answered("ask for it once more", &late, "000003");
    Ok(())
}
