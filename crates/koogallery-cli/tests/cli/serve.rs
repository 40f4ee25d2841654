//! `serve`: the open APIs and the marketplace as a process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery::signature::usage_push;
use serde_json::Value;

use crate::process::{Server, exchange};
use crate::servers::{Example, KEYS, answering, sent};
use crate::support::run;

const CREDENTIALS: [(&str, &str); 2] = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey-0123456789")];

fn query_order(server: &Server, credentials: &[(&str, &str)]) -> (u16, Value) {
    let target = "/api/mkp-openapi-public/global/v1/order/query?orderId=MOCKPERIODYEARNEW";
    let url = format!("http://{}{target}", server.address);
    let date = SystemClock.now().to_basic_iso();
    let signed = run(credentials, &["sign", "aksk", "--method", "GET", "--url", &url, "--date", &date]);
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nX-Sdk-Date: {date}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        server.address,
        signed.line()
    );
    let (status, body) = exchange(server.address, &request).unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn orders_are_shown_to_callers_who_sign_rightly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", "127.0.0.1:0"]).envs(CREDENTIALS));
    let (status, answer) = query_order(&server, &CREDENTIALS);
    assert_eq!((status, &answer["resultCode"]), (200, &"MKT.0000".into()), "{answer}");
    assert!(answer["orderInfo"]["orderLine"].as_array().is_some_and(|lines| !lines.is_empty()), "{answer}");
    let (status, answer) = query_order(&server, &[CREDENTIALS[0], ("KOOGALLERY_SK", "another-secret")]);
    assert_eq!(status, 401, "{answer}");
    assert!(!answer.to_string().contains("SecretKey"), "{answer}");
}

#[test]
fn what_cannot_be_served() {
    run(&[], &["serve", "--listen", "127.0.0.1:0"]).says(2, "KOOGALLERY_AK");
    run(&CREDENTIALS, &["serve", "--listen", "nowhere"]).says(2, "nowhere");
    run(&CREDENTIALS, &["serve", "--listen", "nowhere", "--compress", "0"]).says(2, "--compress");
}

pub fn get(server: &Server, path: &str, headers: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n", server.address);
    let (status, body) = exchange(server.address, &request).unwrap();
    (status, String::from_utf8(body).unwrap())
}

pub fn post(server: &Server, path: &str, form: &str, headers: &str) -> (u16, String) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n{form}",
        server.address,
        form.len()
    );
    let (status, body) = exchange(server.address, &request).unwrap();
    (status, String::from_utf8(body).unwrap())
}

pub fn json(server: &Server, path: &str) -> Value {
    serde_json::from_str(&get(server, path, "").1).unwrap()
}

