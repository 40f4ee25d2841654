//! A License of each family, and the notice of an order.

use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::Callback;
use koogallery_simulator::{CallOptions, LineSpec, Marketplace, OrderSpec, PlacedOrder};

use super::Outcome;
use super::story::Story;

pub async fn of_each_family(story: &mut Story, online: Marketplace) -> Outcome {
    authorization_code(story).await?;
    online_license(story, online).await?;
    license_v1(story).await?;
    story.chapter("Order notification");
    let notice = Callback::order_notify(&order(&story.marketplace), 0);
    for what in ["an order", "the same order again"] {
        story.marketplace.deliver(&notice).await?;
        story.reported(what);
    }
    Ok(())
}

fn order(marketplace: &Marketplace) -> PlacedOrder {
    marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Year, 1)))
}

async fn authorization_code(story: &mut Story) -> Outcome {
    story.chapter("License authorization code 2.0");
    let marketplace = story.marketplace.clone();
    // No call announces the sale.
    let code = marketplace.buy(Protocol::LicenseCode, &order(&marketplace), 0).await?.instance_id;
    marketplace.renew(&code, PeriodType::Year, 1).await?;
    story.reported("renew");
    marketplace.freeze(&code).await?;
    story.reported("freeze");
    marketplace.unfreeze(&code).await?;
    story.reported("unfreeze");
    marketplace.release(&code).await?;
    story.reported("release");
    Ok(())
}

async fn online_license(story: &mut Story, marketplace: Marketplace) -> Outcome {
    story.chapter("Online License");
    let everything_else = std::mem::replace(&mut story.marketplace, marketplace.clone());
    let bought = marketplace.buy(Protocol::LicenseOnline, &order(&marketplace), 0).await?;
    story.reported("buy");
    let id = bought.instance_id.as_str();
    let event = marketplace.apply_for_license(id).await?;
    story.reported("apply for a License");
    let delivered = marketplace.open_api().upload(&event);
    story.check("it was uploaded", delivered.is_some());
    let application = Callback::license_application(id, &event, bought.order.create_time, bought.expire_time);
    marketplace.deliver(&application).await?;
    story.reported("apply again");
    story.check("the same License again", marketplace.open_api().upload(&event) == delivered);
    marketplace.release(id).await?;
    story.reported("release");
    story.marketplace = everything_else;
    Ok(())
}

async fn license_v1(story: &mut Story) -> Outcome {
    story.chapter("License V1");
    let marketplace = story.marketplace.clone();
    let order = order(&marketplace);
    let purchase = Callback::purchase(Protocol::LicenseV1, &order, 0).ok_or("License V1 has purchases")?;
    let first = marketplace.call(&purchase, &CallOptions::default()).await?;
    story.answered("buy", &first, "000000");
    story.check("the License is in the answer", first.exchange.answer_body.contains("\"license\":"));
    let again = marketplace.call(&purchase, &CallOptions::default()).await?;
    story.answered("the same purchase again", &again, "000000");
    story.check("the same License and id again", first.exchange.answer_body == again.exchange.answer_body);
    let id = first.outcome.instance_id().ok_or("the purchase names an instance")?;
    let release = Callback::release(Protocol::LicenseV1, id, &order.order_id).ok_or("and releases")?;
    marketplace.deliver(&release).await?;
    story.reported("release");
    Ok(())
}
