//! Requests and answers of the open APIs, without IO: as documented, and as they should not be.

use bytes::Bytes;
use http::Response;
use koogallery::open_api::activate_license::LicenseStatus;
use koogallery::open_api::push_usage::{self, Disposition, RecordFate, UsageRecord};
use koogallery::open_api::query_order::{ChargingMode, OrderType};
use koogallery::open_api::report_software_usage::{Report, Usage};
use koogallery::open_api::{
    Api, ApiErrorKind, Retry, activate_license, activate_licenses, push_usage_old, query_deployed_objects,
    query_license, query_order, report_software_usage, upload,
};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use koogallery::transport::BaseUrl;
use sha2::{Digest as _, Sha256};

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).unwrap()
}

/// The sample of the reference.
const ORDER: &str = r#"{"resultCode":"MKT.0000","resultMsg":"Success","orderInfo":{
  "orderId":"MOCKPERIODYEARNEW","orderType":"NEW","createTime":"20250102030405",
  "orderLine":[{
    "orderLineId":"MOCKPERIODYEARNEW-000001","chargingMode":"PERIOD","periodType":"year","periodNumber":1,
    "expireTime":"20260102155959",
    "productInfo":[{"productId":"OFFI000000000000000001","skuCode":"11111111-2222-3333-4444-555555555555","linearValue":50,"productName":"Demo product,Standard spec,Basic,Yearly/Monthly"}],
    "extendParams":[{"name":"emailDomainName","value":"demo.example.com"},{"name":"ip","value":"127.0.0.1"}],
    "currency":"100","currencyAfterDiscount":"99.5"}],
  "buyerInfo":{"mobilePhone":"18600000000","email":null,"customerId":"0123456789abcdef0123456789abcdef","customerName":"buyer_01","customerRealName":"Buyer One","customerType":0,"userId":null,"userName":null},
  "extendParams":[]}}"#;

#[test]
fn an_order_is_asked_for_on_every_site() {
    let request = query_order::Request::new("CS1&x").with_order_line("CS1-000001");
    for (site, host) in [
        (Site::China, "mkt.myhuaweicloud.com"),
        (Site::International, "mkt-intl.myhuaweicloud.com"),
        (Site::Europe, "mkt.myhuaweicloud.eu"),
    ] {
        let expected = format!(
            "https://{host}/api/mkp-openapi-public/global/v1/order/query?orderId=CS1%26x&orderLineId=CS1-000001"
        );
        assert_eq!(request.to_http(&site.into()).uri().to_string(), expected);
    }
    assert!(BaseUrl::fallback_of(Site::China).is_some() && BaseUrl::fallback_of(Site::Europe).is_none());
    let local: BaseUrl = "http://127.0.0.1:9000/".parse().unwrap();
    assert!(request.to_http(&local).uri().to_string().starts_with("http://127.0.0.1:9000/api/"));
    for bad in ["", "x", "ftp://x", "https://", "https://x/path", "https://u:p@x", "https://x?q"] {
        assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
    }
}

#[test]
fn the_sample_order_is_read() {
    let order = query_order::Request::from_http(&answer(200, ORDER)).unwrap();
    assert_eq!(order.order_type, Some(OrderType::New));
    assert_eq!(order.create_time.unwrap().to_string(), "20250102030405");
    let [line] = &order.order_lines[..] else { panic!() };
    assert_eq!((&line.charging_mode, line.period_number), (&Some(ChargingMode::Period), Some(1)));
    assert_eq!(line.amount_after_discount.unwrap().to_string(), "99.5");
    assert_eq!((line.products[0].linear_value, line.extend_params.len()), (Some(50), 2));
    let buyer = order.buyer_info.as_ref().unwrap();
    assert_eq!(buyer.mobile_phone.as_ref().unwrap().expose(), "18600000000");
    let debug = format!("{order:?}");
    assert!(!debug.contains("18600000000") && !debug.contains("Buyer One") && !debug.contains("demo.example.com"));
}

