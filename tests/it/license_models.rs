//! The messages of License products and order notification, and the agents gateway's JWT: as documented, as they should not
//! be, and what holds for all of them.

use http::HeaderMap;
use http::header::HeaderName;
use koogallery::activity::Activity;
use koogallery::amount::Amount;
use koogallery::key::{AccessKey, AppSecrets, KeyRing};
use koogallery::license::online::{DeviceFingerprint, LicenseTime};
use koogallery::license::{code, online, v1};
use koogallery::result_code::ResultCode;
use koogallery::signature::{VerifyError, Window, auth_token, callback_v2, gateway_jwt};
use koogallery::timestamp::Timestamp;
use koogallery::wire::{
    ExtendParam, ExtendParams, FieldClass, FieldProblem, FieldSpec, FieldWarning, FreezeStatus, ParseError, PeriodType,
    RenewalScene, TestFlag,
};
use koogallery::{kit, order_notify, saas, wire};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value};

const NOW: Timestamp = Timestamp::from_unix_millis(1_735_693_200_123);
const TIME_STAMP: &str = "20250101010000123";

fn key() -> AccessKey {
    AccessKey::new("isv-demo-access-key-0001").unwrap()
}

/// Signs and verifies a body, and has it read.
fn posted<T>(body: &str, read: impl FnOnce(&callback_v2::Verified<'_>) -> T) -> T {
    let query = callback_v2::signed_query(&key(), "nonce", NOW, body.as_bytes());
    read(&callback_v2::verify(&key().into(), &query, body.as_bytes(), NOW, Window::default()).unwrap())
}

fn code(body: &str) -> Result<code::Callback, ParseError> {
    posted(body, code::Callback::parse)
}

fn online(body: &str) -> Result<online::Callback, ParseError> {
    posted(body, online::Callback::parse)
}

fn order(body: &str) -> Result<order_notify::Request, ParseError> {
    posted(body, order_notify::Request::parse)
}

fn v1(query: &str) -> Result<v1::Callback, ParseError> {
    let signed = auth_token::signed_query(&key(), query).unwrap();
    v1::Callback::parse(&auth_token::verify(&key().into(), &signed, NOW, Window::default()).unwrap())
}

/// The body that a callback came from.
macro_rules! written {
    ($callback:expr, $family:ident, $write:ident: $($variant:ident),*) => {
        match $callback {
            $($family::Callback::$variant(request) => request.$write(),)*
            _ => unreachable!(),
        }
    };
}

fn code_written(callback: &code::Callback) -> String {
    written!(callback, code, to_body: RefreshLicenseCode, UpdateLicenseCodeStatus, ReleaseLicenseCode)
}

fn online_written(callback: &online::Callback) -> String {
    written!(callback, online, to_body:
        NewInstance, RefreshInstance, UpdateInstanceStatus, ReleaseInstance, GetLicenseAsync)
}

fn v1_written(callback: &v1::Callback) -> String {
    written!(callback, v1, to_query: GetLicense, RefreshLicense, ExpireLicense, ReleaseLicense)
}

/// One message as its table has it: a sample with every field, and name and length of those that are checked for length.
struct Table {
    sample: &'static str,
    mandatory: &'static [(&'static str, usize)],
    optional: &'static [(&'static str, usize)],
}

/// A length that does not decide, because the form does.
const FORM: usize = 0;

const CODE: [Table; 3] = [
    Table {
        sample: r#"{"activity":"refreshLicenseCode","expireTime":"20270101155959","license":"PL0000000000DEMO01","orderId":"CS2601010002DEMO2","orderLineId":"CS2601010002DEMO2-000001","productId":"OFFI000002","scene":"RENEWAL","testFlag":"1"}"#,
        mandatory: &[("scene", 64), ("orderId", 64), ("orderLineId", 64), ("license", 64), ("expireTime", FORM)],
        optional: &[("productId", 64)],
    },
    Table {
        sample: r#"{"activity":"updateLicenseCodeStatus","license":"PL0000000000DEMO01","status":"FREEZE","testFlag":"1"}"#,
        mandatory: &[("license", 64), ("status", 32)],
        optional: &[],
    },
    Table {
        sample: r#"{"activity":"releaseLicenseCode","license":"PL0000000000DEMO01","orderId":"CS2601010003DEMO3","orderLineId":"CS2601010003DEMO3-000001","testFlag":"1"}"#,
        mandatory: &[("license", 64)],
        optional: &[("orderId", 64), ("orderLineId", 64)],
    },
];

