//! What can be done, by clicking.

use thirtyfour::prelude::*;

use crate::driver::Browser;
use crate::process::Server;
use crate::servers::{Example, KEYS, marketplace};

const PRIVATE_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");

pub fn with_seller() -> (Server, Example) {
    let seller = Example::with("isv_server", &["--allow-http", "true"], &[]);
    let server = Server::start(
        marketplace(&["--target", &seller.url("/saasproduce")])
            .envs(KEYS)
            .env("KOOGALLERY_RSA_PRIVATE_KEY_FILE", PRIVATE_KEY),
    );
    (server, seller)
}

/// Opens the actions of the only instance of a profile.
pub async fn actions(browser: &Browser, profile: &str) -> String {
    browser.until_text("#instance-table", profile).await;
    let rows = browser.driver.find_all(By::Css("#instance-table tr")).await.unwrap();
    for row in rows {
        if row.text().await.unwrap().contains(profile) {
            let id = row.find(By::Css("th code")).await.unwrap().text().await.unwrap();
            row.find(By::Css("summary")).await.unwrap().click().await.unwrap();
            return id;
        }
    }
    panic!("{profile} has no instance")
}

#[tokio::test]
async fn a_subscription_lives_by_clicks() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = with_seller();
    browser.open(&server, "").await;
    let buy = "form[action$='/orders']";
    browser.submit(buy, &[("profile", "saas-v2"), ("mode", "period"), ("period", "1 month"), ("amount", "5")]).await;
    // It comes without a reload.
    browser.until_text("#call-log", "newInstance: 000000").await;
    browser.until_text("#instance-table .active", "active").await;
    browser.picture("sold").await;
    for (action, fields, line) in [
        ("query", &[][..], "queryInstance: 000000"),
        ("upgrade", &[("mode", "period"), ("period", "1 month"), ("amount", "9")], "upgradeInstance: 000000"),
        ("renew", &[("period", "1 month")], "refreshInstance: 000000"),
        ("cancel_renewal", &[], "refreshInstance: 000000"),
        ("convert_trial", &[("period", "1 year")], "refreshInstance: 000000"),
        ("freeze", &[], "updateInstanceStatus: 000000"),
        ("unfreeze", &[], "updateInstanceStatus: 000000"),
        ("release", &[], "releaseInstance: 000000"),
    ] {
        let id = actions(&browser, "saas-v2").await;
        browser.submit(&format!("form[action$='/{id}/{action}']"), fields).await;
        browser.until_text("#call-log li:first-child", line).await;
    }
    browser.until_text("#instance-table .released", "released").await;
    browser.end().await;
}

#[tokio::test]
async fn every_kind_of_product_is_sold_by_clicks() {
    let Some(mut browser) = Browser::start().await else { return };
    browser.expect("502 (Bad Gateway)");
    let (server, _seller) = with_seller();
    browser.open(&server, "").await;
    let buy = "form[action$='/orders']";
    for (fields, shown) in [
        (&[("profile", "saas-v2"), ("mode", "one-time")][..], "saas-v2 ONE_TIME"),
        (&[("profile", "saas-v2"), ("mode", "on-demand")], "saas-v2 ON_DEMAND"),
        (
            &[
                ("profile", "saas-v2"),
                ("mode", "package"),
                ("period", "1 month"),
                ("count", "2"),
                ("quota", "OFFI1:10"),
            ],
            "ON_DEMAND_PKG",
        ),
        (&[("profile", "saas-v1"), ("mode", "period"), ("period", "1 year")], "saas-v1 PERIOD"),
        (&[("profile", "license-code")], "license-code"),
        (&[("profile", "license-online"), ("period", "1 year")], "license-online"),
    ] {
        browser.submit(buy, fields).await;
        browser.until_text("#instance-table", shown).await;
    }
    let id = actions(&browser, "license-online").await;
    browser.submit(&format!("form[action$='/{id}/apply']"), &[]).await;
    // This seller has no access to the open APIs, and so cannot deliver it.
    browser.until_text("main", "getLicenseAsync was given up: 000005").await;
    browser.open(&server, "").await;
    browser.until_text("#call-log", "getLicenseAsync: 000005").await;

    browser.submit("form[action$='/instances']", &[("instance", "inst-<b>")]).await;
    browser.until_text("#instance-table", "inst-<b>").await;
    browser.end().await;
}