#[test]
fn other_types_than_documented_are_read_too() {
    let odd = ORDER
        .replace(r#""periodNumber":1"#, r#""periodNumber":"1""#)
        .replace(r#""linearValue":50"#, r#""linearValue":null"#)
        .replace(r#""currency":"100""#, r#""currency":100"#)
        .replace(r#""customerType":0"#, r#""customerType":"0""#)
        .replace(r#""periodType":"year""#, r#""periodType":"fortnight","new":{"a":[1]}"#)
        .replace(r#""extendParams":[]"#, r#""extendParams":null"#)
        .replace(r#""expireTime":"20260102155959""#, r#""expireTime":"""#);
    let order = query_order::Request::from_http(&answer(200, odd)).unwrap();
    let line = &order.order_lines[0];
    assert_eq!((line.period_number, line.products[0].linear_value, line.expire_time), (Some(1), None, None));
    assert_eq!(line.period_type.as_ref().unwrap().as_str(), "fortnight");
    assert_eq!(line.amount.unwrap().to_string(), "100");
    let bare = r#"{"resultCode":"MKT.0000","orderInfo":{"orderId":"CS1","orderType":"RENEW","orderLine":null}}"#;
    assert!(query_order::Request::from_http(&answer(200, bare)).unwrap().order_lines.is_empty());
}

#[test]
fn refusals_say_what_to_do() {
    for (status, body, code, retry) in [
        (401, r#"{"resultCode":"MKT.0150","resultMsg":"Illegal operation","extra_info":{}}"#, "MKT.0150", Retry::No),
        (406, r#"{"resultCode":"MKT. 0250","resultMsg":"often"}"#, "MKT.0250", Retry::BackOff),
        (500, r#"{"resultCode":"MKT.0100","resultMsg":"out of range"}"#, "MKT.0100", Retry::No),
        (500, r#"{"resultCode":"MKT.0999","resultMsg":null}"#, "MKT.0999", Retry::BackOff),
        (200, r#"{"resultCode":"MKT.7777"}"#, "MKT.7777", Retry::No),
        (503, r#"{"resultCode":"MKT.7777"}"#, "MKT.7777", Retry::BackOff),
        (500, r#"{"resultCode":"MKT.0000"}"#, "MKT.0000", Retry::No),
        (
            401,
            r#"{"error_msg":"verify aksk signature fail","error_code":"APIGW.0301","request_id":"r1"}"#,
            "APIGW.0301",
            Retry::No,
        ),
        (
            429,
            r#"{"error_msg":"policy user over ratelimit","error_code":"APIG.0308","request_id":"r2"}"#,
            "APIG.0308",
            Retry::BackOff,
        ),
        (502, r#"{"error_msg":"x","error_code":"APIGW.0201"}"#, "APIGW.0201", Retry::BackOff),
        (413, r#"{"error_msg":"x","error_code":"APIGW.0201"}"#, "APIGW.0201", Retry::No),
    ] {
        let error = query_order::Request::from_http(&answer(status, body)).unwrap_err();
        assert_eq!((error.code(), error.retry, error.status.as_u16()), (Some(code), retry, status), "{body}");
        assert!(error.to_string().starts_with(&format!("query order: HTTP {status}, ")), "{error}");
    }
    let gateway = r#"{"error_msg":"fail","error_code":"APIGW.0301","request_id":"0123abcd"}"#;
    let error = query_order::Request::from_http(&answer(401, gateway)).unwrap_err();
    assert!(matches!(error.kind, ApiErrorKind::Gateway { .. }));
    assert_eq!(error.request_id.as_deref(), Some("0123abcd"));
}

#[test]
fn what_is_no_answer_is_an_error_and_no_panic() {
    for (status, body, retry) in [
        (200, "<html>maintenance</html>", Retry::BackOff),
        (502, "<html>bad gateway</html>", Retry::BackOff),
        (404, "", Retry::No),
        (200, "", Retry::BackOff),
        (200, &ORDER[..ORDER.len() / 2], Retry::BackOff),
        (200, "null", Retry::BackOff),
        (200, "[]", Retry::BackOff),
        (200, r#"{"resultCode":null}"#, Retry::BackOff),
        (200, r#"{"resultCode":{}}"#, Retry::BackOff),
    ] {
        let error = query_order::Request::from_http(&answer(status, body.to_owned())).unwrap_err();
        assert!(matches!(error.kind, ApiErrorKind::UnexpectedContent { .. }), "{body}");
        assert_eq!(error.retry, retry, "{status} {body}");
    }
    for body in [
        r#"{"resultCode":"MKT.0000"}"#.to_owned(),
        r#"{"resultCode":"MKT.0000","orderInfo":null}"#.to_owned(),
        r#"{"resultCode":"MKT.0000","orderInfo":5}"#.to_owned(),
        ORDER.replacen(r#""orderId":""#, r#""orderId":{},"odd":""#, 1),
    ] {
        let error = query_order::Request::from_http(&answer(200, body)).unwrap_err();
        assert!(matches!(error.kind, ApiErrorKind::Malformed(_)), "{error}");
    }
    assert!(query_order::Request::from_http(&answer(200, format!("{{\"a\":{}", "[".repeat(100_000)))).is_err());
}

fn record(number: u32) -> UsageRecord {
    let time = |text: &str| Timestamp::parse_basic_iso(text).unwrap();
    let (begin, end) = (time("20250102T010000Z"), time("20250102T020000Z"));
    let mut record = UsageRecord::new(format!("sn-{number:04}"), "inst-0001", begin, end, "12.5".parse().unwrap());
    record.record_time = time("20250102T020100Z");
    record
}

#[test]
fn usage_is_written_as_the_reference_signs_it() {
    let request = push_usage::Request::new(vec![record(1)]).unwrap().to_http(&Site::China.into());
    assert_eq!(
        request.body(),
        r#"{"usage_records":[{"begin_time":"20250102T010000Z","end_time":"20250102T020000Z","instance_id":"inst-0001","metering_sn":"sn-0001","record_time":"20250102T020100Z","usage_value":"12.5"}]}"#
    );
    assert_eq!(
        (request.method().as_str(), request.uri().path()),
        ("POST", "/api/mkp-openapi-public/global/v1/isv/usage-data")
    );
    let mut packaged = record(1);
    packaged.relate_pkg_instance = Some("pkg-1".to_owned());
    let body = push_usage::Request::new(vec![packaged]).unwrap().to_http(&Site::China.into()).into_body();
    let names: Vec<_> =
        ["begin_time", "end_time", "instance_id", "metering_sn", "record_time", "relate_pkg_instance", "usage_value"]
            .map(|name| std::str::from_utf8(&body).unwrap().find(name).unwrap())
            .into();
    assert!(names.is_sorted(), "signed with ascending keys");

    assert!(push_usage::Request::new(Vec::new()).is_err());
    assert!(push_usage::Request::new((0..1000).map(record).collect()).is_ok());
    assert!(push_usage::Request::new((0..1001).map(record).collect()).is_err());

    let (begin, end) = (record(1).begin_time, record(1).end_time);
    let mut old =
        push_usage_old::UsageRecord::new("inst-0001", "OFFI000000000000000001", begin, end, "12.5".parse().unwrap());
    old.record_time = record(1).record_time;
    let request = push_usage_old::Request::new(vec![old]).unwrap().to_http(&Site::China.into());
    assert_eq!(
        request.body(),
        r#"{"usage_records":[{"begin_time":"20250102T010000Z","end_time":"20250102T020000Z","instance_id":"inst-0001","product_id":"OFFI000000000000000001","record_time":"20250102T020100Z","usage_value":"12.5"}]}"#
    );
    assert_eq!(request.uri().path(), "/rest/marketplace/v1/isv/usage-data");
}

#[test]
fn a_push_tells_which_records_were_refused() {
    let read = |status, body: &str| push_usage::Request::from_http(&answer(status, body.to_owned()));
    assert!(read(200, r#"{"error_code":"MKT.0000","error_msg":"Success"}"#).unwrap().is_all_taken());
    let partial = r#"{"error_code":"94060999","error_msg":"Failed","abnormal_list":[
        {"error_code":"005","error_msg":"duplicate","metering_sn":"sn-0001","instance_id":"inst-0001"},
        {"errorCode":16,"description":"opening","meteringSn":"sn-0002"},
        {"code":"999","metering_sn":"sn-0003"}]}"#;
    let response = read(200, partial).unwrap();
    let records: Vec<_> = (1..=4).map(record).collect();
    let reported: Vec<_> = response
        .fates(&records)
        .into_iter()
        .map(|fate| match fate {
            RecordFate::Refused(record) => Some((record.code.as_str(), record.code.meaning().1)),
            fate => {
                assert_eq!(fate, RecordFate::Taken);
                None
            }
        })
        .collect();
    assert_eq!(
        reported,
        [
            Some(("005", Disposition::Delivered)),
            Some(("016", Disposition::Retry)),
            Some(("999", Disposition::Fix)),
            None
        ]
    );
    let error = read(500, r#"{"error_code":"94060001","error_msg":"System error!"}"#).unwrap_err();
    assert!(error.is_retryable());
    assert!(!read(401, r#"{"error_code":"94060002"}"#).unwrap_err().is_retryable());
    assert!(
        push_usage_old::Request::from_http(&answer(200, r#"{"error_code":"MKT.0000","error_msg":"success"}"#)).is_ok()
    );
    assert_eq!(
        push_usage_old::Request::from_http(&answer(500, r#"{"error_code":"MKT.9004"}"#)).unwrap_err().retry,
        Retry::No
    );
}

#[test]
fn a_license_is_activated_once() {
    let mut request = activate_license::Request::new("PL0000000000DEMO01");
    request.real_effect_time = Some("20250101010000123".parse().unwrap());
    let http = request.to_http(&Site::China.into());
    assert_eq!(http.body(), r#"{"license":"PL0000000000DEMO01","real_effect_time":"20250101010000"}"#);
    assert_eq!(http.uri().path(), "/api/mkp-openapi-public/global/v1/license/activate");

    let sample = r#"{"error_code":"92020000","error_msg":"success","data":{"license_code_info":"{\"status\":\"ALIVE\",\"expire_time\":\"20260101155959\",\"product_id\":\"OFFI000001\",\"amount\":2,\"order_id\":\"CS2501010001DEMO1\"}"}}"#;
    let object = sample.replace(r#""{\"#, r#"{\"#).replace(r#"}""#, "}").replace(r#"\""#, "\"");
    for body in [sample.to_owned(), object] {
        let info = activate_license::Request::from_http(&answer(200, body)).unwrap();
        assert_eq!((info.status, info.amount), (Some(LicenseStatus::Alive), Some(2)));
        assert_eq!(info.expire_time.unwrap().to_string(), "20260101155959");
    }
    let bare = r#"{"error_code":"92020000","error_msg":"success"}"#;
    assert_eq!(activate_license::Request::from_http(&answer(200, bare)).unwrap(), Default::default());
    let broken = r#"{"error_code":"92020000","data":{"license_code_info":"{not json"}}"#;
    let odd = activate_license::Request::from_http(&answer(200, broken)).unwrap();
    assert_eq!(
        (odd.status, odd.warnings[0].path.as_str()),
        (None, "license_code_info"),
        "it is activated all the same"
    );
    let again = activate_license::Request::from_http(&answer(200, r#"{"error_code":"92020003"}"#)).unwrap_err();
    assert_eq!((again.code(), again.retry), (Some("92020003"), Retry::No));
    for (status, retry) in [(200, Retry::BackOff), (500, Retry::BackOff), (403, Retry::No)] {
        let error = activate_license::Request::from_http(&answer(status, r#"{"error_code":"92020001"}"#)).unwrap_err();
        assert_eq!(error.retry, retry, "{status}");
    }

    let batch = activate_licenses::Request::new(["PL1", "PL2"]).to_http(&Site::China.into());
    assert_eq!(batch.body(), r#"{"license_list":["PL1","PL2"]}"#);
    assert!(activate_licenses::Request::from_http(&answer(200, bare)).is_ok());
    assert!(activate_licenses::Request::from_http(&answer(200, r#"{"error_code":"92020020"}"#)).is_err());
}

#[test]
fn a_license_is_queried_and_its_use_reported() {
    let request = query_license::Request::new("PL1").to_http(&Site::China.into());
    assert_eq!(request.body(), r#"{"license":"PL1"}"#);
    assert_eq!(request.uri().path(), "/api/mkp-openapi-public/global/v1/license/heartbeat");
    let mut with_user = query_license::Request::new("PL1");
    with_user.heartbeat_info = Some(query_license::HeartbeatInfo::new("user-1"));
    assert_eq!(
        with_user.to_http(&Site::China.into()).body(),
        r#"{"license":"PL1","heartbeatInfo":{"thirdPartyAccount":"user-1"}}"#
    );
    let body = r#"{"error_code":"92020000","error_msg":"success","data":{"license_code":"PL1","status":"EXPIRED","activate_time":"20250101010000","amount":"7","tomorrow":{"x":1}}}"#;
    let license = query_license::Request::from_http(&answer(200, body)).unwrap();
    assert_eq!((&license.status, license.amount), (&LicenseStatus::Expired, Some(7)));
    assert_eq!(license.all["tomorrow"]["x"], 1, "what no document lists is kept");
    let odd = r#"{"error_code":"92020000","data":{"license_code":"PL1","status":"ALIVE","activate_time":{},"expire_time":"2026-01-01","product_id":"","amount":null}}"#;
    let license = query_license::Request::from_http(&answer(200, odd)).unwrap();
    assert_eq!(
        (license.status, license.expire_time),
        (LicenseStatus::Alive, None),
        "what nobody confirmed spoils nothing"
    );
    assert_eq!((license.activate_time, license.product_id, license.amount), (None, None, None));
    for broken in [r#"{"error_code":"92020000","data":null}"#, r#"{"error_code":"92020000"}"#] {
        assert!(query_license::Request::from_http(&answer(200, broken)).is_err());
    }

    let ids = ["account-17", "account-18"].map(|id| Report::Id(id.into())).to_vec();
    let usage = vec![Usage::new("PL1", ids), Usage::new("PL2", vec![Report::ActiveNum(25)])];
    let request = report_software_usage::Request::new(usage).to_http(&Site::China.into());
    assert_eq!(
        request.body(),
        r#"{"usage_info":[{"license":"PL1","software_usage_Info":[{"id":"account-17"},{"id":"account-18"}]},{"license":"PL2","software_usage_Info":[{"active_num":25}]}]}"#
    );
    let failed = r#"{"error_code":"92020000","data":{"check_fail_whatever":["PL2"],"count":1}}"#;
    assert_eq!(report_software_usage::Request::from_http(&answer(200, failed)).unwrap().failed, ["PL2"]);
    let fine = r#"{"error_code":"92020000","error_msg":"success"}"#;
    assert!(report_software_usage::Request::from_http(&answer(200, fine)).unwrap().failed.is_empty());
}

#[test]
fn an_upload_has_the_parts_of_the_sample() {
    let file = upload::Request::file("evt 1", "a\"b.lic", &b"\x00license\r\n"[..]);
    let request = file.to_http(&Site::China.into());
    assert_eq!(request.uri().path(), "/api/mkp-openapi-public/global/v1/market-event/evt%201/file");
    let content_type = request.headers()["content-type"].to_str().unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    let parts: Vec<_> = body.split(&format!("--{boundary}")).collect();
    let [before, first, second, end] = &parts[..] else { panic!("{body}") };
    assert_eq!((*before, *end), ("", "--\r\n"));
    assert_eq!(
        *first,
        "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.lic\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n\x00license\r\n\r\n"
    );
    let (head, json) = second.split_once("\r\n\r\n").unwrap();
    assert_eq!(head, "\r\nContent-Disposition: form-data; name=\"isvUpdateFileReq\"\r\nContent-Type: application/json");
    let json: serde_json::Value = serde_json::from_str(json.trim_end()).unwrap();
    assert_eq!((&json["type"], &json["file_name"]), (&"FILE".into(), &"a\"b.lic".into()));
    assert_eq!(json["sha256"], const_hex::encode(Sha256::digest(b"\x00license\r\n")));

    let text = upload::Request::characters("evt-1", "LICENSE-TEXT");
    assert!(!format!("{text:?}").contains("LICENSE-TEXT"));
    let body = String::from_utf8(text.to_http(&Site::China.into()).into_body().to_vec()).unwrap();
    assert!(body.contains(r#"{"type":"CHARACTERS","characters":"LICENSE-TEXT"}"#) && !body.contains("filename"));
    assert!(upload::Request::from_http(&answer(200, r#"{"error_code":"CBC.0000","error_msg":"Success"}"#)).is_ok());
    let denied = upload::Request::from_http(&answer(200, r#"{"error_code":"91381038"}"#)).unwrap_err();
    assert!(denied.to_string().contains("denied") && !denied.is_retryable());
}

#[test]
fn deployed_objects_are_read() {
    let mut request = query_deployed_objects::Request::new("asset 1", "image");
    request.query_all = Some(true);
    let expected =
        "/api/mkp-openapi-public/v1/asset/deployed-object?asset_id=asset%201&deployed_type=image&query_all=true";
    assert_eq!(request.to_http(&Site::China.into()).uri().path_and_query().unwrap().as_str(), expected);
    let body = r#"{"error_code":"MKT.0000","data":[{"asset_id":"a","version":null,"image_deployed_object":{"image_id":"i"},"new":[]}]}"#;
    let objects = query_deployed_objects::Request::from_http(&answer(200, body)).unwrap();
    assert_eq!(objects[0].image_deployed_object.as_ref().unwrap().image_id.as_deref(), Some("i"));
    for odd in ["{}", "[1]", "true", "null", r#""""#, r#""\ud800""#] {
        let body = format!(r#"{{"error_code":"MKT.0000","data":[{{"asset_id":"a","version":{odd},"region":7}}]}}"#);
        let objects = query_deployed_objects::Request::from_http(&answer(200, body)).unwrap();
        let object = &objects[0];
        let read = [&object.asset_id, &object.version, &object.region].map(Option::as_deref);
        assert_eq!(read, [Some("a"), None, Some("7")], "{odd}");
    }
    assert!(
        query_deployed_objects::Request::from_http(&answer(200, r#"{"error_code":"MKT.0000"}"#)).unwrap().is_empty()
    );
}
