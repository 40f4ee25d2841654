//! Orders, and the seller's service that asks for them.

use bytes::Bytes;
use http::Request;
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::open_api::query_order::{self, ChargingMode, OrderType, PeriodType};
use koogallery::signature::callback_v2;
use koogallery::site::Site;
use koogallery_simulator::{Buyer, LineSpec, Operation, OrderSpec, ProductSpec};
use std::sync::Arc;

use crate::good::Shop;

use super::{NOW, Stage, access_key};

const URL: &str = "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/order/query";

#[tokio::test]
async fn an_order_is_answered_as_it_was_placed() {
    let stage = Stage::new();
    let line = LineSpec::period("OFFI1", PeriodType::Month, 2)
        .with_linear_value(50)
        .with_extend_param("ip", "127.0.0.1")
        .with_amounts("120.5".parse().unwrap(), "99".parse().unwrap());
    let several = LineSpec::on_demand("OFFI2").with_product(ProductSpec::new("OFFI3"));
    let mut buyer = Buyer::default();
    buyer.email = Some("buyer@example.com".into());
    let placed = stage
        .open_api
        .place_order(OrderSpec::new(line).with_line(several).with_order_type(OrderType::Renew).with_buyer(buyer));
    assert!(placed.order_id.starts_with("CS2501020304") && placed.order_id.len() == 17, "{}", placed.order_id);

    let order = stage.call(query_order::Request::new(&placed.order_id)).await.unwrap();
    assert_eq!((order.order_type, order.create_time), (Some(OrderType::Renew), Some(NOW)));
    let [first, second] = &order.order_lines[..] else { panic!("{:?}", order.order_lines) };
    assert_eq!(first.order_line_id, format!("{}-000001", placed.order_id));
    assert_eq!((first.period_type.clone(), first.period_number), (Some(PeriodType::Month), Some(2)));
    assert_eq!(first.expire_time, Some("20250302155959".parse().unwrap()), "the end of the day in Beijing");
    assert_eq!(first.products[0].linear_value, Some(50));
    assert_eq!((first.amount, first.amount_after_discount), ("120.5".parse().ok(), "99".parse().ok()));
    assert_eq!(first.extend_params[0].value.expose(), "127.0.0.1");
    assert_eq!((second.charging_mode.clone(), second.expire_time), (Some(ChargingMode::OnDemand), None));
    assert_eq!(second.products.len(), 2);
    let buyer = order.buyer_info.unwrap();
    assert_eq!((buyer.email.unwrap().expose(), buyer.user_id), ("buyer@example.com", None));

    let one_line = query_order::Request::new(&placed.order_id).with_order_line(placed.order_line_id(1));
    let order = stage.call(one_line).await.unwrap();
    assert_eq!(order.order_lines[0].products[1].product_id, "OFFI3");
    assert_eq!(order.order_lines.len(), 1);

    let log = stage.open_api.take_log();
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].operation, log[0].about.as_str()), (Some(Operation::QueryOrder), placed.order_id.as_str()));
    let line = format!(
        "20250102030405 GET /api/mkp-openapi-public/global/v1/order/query about {}: HTTP 200, MKT.0000",
        placed.order_id
    );
    assert_eq!(log[0].to_string(), line);
    assert!(stage.open_api.log().is_empty());
}

