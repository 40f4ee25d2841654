//! Authorization codes.

use std::time::Duration;

use http::Request;
use koogallery::clock::Clock as _;
use koogallery::heartbeat::{Denial, Heartbeat, HeartbeatError, MemoryStateStore};
use koogallery::open_api::activate_license::LicenseStatus;
use koogallery::open_api::report_software_usage::{Report, Usage};
use koogallery::open_api::{activate_license, activate_licenses, query_license, report_software_usage};
use koogallery::site::Site;
use koogallery_simulator::LicenseCode;

use super::{NOW, Stage};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A code, changed and registered.
fn code(stage: &Stage, change: impl FnOnce(&mut LicenseCode)) -> String {
    let mut code = stage.open_api.new_license();
    change(&mut code);
    let license = code.license.clone();
    stage.open_api.put_license(code);
    license
}

#[tokio::test]
async fn a_code_is_activated_once_and_queried_until_it_expires() {
    let stage = Stage::new();
    let license = code(&stage, |code| {
        (code.amount, code.expire_time) = (Some(2), Some(NOW.saturating_add(DAY)));
        code.order_id = "CS1".to_owned();
    });
    assert!(license.starts_with("PL") && license.len() == 18);
    assert_eq!(stage.refusal(query_license::Request::new(&license)).await, "92020011");
    let mut activation = activate_license::Request::new(&license);
    activation.real_effect_time = Some(NOW.saturating_sub(DAY));
    assert_eq!(stage.refusal(activation.clone()).await, "92020002", "before the order");
    activation.real_effect_time = Some(NOW);
    let reported = stage.call(activation).await.unwrap();
    assert_eq!(
        (reported.status, reported.amount, reported.order_id.as_deref()),
        (Some(LicenseStatus::Alive), Some(2), Some("CS1"))
    );
    assert_eq!(stage.refusal(activate_license::Request::new(&license)).await, "92020003");

    let query = || stage.call(query_license::Request::new(&license));
    let reported = query().await.unwrap();
    assert_eq!((reported.status, reported.activate_time), (LicenseStatus::Alive, Some(NOW)));
    assert_eq!(
        (reported.expire_time, reported.product_id.as_deref()),
        (Some(NOW.saturating_add(DAY)), Some("OFFI000001"))
    );
    stage.clock.advance(DAY);
    assert_eq!(query().await.unwrap().status, LicenseStatus::Expired);
    let mut released = stage.open_api.license(&license).unwrap();
    released.is_released = true;
    stage.open_api.put_license(released);
    assert_eq!(query().await.unwrap().status, LicenseStatus::Released);
}

#[tokio::test]
async fn codes_that_cannot_be_activated_are_distinguished() {
    let stage = Stage::new();
    let not_received = code(&stage, |code| code.is_received = false);
    assert_eq!(stage.refusal(activate_license::Request::new(&not_received)).await, "92020004");
    assert_eq!(stage.refusal(activate_license::Request::new("PL0")).await, "92020005");
    assert_eq!(stage.refusal(query_license::Request::new("PL0")).await, "92020005");
    assert_eq!(stage.refusal(activate_license::Request::new("")).await, "92020002");
    assert_eq!(stage.refusal(activate_license::Request::new("x".repeat(65))).await, "92020002");
    let mut nobody = query_license::Request::new(&not_received);
    nobody.heartbeat_info = Some(query_license::HeartbeatInfo::new(""));
    assert_eq!(stage.refusal(nobody).await, "92020002");

    let fine = code(&stage, |_| ());
    assert_eq!(stage.refusal(activate_licenses::Request::new([&fine, "PL0"])).await, "92020020");
    assert_eq!(stage.open_api.license(&fine).unwrap().activated_at, None, "all or nothing");
    assert_eq!(stage.refusal(activate_licenses::Request::new([""; 0])).await, "92020002");
    assert_eq!(stage.refusal(activate_licenses::Request::new(["x"; 101])).await, "92020002");
    let other = code(&stage, |_| ());
    stage.call(activate_licenses::Request::new([&fine, &other])).await.unwrap();
    assert_eq!(stage.open_api.license(&other).unwrap().activated_at, Some(NOW));
}