const ONLINE: [Table; 5] = [
    Table {
        sample: r#"{"activity":"newInstance","businessId":"demo-biz-01","orderId":"CS2501010001DEMO1","orderLineId":"CS2501010001DEMO1-000001","testFlag":"1"}"#,
        mandatory: &[("orderId", 64), ("orderLineId", 64), ("businessId", 64)],
        optional: &[],
    },
    Table {
        sample: r#"{"activity":"refreshInstance","expireTime":"20270101155959","instanceId":"demo-biz-01","orderId":"CS2601010002DEMO2","orderLineId":"CS2601010002DEMO2-000001","productId":"OFFI000002","scene":"RENEWAL","testFlag":"1"}"#,
        mandatory: &[("scene", 64), ("orderId", 64), ("orderLineId", 64), ("instanceId", 64), ("expireTime", FORM)],
        optional: &[("productId", 64)],
    },
    Table {
        sample: r#"{"activity":"updateInstanceStatus","instanceId":"demo-biz-01","status":"UNFREEZE","testFlag":"1"}"#,
        mandatory: &[("instanceId", 64), ("status", 32)],
        optional: &[],
    },
    Table {
        sample: r#"{"activity":"releaseInstance","instanceId":"demo-biz-01","orderId":"CS2601010003DEMO3","orderLineId":"CS2601010003DEMO3-000001","testFlag":"1"}"#,
        mandatory: &[("instanceId", 64)],
        optional: &[("orderId", 64), ("orderLineId", 64)],
    },
    Table {
        sample: r#"{"activity":"getLicenseAsync","deviceFingerprint":"0A1B2C3D4E5F|DISK01|BOARD01|CPU01","effectiveTime":"2025-01-01 00:00:00 z","eventId":"demo-event-01","expireTime":"2026-01-01 00:00:00 z","instanceId":"demo-biz-01","testFlag":"1"}"#,
        mandatory: &[("instanceId", 64), ("effectiveTime", FORM), ("eventId", 64)],
        optional: &[("expireTime", FORM), ("deviceFingerprint", 5120)],
    },
];

const ORDER: Table = Table {
    sample: r#"{"activity":"orderNotify","orderId":"CS2501010001DEMO1","orderLineId":"CS2501010001DEMO1-000001","testFlag":"0"}"#,
    mandatory: &[("orderId", 64), ("orderLineId", 64)],
    optional: &[],
};

/// As JSON, to be written as queries.
const V1: [Table; 4] = [
    Table {
        sample: r#"{"activity":"getLicense","timeStamp":"20250101010000123","customerId":"cust01","businessId":"demo-biz-01","orderId":"CS2501010001DEMO1","productId":"OFFI000001","customerName":"demo buyer","skuCode":"demo-sku-01","expireTime":"20260101155959","periodType":"year","periodNumber":"1","amount":"2","saasExtendParams":"W3sibmFtZSI6ImlkZW50aWZpY2F0aW9uQ29kZSIsInZhbHVlIjoiSFd+MDE/Pj4ifV0=","testFlag":"1"}"#,
        mandatory: &[("timeStamp", 20), ("customerId", 100), ("businessId", 64), ("orderId", 64), ("productId", 64)],
        optional: &[
            ("customerName", 64),
            ("skuCode", 64),
            ("expireTime", FORM),
            ("periodType", 10),
            ("periodNumber", FORM),
            ("amount", FORM),
            ("saasExtendParams", FORM),
        ],
    },
    Table {
        sample: r#"{"activity":"refreshLicense","timeStamp":"20250101010000123","orderId":"CS2601010002DEMO2","instanceId":"demo-biz-01","expireTime":"20270101155959","productId":"OFFI000002","periodType":"month","periodNumber":"12","testFlag":"1"}"#,
        mandatory: &[("timeStamp", 20), ("orderId", 64), ("instanceId", 64), ("expireTime", FORM)],
        optional: &[("productId", 64), ("periodType", 10), ("periodNumber", FORM)],
    },
    Table {
        sample: r#"{"activity":"expireLicense","timeStamp":"20250101010000123","instanceId":"demo-biz-01","orderId":"CS2501010001DEMO1","testFlag":"1"}"#,
        mandatory: &[("timeStamp", 20), ("instanceId", 64)],
        optional: &[("orderId", 64)],
    },
    Table {
        sample: r#"{"activity":"releaseLicense","timeStamp":"20250101010000123","orderId":"CS2501010001DEMO1","instanceId":"demo-biz-01","testFlag":"1"}"#,
        mandatory: &[("timeStamp", 20), ("orderId", 64), ("instanceId", 64)],
        optional: &[],
    },
];