#[tokio::test]
async fn an_enterprise_is_bound_by_clicks_and_its_user_logs_in() {
    let Some(browser) = Browser::start().await else { return };
    let (server, seller) = with_seller();
    browser.open(&server, "").await;
    let fields = [("tenant", "t-1"), ("app", "app-1"), ("callback", &*seller.url("/sso")), ("users", "lihua:Li Hua")];
    browser.submit("form[action$='/tenants']", &fields).await;
    browser.until_text("#tenant-table", "t-1").await;
    browser.submit("form[action$='/login']", &[]).await;
    browser.find("main a").await.click().await.unwrap();
    browser.until_text("body", "lihua").await;
    // Another user is added, and logs in.
    browser.open(&server, "").await;
    browser.find("#tenant-table summary").await.click().await.unwrap();
    browser.submit("form[action$='/users']", &[("users", "wangwu:Wang Wu")]).await;
    browser.until_text("#call-log li:first-child", "authSync: 000000").await;
    browser.driver.find(By::XPath("//button[contains(., 'wangwu')]")).await.unwrap().click().await.unwrap();
    browser.until_text("h1", "Log in").await;
    browser.find("main a").await.click().await.unwrap();
    browser.until_text("body", "wangwu").await;
    browser.open(&server, "").await;
    browser.submit("form[action$='/unbind']", &[]).await;
    browser.until_text("#call-log", "tenantSync").await;
    assert!(!browser.text("#tenant-table").await.contains("t-1"));
    browser.end().await;
}

#[tokio::test]
async fn a_call_is_changed_broken_and_sent_again() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = with_seller();
    browser.open(&server, "/compose?profile=saas-v2&activity=newInstance").await;
    let message = browser.find("textarea").await;
    let invented: serde_json::Value = serde_json::from_str(&message.value().await.unwrap().unwrap()).unwrap();
    assert!(invented["orderId"].is_string() && invented.get("businessId").is_none(), "{invented}");
    let send = "form.tall";
    browser.submit(send, &[]).await;
    browser.until_text("table", "000000, instance").await;
    browser.until_text("table", "the signature is right").await;
    browser.until_text("table", "digest = hex(HMAC-SHA256(KEY, body))").await;
    browser.picture("call").await;

    // The same bytes again get the same answer.
    let first = browser.text("table").await;
    browser.submit("form[action$='/repeat']", &[]).await;
    browser.until_text("table", "000000, instance").await;
    let again = browser.text("table").await;
    let request = |text: &str| text.lines().find(|line| line.contains("POST /saasproduce")).map(str::to_owned);
    assert_eq!(request(&first), request(&again));

    for (field, value, found) in [
        ("wrong_key", "", "signed with another key"),
        ("damaged", "", "a field was added after signing"),
        ("clock", "-90s", "the clock is 90s behind"),
    ] {
        browser.find("main a[href*='compose?call=']").await.click().await.unwrap();
        match value {
            "" => browser.find(&format!("{send} [name={field}]")).await.click().await.unwrap(),
            value => browser.find(&format!("{send} [name={field}]")).await.send_keys(value).await.unwrap(),
        }
        browser.submit(send, &[]).await;
        browser.until_text("table", found).await;
        let shown = browser.text("table").await;
        assert!(shown.contains("00000") && !shown.contains("000000, instance"), "{shown}");
    }
    browser.end().await;
}

#[tokio::test]
async fn faults_and_the_clock_are_set_by_clicks() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = with_seller();
    browser.open(&server, "").await;
    let fault = "form[action$='/faults']";
    browser.submit(fault, &[("fault", "slow"), ("value", "500ms")]).await;
    browser.submit(fault, &[("fault", "server-error"), ("value", "503"), ("api", "query-order"), ("times", "2")]).await;
    browser.until_text("#fault-list", "slow by 500ms").await;
    browser.until_text("#fault-list", "server error 503 of query-order, 2 more").await;
    browser.submit("form[action$='/faults/clear']", &[]).await;
    assert_eq!(browser.text("#fault-list").await, "");

    browser
        .submit("form[action$='/orders']", &[("profile", "saas-v2"), ("mode", "period"), ("period", "1 month")])
        .await;
    browser.until_text("#instance-table", "active").await;
    for (by, state) in [("32d", "frozen"), ("16d", "released")] {
        browser.submit("form[action$='/clock']", &[("by", by)]).await;
        browser.until_text("#instance-table", state).await;
    }
    browser.until_text("#call-log", "releaseInstance: 000000").await;
    browser.end().await;
}
