//! Scenarios on the page.

use thirtyfour::prelude::*;

use crate::driver::Browser;
use crate::process::Server;
use crate::servers::{Example, KEYS, marketplace};

#[tokio::test]
async fn a_scenario_is_edited_validated_and_run() {
    let Some(browser) = Browser::start().await else { return };
    let seller = Example::start("isv_server", &[]);
    let server = Server::start(marketplace(&["--target", &seller.url("/saasproduce")]).envs(KEYS));
    browser.open(&server, "/scenarios").await;
    let press = async |action: &str| {
        browser.find(&format!("button[formaction$='/scenarios{action}']")).await.click().await.unwrap()
    };
    let write = async |text: &str| {
        let editor = browser.find("textarea").await;
        editor.clear().await.unwrap();
        editor.send_keys(text).await.unwrap();
    };
    write("[[step]]\nbuy = 'first'\nperoid = '1 month'\n").await;
    press("/validate").await;
    browser.until_text("[role=alert]", "3:1: unknown key peroid").await;
    // What was written is still there.
    assert!(browser.find("textarea").await.value().await.unwrap().unwrap().contains("peroid"));
    write("[[step]]\nbuy = 'first'\nperiod = '1 month'\n\n[[step]]\npass = '60d'\n").await;
    press("/validate").await;
    browser.until_text("main [role=status]", "2").await;
    press("").await;
    browser.until_text("#run", "2/2 steps, 0 wrong").await;
    browser.until_text("#run", "releaseInstance: 000000").await;
    browser.picture("scenario").await;

    browser.open(&server, "").await;
    browser.submit("form[action$='/orders']", &[("profile", "saas-v2"), ("mode", "one-time")]).await;
    browser.open(&server, "/scenarios").await;
    browser.driver.find(By::LinkText("Edit what was done on these pages")).await.unwrap().click().await.unwrap();
    browser.until_text("h1", "Scenarios").await;
    let recorded = browser.find("textarea").await.value().await.unwrap().unwrap();
    assert!(recorded.contains("buy = \"order-1\"") && recorded.contains("mode = \"one-time\""), "{recorded}");
    browser.end().await;
}
