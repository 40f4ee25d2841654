//! A License of each family, and the notice of an order.

use koogallery::license::{code, online, v1};
use koogallery::order_notify;
use koogallery::timestamp::Timestamp;

use super::desk::Desk;
use super::marketplace::{self, Marketplace};
use super::{Keys, Outcome};

pub async fn of_each_family(marketplace: &mut Marketplace, keys: &Keys, desk: &Desk) -> Outcome {
    authorization_code(marketplace, keys).await?;
    online_license(marketplace, keys, desk).await?;
    license_v1(marketplace).await?;
    println!("\nOrder notification");
    let notice = order_notify::Request::new("CS2511210030", "CS2511210030-000001").to_body();
    marketplace.post_as(&keys.general, "an order", &notice, "000000").await?;
    marketplace.post_as(&keys.general, "the same order again", &notice, "000000").await?;
    Ok(())
}

async fn authorization_code(marketplace: &mut Marketplace, keys: &Keys) -> Outcome {
    println!("\nLicense authorization code 2.0");
    let until = "20270101000000".parse::<Timestamp>()?;
    let renewal = code::refresh_license_code::Request::new(
        code::refresh_license_code::Scene::Renewal,
        "CS2511210021",
        "CS2511210021-000001",
        "PL0000000000DEMO01",
        until,
    );
    let status = |status| code::update_license_code_status::Request::new("PL0000000000DEMO01", status).to_body();
    let release = code::release_license_code::Request::new("PL0000000000DEMO01").to_body();
    let key = &keys.license;
    marketplace.post_as(key, "renew", &renewal.to_body(), "000000").await?;
    marketplace.post_as(key, "freeze", &status(code::update_license_code_status::Status::Freeze), "000000").await?;
    marketplace.post_as(key, "unfreeze", &status(code::update_license_code_status::Status::Unfreeze), "000000").await?;
    marketplace.post_as(key, "release", &release, "000000").await?;
    marketplace.post_as(&keys.basic, "with the basic key", &release, "000001").await?;
    Ok(())
}

async fn online_license(marketplace: &mut Marketplace, keys: &Keys, desk: &Desk) -> Outcome {
    println!("\nOnline License");
    let key = &keys.license;
    let purchase = online::new_instance::Request::new("CS2511210022", "CS2511210022-000001", "biz-lic-1");
    let start = online::LicenseTime::from("20251121000000".parse::<Timestamp>()?);
    let apply = online::get_license_async::Request::new("biz-lic-1", start, "event-1").to_body();
    marketplace.post_as(key, "buy", &purchase.to_body(), "000000").await?;
    marketplace.post_as(key, "apply for a License", &apply, "000000").await?;
    let first = desk.license("event-1");
    marketplace.check("it was uploaded", first.is_some());
    marketplace.post_as(key, "apply again", &apply, "000000").await?;
    marketplace.check("the same License again", desk.license("event-1") == first);
    let release = online::release_instance::Request::new("biz-lic-1").to_body();
    marketplace.post_as(key, "release", &release, "000000").await?;
    Ok(())
}

async fn license_v1(marketplace: &mut Marketplace) -> Outcome {
    println!("\nLicense V1");
    let now = || marketplace::now().to_compact_millis();
    let purchase = |business_id| {
        v1::get_license::Request::new(now(), "customer-1", business_id, "CS2511210023", "OFFI03").to_query()
    };
    let first = marketplace.get("buy", &purchase("biz-lic-2"), "000000").await?;
    marketplace.check("the License is in the answer", first["license"].is_string());
    let again = marketplace.get("the same purchase again", &purchase("biz-lic-3"), "000000").await?;
    marketplace.check("the same License and id again", first == again);
    let release = v1::release_license::Request::new(now(), "CS2511210023", "biz-lic-2").to_query();
    marketplace.get("release", &release, "000000").await?;
    Ok(())
}
