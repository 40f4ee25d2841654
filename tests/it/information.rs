//! What decides nothing costs no order: odd values of information are absent, kept as text, and named in the log.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::*;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::Clock as _;
use koogallery::key::Credentials;
use koogallery::ledger::MemoryLedger;
use koogallery::open_api::Client;
use koogallery::saas::v1;
use koogallery::signature::callback_v2;
use koogallery::site::Site;
use koogallery::transport::{Transport, TransportError};
use koogallery::wire::FieldClass;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const REQUIRED: &str = "activity=newInstance&businessId=b&customerId=c&productId=P";

/// Buys by V1.0 with one more parameter; the details of the event, and the log.
async fn bought(name: &str, value: &str) -> (PurchaseDetails, Vec<String>) {
    let stage = Stage::new();
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    let answer = stage.get(&format!("{REQUIRED}&orderId=CS1&{name}={value}")).await;
    assert_eq!(answer.code, "000000", "{name}={value}: {:?}", stage.log.lines());
    assert_eq!(stage.seller.runs(), 1);
    let Event::Create(purchase) = stage.seller.last() else { panic!() };
    (*purchase.details.unwrap(), stage.log.lines())
}

fn paths(details: &PurchaseDetails) -> Vec<&str> {
    details.warnings.iter().map(|warning| warning.path.as_str()).collect()
}

