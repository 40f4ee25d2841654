//! Sellers who push usage in the wrong way, each with a receiver that is good.

use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::Credentials;
use koogallery::open_api::push_usage::{Request, UsageRecord};
use koogallery::open_api::{Client, RetryPolicy};
use koogallery::protocol::Protocol::SaasV2;
use koogallery::signature::Window;
use koogallery::site::Site;
use koogallery_simulator::Profile::Protocol as Of;
use koogallery_simulator::{Checker, Fault, FaultRule, Instance, OpenApiServer};
use serde_json::{Value, json};

use super::{Bad, Case, Handler, answer, before, fields, is_proved, key, text};
use crate::good::Good;

const HOUR: Duration = Duration::from_secs(3600);

/// An open-API server, and a seller's client that tries once.
pub struct Seller {
    pub open_api: OpenApiServer,
    client: Client,
}

impl Seller {
    pub fn new() -> Self {
        let credentials = Credentials::new("DEMOAK0000000001", "DEMOSK0000000001demosk").unwrap();
        let open_api = OpenApiServer::builder().credentials(credentials.clone()).access_keys(key()).build();
        let yesterday = SystemClock.now().saturating_sub(HOUR * 24);
        open_api.put_instance(Instance::on_demand("used", yesterday));
        open_api.put_instance(Instance::package("package", 4.into(), yesterday));
        let mut once = RetryPolicy::default();
        once.attempts = 1;
        let client = Client::builder(Site::China, open_api.clone(), TokioRuntime);
        let client = client.credentials(credentials).access_key(key()).retry_policy(once).build().unwrap();
        Self { open_api, client }
    }

    /// The usage of an hour, so many hours ago.
    pub fn push(&self, number: &str, hours: u32) {
        self.push_from(number, hours, None);
    }

    /// The same, deducted from a package.
    pub fn push_from(&self, number: &str, hours: u32, package: Option<&str>) {
        let end = SystemClock.now().saturating_sub(HOUR * hours);
        // Whole hours, so that a repeat is one.
        let end = end.to_compact_seconds()[..10].to_owned() + "0000";
        let end = end.parse::<koogallery::timestamp::Timestamp>().unwrap();
        let mut record = UsageRecord::new(number, "used", end.saturating_sub(HOUR), end, "1.5".parse().unwrap());
        record.relate_pkg_instance = package.map(str::to_owned);
        // The server answers at once.
        let _ = self.client.call(&Request::new(vec![record]).unwrap()).now_or_never().unwrap();
    }

    pub fn fail_once(&self, fault: Fault) {
        self.open_api.add_fault(FaultRule::new(fault).with_times(1));
    }
}

fn judged(checker: Checker, push: impl Fn(&Seller)) -> Checker {
    let seller = Seller::new();
    push(&seller);
    checker.with_open_api(seller.open_api).with_ready_timeout(Duration::from_secs(1))
}

macro_rules! sellers {
    ($($mistake:literal fails $fails:expr, $push:expr $(, $usage:expr)?;)*) => {
        [$(Case {
            bad: &Bad {
                mistake: $mistake,
                profile: Of(SaasV2),
                fails: $fails,
                has_probe: true,
                handler: |good| describing(good, sellers!(@usage $($usage)?)),
            },
            good: Good::of,
            setting: |checker| judged(checker, $push),
        }),*]
    };
    (@usage) => { |_| Value::Null };
    (@usage $usage:expr) => { $usage };
}

/// Answers queries of the instance and the package that usage is pushed of; without usage it does not know them.
pub fn describing(good: &Good, usage: fn(&str) -> Value) -> Handler {
    before(good, move |request| {
        let sent = fields(&request);
        let id = text(&sent, "instanceId");
        let usage = if ["used", "package"].contains(&id) { usage(id) } else { Value::Null };
        let is_asked = text(&sent, "activity") == "queryInstance" && is_proved(&request, Window::default());
        match is_asked && !usage.is_null() {
            true => {
                let info = json!([{"instanceId": id, "usageInfo": usage}]);
                Err(answer(&json!({"resultCode": "000000", "resultMsg": "success", "info": info})))
            }
            false => Ok(request),
        }
    })
}

/// What was pushed by `push_of_both`, as of now.
pub fn right(id: &str) -> Value {
    used(id, 3.0, "used")
}

fn used(id: &str, value: f64, related: &str) -> Value {
    let time = SystemClock.now().to_compact_millis();
    match id {
        "package" => json!([{"relatedInstanceId": related, "usageValue": value, "statisticalTime": time}]),
        _ => json!([{"usageValue": value, "statisticalTime": time}]),
    }
}

/// Two hours, both deducted from the package.
pub fn push_of_both(seller: &Seller) {
    seller.push_from("n-1", 2, Some("package"));
    seller.push_from("n-2", 3, Some("package"));
}

pub fn cases() -> impl Iterator<Item = Case> {
    sellers! {
        "gives two records the same id" fails &["Q5"], |seller: &Seller| {
            seller.push("n-1", 2);
            seller.push("n-1", 3);
        };
        "reports usage of last month" fails &["Q5"], |seller: &Seller| seller.push("n-1", 24 * 31);
        "drops usage when a push fails" fails &["Q6"], |seller: &Seller| {
            seller.fail_once(Fault::ServerError(500));
            seller.push("n-1", 2);
        };
        "gives a record a new id when it is retried" fails &["Q6"], |seller: &Seller| {
            seller.fail_once(Fault::LostAnswer);
            seller.push("n-1", 2);
            seller.push("n-2", 2);
        };
        "retries records that were reported before" fails &["Q6"], |seller: &Seller| {
            seller.fail_once(Fault::LostAnswer);
            for _ in 0..3 {
                seller.push("n-1", 2);
            }
        };
        "leaves out of which instance a package was used" fails &["Q8"], push_of_both, |id| {
            let mut usage = right(id);
            usage[0].as_object_mut().unwrap().remove("relatedInstanceId");
            usage
        };
        "names the package in its own usage" fails &["Q8"], push_of_both, |id| used(id, 3.0, "package");
        "reports less usage than it pushed" fails &["Q9"], push_of_both, |id| used(id, 1.5, "used");
        "reports no usage in queries" fails &["Q9"], push_of_both, |_| json!([]);
        "reports usage as of yesterday" fails &["Q9"], push_of_both, |id| {
            let mut usage = right(id);
            usage[0]["statisticalTime"] = SystemClock.now().saturating_sub(HOUR * 24).to_compact_millis().into();
            usage
        };
        "deducts more from a package than it has" fails &["Q10"], |seller: &Seller| {
            push_of_both(seller);
            seller.push_from("n-3", 4, Some("package"));
        };
    }
    .into_iter()
}
