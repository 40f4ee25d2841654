//! V2.0 events completed from the order query.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::*;
use koogallery::key::Credentials;
use koogallery::ledger::MemoryLedger;
use koogallery::open_api::Client;
use koogallery::site::Site;
use koogallery::transport::{Transport, TransportError};
use serde_json::{Value, json};

use crate::support::{Mood, Stage, purchase, v1_purchase};

/// The marketplace's order API: answers from a list, and keeps what it was asked for.
#[derive(Clone, Default)]
struct Orders {
    answers: Arc<Mutex<VecDeque<Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Transport for Orders {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        self.asked.lock().unwrap().push(request.uri().query().unwrap().to_owned());
        let answer = match self.answers.lock().unwrap().pop_front() {
            Some(answer) => Ok(Response::new(answer.to_string().into())),
            None => Err(TransportError::Timeout),
        };
        ready(answer).boxed()
    }
}

impl Orders {
    fn answer(&self, order: &Value) {
        let answer = json!({"resultCode": "MKT.0000", "resultMsg": "Success", "orderInfo": order});
        self.answers.lock().unwrap().push_back(answer);
    }

    fn refuse(&self, code: &str) {
        self.answers.lock().unwrap().push_back(json!({"resultCode": code, "resultMsg": "no"}));
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn stage() -> (Stage, Orders) {
    let orders = Orders::default();
    let client = Client::builder(Site::China, orders.clone(), TokioRuntime)
        .credentials(Credentials::new("AK", "SK").unwrap())
        .build()
        .unwrap();
    (Stage::on(MemoryLedger::new(), |builder| builder.open_api(client)), orders)
}

fn product(id: &str, count: u32) -> Value {
    json!({"productId": id, "skuCode": "sku-1", "linearValue": count, "productName": "Demo,Standard"})
}

fn order(id: &str, order_type: &str, charging_mode: &str, products: &[Value]) -> Value {
    json!({
        "orderId": id, "orderType": order_type, "createTime": "20250102030405",
        "orderLine": [{
            "orderLineId": format!("{id}-000001"), "chargingMode": charging_mode, "periodType": "year",
            "periodNumber": 1, "expireTime": "20260102155959", "productInfo": products,
            "extendParams": [{"name": "emailDomainName", "value": "demo.example.com"}],
            "currency": "100", "currencyAfterDiscount": "87.5",
        }],
        "buyerInfo": {
            "mobilePhone": "13800138000", "email": null, "customerId": "c0ffee", "customerName": "buyer_01",
            "customerRealName": "买家", "customerType": 0, "userId": null, "userName": null,
        },
        "extendParams": [],
    })
}

fn yearly(id: &str) -> Value {
    order(id, "NEW", "PERIOD", &[product("OFFI1", 50)])
}

fn created(stage: &Stage) -> Vec<Purchase> {
    let events = stage.seller.events.lock().unwrap().clone();
    let purchase = |event| match event {
        Event::Create(purchase) => purchase,
        other => panic!("{other:?}"),
    };
    events.into_iter().map(purchase).collect()
}

#[tokio::test]
async fn a_purchase_tells_what_v1_tells() {
    let (stage, orders) = stage();
    orders.answer(&yearly("CS1"));
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000000");
    assert_eq!(orders.asked(), ["orderId=CS1&orderLineId=CS1-000001"]);

    let details = created(&stage)[0].details.clone().unwrap();
    let customer = details.customer.clone().unwrap();
    assert_eq!(customer.customer_id.as_deref(), Some("c0ffee"));
    assert_eq!(customer.mobile_phone.unwrap().expose(), "13800138000");
    assert_eq!(details.product.product_id, "OFFI1");
    assert_eq!(details.product.amount, Some(50));
    assert_eq!(details.charging_mode, Some(ChargingMode::Period));
    let period = details.period.clone().unwrap();
    assert_eq!((period.period_type, period.period_number), (PeriodType::Year, Some(1)));
    assert_eq!(details.amount_paid, Some("87.5".parse().unwrap()), "after discount");
    assert_eq!(details.expire_time, Some("20260102155959".parse().unwrap()));
    assert_eq!(details.extend_params[0].value.expose(), "demo.example.com");
    assert!(!details.trial);
    assert!(!format!("{details:?}").contains("13800138000"));

    let instance = stage.service.ledger().unwrap().instance("b1").await.unwrap().unwrap();
    assert_eq!(instance.product_id.as_deref(), Some("OFFI1"));
    assert_eq!(instance.expire_time, details.expire_time);

    // A repeat is answered from the ledger.
    assert_eq!(stage.post(&purchase("CS1", "b2")).await.instance_id(), "b1");
    assert_eq!(orders.asked().len(), 1);
}

#[tokio::test]
async fn a_trial_is_known() {
    let (stage, orders) = stage();
    orders.answer(&order("CS1", "TRIAL", "PERIOD", &[product("OFFI1", 1)]));
    stage.post(&purchase("CS1", "b1")).await;
    assert!(created(&stage)[0].details.as_ref().unwrap().trial);
}

#[tokio::test]
async fn without_the_facts_the_handler_is_not_called() {
    let other_line = json!({"orderId": "CS1", "orderType": "NEW", "orderLine": [
        {"orderLineId": "CS1-000002", "chargingMode": "PERIOD", "productInfo": [product("OFFI1", 1)]}]});
    let no_product = order("CS1", "NEW", "PERIOD", &[]);
    let nothing = json!({"orderId": "CS1", "orderType": "NEW", "orderLine": null});
    let (stage, orders) = stage();
    orders.refuse("MKT.0150");
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000005");
    assert!(stage.log.last().contains("MKT.0150"), "{}", stage.log.last());
    for incomplete in [other_line, no_product, nothing] {
        orders.answer(&incomplete);
        let answer = stage.post(&purchase("CS1", "b1")).await;
        assert_eq!(answer.code, "000005", "{incomplete}");
        assert!(!answer.json["resultMsg"].as_str().unwrap().contains("CS1"), "the caller learns nothing");
        assert!(stage.log.last().contains("lacks"), "{}", stage.log.last());
    }
    assert_eq!(stage.seller.runs(), 0);

    orders.answer(&yearly("CS1"));
    let answer = stage.post(&purchase("CS1", "b9")).await;
    assert_eq!((answer.code.as_str(), answer.instance_id()), ("000000", "b1"), "the id of the first sight");
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_order_api_is_not_final() {
    let (stage, orders) = stage();
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000005");
    stage.service.wait_idle().await;
    assert_eq!(stage.seller.runs(), 0);
    assert!(orders.asked().len() > 1, "the client tries again");
    orders.answer(&yearly("CS1"));
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000000");
    assert!(created(&stage)[0].details.is_some());
}

#[tokio::test]
async fn each_product_of_a_pay_per_use_line_is_an_event() {
    let (stage, orders) = stage();
    let several = [product("OFFI1", 1), product("OFFI2", 2)];
    orders.answer(&order("CS1", "NEW", "ON_DEMAND", &several));
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.instance_id(), "b1");
    let reported: Vec<_> = created(&stage)
        .into_iter()
        .map(|purchase| (purchase.instance_id, purchase.details.unwrap().product.product_id))
        .collect();
    assert_eq!(reported, [("b1".to_owned(), "OFFI1".to_owned()), ("b1".to_owned(), "OFFI2".to_owned())]);
}

#[tokio::test]
async fn a_call_that_names_its_product_makes_an_instance_of_it_alone() {
    let (stage, orders) = stage();
    let several = [product("OFFI1", 1), product("OFFI2", 2)];
    for (id, business) in [("OFFI2", "b2"), ("OFFI1", "b1"), ("OFFI2", "b3")] {
        orders.answer(&order("CS1", "NEW", "ON_DEMAND", &several));
        let call = purchase("CS1", business).replacen('{', &format!(r#"{{"productId":"{id}","#), 1);
        stage.post(&call).await;
    }
    let reported: Vec<_> = created(&stage)
        .into_iter()
        .map(|purchase| (purchase.instance_id, purchase.details.unwrap().product.product_id))
        .collect();
    assert_eq!(reported, [("b2".to_owned(), "OFFI2".to_owned()), ("b1".to_owned(), "OFFI1".to_owned())]);

    let (stage, orders) = self::stage();
    orders.answer(&order("CS1", "NEW", "ON_DEMAND", &several));
    let unlisted = purchase("CS1", "b1").replacen('{', r#"{"productId":"OFFI3","#, 1);
    assert_eq!(stage.post(&unlisted).await.code, "000005", "nobody knows which product that is");
    assert_eq!(stage.seller.runs(), 0);
}

fn renewal(order: &str, scene: &str) -> String {
    format!(
        r#"{{"activity":"refreshInstance","instanceId":"b1","orderId":"{order}","orderLineId":"{order}-000001","scene":"{scene}","expireTime":"20270102155959"}}"#
    )
}

#[tokio::test]
async fn renewals_and_upgrades_tell_the_new_product() {
    let (stage, orders) = stage();
    orders.answer(&yearly("CS1"));
    stage.post(&purchase("CS1", "b1")).await;

    orders.answer(&order("CS2", "RENEW", "PERIOD", &[product("OFFI2", 80)]));
    assert_eq!(stage.post(&renewal("CS2", "RENEWAL_CHANGE")).await.code, "000000");
    let Event::Renew(renewed) = stage.seller.last() else { panic!() };
    let product_now = renewed.product.unwrap();
    assert_eq!((product_now.product_id.as_str(), product_now.amount), ("OFFI2", Some(80)));
    assert_eq!(renewed.amount_paid, Some("87.5".parse().unwrap()));
    assert_eq!(renewed.period.unwrap().period_number, Some(1));
    assert_eq!(renewed.expire_time, "20270102155959".parse().unwrap(), "the call's, not the order's estimate");

    orders.answer(&order("CS3", "CHANGE", "PERIOD", &[product("OFFI3", 99)]));
    let upgrade = r#"{"activity":"upgradeInstance","instanceId":"b1","orderId":"CS3","orderLineId":"CS3-000001"}"#;
    assert_eq!(stage.post(upgrade).await.code, "000000");
    let Event::Upgrade(upgraded) = stage.seller.last() else { panic!() };
    assert_eq!(upgraded.product.unwrap().amount, Some(99));
    let instance = stage.service.ledger().unwrap().instance("b1").await.unwrap().unwrap();
    assert_eq!(instance.product_id.as_deref(), Some("OFFI3"));
}

#[tokio::test]
async fn only_what_needs_its_order_is_asked_for() {
    let (stage, orders) = stage();
    stage.get(&v1_purchase("CS9", "v1")).await;
    orders.answer(&yearly("CS1"));
    stage.post(&purchase("CS1", "b1")).await;
    assert_eq!(orders.asked().len(), 1, "V1.0 tells by itself");

    assert_eq!(stage.post(&renewal("CS2", "UNSUBSCRIBE_RENEWAL_PERIOD")).await.code, "000000");
    for call in [
        r#"{"activity":"updateInstanceStatus","instanceId":"b1","status":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"b1","status":"UNFREEZE"}"#,
        r#"{"activity":"queryInstance","instanceId":"b1"}"#,
        r#"{"activity":"releaseInstance","instanceId":"b1"}"#,
    ] {
        assert_eq!(stage.post(call).await.code, "000000", "{call}");
    }
    let debug = purchase("CS5", "b5").replacen('{', r#"{"testFlag":"1","#, 1);
    assert_eq!(stage.post(&debug).await.code, "000000");
    assert_eq!(orders.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_goes_on_after_the_deadline_has_its_facts() {
    let (stage, orders) = stage();
    orders.answer(&yearly("CS1"));
    stage.seller.set(Mood::Failing);
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000005");
    stage.seller.set(Mood::Slow(Duration::from_secs(60)));
    orders.answer(&yearly("CS1"));
    // The marketplace only asks now; the creation is taken up again all the same, with the order asked for again.
    assert_eq!(stage.post(r#"{"activity":"queryInstance","instanceId":"b1"}"#).await.code, "000004");
    stage.service.wait_idle().await;
    assert_eq!(stage.seller.runs(), 2);
    assert!(created(&stage).iter().all(|purchase| purchase.details.is_some()));
}
