//! The metered service with the simulated marketplace: packages are sold, used, asked for and compared, over sockets.

use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use koogallery::amount::Amount;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKeys, Credentials, InterfaceType};
use koogallery::metering::StatementMonth;
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::Callback;
use koogallery_simulator::{
    CallOptions, Checker, HttpTarget, LineSpec, Marketplace, OpenApiServer, OrderSpec, Outcome, Subscription,
};
use serde_json::Value;

use crate::process::{Server, example, exchange, serve_in_background};
use crate::support::{KEY, key};

const RENDERING: &str = "OFFI-RENDERING";
/// What the service gives for each unit of a package's quantity.
const QUOTA: u32 = 10;

async fn receive(State(open_api): State<OpenApiServer>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else { return Response::new(Body::empty()) };
    open_api.answer(Request::from_parts(parts, body)).map(Body::from)
}

/// The service, and the marketplace that sells it.
struct Stage {
    server: Server,
    marketplace: Marketplace,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn start() -> Self {
        let credentials = Credentials::new("AK", "SK-0123456789").unwrap();
        // An overdrawn package would be refused.
        let open_api = OpenApiServer::builder().credentials(credentials).access_keys(key()).strict_packages().build();
        let address = serve_in_background(Router::new().fallback(receive).with_state(open_api.clone()));
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(
            Command::new(example("metered_service"))
                .args(["--listen", "127.0.0.1:0", "--period", "2", "--when-used-up", "stop", "--database"])
                .arg(format!("sqlite://{}", folder.path().join("metered.db").display()))
                .env("KOOGALLERY_BASIC_KEY", KEY)
                .env("KOOGALLERY_AK", "AK")
                .env("KOOGALLERY_SK", "SK-0123456789")
                .env("KOOGALLERY_OPEN_API_URL", format!("http://{address}")),
        );
        let marketplace = Marketplace::builder(target(&server), keys()).open_api(open_api).seed(7).build();
        Self { server, marketplace, _folder: folder }
    }

    fn open_api(&self) -> &OpenApiServer {
        self.marketplace.open_api()
    }

