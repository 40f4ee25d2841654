//! Sellers who push usage in the wrong way, each with a receiver that is good.

use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::Credentials;
use koogallery::open_api::push_usage::{Request, UsageRecord};
use koogallery::open_api::{Client, RetryPolicy};
use koogallery::protocol::Protocol::SaasV2;
use koogallery::site::Site;
use koogallery_simulator::Profile::Protocol as Of;
use koogallery_simulator::{Checker, Desk, Fault, FaultRule, Instance};

use super::{Bad, Case, after, key};
use crate::simulator_checks::good::Good;

const HOUR: Duration = Duration::from_secs(3600);

/// A desk, and a seller's client that tries once.
pub struct Seller {
    pub desk: Desk,
    client: Client,
}

impl Seller {
    pub fn new() -> Self {
        let credentials = Credentials::new("DEMOAK0000000001", "DEMOSK0000000001demosk").unwrap();
        let desk = Desk::builder().credentials(credentials.clone()).access_keys(key()).build();
        desk.put_instance(Instance::on_demand("used", SystemClock.now().saturating_sub(HOUR * 24)));
        let mut once = RetryPolicy::default();
        once.attempts = 1;
        let client = Client::builder(Site::China, desk.clone(), TokioRuntime);
        let client = client.credentials(credentials).access_key(key()).retry_policy(once).build().unwrap();
        Self { desk, client }
    }

    /// The usage of an hour, so many hours ago.
    pub fn push(&self, number: &str, hours: u32) {
        let end = SystemClock.now().saturating_sub(HOUR * hours);
        // Whole hours, so that a repeat is one.
        let end = end.to_compact_seconds()[..10].to_owned() + "0000";
        let end = end.parse::<koogallery::timestamp::Timestamp>().unwrap();
        let record = UsageRecord::new(number, "used", end.saturating_sub(HOUR), end, "1.5".parse().unwrap());
        // The desk answers at once.
        let _ = self.client.call(&Request::new(vec![record]).unwrap()).now_or_never().unwrap();
    }

    pub fn fail_once(&self, fault: Fault) {
        self.desk.add_fault(FaultRule::new(fault).times(1));
    }
}

fn judged(checker: Checker, push: impl Fn(&Seller)) -> Checker {
    let seller = Seller::new();
    push(&seller);
    checker.desk(seller.desk).ready_within(Duration::from_secs(1))
}

macro_rules! sellers {
    ($($mistake:literal fails $fails:expr, $push:expr;)*) => {
        [$(Case {
            bad: &Bad {
                mistake: $mistake,
                profile: Of(SaasV2),
                fails: $fails,
                has_probe: true,
                handler: |good| after(good, |_, response| response),
            },
            good: Good::of,
            setting: |checker| judged(checker, $push),
        }),*]
    };
}

pub fn cases() -> impl Iterator<Item = Case> {
    sellers! {
        "numbers two records alike" fails &["Q5"], |seller: &Seller| {
            seller.push("n-1", 2);
            seller.push("n-1", 3);
        };
        "reports usage of last month" fails &["Q5"], |seller: &Seller| seller.push("n-1", 24 * 31);
        "gives usage up when a push fails" fails &["Q6"], |seller: &Seller| {
            seller.fail_once(Fault::ServerError(500));
            seller.push("n-1", 2);
        };
        "numbers a record anew when it sends it again" fails &["Q6"], |seller: &Seller| {
            seller.fail_once(Fault::LostAnswer);
            seller.push("n-1", 2);
            seller.push("n-2", 2);
        };
        "sends again what was reported before" fails &["Q6"], |seller: &Seller| {
            seller.fail_once(Fault::LostAnswer);
            for _ in 0..3 {
                seller.push("n-1", 2);
            }
        };
    }
    .into_iter()
}
