//! The marketplace's calls, made of a seller's service.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::activity::Activity;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::kit::{self, Version};
use koogallery::ledger::MemoryLedger;
use koogallery::license;
use koogallery::open_api::push_usage::{self, UsageRecord};
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::{Protocol, Retries};
use koogallery::signature::{Window, auth_token, auth_token_body, callback_v2, kit_v2};
use koogallery::wire::RenewalScene;
use koogallery::{order_notify, saas};
use koogallery_simulator::delivery::{Callback, DeliveryError, DeliveryOutcome, Endpoint, Schedule};
use koogallery_simulator::{LineSpec, OrderSpec, PlacedOrder, SeededRandom};

use super::{NOW, Stage, access_key};
use crate::good::Shop;

fn keys() -> AccessKeys {
    let key = |text: &str| AccessKey::new(text).unwrap();
    let all = [(InterfaceType::Kit, "kit"), (InterfaceType::License, "license"), (InterfaceType::General, "general")];
    let basic = AccessKeys::new().with(InterfaceType::Basic, access_key()).unwrap();
    all.into_iter().fold(basic, |keys, (interface, text)| keys.with(interface, key(text)).unwrap())
}

fn endpoint() -> Endpoint {
    Endpoint::new("https://isv.example.com/saasproduce".parse().unwrap(), keys())
}

fn ring(protocol: Protocol) -> KeyRing {
    protocol.keys(&keys()).unwrap().1.clone()
}

fn order(stage: &Stage) -> PlacedOrder {
    stage.open_api.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Year, 1).with_linear_value(5)))
}

/// The service of a seller who queries the orders.
fn service(stage: &Stage, seller: &Shop) -> CallbackService {
    CallbackService::builder(keys(), TokioRuntime)
        .subscription(seller.clone(), MemoryLedger::new())
        .open_api(stage.client.clone())
        .clock(Arc::clone(&stage.clock))
        .build()
}

#[tokio::test]
async fn an_instance_is_sold_used_renewed_and_released_in_both_generations() {
    for protocol in [Protocol::SaasV2, Protocol::SaasV1] {
        let stage = Stage::new();
        let (seller, random) = (Shop::default(), SeededRandom::new(7));
        let service = service(&stage, &seller);
        let make = async |callback: Callback| {
            let response = service.call(callback.request(&endpoint(), stage.open_api.now(), &random).unwrap()).await;
            callback.judge(&response)
        };
        let order = stage.open_api.place_order(OrderSpec::new(LineSpec::on_demand("OFFI1").with_linear_value(5)));
        let purchase = Callback::purchase(protocol, &order, 0).unwrap();
        let DeliveryOutcome::Done { instance_id: Some(instance) } = make(purchase.clone()).await else {
            panic!("{protocol}")
        };
        assert_eq!(
            make(purchase).await,
            DeliveryOutcome::Done { instance_id: Some(instance.clone()) },
            "another businessId"
        );
        let bought = seller.purchases.lock().unwrap().clone();
        assert_eq!(bought.len(), 1);
        let details = bought[0].details.clone().unwrap();
        assert_eq!((details.product.product_id.as_str(), details.product.amount), ("OFFI1", Some(5)));

        stage.open_api.open_instance(&order, 0, &instance);
        stage.clock.advance(Duration::from_secs(60));
        let record = UsageRecord::new("sn-1", &instance, NOW, stage.open_api.now(), "1".parse().unwrap());
        assert!(stage.call(push_usage::Request::new(vec![record]).unwrap()).await.unwrap().is_all_taken());

        let done = DeliveryOutcome::Done { instance_id: None };
        let renewal = self::order(&stage);
        let until = renewal.expire_time(0).unwrap();
        let mut life = vec![
            Callback::expiry(protocol, &instance).unwrap(),
            Callback::refresh(protocol, RenewalScene::Renewal, &instance, &renewal, until).unwrap(),
        ];
        life.extend(Callback::unfreezing(protocol, &instance));
        life.push(Callback::release(protocol, &instance, &order.order_id).unwrap());
        for callback in life {
            stage.clock.advance(Duration::from_secs(1));
            let activity = callback.activity();
            assert_eq!(make(callback).await, done, "{protocol} {activity}");
        }
        let unknown = make(Callback::release(protocol, "nobody's", "CS0").unwrap()).await;
        assert!(unknown == done || unknown == DeliveryOutcome::Refused { code: "000003".to_owned() }, "{unknown:?}");
    }
}