#[tokio::test]
async fn amounts_are_exact_in_every_spelling() {
    for (text, expected) in [
        ("1E+2", "100"),
        ("0E-8", "0"),
        ("99.12345", "99.12345"),
        ("+5", "5"),
        (" 5 ", "5"),
        ("5.", "5"),
        (".5", "0.5"),
        ("-1.5E-3", "-0.0015"),
        ("123456789012345678901", "123456789012345678901"),
        (
            "0.1000000000000000055511151231257827021181583404541015625",
            "0.1000000000000000055511151231257827021181583404541015625",
        ),
    ] {
        let (details, _) = bought("orderAmount", text).await;
        assert_eq!((details.amount_paid.unwrap().to_string().as_str(), paths(&details)), (expected, vec![]), "{text}");
    }
    for text in ["x", "--1", "1,5", "１", "NaN", "-0x1", "1e99999", "¥5"] {
        let (details, log) = bought("orderAmount", text).await;
        assert_eq!((details.amount_paid, paths(&details)), (None, vec!["orderAmount"]), "{text}");
        assert_eq!(details.warnings[0].raw.as_ref().unwrap().expose(), text);
        assert!(
            log[0].contains(r#"SaaS V1.0 newInstance (order "CS1"): orderAmount is not a decimal number"#),
            "{log:?}"
        );
    }
}

#[tokio::test]
async fn numbers_are_whole_in_every_spelling() {
    for (text, expected) in
        [("5.0", 5), ("+5", 5), ("5E0", 5), ("1E+2", 100), (" 5 ", 5), ("005", 5), ("99999999", 99_999_999)]
    {
        for name in ["amount", "diskSize", "bandWidth"] {
            let (details, _) = bought(name, text).await;
            let product = details.product;
            let found = product.amount.or(product.disk_size).or(product.band_width);
            assert_eq!((found, details.warnings.len()), (Some(expected), 0), "{name}={text}");
        }
    }
    for text in ["x", "-1", "1.5", "0x1", "1,0", "１", "NaN", "null", "true", "1e30"] {
        for name in ["amount", "diskSize", "bandWidth", "periodNumber"] {
            let (details, _) = bought(name, text).await;
            assert_eq!((details.product.amount, paths(&details)), (None, vec![name]), "{name}={text}");
        }
    }
}

#[tokio::test]
async fn other_information_is_kept_whole_or_left_out() {
    let long = "测".repeat(65);
    let (details, log) = bought("customerName", &long).await;
    assert_eq!(details.customer.unwrap().customer_name.unwrap().expose(), long);
    assert!(log[0].contains("customerName is longer than 64 characters") && log[0].contains("taken"), "{log:?}");
    assert!(!log[0].contains('测'), "{log:?}");
    for time in ["x", "2026-01-01 00:00:00", "20260101", "1798761600000", "null"] {
        let (details, log) = bought("expireTime", time).await;
        assert_eq!((details.expire_time, paths(&details)), (None, vec!["expireTime"]), "{time}");
        assert!(!log[0].contains(time) || time == "x", "{log:?}");
    }
    let (details, _) = bought("acceptanceTime", "20250103000000").await;
    assert_eq!(details.acceptance_time.unwrap().to_string(), "20250103000000");
    let (details, _) = bought("acceptanceTime", "tomorrow").await;
    assert_eq!((details.acceptance_time, paths(&details)), (None, vec!["acceptanceTime"]));
    for (flag, trial) in [("1", true), ("true", true), ("1.0", true), ("0", false), ("FALSE", false)] {
        assert_eq!(bought("trialFlag", flag).await.0.trial, trial, "{flag}");
    }
    let (details, _) = bought("trialFlag", "perhaps").await;
    assert_eq!((details.trial, paths(&details)), (false, vec!["trialFlag"]));
}

#[tokio::test]
async fn extension_parameters_are_read_in_every_form() {
    let json = r#"[{"name":"emailDomainName","value":"test.example.com?>~~~"}]"#;
    let good = STANDARD.encode(json);
    let lines: Vec<String> = good.as_bytes().chunks(76).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    for text in [
        good.clone(),
        format!("{good}\n"),
        format!("{good}\r\n"),
        lines.join("\r\n"),
        URL_SAFE.encode(json),
        good.trim_end_matches('=').to_owned(),
        json.to_owned(),
        STANDARD.encode(Value::from(json).to_string()),
    ] {
        let (details, log) = bought("saasExtendParams", &text).await;
        assert_eq!(details.extend_params[0].value.expose(), "test.example.com?>~~~", "{text:?}");
        assert_eq!(paths(&details), Vec::<&str>::new(), "{log:?}");
    }
    for (json, expected) in [
        (r#"[{"name":"seats","value":5}]"#, "5"),
        (r#"[{"name":"seats","value":true}]"#, "true"),
        (r#"[{"name":"seats","value":{"a":1}}]"#, r#"{"a":1}"#),
        (r#"{"name":"seats","value":[1]}"#, "[1]"),
    ] {
        let (details, _) = bought("saasExtendParams", &STANDARD.encode(json)).await;
        assert_eq!(details.extend_params[0].value.expose(), expected);
    }
    for text in
        ["***", "a", "=", &STANDARD.encode("5"), &STANDARD.encode([0xff; 30]), &STANDARD.encode("[".repeat(700))]
    {
        let (details, log) = bought("saasExtendParams", text).await;
        assert_eq!((details.extend_params.len(), paths(&details)), (0, vec!["saasExtendParams"]), "{text}");
        assert!(log[0].contains("saasExtendParams is not the Base64 form"), "{log:?}");
    }
}

#[tokio::test]
async fn personal_data_that_do_not_decrypt_cost_no_order() {
    let sealed = |encrypt_type, text: &str| {
        let cipher = FieldCipher::new(&key(), encrypt_type);
        cipher.encrypt_with_iv(text, "A1b2C3d4E5f6G7h8").unwrap().as_str().to_owned()
    };
    for name in ["mobilePhone", "email"] {
        let read = async |value: &str| {
            let (details, log) = bought(name, value).await;
            let paths = paths(&details).len();
            let customer = details.customer.unwrap();
            (customer.mobile_phone.or(customer.email).map(|text| text.expose().to_owned()), paths, log)
        };
        let (found, warnings, _) = read(&sealed(EncryptType::Aes256, "13800138000")).await;
        assert_eq!((found.as_deref(), warnings), (Some("13800138000"), 0));
        let (found, _, log) = read(&sealed(EncryptType::Aes128, "13800138000")).await;
        assert_eq!(found.as_deref(), Some("13800138000"));
        assert!(log[0].contains(&format!("{name} is encrypted with the other AES key size")), "{log:?}");
        for value in ["13800138000", "a@example.com", "null", &"x".repeat(300)] {
            let (found, _, log) = read(value).await;
            assert_eq!(found, None);
            assert!(log[0].contains(&format!("{name} cannot be decrypted")), "{log:?}");
            assert!(!log[0].contains("13800138000") && !log[0].contains("a@example"), "{log:?}");
        }
    }
}

#[tokio::test]
async fn a_call_that_is_refused_is_named_in_the_log() {
    let stage = Stage::new();
    let refused =
        stage.get("activity=refreshInstance&orderId=CS9&instanceId=inst-9&expireTime=2027-01-01%2000:00:00").await;
    assert_eq!(refused.code, "000002");
    let line = stage.log.last();
    for part in [
        r#"SaaS V1.0 refreshInstance (order "CS9", instance "inst-9") answered 000002"#,
        r#"field "expireTime" is not a time of the form"#,
        r#"(found text of 19 characters, "9999-99-99 99:99:99")"#,
    ] {
        assert!(line.contains(part), "{line}");
    }
    let body = r#"{"activity":"updateInstanceStatus","instanceId":"inst-9","status":{"a":1}}"#;
    assert_eq!(stage.post(body).await.code, "000002");
    let line = stage.log.last();
    assert!(line.contains(r#"SaaS V2.0 updateInstanceStatus (instance "inst-9") answered 000002"#), "{line}");
    assert!(line.contains(r#"field "status" is not a string (found an object)"#), "{line}");
    let body = r#"{"activity":"newInstance","orderId":"CS7","orderLineId":"CS7-1","businessId":"b","orderId":"CS8"}"#;
    assert_eq!(stage.post(body).await.code, "000002");
    let line = stage.log.last();
    assert!(line.contains(r#"(order "CS7", line "CS7-1")"#) && line.contains("stands more than once"), "{line}");
}

#[tokio::test]
async fn a_target_product_is_read_in_every_form() {
    for (product, quantity) in [
        (json!({"productId":"P","skuCode":"S","productName":"N","linearValue":5.0}), Some(5)),
        (json!({"productId":123,"linearValue":"5"}), Some(5)),
        (json!([{"productId":"P","linearValue":5}]), Some(5)),
        (json!(r#"{"productId":"P","linearValue":"5.00"}"#), Some(5)),
        (json!({"productId":"P","linearValue":"many"}), None),
        (json!({"linearValue":null}), None),
    ] {
        let stage = Stage::new();
        assert_eq!(stage.post(&purchase("CS1", "i")).await.code, "000000");
        let body = json!({"activity":"changeInstanceCheck","instanceId":"i","productInfo":product}).to_string();
        assert_eq!(stage.post(&body).await.code, "000000", "{body}");
        let Event::CheckChange(check) = stage.seller.last() else { panic!() };
        assert_eq!(check.product.linear_value, quantity, "{body}");
    }
}

/// Answers every order query with the same bytes.
#[derive(Clone)]
struct Answering(Arc<Mutex<String>>);

impl Transport for Answering {
    fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        ready(Ok(Response::new(Bytes::from(self.0.lock().unwrap().clone())))).boxed()
    }
}

/// Buys by V2.0 with an order query that gives this order; the details of the event, and the log.
async fn bought_by_query(order: &str) -> (PurchaseDetails, Vec<String>) {
    let answer = format!(r#"{{"resultCode":"MKT.0000","resultMsg":"Success","orderInfo":{order}}}"#);
    bought_with_answer(answer).await
}

async fn bought_with_answer(answer: String) -> (PurchaseDetails, Vec<String>) {
    let client = Client::builder(Site::China, Answering(Arc::new(Mutex::new(answer.clone()))), TokioRuntime)
        .credentials(Credentials::new("AK", "SK").unwrap())
        .build()
        .unwrap();
    let stage = Stage::on(MemoryLedger::new(), |builder| builder.open_api(client));
    assert_eq!(stage.post(&purchase("CS1", "b")).await.code, "000000", "{answer}: {:?}", stage.log.lines());
    let Event::Create(purchase) = stage.seller.last() else { panic!() };
    (*purchase.details.unwrap(), stage.log.lines())
}

fn order() -> Value {
    json!({
        "orderId": "CS1", "orderType": "NEW", "createTime": "20250102030405",
        "orderLine": [{
            "orderLineId": "CS1-000001", "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 1,
            "expireTime": "20260102155959",
            "productInfo": [{"productId": "P", "skuCode": "S", "linearValue": 5, "productName": "N"}],
            "extendParams": [{"name": "seats", "value": "5"}], "currency": "100", "currencyAfterDiscount": "87.5",
        }],
        "buyerInfo": {"customerId": "c0ffee", "customerName": "n", "customerType": 0, "mobilePhone": "13800138000"},
        "extendParams": [],
    })
}

/// The order with a value at a JSON pointer, or without it.
fn order_with(pointer: &str, value: Option<Value>) -> Value {
    let mut order = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = order.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name)),
    }
    order
}

#[tokio::test]
async fn an_order_is_read_whatever_its_information_looks_like() {
    const LINE: &str = "/orderLine/0";
    const PRODUCT: &str = "/orderLine/0/productInfo/0";
    let at = |place: &str, name: &str| format!("{place}/{name}");
    // What is read all the same.
    for (pointer, value) in [
        (at(PRODUCT, "linearValue"), json!(5.0)),
        (at(PRODUCT, "linearValue"), json!("5.00")),
        (at(PRODUCT, "skuCode"), json!(7)),
        (at(LINE, "periodNumber"), json!(1.0)),
        (at(LINE, "currency"), json!("1E+2")),
        ("/buyerInfo/userId".to_owned(), json!(1)),
        ("/buyerInfo/customerType".to_owned(), json!("1.0")),
        ("/buyerInfo/customerId".to_owned(), json!(null)),
        (at(LINE, "chargingMode"), json!(null)),
        ("/orderType".to_owned(), json!(null)),
        (at(LINE, "extendParams"), json!("")),
        (at(LINE, "extendParams"), json!({})),
        (at(LINE, "extendParams"), json!(r#"[{"name":"seats","value":"5"}]"#)),
        (at(LINE, "extendParams"), json!([{"name":"seats","value":true}])),
        (at(LINE, "extendParams"), json!([{"name":"seats","value":{"a":[1]}}])),
        (at(LINE, "productInfo"), json!({"productId": "P", "linearValue": 5})),
        (at(LINE, "productInfo"), json!(r#"{"productId":"P","linearValue":5}"#)),
        ("/buyerInfo".to_owned(), json!([{"customerId": "c0ffee"}])),
    ] {
        let (details, log) = bought_by_query(&order_with(&pointer, Some(value.clone())).to_string()).await;
        assert_eq!((details.product.product_id.as_str(), details.product.amount), ("P", Some(5)), "{pointer} {value}");
        assert_eq!(paths(&details), Vec::<&str>::new(), "{pointer} {value}: {log:?}");
    }
    // What is absent, and named by its path.
    for (pointer, value, path) in [
        (at(PRODUCT, "linearValue"), json!("many"), "orderInfo.orderLine[0].productInfo[0].linearValue"),
        (at(PRODUCT, "linearValue"), json!(5.5), "orderInfo.orderLine[0].productInfo[0].linearValue"),
        (at(PRODUCT, "skuCode"), json!([1]), "orderInfo.orderLine[0].productInfo[0].skuCode"),
        (at(LINE, "periodNumber"), json!({}), "orderInfo.orderLine[0].periodNumber"),
        (at(LINE, "expireTime"), json!("2026-01-02 15:59:59"), "orderInfo.orderLine[0].expireTime"),
        (at(LINE, "extendParams"), json!(5), "orderInfo.orderLine[0].extendParams"),
        (at(LINE, "extendParams"), json!([{"value": 5}]), "orderInfo.orderLine[0].extendParams[0]"),
        ("/createTime".to_owned(), json!("yesterday"), "orderInfo.createTime"),
        ("/buyerInfo/customerType".to_owned(), json!("ENTERPRISE"), "orderInfo.buyerInfo.customerType"),
        ("/buyerInfo/mobilePhone".to_owned(), json!({"x": "13800138000"}), "orderInfo.buyerInfo.mobilePhone"),
        ("/buyerInfo".to_owned(), json!("nobody"), "orderInfo.buyerInfo"),
        // Nobody knows which of them bought.
        ("/buyerInfo".to_owned(), json!([{"customerId": "a"}, {"customerId": "b"}]), "orderInfo.buyerInfo"),
        ("/buyerInfo".to_owned(), json!([{"customerId": {}}]), "orderInfo.buyerInfo.customerId"),
        ("/extendParams".to_owned(), json!(true), "orderInfo.extendParams"),
    ] {
        let (details, log) = bought_by_query(&order_with(&pointer, Some(value.clone())).to_string()).await;
        assert_eq!(details.product.product_id, "P", "{pointer} {value}");
        assert_eq!(paths(&details), [path], "{pointer} {value}");
        let [line] = &log.iter().filter(|line| line.contains("order query")).collect::<Vec<_>>()[..] else { panic!() };
        assert!(line.contains(r#"(order "CS1", instance "b")"#) && line.contains(path), "{line}");
        assert!(!line.contains("13800138000") && !line.contains("ENTERPRISE"), "{line}");
    }
    // What was paid is the list amount only where nothing is said of a discount.
    let after_discount = at(LINE, "currencyAfterDiscount");
    for (value, paid) in [
        (Some(json!("87.50")), Some("87.5")),
        (Some(json!(0)), Some("0")),
        (None, Some("100")),
        (Some(json!(null)), Some("100")),
        (Some(json!("")), Some("100")),
        (Some(json!("1,087.50")), None),
        (Some(json!("87.50 CNY")), None),
        (Some(json!({"amount": "87.50"})), None),
    ] {
        let (details, _) = bought_by_query(&order_with(&after_discount, value.clone()).to_string()).await;
        assert_eq!(details.amount_paid.map(|paid| paid.to_string()).as_deref(), paid, "{value:?}");
    }
    // One object in place of a list, at every place, JSON text, and a byte order mark.
    let mut single = order();
    single["orderLine"] = single["orderLine"][0].take();
    let (details, _) = bought_by_query(&single.to_string()).await;
    assert_eq!(details.product.amount, Some(5));
    for answer in [Value::from(order().to_string()).to_string(), format!("[{}]", order())] {
        assert_eq!(bought_by_query(&answer).await.0.product.amount, Some(5));
    }
    let answer = format!("\u{feff}{{\"resultCode\":\"MKT.0000\",\"orderInfo\":{}}}", order());
    assert_eq!(bought_with_answer(answer).await.0.product.amount, Some(5));
}

/// Any JSON.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        "[0-9eE+.-]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Members of information of an order, by JSON pointer.
const ORDER_INFORMATION: [&str; 17] = [
    "/orderType",
    "/createTime",
    "/buyerInfo",
    "/extendParams",
    "/odd",
    "/orderLine/0/chargingMode",
    "/orderLine/0/periodType",
    "/orderLine/0/periodNumber",
    "/orderLine/0/expireTime",
    "/orderLine/0/extendParams",
    "/orderLine/0/currency",
    "/orderLine/0/currencyAfterDiscount",
    "/orderLine/0/productInfo/0/skuCode",
    "/orderLine/0/productInfo/0/linearValue",
    "/orderLine/0/productInfo/0/productName",
    "/buyerInfo/customerId",
    "/buyerInfo/customerType",
];

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_order_with_any_information_is_an_order(place in prop::sample::select(&ORDER_INFORMATION[..]), value in any_json()) {
        let (details, _) = block_on(bought_by_query(&order_with(place, Some(value)).to_string()));
        let (without, _) = block_on(bought_by_query(&order_with(place, None).to_string()));
        prop_assert_eq!(details.product.product_id, without.product.product_id);
    }

    #[test]
    fn a_v1_call_with_any_information_is_answered_as_without(
        index in any::<prop::sample::Index>(),
        text in prop_oneof![any_json().prop_map(|value| value.to_string()), ".{0,80}"],
    ) {
        let fields = v1::new_instance::Request::FIELDS.iter().filter(|spec| spec.class == FieldClass::Information);
        let fields: Vec<_> = fields.collect();
        // A value that hides a parameter is refused before it is read.
        prop_assume!(!text.contains('&'));
        let (details, _) = block_on(bought(fields[index.index(fields.len())].name, &text));
        prop_assert_eq!(details.product.product_id, "P");
        for warning in &details.warnings {
            let has_content = text.chars().filter(|character| character.is_alphanumeric()).count() > 3;
            prop_assert!(!has_content || !warning.to_string().contains(&text), "{}", warning);
        }
    }

    #[test]
    fn any_later_v1_call_with_any_information_is_answered_as_without(
        which in any::<prop::sample::Index>(),
        text in prop_oneof![any_json().prop_map(|value| value.to_string()), "[^&]{0,40}"],
    ) {
        prop_assume!(!text.contains('&'));
        let calls = [
            ("activity=refreshInstance&orderId=R1&instanceId=i&expireTime=20270101000000", v1::refresh_instance::Request::FIELDS),
            ("activity=upgrade&orderId=R1&instanceId=i&skuCode=S&productId=P2", v1::upgrade::Request::FIELDS),
            ("activity=releaseInstance&instanceId=i", v1::release_instance::Request::FIELDS),
        ];
        let of_information = calls.iter().flat_map(|(call, fields)| {
            let fields = fields.iter().filter(|spec| spec.class == FieldClass::Information);
            fields.map(move |spec| format!("{call}&{}", spec.name))
        });
        let of_information: Vec<_> = of_information.collect();
        let call = &of_information[which.index(of_information.len())];
        let value = utf8_percent_encode(&text, NON_ALPHANUMERIC);
        let (code, runs) = block_on(async {
            let stage = Stage::new();
            stage.get(&v1_purchase("CS1", "i")).await;
            (stage.get(&format!("{call}={value}")).await.code, stage.seller.runs())
        });
        prop_assert_eq!((code.as_str(), runs), ("000000", 2), "{}={}", call, text);
    }

    #[test]
    fn unknown_members_never_refuse_a_call(name in "[a-z]{1,5}[0-9]", value in any_json()) {
        let answer = block_on(async {
            let body = purchase("CS1", "b").replacen('{', &format!(r#"{{"{name}":{value},"#), 1);
            let stage = Stage::new();
            stage.post(&body).await.code
        });
        prop_assert_eq!(answer, "000000");
    }
}

/// A V2.0 purchase with members of its own.
fn bought_with(members: &str) -> String {
    format!(r#"{{"activity":"newInstance","businessId":"b","orderId":"CS7","orderLineId":"CS7-1",{members}}}"#)
}

#[tokio::test]
async fn what_decides_is_never_guessed() {
    for (members, part) in [
        (r#""testFlag":null,"testFlag":1"#, r#"field "testFlag" stands more than once, with different values"#),
        (r#""testFlag":"","testFlag":"1""#, r#"field "testFlag" stands more than once, with different values"#),
        (r#""testFlag":"1","testFlag":null"#, r#"field "testFlag" stands more than once, with different values"#),
        (r#""productId":null,"productId":"x""#, r#"field "productId" stands more than once, with different values"#),
        (r#""testFlag":[1]"#, r#"field "testFlag" is not 0 or 1 (found a list)"#),
    ] {
        let stage = Stage::new();
        assert_eq!(stage.post(&bought_with(members)).await.code, "000002", "{members}");
        assert_eq!(stage.seller.runs(), 0);
        let line = stage.log.last();
        assert!(line.contains(part) && line.contains(r#"newInstance (order "CS7", line "CS7-1")"#), "{line}");
    }
    for name in ["orderId", "orderLineId", "businessId"] {
        for (value, part) in [
            (r#"" \t""#, "is missing or empty (found text of 2 characters"),
            ("7", "is not a string (found the number 9)"),
            (r#"["CS7"]"#, "is not a string (found a list)"),
            (r#""\ud800""#, "holds an escape that names no character"),
        ] {
            let stage = Stage::new();
            let body =
                purchase("CS7", "b").replacen(&format!(r#""{name}":"#), &format!(r#""{name}":{value},"odd":"#), 1);
            assert_eq!(stage.post(&body).await.code, "000002", "{body}");
            assert!(stage.log.last().contains(&format!("field {name:?} {part}")), "{}", stage.log.last());
        }
    }
    let stage = Stage::new();
    for parameters in [
        "activity=newInstance&businessId=b&customerId=c&productId=P&orderId=%20",
        "activity=newInstance&businessId=%20&customerId=c&productId=P&orderId=CS1",
    ] {
        assert_eq!(stage.get(parameters).await.code, "000002", "{parameters}");
    }
    assert_eq!(stage.seller.runs(), 0);
}

#[tokio::test]
async fn a_trial_is_converted_only_where_the_call_says_so() {
    for (flag, scene) in [
        ("1", Some(RenewalScene::TrialToFormal)),
        ("1.0", Some(RenewalScene::TrialToFormal)),
        ("TRUE", Some(RenewalScene::TrialToFormal)),
        ("2", Some(RenewalScene::TrialToFormal)),
        ("0", Some(RenewalScene::Renewal)),
        ("0E0", Some(RenewalScene::Renewal)),
        ("False", Some(RenewalScene::Renewal)),
        ("", Some(RenewalScene::Renewal)),
        ("perhaps", None),
        ("null", None),
        ("-1", None),
    ] {
        let stage = Stage::new();
        assert_eq!(stage.get(&v1_purchase("CS1", "i")).await.code, "000000");
        let renewal = "activity=refreshInstance&orderId=R1&instanceId=i&expireTime=20270101000000&trialToFormal";
        let answer = stage.get(&format!("{renewal}={flag}")).await;
        match (scene, stage.seller.last()) {
            (Some(scene), Event::Renew(renewal)) => assert_eq!(renewal.scene, scene, "{flag}"),
            (None, Event::Create(_)) => {
                assert_eq!(answer.code, "000002");
                assert!(stage.log.last().contains(r#"field "trialToFormal" is not 0 or 1"#), "{}", stage.log.last());
            }
            (_, event) => panic!("{flag}: {event:?}"),
        }
    }
}

#[tokio::test]
async fn a_charging_mode_is_a_number_in_every_spelling() {
    for (mode, expected) in
        [("5", "5"), ("5.00", "5"), ("%205%20", "5"), ("5.0E0", "5"), ("1e%2B0", "1"), ("0.000", "0")]
    {
        let (details, _) = {
            let stage = Stage::new();
            let answer = stage.get(&format!("{REQUIRED}&orderId=CS1&chargingMode={mode}")).await;
            assert_eq!(answer.code, "000000", "{mode}: {:?}", stage.log.lines());
            let Event::Create(purchase) = stage.seller.last() else { panic!() };
            (*purchase.details.unwrap(), ())
        };
        let expected = match expected {
            "0" => ChargingMode::OnDemand,
            "1" => ChargingMode::Period,
            _ => ChargingMode::OnDemandPackage,
        };
        assert_eq!(details.charging_mode, Some(expected), "{mode}");
    }
}

#[tokio::test]
async fn a_body_that_is_refused_as_a_whole_is_named_in_the_log() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let many: String = (0..300).map(|index| format!(r#""m{index}":1,"#)).collect();
    for members in [format!(r#""odd":{deep}"#), format!(r#"{many}"odd":1"#)] {
        let stage = Stage::new();
        assert_eq!(stage.post(&bought_with(&members)).await.code, "000002");
        let line = stage.log.last();
        assert!(line.contains(r#"SaaS V2.0 newInstance (order "CS7", line "CS7-1") answered 000002"#), "{line}");
    }
}

#[tokio::test]
async fn a_line_of_the_log_is_short_whatever_was_sent() {
    let long = "13800138000".repeat(10_000);
    for body in [
        purchase(&long, "b"),
        bought_with(&format!(r#""{long}":[{}1{}]"#, "[".repeat(200), "]".repeat(200))),
        format!(r#"{{"activity":"{long}"}}"#),
        format!(r#"{{"activity":"updateInstanceStatus","instanceId":"i","status":"{long}"}}"#),
    ] {
        let stage = Stage::new();
        assert_eq!(stage.post(&body).await.code, "000002");
        let line = stage.log.last();
        assert!(line.len() < 1000, "{} bytes: {}", line.len(), &line[..300]);
    }
}

#[tokio::test]
async fn a_code_that_stands_twice_says_nothing() {
    let answer = format!(r#"{{"resultCode":"MKT.0999","resultCode":"MKT.0000","orderInfo":{}}}"#, order());
    let client = Client::builder(Site::China, Answering(Arc::new(Mutex::new(answer))), TokioRuntime)
        .credentials(Credentials::new("AK", "SK").unwrap())
        .retry_policy({
            let mut once = koogallery::open_api::RetryPolicy::default();
            once.attempts = 1;
            once
        })
        .build()
        .unwrap();
    let stage = Stage::on(MemoryLedger::new(), |builder| builder.open_api(client));
    assert_eq!(stage.post(&purchase("CS1", "b")).await.code, "000005");
    assert_eq!(stage.seller.runs(), 0);
}

#[tokio::test]
async fn a_compressed_body_is_named_in_the_log() {
    for (coding, body, named) in [
        ("gzip", &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"[..], "gzip"),
        ("br", b"\x8b\x0d\x80", "br"),
        ("DEFLATE ", b"\x78\x9c\x03\x00", "deflate"),
    ] {
        let stage = Stage::new();
        let query = callback_v2::signed_query(&stage.key, &nonce(), stage.clock.now(), purchase("CS1", "b").as_bytes());
        let mut request = post_request(&query, body);
        request.headers_mut().insert("content-encoding", coding.parse().unwrap());
        assert_eq!(stage.send(request).await.code, "000001");
        let line = stage.log.last();
        assert!(line.contains("compressed") && line.contains(named), "{line}");
    }
}