    /// Status of the answer to a call of the customer.
    fn call(&self, what: &str, instance: &str, id: &str) -> u16 {
        let request = format!(
            "POST /{what}/{instance} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {id}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        exchange(self.server.address, &request).unwrap().0
    }

    fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (status, body) = exchange(self.server.address, &request).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The usage that the service reports of an instance or package: related instance and value.
    async fn reported(&self, sold: &Subscription) -> Vec<(Option<String>, String)> {
        self.marketplace.query(&sold.instance_id).await.unwrap();
        let answer = self.marketplace.log().pop().unwrap().exchange.answer_body;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let usages = answer["info"][0]["usageInfo"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let read = |usage: &Value| {
            assert_eq!(usage["statisticalTime"].as_str().unwrap().len(), 17);
            (usage["relatedInstanceId"].as_str().map(str::to_owned), usage["usageValue"].to_string())
        };
        usages.iter().map(read).collect()
    }

    /// Waits until everything that was recorded is delivered.
    async fn delivered(&self, instance: &str, amount: Amount) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let totals = self.open_api().usage_totals(instance);
            if totals.first().is_some_and(|total| total.usage == amount) {
                return;
            }
            assert!(Instant::now() < deadline, "{totals:?}\n{}\n{:#?}", self.get("/metrics"), self.open_api().log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn keys() -> AccessKeys {
    AccessKeys::new().with(InterfaceType::Basic, key()).unwrap()
}

fn target(server: &Server) -> HttpTarget {
    HttpTarget::new(&format!("http://{}/saasproduce", server.address)).unwrap()
}

fn order(customer: &str, lines: impl IntoIterator<Item = LineSpec>) -> OrderSpec {
    let mut lines = lines.into_iter();
    let mut order = lines.by_ref().fold(OrderSpec::new(LineSpec::one_time("")), OrderSpec::with_line);
    order.lines.remove(0);
    order.buyer.customer_id = customer.to_owned();
    order
}

/// V1.0 tells the lines of an order apart by their products.
fn package(protocol: Protocol, number: u32) -> LineSpec {
    let product = match protocol {
        Protocol::SaasV1 => format!("OFFI-PACKAGE-{number}"),
        _ => "OFFI-PACKAGE".to_owned(),
    };
    let line = LineSpec::on_demand_package(product, PeriodType::Month, number);
    line.with_linear_value(1).with_quota(RENDERING, QUOTA.into())
}

async fn sold_and_used(stage: &Stage, protocol: Protocol) {
    let (marketplace, customer) = (&stage.marketplace, format!("customer-{}", protocol.id()));
    let early = marketplace.place_order(order(&customer, [package(protocol, 1)]));
    let early = Callback::purchase(protocol, &early, 0).unwrap();
    let early = marketplace.call(&early, &CallOptions::default()).await.unwrap();
    assert_eq!(early.outcome.code(), Some("000005"), "there is no pay-per-use instance yet");

    let by_use = marketplace.place_order(order(&customer, [LineSpec::on_demand(RENDERING).needing_packages()]));
    let by_use = marketplace.buy(protocol, &by_use, 0).await.unwrap();
    let instance = by_use.instance_id.as_str();
    assert_eq!(stage.call("render", instance, "too-early"), 402, "there is no package yet");

    // The first expires in a month, the second in two, and the third in three.
    let packages = marketplace.place_order(order(&customer, (1..=3).map(|number| package(protocol, number))));
    let packages = marketplace.buy_all(protocol, &packages).await.unwrap();
    // 12 and 3 times 2 are 18; a request that is repeated counts once.
    for number in 0..12 {
        assert_eq!(stage.call("render", instance, &format!("render-{number}")), 200);
    }
    for number in [0, 1, 2, 2] {
        assert_eq!(stage.call("job", instance, &format!("job-{number}")), 200);
    }
    let shown = stage.get(&format!("/usage/{instance}"));
    assert!(shown.starts_with("total 18\n"), "{shown}");
    assert!(shown.contains(&format!("{} used 10 reserved 0 of 10", packages[0].instance_id)), "{shown}");
    assert!(shown.contains(&format!("{} used 8 reserved 0 of 10", packages[1].instance_id)), "{shown}");

    let alarm = |package: usize, used: u32, percent: u8| {
        let id = &packages[package].instance_id;
        format!("package {id} of instance {instance}: {used} of 10 are used, {percent} % or more\n")
    };
    let alarms = stage.get("/alarms");
    assert!(alarms.contains(&alarm(0, 8, 80)) && alarms.contains(&alarm(0, 10, 100)), "{alarms}");
    assert!(alarms.contains(&alarm(1, 8, 80)) && !alarms.contains(&alarm(1, 8, 100)), "{alarms}");

    stage.delivered(instance, Amount::from(18)).await;
    let related = Some(instance.to_owned());
    assert_eq!(stage.reported(&by_use).await, [(None, "18".to_owned())]);
    assert_eq!(stage.reported(&packages[0]).await, [(related.clone(), "10".to_owned())]);
    assert_eq!(stage.reported(&packages[1]).await, [(related.clone(), "8".to_owned())]);
    assert_eq!(stage.reported(&packages[2]).await, [(related.clone(), "0".to_owned())], "it was not used yet");

    // The second is released, so that ten units of the third remain.
    marketplace.renew(&packages[2].instance_id, PeriodType::Month, 1).await.unwrap();
    marketplace.release(&packages[1].instance_id).await.unwrap();
    for number in 12..22 {
        assert_eq!(stage.call("render", instance, &format!("render-{number}")), 200);
    }
    assert_eq!(stage.call("render", instance, "render-22"), 402, "used up");
    assert_eq!(stage.call("job", instance, "job-3"), 402);
    stage.delivered(instance, Amount::from(28)).await;
    for (package, used) in packages.iter().zip(["10", "8", "10"]) {
        let totals = stage.open_api().usage_totals(&package.instance_id);
        let deducted: Vec<_> =
            totals.iter().map(|total| (total.related_instance_id.as_deref(), total.usage.to_string())).collect();
        assert_eq!(deducted, [(Some(instance), used.to_owned())]);
        assert!(stage.statement().contains(&format!("{instance},{},{used},0,0\n", package.instance_id)));
    }
    assert_eq!(stage.reported(&packages[2]).await, [(related, "10".to_owned())]);

    let checker =
        Checker::new(target(&stage.server), keys()).with_profile(protocol).with_open_api(stage.open_api().clone());
    let report = checker.with_only(["Q5", "Q8", "Q9", "Q10"]).run().await.unwrap();
    assert!(report.results.iter().all(|result| result.outcome == Outcome::Passed), "{}", report.to_text(false));
}

impl Stage {
    /// The statement of this month, with the one before where a test runs over its end.
    fn statement(&self) -> String {
        let now = SystemClock.now();
        let month = |at| StatementMonth::of(at).unwrap();
        let (this, before) = (month(now), month(now.saturating_sub(Duration::from_secs(300))));
        let of = |month| self.get(&format!("/statement/{month}"));
        if this == before { of(this) } else { of(before) + &of(this) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_are_sold_used_and_reported_end_to_end() {
    let stage = Stage::start();
    for protocol in [Protocol::SaasV2, Protocol::SaasV1] {
        sold_and_used(&stage, protocol).await;
    }
    assert!(stage.open_api().usage().iter().all(|usage| usage.relate_pkg_instance.is_some()));
    assert!(stage.open_api().log().iter().all(|call| call.remarks.is_empty()), "{:#?}", stage.open_api().log());
}
