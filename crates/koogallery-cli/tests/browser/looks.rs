//! Language, width, colors, and what a screen reader needs.

use crate::driver::Browser;
use crate::process::Server;
use crate::servers::{Example, KEYS, answering, marketplace};

async fn sold(browser: &Browser) -> (Server, Example) {
    let seller = Example::start("isv_server", &[]);
    let server = Server::start(marketplace(&["--target", &seller.url("/saasproduce")]).envs(KEYS));
    browser.open(&server, "").await;
    browser.submit("form[action$='/orders']", &[("profile", "saas-v2")]).await;
    browser.until_text("#instance-table", "active").await;
    (server, seller)
}

const PAGES: [&str; 5] = ["", "/calls/1", "/compose", "/checks", "/scenarios"];

#[tokio::test]
async fn the_page_speaks_chinese_and_remembers_it() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = sold(&browser).await;
    assert_eq!(browser.script::<String>("return document.documentElement.lang").await, "en");
    browser.find("a[lang=zh-CN]").await.click().await.unwrap();
    browser.until_text("h1", "模拟云商店").await;
    browser.open(&server, "").await;
    assert_eq!(browser.script::<String>("return document.documentElement.lang").await, "zh-CN");
    for term in ["订单", "实例", "企业", "生产接口消息", "开放接口请求", "计费模式", "套餐包"]
    {
        assert!(browser.text("body").await.contains(term), "{term}");
    }
    browser.until_text("#live", "实时更新").await;
    browser.picture("chinese").await;
    browser.open(&server, "/calls/1").await;
    browser.until_text("table", "签名步骤").await;
    // What the simulator says of it is Chinese as well.
    for said in ["000000，实例", "签名正确", "通过: HTTP状态码为200", "发送时开头为"] {
        assert!(browser.text("table").await.contains(said), "{said}");
    }
    browser.picture("chinese-call").await;
    browser.find("a[lang=en]").await.click().await.unwrap();
    browser.until_text("h1", "Callback").await;
    browser.end().await;
}

#[tokio::test]
async fn a_report_is_chinese() {
    let Some(browser) = Browser::start().await else { return };
    let seller = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 58\r\nConnection: close\r\n\r\n\
         {\"resultCode\":\"000000\",\"resultMsg\":\"x\",\"instanceId\":\"i-1\"}",
    );
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    browser.open(&server, "/checks?lang=zh").await;
    browser.submit("form[action$='/checks']", &[("profile", "saas-v2")]).await;
    browser.until_text("#run", "未执行").await;
    browser.until_text("#reports", "没有验签：没有签名的调用被接受").await;
    browser.until_text("#reports svg", "恰好一次").await;
    browser.picture("chinese-check").await;
    browser.narrow(400).await;
    browser.prefer("dark").await;
    let overflow: i64 = browser.script("return document.scrollingElement.scrollWidth - innerWidth").await;
    assert!(overflow <= 0, "{overflow} pixels too wide");
    browser.picture("400-dark-chinese-check").await;
    browser.end().await;
}

#[tokio::test]
async fn pages_fit_400_pixels_and_are_dark_where_wanted() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = sold(&browser).await;
    browser.narrow(400).await;
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        for path in PAGES {
            browser.open(&server, path).await;
            let overflow: i64 = browser.script("return document.scrollingElement.scrollWidth - innerWidth").await;
            assert!(overflow <= 0, "{path} is {overflow} pixels too wide");
            let [ink, paper]: [String; 2] = browser
                .script("const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]")
                .await;
            assert!(contrast(&ink, &paper) >= 7.0, "{ink} on {paper}");
            assert_eq!(luminance(&paper) < 0.2, scheme == "dark", "{paper}");
            browser.picture(&format!("400-{scheme}{}", path.replace('/', "-"))).await;
        }
    }
    browser.end().await;
}

fn luminance(color: &str) -> f64 {
    let numbers = color.split(|character: char| !character.is_ascii_digit()).filter_map(|text| text.parse().ok());
    let parts: Vec<f64> = numbers.take(3).map(|part: f64| part / 255.0).collect();
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    0.2126 * linear(parts[0]) + 0.7152 * linear(parts[1]) + 0.0722 * linear(parts[2])
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[tokio::test]
async fn everything_has_a_name_for_screen_readers() {
    let Some(browser) = Browser::start().await else { return };
    let (server, _seller) = sold(&browser).await;
    let nameless = "const text = (part) => part?.textContent.trim();
        const all = (css) => [...document.querySelectorAll(css)];
        const wrong = [
          ...all('input:not([type=hidden]), select, textarea').filter((field) => !field.labels.length || !text(field.labels[0])),
          ...all('button, a, summary, th, h1, h2, h3').filter((part) => !text(part)),
          ...all('section, ol').filter((part) => !text(document.getElementById(part.getAttribute('aria-labelledby')))),
          ...all('nav').filter((part) => !part.getAttribute('aria-label')),
          ...all('[id]').filter((part) => all(`[id='${part.id}']`).length > 1),
        ];
        if (all('main').length !== 1 || all('h1').length !== 1) wrong.push(document.body);
        return wrong.map((part) => part.outerHTML.slice(0, 200));";
    for path in PAGES {
        browser.open(&server, path).await;
        let wrong: Vec<String> = browser.script(nameless).await;
        assert!(wrong.is_empty(), "{path}: {wrong:#?}");
    }
    browser.end().await;
}