#[test]
fn every_generation_is_signed_as_its_document_says() {
    let stage = Stage::new();
    let (order, random) = (order(&stage), SeededRandom::new(7));
    let request = |callback: Option<Callback>| callback.unwrap().request(&endpoint(), NOW, &random).unwrap();
    let window = Window::default();
    let post = |protocol: Protocol, request: &Request<Bytes>, read: &dyn Fn(&callback_v2::Verified<'_>)| {
        let query = request.uri().query().unwrap();
        let ring = ring(protocol);
        read(&callback_v2::verify(&ring, query, request.body(), NOW, window).unwrap());
        assert_eq!(request.headers()["content-type"], "application/json;charset=utf8");
    };
    let v2 = Protocol::SaasV2;
    post(v2, &request(Callback::purchase(v2, &order, 0)), &|verified| {
        let saas::v2::Callback::NewInstance(message) = saas::v2::Callback::parse(verified).unwrap() else { panic!() };
        assert_eq!((message.order_id, message.business_id.len()), (order.order_id.clone(), 32));
    });
    let online = Protocol::LicenseOnline;
    for callback in [
        Callback::purchase(online, &order, 0),
        Callback::refresh(online, RenewalScene::Renewal, "i1", &order, NOW),
        Callback::expiry(online, "i1"),
        Callback::unfreezing(online, "i1"),
        Callback::release(online, "i1", ""),
    ] {
        post(online, &request(callback), &|verified| _ = license::online::Callback::parse(verified).unwrap());
    }
    let code = Protocol::LicenseCode;
    for callback in [
        Callback::refresh(code, RenewalScene::Renewal, "PL1", &order, NOW),
        Callback::expiry(code, "PL1"),
        Callback::unfreezing(code, "PL1"),
        Callback::release(code, "PL1", ""),
    ] {
        post(code, &request(callback), &|verified| _ = license::code::Callback::parse(verified).unwrap());
    }
    let notify = Protocol::OrderNotify;
    post(notify, &request(Some(Callback::order_notify(&order, 0))), &|verified| {
        assert_eq!(order_notify::Request::parse(verified).unwrap().order_line_id, order.order_line_id(0));
    });
    let v1 = Protocol::LicenseV1;
    for callback in [
        Callback::purchase(v1, &order, 0),
        Callback::refresh(v1, RenewalScene::Renewal, "i1", &order, NOW),
        Callback::expiry(v1, "i1"),
        Callback::release(v1, "i1", "CS1"),
    ] {
        let request = request(callback);
        assert!(request.method() == "GET" && request.body().is_empty());
        let ring = ring(v1);
        let verified = auth_token::verify(&ring, request.uri().query().unwrap(), NOW, window).unwrap();
        license::v1::Callback::parse(&verified).unwrap();
    }
    for none in [Protocol::KitV1, Protocol::KitV2, notify, code] {
        assert!(Callback::purchase(none, &order, 0).is_none());
    }
    assert!(Callback::purchase(v2, &order, 1).is_none(), "there is no such line");
}

