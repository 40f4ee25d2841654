//! Faults of deliveries: doubled, out of order, and without an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::activity::Activity;
use koogallery::clock::ManualClock;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome, Schedule};
use koogallery_simulator::{CallbackFault, CallbackFaultRule, Marketplace, TargetError};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::good;

/// The calls that have arrived: activity, and query with nonce and signature.
type Arrived = Arc<Mutex<Vec<(String, String)>>>;

/// A marketplace that calls a seller who confirms everything.
fn confirming() -> (Marketplace, Arrived) {
    let arrived = Arrived::default();
    let seen = Arc::clone(&arrived);
    let seller = move |request: Request<Bytes>| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let query = request.uri().query().unwrap_or_default().to_owned();
        seen.lock().unwrap().push((body["activity"].as_str().unwrap().to_owned(), query));
        let answer = Response::builder().header("content-type", "application/json");
        async move { answer.body(Bytes::from_static(br#"{"resultCode":"000000","resultMsg":"ok"}"#)).unwrap() }
    };
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_millis(1_735_787_045_000)));
    (Marketplace::builder(seller, good::keys()).virtual_time(clock).seed(7).build(), arrived)
}

fn expiry() -> Callback {
    Callback::expiry(Protocol::SaasV2, "i-1").unwrap()
}

fn release() -> Callback {
    Callback::release(Protocol::SaasV2, "i-1", "CS1").unwrap()
}

fn activities(arrived: &Arrived) -> Vec<String> {
    arrived.lock().unwrap().iter().map(|(activity, _)| activity.clone()).collect()
}

#[tokio::test]
async fn a_delivery_arrives_twice_and_each_copy_is_signed_by_itself() {
    let (marketplace, arrived) = confirming();
    let rule = CallbackFaultRule::new(CallbackFault::Duplicate);
    marketplace.add_fault(rule.with_activity(Activity::UpdateInstanceStatus).with_times(1));
    assert_eq!(marketplace.faults()[0].to_string(), "duplicate of updateInstanceStatus, 1 more");
    marketplace.deliver(&release()).await.unwrap();
    assert_eq!(activities(&arrived), ["releaseInstance"], "another activity is made once");
    for expected in [3, 4] {
        let outcome = marketplace.deliver(&expiry()).await.unwrap();
        assert_eq!(outcome, DeliveryOutcome::Done { instance_id: None });
        assert_eq!(activities(&arrived).len(), expected, "the rule is for one delivery");
    }
    assert!(marketplace.faults().is_empty());
    let queries: Vec<_> = arrived.lock().unwrap().iter().map(|(_, query)| query.clone()).collect();
    assert_ne!(queries[1], queries[2]);
    let log = marketplace.log();
    let purposes: Vec<_> = log.iter().map(|call| marketplace.sent(call.sequence).unwrap().purpose).collect();
    assert_eq!(purposes, ["", "delivered twice", "delivered twice", ""]);
    // A call that is made by itself has no fault.
    marketplace.add_fault(CallbackFaultRule::new(CallbackFault::Duplicate));
    marketplace.call(&expiry(), &Default::default()).await.unwrap();
    assert_eq!(activities(&arrived).len(), 5);
    marketplace.clear_faults();
    marketplace.deliver(&expiry()).await.unwrap();
    assert_eq!(activities(&arrived).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_passed_by_the_next_one() {
    let (marketplace, arrived) = confirming();
    marketplace.add_fault(CallbackFaultRule::new(CallbackFault::OutOfOrder));
    let begun = Instant::now();
    let first = tokio::spawn({
        let marketplace = marketplace.clone();
        async move { marketplace.deliver(&expiry()).await.unwrap() }
    });
    sleep(Duration::from_secs(1)).await;
    assert!(activities(&arrived).is_empty(), "it is held back");
    assert!(marketplace.deliver(&release()).await.unwrap().is_final());
    assert!(first.await.unwrap().is_final());
    assert_eq!(activities(&arrived), ["releaseInstance", "updateInstanceStatus"]);
    assert!(begun.elapsed() < Duration::from_secs(2));
    // It was signed first.
    let time = |index: usize| {
        let (_, query) = &arrived.lock().unwrap()[index];
        let (_, time) = query.split_once("timestamp=").unwrap();
        time[..13].parse::<u64>().unwrap()
    };
    assert!(time(1) < time(0));
    // Where no other call comes, it does not wait for ever.
    let begun = Instant::now();
    marketplace.deliver(&expiry()).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_lost_answer_makes_the_delivery_again() {
    let (marketplace, arrived) = confirming();
    marketplace.add_fault(CallbackFaultRule::new(CallbackFault::LostAnswer).with_times(1));
    let schedule = Schedule::every(Duration::from_secs(120), 3);
    let outcome = marketplace.deliver_by(&expiry(), schedule).await.unwrap();
    assert!(outcome.is_final());
    assert_eq!(activities(&arrived).len(), 2);
    let log = marketplace.log();
    assert!(
        matches!(&log[0].outcome, DeliveryOutcome::Unanswered { error: TargetError::CutOff(why) } if why.contains("on purpose")),
        "{log:?}"
    );
    assert_eq!((log[1].number, log[0].next_attempt.is_some()), (2, true));
}

#[tokio::test]
async fn some_of_many_have_a_fault() {
    let (marketplace, arrived) = confirming();
    let rule = CallbackFaultRule::new(CallbackFault::Duplicate).with_percent(50);
    assert_eq!(rule.to_string(), "duplicate, 50 %");
    marketplace.add_fault(rule);
    for _ in 0..100 {
        marketplace.deliver(&expiry()).await.unwrap();
    }
    let count = activities(&arrived).len();
    assert!((120..=180).contains(&count), "{count}");
}
