//! Behind real proxies, with the configurations that sellers copy: the checks give the verdict that they give without one.

mod causes;
mod once;
mod proxy;

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use koogallery::adapter::serve::Server;
use koogallery::adapter::serve::tls::Tls;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::CallbackService;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery::kit::{AuthFlag, Role, User, v2};
use koogallery::protocol::Protocol;
use koogallery::signature::kit_v2;
use koogallery_simulator::{Checker, HttpTarget, LedgerProbe, Outcome, Report, Target as _};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

use crate::good::{self, Good};
use proxy::{APACHE, CADDY, ENVOY, HAPROXY, NGINX, Program, Proxy};

const PATH: &str = "/isv/produce";

async fn serve(service: CallbackService) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Server::new().serve(listener, Endpoint::new(service), std::future::pending()));
    address
}

async fn check(target: HttpTarget, good: Good, protocol: Protocol) -> Report {
    let checker = Checker::new(target, good::keys()).with_profile(protocol).with_seed(7);
    checker.with_probe(LedgerProbe::new(good.ledger)).run().await.unwrap()
}

/// One outcome per check.
type Verdict = Vec<(&'static str, Outcome)>;

fn verdict(report: &Report) -> Verdict {
    report.results.iter().map(|result| (result.check.id, result.outcome.clone())).collect()
}

/// What the checks say of a server that ends TLS itself.
async fn without_a_proxy(protocol: Protocol) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let authority = proxy::write_certificate(folder.path());
    let tls = Tls::from_files(folder.path().join("certificate.pem"), folder.path().join("key.pem")).unwrap();
    let (good, listener) = (Good::new(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (port, endpoint) = (listener.local_addr().unwrap().port(), Endpoint::new(good.service.clone()));
    tokio::spawn(Server::new().serve_tls(listener, tls, endpoint, std::future::pending()));
    verdict(&check(proxy::target(port, PATH, &authority), good, protocol).await)
}

async fn assert_same_verdict(program: &Program) {
    /// The same for all proxies.
    static DIRECT: [OnceCell<Verdict>; 2] = [OnceCell::const_new(), OnceCell::const_new()];
    for (protocol, direct) in [Protocol::SaasV2, Protocol::SaasV1].into_iter().zip(&DIRECT) {
        let good = Good::new();
        let server = serve(good.service.clone()).await;
        let Some(proxy) = Proxy::start(program, server, |text| text) else { return };
        let report = check(proxy.target(PATH), good, protocol).await;
        let text = report.to_text(false);
        assert!(report.is_ok() && report.failed_ids().is_empty(), "{} {protocol}: {text}", program.name);
        let direct = direct.get_or_init(|| without_a_proxy(protocol)).await;
        assert_eq!(verdict(&report), *direct, "{} {protocol}: {text}", program.name);
        println!("{}: {} checks of {protocol} passed", program.name, report.passed());
    }
}

/// Returns HTTP status and body of the answer to a list of users of 3 MiB.
async fn send_list(program: &Program, change: impl Fn(String) -> String) -> Option<(u16, String)> {
    const SIZE: usize = 3 << 20;
    let server = serve(Good::of(Protocol::KitV2.into()).service).await;
    let proxy = Proxy::start(program, server, change)?;
    let user = |number| User::new(format!("user-{number}"), "示例用户".repeat(10), "D1", Role::User);
    let users: Vec<_> = (0..20_000).map(user).collect();
    let now = SystemClock.now();
    let list = v2::auth_sync::Request::new("tenant", "app", users, now, AuthFlag::Add, now).to_body();
    assert!(list.len() > SIZE && list.len() < SIZE + (1 << 20), "{} bytes", list.len());

    let key = AccessKey::new(good::KIT_KEY).unwrap();
    let mut request =
        Request::post(format!("{PATH}/produceAPI/v2/authSync")).header("content-type", "application/json");
    for (name, value) in kit_v2::signed_headers(&key, "0123456789abcdef", now, list.as_bytes()) {
        request = request.header(name, value);
    }
    let answer = proxy.target(PATH).call(request.body(Bytes::from(list)).unwrap()).await.unwrap();
    Some((answer.status, String::from_utf8(answer.body.to_vec()).unwrap()))
}

async fn assert_list_passes(program: &Program) {
    let Some((status, body)) = send_list(program, |text| text).await else { return };
    assert_eq!(status, 200, "{}: {body}", program.name);
    assert!(body.contains(r#""resultCode":"000000""#), "{}: {body}", program.name);
}

/// Extension parameters have no documented length.
async fn assert_long_query_passes(program: &Program) {
    let server = serve(Good::new().service).await;
    let Some(proxy) = Proxy::start(program, server, |text| text) else { return };
    let query = format!("activity=newInstance&saasExtendParams={}&authToken=0", "W3siA".repeat(6000));
    let request = Request::get(format!("{PATH}?{query}")).body(Bytes::new()).unwrap();
    let answer = proxy.target(PATH).call(request).await.unwrap();
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(answer.status == 200 && body.contains("resultCode"), "{}: {} {body}", program.name, answer.status);
}

#[tokio::test]
async fn behind_nginx() {
    assert_same_verdict(&NGINX).await;
    assert_list_passes(&NGINX).await;
    assert_long_query_passes(&NGINX).await;
}

#[tokio::test]
async fn behind_haproxy() {
    assert_same_verdict(&HAPROXY).await;
    assert_list_passes(&HAPROXY).await;
    assert_long_query_passes(&HAPROXY).await;
}

#[tokio::test]
async fn behind_caddy() {
    assert_same_verdict(&CADDY).await;
    assert_list_passes(&CADDY).await;
    assert_long_query_passes(&CADDY).await;
}

#[tokio::test]
async fn behind_apache() {
    assert_same_verdict(&APACHE).await;
    assert_list_passes(&APACHE).await;
    assert_long_query_passes(&APACHE).await;
}

#[tokio::test]
async fn behind_envoy() {
    assert_same_verdict(&ENVOY).await;
    assert_list_passes(&ENVOY).await;
    assert_long_query_passes(&ENVOY).await;
}

#[tokio::test]
async fn nginx_refuses_lists_without_the_line_about_them() {
    let without = |text: String| text.replace("client_max_body_size 4m;", "");
    let Some((status, body)) = send_list(&NGINX, without).await else { return };
    assert_eq!(status, 413, "{body}");
}