fn members(sample: &str) -> Map<String, Value> {
    serde_json::from_str(sample).unwrap()
}

/// As the marketplace would write it for the query.
fn query(members: &Map<String, Value>) -> String {
    let encode = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs =
        members.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value.as_str().unwrap_or(""))));
    pairs.collect::<Vec<_>>().join("&")
}

/// Holds a table against what is read: presence and length of every field, by its class.
fn check(
    table: &Table,
    fields: &[FieldSpec],
    read: impl Fn(&Map<String, Value>) -> Result<Vec<FieldWarning>, ParseError>,
) {
    let sample = members(table.sample);
    let with = |name: &str, value: Option<Value>| {
        let mut changed = sample.clone();
        match value {
            Some(value) => changed.insert(name.to_owned(), value),
            None => changed.remove(name),
        };
        read(&changed)
    };
    let refused = |read: Result<Vec<FieldWarning>, ParseError>, name: &str, expected: FieldProblem| match read {
        Err(ParseError::Field(error)) => assert_eq!((error.field, error.problem), (name, expected)),
        other => panic!("{name}: {other:?}"),
    };
    let warned = |read: Result<Vec<FieldWarning>, ParseError>, name: &str, is_absent: bool| match &read.unwrap()[..] {
        [warning] => assert_eq!((warning.path.as_str(), warning.raw.is_some()), (name, is_absent)),
        other => panic!("{name}: {other:?}"),
    };
    let decides = |name: &str| {
        let spec = fields.iter().find(|spec| spec.name == name).unwrap();
        spec.class != FieldClass::Information
    };
    assert_eq!(read(&sample), Ok(vec![]), "{}", table.sample);
    // The time stamp is part of the key, so without it nothing is verified.
    for &(name, _) in table.mandatory.iter().filter(|(name, _)| *name != "timeStamp") {
        assert!(decides(name));
        for nothing in [None, Some("".into()), Some(Value::Null)] {
            refused(with(name, nothing), name, FieldProblem::Missing);
        }
    }
    for &(name, _) in table.optional {
        for nothing in [None, Some("".into()), Some(Value::Null)] {
            assert_eq!(with(name, nothing), Ok(vec![]), "{name} in {}", table.sample);
        }
    }
    for &(name, max) in table.mandatory.iter().chain(table.optional).filter(|(name, _)| *name != "timeStamp") {
        let (odd, is_form) = (if max == FORM { "nonsense".to_owned() } else { "x".repeat(max + 1) }, max == FORM);
        if !is_form {
            assert_eq!(with(name, Some("字".repeat(max).into())), Ok(vec![]), "{name} in {}", table.sample);
        }
        match (decides(name), is_form) {
            (true, true) => assert!(with(name, Some(odd.into())).is_err(), "{name} in {}", table.sample),
            (true, false) => refused(with(name, Some(odd.into())), name, FieldProblem::TooLong(max)),
            (false, _) => warned(with(name, Some(odd.into())), name, is_form),
        }
    }
    for flag in ["2", "maybe"] {
        assert!(with("testFlag", Some(flag.into())).is_err());
    }
    let known = table.mandatory.len() + table.optional.len() + 2;
    assert_eq!(sample.len(), known, "the sample has every field of its table: {}", table.sample);
    assert_eq!(fields.len() + 1, known, "the message has the fields of its table, and the activity: {}", table.sample);
}

#[test]
fn fields_are_mandatory_and_limited_as_the_tables_say() {
    let text = |members: &Map<String, Value>| serde_json::to_string(members).unwrap();
    let activity = |table: &Table| -> Activity { members(table.sample)["activity"].as_str().unwrap().parse().unwrap() };
    for table in &CODE {
        let fields = code::Callback::fields(activity(table)).unwrap();
        check(table, fields, |members| code(&text(members)).map(|callback| callback.warnings().to_vec()));
    }
    for table in &ONLINE {
        let fields = online::Callback::fields(activity(table)).unwrap();
        check(table, fields, |members| online(&text(members)).map(|callback| callback.warnings().to_vec()));
    }
    for table in &V1 {
        let fields = v1::Callback::fields(activity(table)).unwrap();
        check(table, fields, |members| v1(&query(members)).map(|callback| callback.warnings().to_vec()));
    }
    check(&ORDER, order_notify::Request::FIELDS, |members| order(&text(members)).map(|request| request.warnings));
}

