//! Calls of the marketplace in full: whole bodies, the same request again, the next attempt, and a calendar that is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery_simulator::delivery::Callback;
use koogallery_simulator::{
    CallOptions, Checker, LineSpec, Marketplace, MarketplaceBuilder, OrderSpec, SubscriptionState,
};

use crate::good::{self, Good};

/// What a seller has received.
type Received = Arc<Mutex<Vec<Request<Bytes>>>>;

/// A seller that answers every call so, in real time.
fn answering(answer: &'static str, padding: usize) -> (MarketplaceBuilder, Received) {
    let received = Received::default();
    let seen = Arc::clone(&received);
    let seller = move |request: Request<Bytes>| {
        seen.lock().unwrap().push(request);
        let body = format!("{answer}{}", " ".repeat(padding));
        async move { Response::new(Bytes::from(body)) }
    };
    (Marketplace::builder(seller, good::keys()).seed(7), received)
}

fn purchase(marketplace: &Marketplace, protocol: Protocol) -> Callback {
    let order = marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Month, 1)));
    Callback::purchase(protocol, &order, 0).unwrap()
}

#[tokio::test]
async fn a_call_is_kept_in_full_and_sent_again() {
    for protocol in [Protocol::SaasV2, Protocol::SaasV1] {
        let (marketplace, received) = answering(r#"{"resultCode":"000005","resultMsg":"x"}"#, 9000);
        let marketplace = marketplace.build();
        let callback = purchase(&marketplace, protocol);
        let attempt = marketplace.call(&callback, &CallOptions::default().tampered()).await.unwrap();
        assert!(attempt.exchange.answer_body.contains("left out"), "{attempt:?}");
        let sent = marketplace.sent(attempt.sequence).unwrap();
        assert_eq!(sent.answer_body.trim_end().len() + 9000, sent.answer_body.len());
        assert_eq!(sent.purpose, "a field was added after signing");
        assert!(marketplace.sent(attempt.sequence + 1).is_none());

        let again = marketplace.send(&sent.callback, sent.request.clone()).await;
        assert_eq!((again.protocol, again.activity), (attempt.protocol, attempt.activity));
        let received = received.lock().unwrap();
        assert_eq!(received[0].uri(), received[1].uri());
        assert_eq!(received[0].body(), received[1].body());

        let signature = received[0].uri().query().unwrap().split('&').find_map(|pair| {
            pair.strip_prefix("signature=").or_else(|| pair.strip_prefix("authToken=")).map(str::to_owned)
        });
        assert!(!format!("{sent:?} {attempt:?}").contains(&signature.unwrap()));
    }
}

#[tokio::test]
async fn the_headers_of_a_kit_call_are_shown_without_its_signature() {
    let (marketplace, received) = answering(r#"{"resultCode":"000000","resultMsg":"x"}"#, 0);
    let marketplace = marketplace.build();
    let binding = koogallery_simulator::delivery::TenantBinding::new("t-1", "app-1", "i-1");
    marketplace.bind(Protocol::KitV2, &binding).await.unwrap();
    let attempt = &marketplace.log()[0];
    let header = |name: &str| {
        let mut headers = attempt.exchange.request_headers.iter();
        headers.find(|(found, _)| found == name).map(|(_, value)| value.clone())
    };
    assert_eq!(header("x-sign").as_deref(), Some("$SIGNATURE"));
    let received = received.lock().unwrap();
    assert_eq!(header("x-nonce").as_deref(), received[0].headers()["x-nonce"].to_str().ok());
    assert!(!format!("{attempt:?}").contains(received[0].headers()["x-sign"].to_str().unwrap()));
}

#[tokio::test]
async fn the_next_attempt_is_announced_and_comes_when_the_calendar_is_moved() {
    let (marketplace, _) = answering(r#"{"resultCode":"000005","resultMsg":"x"}"#, 0);
    let marketplace = marketplace.build();
    let callback = purchase(&marketplace, Protocol::SaasV2);
    let schedule = callback.schedule();
    let delivery = tokio::spawn({
        let (marketplace, callback) = (marketplace.clone(), callback.clone());
        async move { marketplace.deliver(&callback).await }
    });
    for number in 1..=schedule.attempts() {
        let attempt = loop {
            match marketplace.log_after(u64::from(number) - 1).first() {
                Some(attempt) => break attempt.clone(),
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        assert_eq!(attempt.number, number);
        assert_eq!(attempt.next_attempt.is_some(), number < schedule.attempts(), "{attempt:?}");
        if let Some(next) = attempt.next_attempt {
            let left = next.abs_diff(marketplace.now());
            assert!(left <= schedule.interval() && left > schedule.interval() / 2, "{left:?}");
            // It waits for the rest, however often the calendar is moved.
            marketplace.advance(schedule.interval() / 2);
            marketplace.advance(schedule.interval() / 2);
        }
    }
    assert_eq!(delivery.await.unwrap().unwrap().code(), Some("000005"));
}

#[tokio::test]
async fn a_subscription_expires_when_the_calendar_is_moved() {
    let good = Good::new();
    let marketplace = Marketplace::builder(good.service, good::keys()).seed(7).build();
    let order = marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Month, 1)));
    let sold = marketplace.buy(Protocol::SaasV2, &order, 0).await.unwrap();
    let state = |marketplace: &Marketplace| marketplace.subscription(&sold.instance_id).unwrap().state;
    for (days, is_expected) in [
        (1, (|state| state == SubscriptionState::Active) as fn(SubscriptionState) -> bool),
        (31, |state| matches!(state, SubscriptionState::Frozen { .. })),
        (15, |state| state == SubscriptionState::Released),
    ] {
        marketplace.advance(Duration::from_secs(days * 86_400));
        marketplace.run_due().await;
        assert!(is_expected(state(&marketplace)), "{days}: {}", state(&marketplace));
    }
}

/// A month, the expiry, and the release 15 days later, of a seller who confirms nothing.
#[tokio::test]
async fn time_passes_as_the_calendar_has_it() {
    let (marketplace, _) = answering(r#"{"resultCode":"000005","resultMsg":"x"}"#, 0);
    let marketplace = marketplace.build();
    let order = marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Month, 1)));
    let code = marketplace.buy(Protocol::LicenseCode, &order, 0).await.unwrap();
    let begun = marketplace.now();
    marketplace.pass(Duration::from_secs(60 * 86_400)).await;
    assert!(marketplace.now().abs_diff(begun) >= Duration::from_secs(60 * 86_400));
    assert_eq!(marketplace.subscription(&code.instance_id).unwrap().state, SubscriptionState::Released);
    let calls: Vec<_> = marketplace.log().iter().map(|attempt| attempt.activity.as_str()).collect();
    assert!(calls.starts_with(&["updateLicenseCodeStatus"]) && calls.contains(&"releaseLicenseCode"), "{calls:?}");
}

#[tokio::test]
async fn a_run_of_checks_says_how_far_it_is() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let checker = Checker::new(Good::new().service, good::keys())
        .with_progress(move |check, done, count| noted.lock().unwrap().push((check.id, done, count)));
    let report = checker.run().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), report.results.len());
    for (index, (_, done, count)) in seen.iter().enumerate() {
        assert_eq!((*done, *count), (index, report.results.len()));
    }
}