#[tokio::test]
async fn the_mock_orders_are_always_known_and_made_at_the_time_of_the_call() {
    let mocks = [
        ("MOCKPERIODYEARNEW", OrderType::New, ChargingMode::Period),
        ("MOCKONETIMENEW", OrderType::New, ChargingMode::OneTime),
        ("MOCKONDEMAND", OrderType::New, ChargingMode::OnDemand),
        ("MOCKONDEMANDPKG", OrderType::New, ChargingMode::OnDemandPackage),
        ("MOCKPERIODDAYTRIAL", OrderType::Trial, ChargingMode::Period),
        ("MOCKMONTYTRIALTOFORMAL", OrderType::TrialToFormal, ChargingMode::Period),
        ("MOCKMONTYUNSUBSCRIBE", OrderType::Unsubscribe, ChargingMode::Period),
        ("MOCKMONTYRENEW", OrderType::Renew, ChargingMode::Period),
        ("MOCKMONTYCHANGE", OrderType::Change, ChargingMode::Period),
    ];
    for site in [Site::China, Site::International, Site::Europe] {
        let stage = Stage::with(|open_api| open_api.site(site));
        for (id, order_type, charging_mode) in mocks.clone() {
            let line = format!("{id}-000001");
            let order = stage.call(query_order::Request::new(id).with_order_line(&line)).await;
            if site == Site::Europe && id.starts_with("MOCKONDEMAND") {
                assert!(order.is_err(), "Europe has seven");
                continue;
            }
            let order = order.unwrap();
            assert_eq!((order.order_type, order.create_time), (Some(order_type), Some(NOW)));
            let found = &order.order_lines[0];
            assert_eq!((&found.order_line_id, &found.charging_mode), (&line, &Some(charging_mode)));
        }
    }
    let stage = Stage::new();
    let order = stage.call(query_order::Request::new("MOCKPERIODYEARNEW")).await.unwrap();
    assert_eq!(order.order_lines[0].expire_time, Some("20260102155959".parse().unwrap()));
}

#[tokio::test]
async fn questions_that_are_wrong_are_refused_in_the_envelope_of_the_order_query() {
    let stage = Stage::new();
    stage.open_api.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")).with_order_id("CS1"));
    stage.open_api.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")).with_order_id("CS2").of_another_seller());
    let long = "x".repeat(65);
    for (query, status, code) in [
        (String::new(), 400, "MKT.0101"),
        ("?orderId=".to_owned(), 400, "MKT.0101"),
        ("?orderId=CS1&orderId=CS1".to_owned(), 400, "MKT.0101"),
        ("?orderId=CS1&page=1".to_owned(), 400, "MKT.0101"),
        (format!("?orderId={long}"), 500, "MKT.0100"),
        ("?orderId=CS0".to_owned(), 500, "MKT.0100"),
        ("?orderId=CS1&orderLineId=CS1-000002".to_owned(), 500, "MKT.0100"),
        ("?orderId=CS2".to_owned(), 401, "MKT.0150"),
    ] {
        let (found, body) = stage.signed(Request::get(format!("{URL}{query}")).body("").unwrap());
        assert_eq!((found, body["resultCode"].as_str()), (status, Some(code)), "{query}");
        assert!(body["resultMsg"].is_string() && body["orderInfo"].is_null(), "{body}");
        assert_eq!(body["extra_info"].is_object(), ["MKT.0100", "MKT.0150"].contains(&code), "{body}");
    }
    let line = stage.open_api.log().pop().unwrap().to_string();
    assert!(line.ends_with("HTTP 401, MKT.0150\n    the order belongs to a product of another seller"), "{line}");
}

#[tokio::test]
async fn a_service_asks_for_the_order_of_a_call() {
    let stage = Stage::new();
    let line = LineSpec::period("OFFI1", PeriodType::Year, 1).with_linear_value(7);
    let order = stage.open_api.place_order(OrderSpec::new(line));
    let (seller, keys) = (Shop::default(), AccessKeys::new().with(InterfaceType::Basic, access_key()).unwrap());
    let service = CallbackService::builder(keys, koogallery::adapter::tokio::TokioRuntime)
        .subscription(seller.clone(), MemoryLedger::new())
        .open_api(stage.client.clone())
        .clock(Arc::clone(&stage.clock))
        .build();
    let body = format!(
        r#"{{"activity":"newInstance","businessId":"b1","orderId":"{}","orderLineId":"{}"}}"#,
        order.order_id,
        order.order_line_id(0)
    );
    let query = callback_v2::signed_query(&access_key(), "0123456789abcdef", NOW, body.as_bytes());
    let request = Request::post(format!("/saasproduce?{query}")).header("content-type", "application/json");
    let response = service.call(request.body(Bytes::from(body)).unwrap()).await;
    assert!(str::from_utf8(response.body()).unwrap().contains("000000"), "{response:?}");
    let details = seller.purchases.lock().unwrap()[0].details.clone().unwrap();
    assert_eq!((details.product.product_id.as_str(), details.product.amount), ("OFFI1", Some(7)));
    assert_eq!(stage.open_api.log()[0].about, order.order_id, "the ISV asked for the order after newInstance");
}