#[test]
fn samples_are_written_as_they_were_read() {
    for table in &CODE {
        assert_eq!(code_written(&code(table.sample).unwrap()), table.sample);
    }
    for table in &ONLINE {
        assert_eq!(online_written(&online(table.sample).unwrap()), table.sample);
    }
    assert_eq!(order(ORDER.sample).unwrap().to_body(), ORDER.sample);
    for table in &V1 {
        let sample = members(table.sample);
        let callback = v1(&query(&sample)).unwrap();
        assert_eq!(v1(&v1_written(&callback)).unwrap(), callback);
    }
}

#[test]
fn every_activity_is_read_by_its_family_alone() {
    use Activity as A;
    assert_eq!(code::Callback::ACTIVITIES, [A::RefreshLicenseCode, A::UpdateLicenseCodeStatus, A::ReleaseLicenseCode]);
    assert_eq!(v1::Callback::ACTIVITIES, [A::GetLicense, A::RefreshLicense, A::ExpireLicense, A::ReleaseLicense]);
    for body in CODE.iter().chain(&ONLINE).chain([&ORDER]).map(|table| table.sample) {
        let is_of = [code(body).is_ok(), online(body).is_ok(), order(body).is_ok()];
        assert_eq!(is_of.iter().filter(|is_of| **is_of).count(), 1, "{body}");
        let unknown = members(body)["activity"].as_str().unwrap().to_owned();
        if !is_of[0] {
            assert_eq!(code(body), Err(ParseError::UnknownActivity(unknown)));
        }
    }
}

/// Only the production address, or another key, can tell the two families apart.
#[test]
fn four_online_callbacks_are_letter_by_letter_those_of_saas_v2() {
    let shared: Vec<_> = ONLINE
        .iter()
        .map(|table| table.sample)
        .filter(|body| posted(body, saas::v2::Callback::parse).is_ok())
        .collect();
    assert_eq!(shared.len(), 4);
    assert!(shared.iter().all(|body| online(body).unwrap().activity() != Activity::GetLicenseAsync));
}

