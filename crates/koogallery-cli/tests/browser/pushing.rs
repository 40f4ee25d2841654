//! Usage that is pushed, and faults of callbacks, by clicking.

use crate::acting::{actions, with_seller};
use crate::driver::Browser;
use crate::process::Server;
use crate::servers::{KEYS, marketplace};

#[tokio::test]
async fn usage_is_pushed_by_clicks() {
    let Some(browser) = Browser::start().await else { return };
    let pair = [("KOOGALLERY_AK", "AKTEST0000000000001"), ("KOOGALLERY_SK", "a-secret-key-for-tests")];
    let server = Server::start(marketplace(&["--instance", "inst-1"]).envs(KEYS).envs(pair));
    browser.open(&server, "").await;
    // The form knows the instance and its billing item.
    let known: Vec<String> = browser
        .script("return ['instance', 'product'].map((name) => document.querySelector(`form[action$='/usage'] [name=${name}]`).list.options[0].value)")
        .await;
    assert_eq!(known, ["inst-1", "OFFI000000000000000001"]);
    let push = "form[action$='/usage']";
    browser.submit(push, &[("instance", "inst-1"), ("value", "12.5"), ("metering_sn", "sn-1")]).await;
    browser.until_text("h1", "Open API request").await;
    browser.until_text("table", "200").await;
    browser.open(&server, "").await;
    browser.until_text("#instance-table", "12.5").await;
    // By AK/SK, of the billing item.
    browser.submit(push, &[("api", "push-usage-old"), ("product", "OFFI000000000000000001"), ("value", "0.25")]).await;
    browser.open(&server, "").await;
    browser.until_text("#instance-table", "12.75").await;
    // With a broken signature, which is explained.
    browser.find(&format!("{push} [name=wrong_key]")).await.click().await.unwrap();
    browser.submit(push, &[("instance", "inst-1"), ("value", "1")]).await;
    browser.until_text("table", "401").await;
    browser.until_text("table", "the text to sign, under the access key of the basic interface").await;
    browser.picture("usage-refused").await;
    browser.find("a[lang=zh-CN]").await.click().await.unwrap();
    browser.until_text("table", "待签名的文本").await;
    // The same record again, in Chinese.
    browser.open(&server, "").await;
    browser.submit(push, &[("instance", "inst-1"), ("value", "12.5"), ("metering_sn", "sn-1")]).await;
    browser.until_text("table", "唯一ID已上报过").await;
    browser.picture("usage-repeated-chinese").await;
    browser.end().await;
}

#[tokio::test]
async fn callbacks_arrive_twice_and_out_of_order_by_clicks() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = with_seller();
    browser.open(&server, "").await;
    let fault = "form[action$='/faults/callbacks']";
    browser.submit(fault, &[("fault", "duplicate"), ("activity", "newInstance"), ("times", "1")]).await;
    browser.until_text("#callback-fault-list", "duplicate of newInstance, 1 more").await;
    browser.picture("callback-faults").await;
    browser.submit("form[action$='/orders']", &[("profile", "saas-v2")]).await;
    browser.until_text("#call-log", "queryInstance: 000000").await;
    let log = browser.text("#call-log").await;
    assert_eq!(log.matches("newInstance: 000000").count(), 2, "{log}");
    // Both have the same instance, which is sold once.
    let ids: Vec<_> = log
        .lines()
        .filter(|line| line.contains("newInstance"))
        .map(|line| line.rsplit(", instance ").next().unwrap().split(' ').next().unwrap())
        .collect();
    assert_eq!(ids[0], ids[1]);
    browser.until_text("#instance-table", "active").await;
    assert_eq!(browser.text("#callback-fault-list").await, "", "it was for one call");

    browser.submit(fault, &[("fault", "out-of-order"), ("activity", "updateInstanceStatus")]).await;
    for action in ["freeze", "query"] {
        let id = actions(&browser, "saas-v2").await;
        browser.submit(&format!("form[action$='/{id}/{action}']"), &[]).await;
    }
    // The latest comes first.
    browser.until_text("#call-log li:nth-child(1)", "updateInstanceStatus: 000000").await;
    browser.until_text("#call-log li:nth-child(2)", "queryInstance: 000000").await;
    browser.submit("form[action$='/faults/clear']", &[]).await;
    assert_eq!(browser.text("#callback-fault-list").await, "");
    browser.end().await;
}