#[test]
fn requests_of_another_form_get_the_codes_of_the_license_apis() {
    let stage = Stage::new();
    let url = "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/license/activate";
    let post = |content_type: &str, body| Request::post(url).header("content-type", content_type).body(body).unwrap();
    for (request, status, code) in [
        (Request::get(url).body("").unwrap(), 405, "95000002"),
        (post("text/plain", "{}"), 415, "95000003"),
        (post("application/json", "{"), 400, "95000004"),
        (post("application/json", "[]"), 400, "95000004"),
        (Request::get("https://mkt.myhuaweicloud.com/nothing").body("").unwrap(), 404, "APIGW.0101"),
    ] {
        let (found, body) = stage.signed(request);
        assert_eq!((found, body["error_code"].as_str()), (status, Some(code)), "{body}");
    }
    let abroad = Stage::with(|open_api| open_api.site(Site::International));
    assert_eq!(abroad.signed(post("application/json", "{}")).1["error_code"], "APIGW.0101");
}

#[tokio::test]
async fn reports_count_distinct_clients() {
    let stage = Stage::new();
    let license = code(&stage, |code| code.activated_at = Some(NOW));
    let new = code(&stage, |_| ());
    let ids = |ids: &[&str]| ids.iter().map(|id| Report::Id((*id).into())).collect();
    let usage = vec![
        Usage::new(&license, ids(&["a", "b", "a"])),
        Usage::new(&new, ids(&["a"])),
        Usage::new("PL0", vec![Report::ActiveNum(7)]),
    ];
    let reported = stage.call(report_software_usage::Request::new(usage)).await.unwrap();
    assert_eq!(reported.failed, [new, "PL0".to_owned()]);
    let number = vec![Usage::new(&license, vec![Report::ActiveNum(25)])];
    assert!(stage.call(report_software_usage::Request::new(number)).await.unwrap().failed.is_empty());
    let code = stage.open_api.license(&license).unwrap();
    assert_eq!((code.clients.len(), code.active_num), (2, Some(25)));
    for wrong in [vec![], vec![Report::Id("".into())], vec![Report::ActiveNum(1_000_000_000)]] {
        let usage = vec![Usage::new(&license, wrong)];
        assert_eq!(stage.refusal(report_software_usage::Request::new(usage)).await, "92020002");
    }
    assert_eq!(stage.refusal(report_software_usage::Request::new(vec![])).await, "92020002");
}

#[tokio::test]
async fn a_licensed_application_lives_through_a_license() {
    let stage = Stage::new();
    let license = code(&stage, |code| code.expire_time = Some(NOW.saturating_add(2 * DAY)));
    let heartbeat = Heartbeat::builder(
        license.as_str(),
        MemoryStateStore::default(),
        stage.client.clone(),
        koogallery::adapter::tokio::TokioRuntime,
    );
    let heartbeat = heartbeat.clock(std::sync::Arc::clone(&stage.clock)).build().unwrap();
    let permit = heartbeat.check_client("account-17").await.unwrap();
    assert_eq!(permit.expire_time, Some(NOW.saturating_add(2 * DAY)));
    heartbeat.flush().await;
    assert!(stage.open_api.license(&license).unwrap().clients.contains("account-17"));
    stage.clock.advance(3 * DAY);
    let denied = heartbeat.check().await.unwrap_err();
    assert!(matches!(denied, HeartbeatError::Denied(Denial::Expired { .. })), "{denied}");
    let mut renewed = stage.open_api.license(&license).unwrap();
    renewed.expire_time = Some(stage.clock.now().saturating_add(DAY));
    stage.open_api.put_license(renewed);
    stage.clock.advance(Duration::from_secs(120));
    assert!(heartbeat.check().await.is_ok());
}
