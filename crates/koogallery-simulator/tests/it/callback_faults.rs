//! Faults of deliveries: doubled, out of order, and without an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::activity::Activity;
use koogallery::clock::{Clock as _, ManualClock, SystemClock};
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::delivery::{Callback, DeliveryOutcome, Schedule};
use koogallery_simulator::{CallbackFault, CallbackFaultRule, LineSpec, Marketplace, OrderSpec, TargetError};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::good::{self, Good};

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

/// Also where the marketplace makes both calls by itself; calls of other instances pass none.
#[tokio::test]
async fn each_two_calls_of_an_instance_swap_as_they_become_due() {
    let end = Duration::from_secs(60 * 86_400);
    for is_virtual in [true, false] {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let good = match is_virtual {
            true => Good::at(Protocol::SaasV2, Arc::clone(&clock)),
            false => Good::at(Protocol::SaasV2, Arc::new(SystemClock)),
        };
        let builder = Marketplace::builder(good.service, good::keys()).seed(7);
        let marketplace = if is_virtual { builder.virtual_time(clock) } else { builder }.build();
        for _ in 0..2 {
            let order = marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Month, 1)));
            marketplace.buy(Protocol::SaasV2, &order, 0).await.unwrap();
        }
        marketplace.take_log();
        marketplace.add_fault(CallbackFaultRule::new(CallbackFault::OutOfOrder).with_times(2));
        let begun = Instant::now();
        let made = match is_virtual {
            true => marketplace.run_until(marketplace.now().saturating_add(end)).await,
            false => marketplace.pass(end).await,
        };
        // The seller refuses to freeze what has been released.
        let log: Vec<_> = marketplace.take_log().into_iter().filter(|call| call.number == 1).collect();
        assert_eq!((made.len(), log.len()), (4, 4), "{log:#?}");
        for sold in marketplace.subscriptions() {
            let its = log.iter().filter(|call| call.exchange.request_body.contains(&sold.instance_id));
            let activities: Vec<_> = its.map(|call| call.activity).collect();
            assert_eq!(activities, [Activity::ReleaseInstance, Activity::UpdateInstanceStatus], "{is_virtual}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "none was held back for ten seconds");
    }
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