/// Returns the answer to a `GET` once it is as expected.
pub fn eventually(server: &Server, path: &str, is_expected: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer: Value = serde_json::from_str(&get(server, path, "").1).unwrap();
        if is_expected(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} stays {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_marketplace_sells_to_a_seller() {
    let seller = Example::start("isv_server", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let target = seller.url("/saasproduce");
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", &target, "--compress", "864000"]);
    let server = Server::start(command.envs(CREDENTIALS).envs(KEYS));

    // Ten days are a second, so that it expires in six seconds: long after the changes below, also on a busy machine.
    let (status, order) = post(&server, "/_marketplace/orders", "profile=saas-v2&period=2+month&amount=50", "");
    assert_eq!(status, 202, "{order}");
    let order: Value = serde_json::from_str(&order).unwrap();
    let active = eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "active");
    assert_eq!(active[0]["orderId"], order["orderId"]);
    let id = active[0]["instanceId"].as_str().unwrap();
    let change = |what: &str, form: &str| post(&server, &format!("/_marketplace/subscriptions/{id}/{what}"), form, "");
    for (what, form) in
        [("query", ""), ("upgrade", "period=1+day&amount=80"), ("freeze", ""), ("renew", "period=1+day")]
    {
        let (status, text) = change(what, form);
        assert_eq!(status, 202, "{what}: {text}");
    }
    // It expires by itself, and goes after 15 days. The state changes before the seller is called.
    eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "released");
    let (status, why) = change("renew", "");
    assert_eq!((status, why.contains("has been released")), (409, true), "{why}");
    let activities = |log: &Value| -> String {
        let calls = log["calls"].as_array().unwrap();
        calls.iter().map(|call| call["activity"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let log = eventually(&server, "/_marketplace/log", |log| activities(log).ends_with("releaseInstance"));
    let expected = "newInstance queryInstance queryInstance upgradeInstance updateInstanceStatus refreshInstance \
                    updateInstanceStatus updateInstanceStatus releaseInstance";
    assert_eq!(activities(&log), expected, "{log}");
    let listed = get(&seller.server, "/admin/instances", "").1;
    assert!(listed.contains("\"released\""), "{listed}");
    let (status, page) = get(&server, "/_marketplace", "Accept: text/html\r\n");
    assert!(status == 200 && page.contains(id) && page.contains("releaseInstance: 000000"), "{page}");
    for (_, key) in KEYS {
        assert!(!page.contains(key) && !log.to_string().contains(key));
    }

    // A browser is sent back to the page, and no other site's page has a say.
    let browser = "Accept: text/html\r\n";
    assert_eq!(post(&server, "/_marketplace/orders", "period=1+day", browser).0, 303);
    let own = format!("Origin: http://{}\r\n", server.address);
    assert_eq!(post(&server, "/_marketplace/orders", "period=1+day", &own).0, 202);
    assert_eq!(post(&server, "/_marketplace/orders", "period=1+day", "Origin: http://evil.example\r\n").0, 403);
    let rebound = "GET /_marketplace/log HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, rebound).unwrap().0, 403);
}

#[test]
fn packages_are_sold_in_one_order() {
    let seller = Example::start("isv_server", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let target = seller.url("/saasproduce");
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", &target, "--strict-packages"]);
    let server = Server::start(command.envs(CREDENTIALS).envs(KEYS));
    for (profile, products) in [("saas-v2", "product=P1&count=3"), ("saas-v1", "product=P1,P2,P3")] {
        let form = format!("profile={profile}&mode=package&period=1+month&quota=OFFI1:1000&customer=c-1&{products}");
        let (status, order) = post(&server, "/_marketplace/orders", &form, "");
        let order: Value = serde_json::from_str(&order).unwrap();
        assert_eq!((status, order["orderLineIds"].as_array().unwrap().len()), (202, 3), "{order}");
        let is_of_order = |sold: &&Value| sold["orderId"] == order["orderId"] && sold["state"] == "active";
        let all_sold = |sold: &Value| sold.as_array().unwrap().iter().filter(is_of_order).count() == 3;
        let sold = eventually(&server, "/_marketplace/subscriptions", all_sold);
        let package = sold.as_array().unwrap().iter().find(is_of_order).unwrap();
        assert_eq!(package["chargingMode"], "ON_DEMAND_PKG");
        assert_eq!(package["customerId"], "c-1");
        assert_eq!(package["quotas"], serde_json::json!([{"productId": "OFFI1", "amount": "1000"}]));
        assert_eq!(package["usage"], serde_json::json!([]));
    }
}

/// Without a seller to call there is a page, a log, and usage of instances that are given.
#[test]
fn usage_is_taken_without_a_seller() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    // The push needs no AK/SK.
    let server =
        Server::start(command.args(["serve", "--listen", "127.0.0.1:0", "--instance", "inst-1"]).envs([KEYS[0]]));
    let push = |sn: &str, instance: &str| -> Value {
        let now = SystemClock.now().to_basic_iso();
        let body = format!(
            "{{\"usage_records\":[{{\"begin_time\":\"{now}\",\"end_time\":\"{now}\",\"instance_id\":\"{instance}\",\
             \"metering_sn\":\"{sn}\",\"record_time\":\"{now}\",\"usage_value\":\"0.5\"}}]}}"
        );
        let (ts, key) = (SystemClock.now().as_unix_millis().to_string(), AccessKey::new(KEYS[0].1).unwrap());
        let signature = usage_push::sign(&key, &ts, "n-1", body.as_bytes());
        let headers = format!("Content-Type: application/json\r\nts: {ts}\r\nnonce: n-1\r\nsignature: {signature}\r\n");
        let path = "/api/mkp-openapi-public/global/v1/isv/usage-data";
        serde_json::from_str(&post(&server, path, &body, &headers).1).unwrap()
    };
    assert_eq!(push("sn-1", "inst-1")["error_code"], "MKT.0000");
    assert_eq!(push("sn-2", "<b>inst-2")["error_code"], "94060999", "nobody has bought it");
    let (status, said) = post(&server, "/_marketplace/instances", "instance=%3Cb%3Einst-2", "");
    assert_eq!(status, 202, "{said}");
    assert_eq!(push("sn-3", "<b>inst-2")["error_code"], "MKT.0000");
    let instances = json(&server, "/_marketplace/instances");
    assert_eq!(instances[1]["usage"], serde_json::json!([{"relatedInstanceId": null, "usageValue": "0.5"}]));

    let log = json(&server, "/_marketplace/log");
    assert_eq!((log["calls"].as_array().unwrap().len(), log["openApi"].as_array().unwrap().len()), (0, 3));
    let (status, page) = get(&server, "/_marketplace", "Accept: text/html\r\n");
    assert_eq!(status, 200);
    assert!(
        page.contains(">Open API requests</h3>") && page.contains("&lt;b&gt;inst-2") && !page.contains("<b>"),
        "{page}"
    );
    assert!(!page.contains(">Callbacks</h3>"), "nobody is called");

    // An order can be asked for, and nothing is sold.
    let (status, order) = post(&server, "/_marketplace/orders", "period=1+year", "");
    assert!(status == 202 && order.contains("orderLineIds"), "{order}");
    let (status, said) = post(&server, "/_marketplace/orders", "profile=saas-v2", "");
    assert!(status == 400 && said.contains("--target"), "{said}");
    assert_eq!(post(&server, "/_marketplace/subscriptions/x/renew", "", "").0, 409);
    assert_eq!(json(&server, "/_marketplace/subscriptions"), serde_json::json!([]));
}

#[test]
fn faults_are_listed_and_switched() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", "127.0.0.1:0"]).envs(CREDENTIALS));
    let faults = || json(&server, "/_marketplace/faults");
    assert_eq!(
        (faults()["active"].to_string().as_str(), faults()["known"][3]["fault"].as_str()),
        ("[]", Some("lost-answer"))
    );
    let (status, said) =
        post(&server, "/_marketplace/faults", "fault=server-error&value=503&api=query-order&times=1", "");
    assert_eq!(status, 202, "{said}");
    assert_eq!(faults()["active"][0], "server error 503 of query-order, 1 more");
    assert_eq!(query_order(&server, &CREDENTIALS).0, 503);
    assert_eq!(query_order(&server, &CREDENTIALS).0, 200);
    assert_eq!(post(&server, "/_marketplace/faults", "fault=duplicate", "").0, 202);
    assert_eq!(post(&server, "/_marketplace/faults/clear", "", "").0, 202);
    assert_eq!(faults()["active"], serde_json::json!([]));
    let (status, said) = post(&server, "/_marketplace/faults", "fault=earthquake", "");
    assert!(status == 400 && said.contains("known are slow"), "{said}");
}

/// The seller knows the enterprise by its calls, and lets in a user that the authentication center confirms.
#[test]
fn an_enterprise_is_bound_and_its_user_logs_in() {
    let private_key = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
    let seller = Example::with("isv_server", &["--allow-http", "true"], &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", &seller.url("/saasproduce")]);
    let keys = KEYS.iter().chain(&CREDENTIALS).copied();
    let server = Server::start(command.envs(keys).env("KOOGALLERY_RSA_PRIVATE_KEY_FILE", private_key));

    let form = format!("tenant=t-1&app=app-1&callback={}&users=lihua:Li+Hua,zhangsan", seller.url("/sso"));
    let (status, bound) = post(&server, "/_marketplace/tenants", &form, "");
    assert_eq!(status, 202, "{bound}");
    let bound: Value = serde_json::from_str(&bound).unwrap();
    assert_eq!(json(&server, "/_marketplace/tenants"), serde_json::json!([bound]));
    assert!(
        bound.get("clientSecret").is_none() && bound["users"] == serde_json::json!(["lihua", "zhangsan"]),
        "{bound}"
    );

    let (status, text) = post(&server, "/_marketplace/tenants/t-1/login", "user=lihua", "");
    let url = serde_json::from_str::<Value>(&text).unwrap()["url"].as_str().unwrap().to_owned();
    assert!(status == 202 && url.starts_with(&seller.url("/sso?code=")), "{text}");
    let (status, welcome) = get(&seller.server, url.strip_prefix(&seller.url("")).unwrap(), "");
    assert!(status == 200 && welcome.contains("lihua"), "{status} {welcome}");
    let (status, page) = post(&server, "/_marketplace/tenants/t-1/login", "user=lihua", "Accept: text/html\r\n");
    assert!(status == 200 && page.contains(&format!("<a href='{}", seller.url("/sso?code="))), "{page}");
    assert_eq!(post(&server, "/_marketplace/tenants/t-1/login", "user=nobody", "").0, 404);

    assert_eq!(post(&server, "/_marketplace/tenants/t-1/unbind", "", "").0, 202);
    assert_eq!(json(&server, "/_marketplace/tenants"), serde_json::json!([]));
    assert_eq!(post(&server, "/_marketplace/tenants/t-1/unbind", "", "").0, 404);
    assert_eq!(post(&server, "/_marketplace/tenants/t-1/login", "user=lihua", "").0, 404);
    let (status, said) = post(&server, "/_marketplace/tenants", "tenant=t-1", "");
    assert!(status == 400 && said.contains("callback is missing"), "{said}");
    let (status, said) = post(&server, "/_marketplace/tenants", "tenant=t-1&callback=javascript:alert(1)", "");
    assert!(status == 400 && said.contains("not an http or https address"), "{said}");
}

/// The same by single calls: the center knows the enterprise, and `fire` tells the seller.
#[test]
fn an_enterprise_is_bound_by_single_calls() {
    let private_key = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
    let seller = Example::with("isv_server", &["--allow-http", "true"], &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", "127.0.0.1:0"]).envs(KEYS));
    let form = format!("tenant=t-1&app=app-1&client=c-1&callback={}&users=lihua:Li+Hua", seller.url("/sso"));
    assert_eq!(post(&server, "/_marketplace/tenants", &form, "").0, 202);

    let keys = [&KEYS[..], &[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", private_key)]].concat();
    let (url, center) = (seller.url("/saasproduce"), format!("domainName=http://{}", server.address));
    let users = r#"userList=[{"userName":"lihua","name":"Li Hua","role":"user","enable":true,"orgCode":"D1"}]"#;
    for (activity, fields) in [
        ("tenantSync", &[center.as_str()][..]),
        ("applicationSync", &["appId=app-1", "clientId=c-1"]),
        ("authSync", &["appId=app-1", users]),
    ] {
        let fields = fields.iter().flat_map(|field| ["--set", *field]);
        let arguments: Vec<_> =
            ["fire", activity, "--url", &url, "--set", "tenantId=t-1"].into_iter().chain(fields).collect();
        run(&keys, &arguments).says(0, &format!("{activity}: 000000"));
    }
    let (_, text) = post(&server, "/_marketplace/tenants/t-1/login", "user=lihua", "");
    let url = serde_json::from_str::<Value>(&text).unwrap()["url"].as_str().unwrap().to_owned();
    let (status, welcome) = get(&seller.server, url.strip_prefix(&seller.url("")).unwrap(), "");
    assert!(status == 200 && welcome.contains("lihua"), "{status} {welcome}");
    assert_eq!(post(&server, "/_marketplace/tenants/t-1/unbind", "", "").0, 202);
}

/// What an open connection brings until it is as expected.
fn followed(stream: &mut BufReader<TcpStream>, is_expected: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    while !is_expected(&text) {
        let read = stream.read_line(&mut text);
        assert!(read.is_ok_and(|length| length > 0), "{text}");
    }
    text
}

#[test]
fn calls_and_requests_are_followed_as_they_happen() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", "127.0.0.1:0"]).envs(CREDENTIALS));
    assert_eq!(query_order(&server, &CREDENTIALS).0, 200);
    let follow = |headers: &str| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let address = server.address;
        write!(stream, "GET /_marketplace/events?calls=0&requests=0 HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n")
            .unwrap();
        BufReader::new(stream)
    };
    // From the first on; and what a page has missed.
    let (mut page, mut late) = (follow(""), follow("Last-Event-ID: 0-1-0\r\n"));
    let text = followed(&mut page, |text| text.contains("/_marketplace/requests/1"));
    assert!(text.contains("Content-Type: text/event-stream") && text.contains("event: request\nid: 0-1-0\n"), "{text}");
    assert_eq!(query_order(&server, &[CREDENTIALS[0], ("KOOGALLERY_SK", "another-secret")]).0, 401);
    let text = followed(&mut page, |text| text.contains("/_marketplace/requests/2"));
    assert!(text.contains("\"wrong\":true"), "{text}");
    let text = followed(&mut late, |text| text.contains("/_marketplace/requests/2"));
    assert!(!text.contains("/_marketplace/requests/1"), "{text}");

    let request = json(&server, "/_marketplace/requests/2");
    assert_eq!((request["number"].as_u64(), request["status"].as_u64()), (Some(2), Some(401)));
    assert!(request["explanation"].as_str().is_some_and(|lines| lines.contains('\n')), "{request}");
    for nowhere in ["requests/0", "requests/3", "requests/x", "calls/1"] {
        assert_eq!(get(&server, &format!("/_marketplace/{nowhere}"), "").0, 404, "{nowhere}");
    }
    let rebound = "GET /_marketplace/events HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, rebound).unwrap().0, 403);
}

/// The head of an answer, and its body.
fn whole(server: &Server, path: &str) -> (String, String) {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nConnection: close\r\n\r\n", server.address);
    let answer = String::from_utf8(sent(server.address, request.as_bytes())).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn a_call_is_shown_in_full_and_nothing_of_the_seller_is_markup() {
    let hostile = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Evil: <script>1</script>\r\nContent-Length: 57\r\n\r\n\
         {\"resultCode\":\"</pre><script>alert(1)</script>\",\"a\":\"'\"}\n",
    );
    for (profile, signed) in
        [("saas-v2", "digest = hex(HMAC-SHA256(KEY, body))"), ("saas-v1", "text = activity=newInstance&")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--target", &format!("http://{hostile}/saasproduce")]);
        let server = Server::start(command.envs(CREDENTIALS).envs([KEYS[0]]));
        assert_eq!(post(&server, "/_marketplace/orders", &format!("profile={profile}"), "").0, 202);
        eventually(&server, "/_marketplace/log", |log| log["calls"].as_array().is_some_and(|calls| !calls.is_empty()));
        let call = json(&server, "/_marketplace/calls/1");
        assert!(call["signed"].as_str().is_some_and(|text| text.contains(signed)), "{call}");
        let curl = call["curl"].as_str().unwrap();
        assert!(
            curl.starts_with(&format!("curl 'http://{hostile}/saasproduce?")) && curl.contains("\"$SIGNATURE\""),
            "{curl}"
        );
        assert!(call["repeat"].as_str().is_some_and(|line| line.starts_with("koogallery fire newInstance")), "{call}");

        for path in ["/_marketplace", "/_marketplace/calls/1"] {
            let (head, page) = whole(&server, path);
            let policy = "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';";
            assert!(head.contains(policy) && head.contains("x-content-type-options: nosniff"), "{head}");
            // No markup but the page's own, and nothing inline that the policy would stop.
            assert_eq!(page.matches("<script").count(), page.matches("<script src='/_marketplace/console.js'").count());
            assert!(!page.contains("style=") && !page.contains("<style") && !page.contains("onclick"), "{page}");
            assert!(!page.contains(KEYS[0].1));
        }
        let (_, page) = whole(&server, "/_marketplace/calls/1");
        assert!(page.contains("&lt;/pre&gt;&lt;script&gt;"), "{page}");
    }
}

#[test]
fn the_page_brings_its_own_script_and_style() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", "127.0.0.1:0"]).envs(CREDENTIALS));
    let (_, page) = whole(&server, "/_marketplace");
    let mut weight = page.len();
    for (path, content_type) in
        [("/_marketplace/console.js", "text/javascript"), ("/_marketplace/console.css", "text/css")]
    {
        let (head, text) = whole(&server, path);
        assert!(head.contains(content_type) && page.contains(path), "{head}");
        weight += text.len();
    }
    assert!(weight < 300_000, "{weight} bytes");
    assert_eq!(post(&server, "/_marketplace/console.js", "", "").0, 405);
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", "http://127.0.0.1:1/x"]);
    let server = Server::start(command.envs(CREDENTIALS).envs([KEYS[0]]));
    for (form, why) in [
        ("profile=saas", "profile"),
        ("profile=license-code", "not in the environment"),
        ("profile=kit-v2", "kit-v2 has no orders"),
        ("period=1+eon", "is not a period"),
        ("mode=gift", "mode must be"),
        ("amount=many", "amount is not a number"),
        ("amount=%ff", "not UTF-8"),
        ("foo=1", "unknown field \"foo\"; known are profile, product, mode"),
        ("mode=package&period=1+month&count=31", "1 to 30 lines"),
        ("mode=package&period=1+month&quota=1000", "is not a quota"),
        ("mode=one-time&quota=OFFI1:1", "only a package has a quota"),
    ] {
        let (status, said) = post(&server, "/_marketplace/orders", form, "");
        assert!(status == 400 && said.contains(why), "{form}: {status} {said}");
    }
    let (status, said) = post(&server, "/_marketplace/subscriptions/%3Cnobody%3E/renew", "", "");
    assert!(status == 404 && said.contains("<nobody>"), "{said}");
    let (status, said) = post(&server, "/_marketplace/subscriptions/x/dance", "", "");
    assert!(status == 404 && said.contains("known are renew, convert_trial, cancel_renewal"), "{said}");
    let (status, said) = post(&server, "/_marketplace/subscriptions/x/freeze", "period=1+year", "");
    assert!(status == 400 && said.contains("unknown field \"period\"; known are none"), "{said}");
    assert_eq!(post(&server, "/_marketplace/orders", &"x".repeat(9_000_000), "").0, 413);
    assert_eq!(get(&server, "/_marketplace/orders", "").0, 405);
    assert_eq!(get(&server, "/_marketplace/nothing", "").0, 404);
    assert_ne!(get(&server, "/_marketplaces", "").0, 403, "the open-API server refuses that");
    run(&CREDENTIALS, &["serve", "--listen", "127.0.0.1:0", "--target", "http://192.0.2.1/"])
        .says(2, "--i-own-this-host");
}