#[test]
fn the_kit_is_called_below_the_production_address() {
    let random = SeededRandom::new(7);
    let body = r#"{"flag":"1","instanceId":"i1","orderId":"CS1","tenantId":"t1","testFlag":"1"}"#;
    let request = |protocol| {
        let callback = Callback::message(protocol, Activity::ApplicationSync, body);
        callback.request(&endpoint(), NOW, &random).unwrap()
    };
    let first = request(Protocol::KitV1);
    assert_eq!(first.uri(), "https://isv.example.com/saasproduce/produceAPI/applicationSync");
    assert_eq!(kit::route(first.uri().path()), Some((Version::V1, Activity::ApplicationSync)));
    let ring_v1 = ring(Protocol::KitV1);
    let verified = auth_token_body::verify(&ring_v1, first.headers(), first.body(), NOW, Window::default());
    assert!(verified.is_ok(), "{verified:?}");
    let second = request(Protocol::KitV2);
    assert_eq!(kit::route(second.uri().path()), Some((Version::V2, Activity::ApplicationSync)));
    let ring_v2 = ring(Protocol::KitV2);
    let verified = kit_v2::verify(&ring_v2, second.headers(), second.body(), NOW, Window::default());
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn calls_are_planned_by_the_documented_schedules() {
    let stage = Stage::new();
    let order = order(&stage);
    let minutes = |schedule: Schedule| {
        let due: Vec<_> = schedule.due(NOW).map(|due| due.abs_diff(NOW).as_secs() / 60).collect();
        (due.len(), due[1.min(due.len() - 1)], due[due.len() - 1])
    };
    assert_eq!(minutes(Schedule::from(Retries::HOURLY_FOR_3_HOURS)), (4, 60, 180));
    assert_eq!(minutes(Schedule::from(Retries::EVERY_2_MINUTES_FOR_2_HOURS)), (61, 2, 120));
    assert_eq!(minutes(Schedule::from(Retries::FOR_1_HOUR)), (7, 10, 60));
    assert_eq!(minutes(Schedule::from(Retries::EVERY_2_MINUTES_60_TIMES)), (61, 2, 120));
    assert_eq!(minutes(Schedule::ONCE), (1, 0, 0));
    assert_eq!(minutes(Schedule::from(Retries::HOURLY_FOR_3_HOURS).compressed(60)), (4, 1, 3));
    for name in ["once", "v1-hourly-3h", "v2-2min-2h", "expire-1h", "code-60x2min"] {
        assert!(Schedule::named(name).is_some(), "{name}");
    }
    assert_eq!(Schedule::named("daily"), None);

    let schedule_of = |callback: Option<Callback>| callback.unwrap().schedule();
    assert_eq!(
        schedule_of(Callback::purchase(Protocol::SaasV1, &order, 0)),
        Schedule::from(Retries::HOURLY_FOR_3_HOURS)
    );
    assert_eq!(
        schedule_of(Callback::purchase(Protocol::LicenseOnline, &order, 0)),
        Schedule::from(Retries::EVERY_2_MINUTES_FOR_2_HOURS)
    );
    assert_eq!(schedule_of(Callback::expiry(Protocol::SaasV1, "i1")), Schedule::from(Retries::FOR_1_HOUR));
    assert_eq!(
        schedule_of(Callback::release(Protocol::LicenseCode, "PL1", "")),
        Schedule::from(Retries::EVERY_2_MINUTES_60_TIMES)
    );
    assert_eq!(schedule_of(Callback::release(Protocol::LicenseV1, "i1", "CS1")), Schedule::ONCE);

    let purchase = Callback::purchase(Protocol::SaasV2, &order, 0).unwrap();
    let plan = |seed| {
        let (endpoint, random) = (endpoint(), SeededRandom::new(seed));
        let deliveries = purchase.deliveries(&endpoint, Schedule::from(Retries::HOURLY_FOR_3_HOURS), NOW, &random);
        deliveries.map(|delivery| format!("{:?}", delivery.unwrap())).collect::<Vec<_>>()
    };
    let calls = plan(7);
    assert_eq!(calls.len(), 4);
    assert!(calls[3].contains("attempt: 4") && calls[3].contains("1735797845000"), "signed for its time: {}", calls[3]);
    let mut distinct = calls.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "a businessId and a nonce for each");
    assert_eq!(calls, plan(7));
    assert_ne!(calls, plan(8));
}

#[test]
fn answers_are_judged() {
    let stage = Stage::new();
    let purchase = |protocol| Callback::purchase(protocol, &order(&stage), 0).unwrap();
    let judge = |callback: &Callback, status: u16, body: &'static str| {
        callback.judge(&Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
    };
    let (second, first) = (purchase(Protocol::SaasV2), purchase(Protocol::SaasV1));
    let processing = r#"{"resultCode":"000004","instanceId":"i1"}"#;
    let (instance_id, code) = (Some("i1".to_owned()), "000004".to_owned());
    assert_eq!(judge(&second, 200, processing), DeliveryOutcome::Processing { instance_id: instance_id.clone() });
    assert_eq!(judge(&first, 200, processing), DeliveryOutcome::Refused { code }, "only 000000 counts in V1.0");
    let done = judge(&second, 200, r#"{"resultCode":"000000","resultMsg":"success","instanceId":"i1"}"#);
    assert!(done == DeliveryOutcome::Done { instance_id } && done.is_final());
    for (status, body) in
        [(500, r#"{"resultCode":"000000"}"#), (200, "<html>"), (200, "{}"), (200, r#"{"resultCode":0}"#)]
    {
        let outcome = judge(&second, status, body);
        assert!(matches!(outcome, DeliveryOutcome::Unreadable { .. }) && !outcome.is_final(), "{body}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_called_is_reported() {
    let stage = Stage::new();
    let purchase = Callback::purchase(Protocol::SaasV2, &order(&stage), 0).unwrap();
    let error = |address: &str, keys: AccessKeys| {
        let endpoint = Endpoint::new(address.parse().unwrap(), keys);
        purchase.request(&endpoint, NOW, &SeededRandom::new(7)).unwrap_err()
    };
    let address = "https://isv.example.com/saasproduce";
    assert_eq!(error(address, AccessKeys::new()), DeliveryError::NoKey(Protocol::SaasV2));
    assert_eq!(error("https://isv.example.com/?a=1", keys()), DeliveryError::Address);
    for protocol in Protocol::ALL {
        assert_eq!(protocol.id().parse(), Ok(protocol));
    }
    assert!("saas-v3".parse::<Protocol>().is_err());
}