#[test]
fn the_prose_of_the_online_guide_names_two_calls_that_do_not_exist() {
    for activity in ["queryInstance", "upgradeInstance"] {
        let body = format!(r#"{{"activity":"{activity}","instanceId":"i-1"}}"#);
        assert_eq!(online(&body), Err(ParseError::UnknownActivity(activity.to_owned())));
    }
}

#[test]
fn the_obsolete_sample_of_the_signature_page_is_refused() {
    let body = r#"{"activity":"newInstance","buyerInfo":{"customerId":"c"},"orderInfo":[{"orderId":"CS1"}]}"#;
    let error = online(body).unwrap_err();
    assert!(
        matches!(&error, ParseError::Field(error) if (error.field, &error.problem) == ("orderId", &FieldProblem::Missing)),
        "{error}"
    );
}

#[test]
fn the_expiry_has_14_digits_in_the_table_and_17_in_the_sample() {
    for digits in ["20270101155959", "20270101155959000"] {
        let body = ONLINE[1].sample.replace("20270101155959", digits);
        let online::Callback::RefreshInstance(request) = online(&body).unwrap() else { panic!() };
        assert_eq!(request.expire_time.to_string(), "20270101155959");
    }
}

#[test]
fn a_refunded_renewal_is_a_scene_of_its_own() {
    let body = CODE[0].sample.replace("RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD");
    let code::Callback::RefreshLicenseCode(request) = code(&body).unwrap() else { panic!() };
    assert_eq!(request.scene, RenewalScene::UnsubscribeRenewalPeriod);
}

/// The words of published sellers' code, which no document has.
#[test]
fn frozen_and_unfrozen_are_kept_as_unknown_texts() {
    for (word, expected) in [
        ("FREEZE", FreezeStatus::Freeze),
        ("UNFREEZE", FreezeStatus::Unfreeze),
        ("FROZEN", FreezeStatus::from("FROZEN")),
        ("UNFROZEN", FreezeStatus::from("UNFROZEN")),
    ] {
        let body = CODE[1].sample.replace("FREEZE", word);
        let code::Callback::UpdateLicenseCodeStatus(request) = code(&body).unwrap() else { panic!() };
        assert_eq!(request.status, expected);
    }
}

#[test]
fn the_fingerprint_may_be_longer_than_the_1024_characters_of_its_table() {
    let device = "A".repeat(DeviceFingerprint::MAX);
    let body = ONLINE[4].sample.replace("0A1B2C3D4E5F|DISK01|BOARD01|CPU01", &device);
    let online::Callback::GetLicenseAsync(request) = online(&body).unwrap() else { panic!() };
    assert_eq!(request.device_fingerprint.unwrap().expose(), device);
}

#[test]
fn a_license_begins_and_ends_in_utc_and_its_device_is_taken_apart() {
    let online::Callback::GetLicenseAsync(request) = online(ONLINE[4].sample).unwrap() else { panic!() };
    assert_eq!(request.effective_time.timestamp().to_string(), "20250101000000");
    assert_eq!(request.expire_time.unwrap().timestamp().to_string(), "20260101000000");
    let device = request.device_fingerprint.unwrap();
    let hardware = device.hardware().unwrap();
    assert_eq!((&hardware.mac_addresses[..], &hardware.disk_serials[..]), (&["0A1B2C3D4E5F"][..], &["DISK01"][..]));
    assert_eq!((hardware.board_serial, hardware.cpu_serial), (Some("BOARD01"), Some("CPU01")));
}

#[test]
fn order_notification_always_says_its_test_flag() {
    let real = order_notify::Request::new("CS1", "CS1-000001");
    assert!(real.to_body().ends_with(r#""testFlag":"0"}"#));
    let mut debug = real.clone();
    debug.test_flag = TestFlag::Debug;
    assert!(debug.to_body().ends_with(r#""testFlag":"1"}"#));
    // The table has it mandatory and gives it a default.
    assert_eq!(order(r#"{"activity":"orderNotify","orderId":"CS1","orderLineId":"CS1-000001"}"#), Ok(real));
}

#[test]
fn the_identification_code_comes_out_of_the_extension_parameters() {
    let sample = query(&members(V1[0].sample));
    let read = |query: &str| {
        let v1::Callback::GetLicense(request) = v1(query).unwrap() else { panic!() };
        request.identification_code().map(str::to_owned)
    };
    assert_eq!(read(&sample).as_deref(), Some("HW~01?>>"));
    // A plus sign that somebody did not escape is a blank by now.
    assert_eq!(read(&sample.replace("%2BMDE", "+MDE")).as_deref(), Some("HW~01?>>"));
    let without: String = sample.split('&').filter(|pair| !pair.starts_with("saas")).collect::<Vec<_>>().join("&");
    assert_eq!(read(&without), None);
}

#[test]
fn a_license_is_answered_as_in_the_sample() {
    let answer = v1::get_license::Response::new("demo-biz-01", "DEMO-LIC-0001");
    let text = r#"{"resultCode":"000000","resultMsg":"success","instanceId":"demo-biz-01","license":"DEMO-LIC-0001"}"#;
    assert_eq!(serde_json::to_string(&answer).unwrap(), text);
    assert_eq!(serde_json::from_str::<v1::get_license::Response>(text).unwrap(), answer);
}

#[test]
fn the_oldest_integrations_answer_no_instance_id() {
    let text = r#"{"resultCode":"000000","resultMsg":"success.","license":"DEMO-LIC-0001"}"#;
    let answer: v1::get_license::Response = serde_json::from_str(text).unwrap();
    assert_eq!((answer.instance_id.as_str(), answer.license.expose()), ("", "DEMO-LIC-0001"));
}

/// One sentence of the guide prints seven digits.
#[test]
fn an_asynchronous_answer_has_six_digits() {
    let answer = online::new_instance::Response::new(ResultCode::Processing, "demo-biz-01");
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(text, r#"{"resultCode":"000004","resultMsg":"request is being processed","instanceId":"demo-biz-01"}"#);
    assert!(serde_json::from_str::<wire::CreatedInstance>(&text.replace("000004", "0000004")).is_err());
}

#[test]
fn license_v1_and_the_kit_make_calls_that_are_not_repeated() {
    let changes = [code::Callback::ACTIVITIES, online::Callback::ACTIVITIES, &[Activity::OrderNotify]].concat();
    assert!(changes.into_iter().all(Activity::is_retried));
    let repeated: Vec<_> = v1::Callback::ACTIVITIES.iter().filter(|activity| activity.is_retried()).collect();
    assert_eq!(repeated, [&Activity::GetLicense]);
    assert!(!kit::v2::Callback::ACTIVITIES.iter().any(|activity| activity.is_retried()));
}

#[test]
fn unknown_members_are_kept() {
    let body = r#"{"activity":"orderNotify","list":[{"b":1,"a":null}],"orderId":"CS1","orderLineId":"CS1-000001","testFlag":"0","word":"новое"}"#;
    let request = order(body).unwrap();
    assert_eq!(request.unknown.get("list"), Some(r#"[{"b":1,"a":null}]"#));
    assert_eq!((request.unknown.get("word"), request.to_body().as_str()), (Some("новое"), body));
}

#[test]
fn personal_data_and_licenses_do_not_reach_a_log() {
    let get = v1(&query(&members(V1[0].sample))).unwrap();
    let apply = online(ONLINE[4].sample).unwrap();
    let answer = v1::get_license::Response::new("demo-biz-01", "DEMO-LIC-0001");
    let logged = format!("{get:?} {apply:?} {answer:?}");
    for hidden in ["demo buyer", "HW~01", "0A1B2C3D4E5F", "CPU01", "DEMO-LIC-0001"] {
        assert!(!logged.contains(hidden), "{hidden}");
    }
    assert!(logged.contains("demo-biz-01") && logged.contains("demo-event-01"));
}

/// Text that is neither empty nor blank.
fn text(max: usize) -> impl Strategy<Value = String> {
    vec(any::<char>().prop_filter("not U+0000", |&char| char != '\0'), 1..=max)
        .prop_map(String::from_iter)
        .prop_filter("not blank", |text| !text.trim().is_empty())
}

/// Text of a query: one that holds another parameter is refused, because marks are signed without escaping.
fn value(max: usize) -> impl Strategy<Value = String> {
    text(max).prop_map(|text| text.replace('&', "+"))
}

/// A code that no document lists. Numbers are left out: they have several spellings, of which the shortest is kept.
fn code_of(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    text.prop_filter("no number", |text| text.trim().parse::<Amount>().is_err())
}

/// A time in whole seconds.
fn time() -> impl Strategy<Value = Timestamp> {
    (0..250_000_000_000_i64).prop_map(|seconds| Timestamp::from_unix_millis(seconds * 1000))
}

fn scene() -> impl Strategy<Value = RenewalScene> {
    prop_oneof![
        Just(RenewalScene::Renewal),
        Just(RenewalScene::UnsubscribeRenewalPeriod),
        code_of(text(64)).prop_map(|s| (*s).into())
    ]
}

fn flag() -> impl Strategy<Value = TestFlag> {
    prop_oneof![Just(TestFlag::Production), Just(TestFlag::Debug)]
}

fn any_code() -> impl Strategy<Value = code::Callback> {
    let refresh = (scene(), [text(64), text(64), text(64)], time(), option::of(text(64)), flag());
    let refresh = refresh.prop_map(|(scene, [order, line, license], expire_time, product, flag)| {
        let mut request = code::refresh_license_code::Request::new(scene, order, line, license, expire_time);
        (request.product_id, request.test_flag) = (product, flag);
        request.unknown.insert_text("zz", "kept");
        code::Callback::RefreshLicenseCode(request)
    });
    let update = (text(64), text(32), flag()).prop_map(|(license, status, flag)| {
        let mut request = code::update_license_code_status::Request::new(license, &*status);
        request.test_flag = flag;
        code::Callback::UpdateLicenseCodeStatus(request)
    });
    let release = (text(64), option::of(text(64)), option::of(text(64))).prop_map(|(license, order, line)| {
        let mut request = code::release_license_code::Request::new(license);
        (request.order_id, request.order_line_id) = (order, line);
        code::Callback::ReleaseLicenseCode(request)
    });
    prop_oneof![refresh, update, release]
}

fn any_online() -> impl Strategy<Value = online::Callback> {
    let new = [text(64), text(64), text(64)].prop_map(|[order, line, business]| {
        online::Callback::NewInstance(online::new_instance::Request::new(order, line, business))
    });
    let refresh = (scene(), [text(64), text(64), text(64)], time(), option::of(text(64)));
    let refresh = refresh.prop_map(|(scene, [order, line, instance], expire_time, product)| {
        let mut request = online::refresh_instance::Request::new(scene, order, line, instance, expire_time);
        request.product_id = product;
        online::Callback::RefreshInstance(request)
    });
    let update = (text(64), code_of(text(32))).prop_map(|(instance, status)| {
        online::Callback::UpdateInstanceStatus(online::update_instance_status::Request::new(instance, &*status))
    });
    let release = (text(64), option::of(text(64)), flag()).prop_map(|(instance, order, flag)| {
        let mut request = online::release_instance::Request::new(instance);
        (request.order_id, request.test_flag) = (order, flag);
        online::Callback::ReleaseInstance(request)
    });
    let apply = (text(64), time(), text(64), option::of(time()), option::of(text(200)));
    let apply = apply.prop_map(|(instance, begin, event, end, device)| {
        let mut request = online::get_license_async::Request::new(instance, begin, event);
        request.expire_time = end.map(LicenseTime::from);
        request.device_fingerprint = device.map(|device| (*device).into());
        online::Callback::GetLicenseAsync(request)
    });
    prop_oneof![new, refresh, update, release, apply]
}

fn any_v1() -> impl Strategy<Value = v1::Callback> {
    let get =
        ([value(64), value(64), value(64), value(64)], option::of(value(64)), option::of(time()), option::of(text(50)));
    let get = get.prop_map(|([customer, business, order, product], name, expire_time, identification)| {
        let mut request = v1::get_license::Request::new(TIME_STAMP, customer, business, order, product);
        request.customer_name = name.map(Into::into);
        request.expire_time = expire_time.map(Into::into);
        (request.period_type, request.period_number, request.amount) =
            (Some(PeriodType::Year), Some(3), Some(1_000_000));
        request.saas_extend_params =
            identification.map(|code| ExtendParams::from_iter([ExtendParam::new("identificationCode", code)]));
        v1::Callback::GetLicense(request)
    });
    let refresh = (value(64), value(64), time(), option::of(code_of(value(10)))).prop_map(
        |(order, instance, expire_time, period)| {
            let mut request = v1::refresh_license::Request::new(TIME_STAMP, order, instance, expire_time);
            request.period_type = period.map(|period| (*period).into());
            v1::Callback::RefreshLicense(request)
        },
    );
    let expire = (value(64), option::of(value(64))).prop_map(|(instance, order)| {
        let mut request = v1::expire_license::Request::new(TIME_STAMP, instance);
        request.order_id = order;
        v1::Callback::ExpireLicense(request)
    });
    let release = (value(64), value(64), flag()).prop_map(|(order, instance, flag)| {
        let mut request = v1::release_license::Request::new(TIME_STAMP, order, instance);
        request.test_flag = flag;
        v1::Callback::ReleaseLicense(request)
    });
    prop_oneof![get, refresh, expire, release]
}

/// One byte replaced by another.
fn changed(text: &str, at: Index, by: u8) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= by;
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(
        code_callback in any_code(),
        online_callback in any_online(),
        v1_callback in any_v1(),
        (order_id, line, test_flag) in (text(64), text(64), flag()),
    ) {
        prop_assert_eq!(code(&code_written(&code_callback)), Ok(code_callback));
        prop_assert_eq!(online(&online_written(&online_callback)), Ok(online_callback));
        prop_assert_eq!(v1(&v1_written(&v1_callback)), Ok(v1_callback));
        let mut notified = order_notify::Request::new(order_id, line);
        notified.test_flag = test_flag;
        prop_assert_eq!(order(&notified.to_body()), Ok(notified));
    }

    #[test]
    fn a_changed_body_is_refused(
        body in prop_oneof![any_code().prop_map(|call| code_written(&call)), any_online().prop_map(|call| online_written(&call))],
        at in any::<Index>(),
        by in 1..=u8::MAX,
    ) {
        let query = callback_v2::signed_query(&key(), "nonce", NOW, body.as_bytes());
        let changed = changed(&body, at, by);
        // The digits of an escape may be of either case.
        prop_assume!(serde_json::from_slice::<Value>(&changed).ok() != serde_json::from_str(&body).ok());
        let outcome = callback_v2::verify(&key().into(), &query, &changed, NOW, Window::default()).map(drop);
        prop_assert_eq!(outcome, Err(VerifyError::Mismatch));
    }

    #[test]
    fn a_changed_v1_query_is_refused(callback in any_v1(), at in any::<Index>(), by in any::<char>()) {
        let query = v1_written(&callback);
        let signed = auth_token::signed_query(&key(), &query).unwrap();
        let token = &signed[query.len()..];
        // Between the parameters: their separators stay, so that what changes is a name or a value.
        let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
        let at = at.index(pairs.len());
        pairs[at].push_str(&percent_encoding::utf8_percent_encode(&by.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string());
        let changed = format!("{}{token}", pairs.join("&"));
        prop_assert!(auth_token::verify(&key().into(), &changed, NOW, Window::default()).is_err());
        let without = pairs.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, pair)| &**pair);
        let without = format!("{}{token}", without.collect::<Vec<_>>().join("&"));
        prop_assert!(auth_token::verify(&key().into(), &without, NOW, Window::default()).is_err());
    }

    #[test]
    fn a_changed_jwt_is_refused(app_key in text(40), at in any::<Index>(), by in 1..=u8::MAX) {
        let secrets = KeyRing::new(key());
        let token = gateway_jwt::sign(&app_key, &key(), NOW);
        let genuine = gateway_jwt::Token::parse(&token).unwrap();
        prop_assert_eq!(genuine.app_key(), &app_key);
        let verified = genuine.verify(&secrets, NOW, gateway_jwt::WINDOW).unwrap();
        prop_assert_eq!(verified.app_key(), &app_key);
        if let Ok(changed) = String::from_utf8(changed(&token, at, by)) {
            let outcome = gateway_jwt::Token::parse(&changed)
                .and_then(|token| token.verify(&secrets, NOW, gateway_jwt::WINDOW));
            prop_assert!(outcome.is_err(), "{}", changed);
        }
    }

    #[test]
    fn no_text_is_too_odd_for_the_jwt_parser(token in "\\PC{0,60}|[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        prop_assert!(gateway_jwt::Token::parse(&token).is_err());
    }
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("x-gateway-token", value.parse().unwrap());
    }
    headers
}

#[test]
fn the_jwt_stands_in_a_header_of_the_sellers_choice() {
    let header = HeaderName::from_static("x-gateway-token");
    let secrets =
        AppSecrets::new().with("app-key-1", KeyRing::new(AccessKey::new("newer").unwrap()).with_previous(key()));
    let token = gateway_jwt::sign("app-key-1", &key(), NOW);
    let verify = |values: &[&str]| {
        gateway_jwt::verify(&secrets, &headers(values), &header, NOW, gateway_jwt::WINDOW)
            .map(|caller| caller.expires())
    };
    let expected = Timestamp::from_unix_millis(1_735_693_500_000);
    for value in [token.clone(), format!("Bearer {token}"), format!("bearer   {token} ")] {
        assert_eq!(verify(&[&value]), Ok(expected), "{value}");
    }
    for nothing in [&[][..], &[""], &["Bearer "]] {
        assert_eq!(verify(nothing), Err(VerifyError::Unsigned("JWT")), "{nothing:?}");
    }
    assert_eq!(verify(&[&token, &token]), Err(VerifyError::Repeated("x-gateway-token".to_owned())));
    for value in [format!("Basic {token}"), "a.b".to_owned(), format!("{token}."), "A".repeat(9000)] {
        assert!(matches!(verify(&[&value]), Err(VerifyError::Malformed(_))), "{value}");
    }
    let elsewhere = gateway_jwt::verify(&secrets, &headers(&[&token]), &gateway_jwt::HEADER, NOW, gateway_jwt::WINDOW);
    assert_eq!(elsewhere, Err(VerifyError::Unsigned("JWT")));
}

#[test]
fn no_token_reaches_a_log() {
    let token = gateway_jwt::sign("app-key-1", &key(), NOW);
    let shown = format!("{:?}", gateway_jwt::Token::parse(&token).unwrap());
    assert!(shown.contains("app-key-1") && token.split('.').all(|part| !shown.contains(part)));
}
