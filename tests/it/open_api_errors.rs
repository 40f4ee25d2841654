//! What an error of an open API says, and when the same request may be sent again.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use koogallery::open_api::push_usage::{self, UsageRecord};
use koogallery::open_api::report_software_usage::{Report, Usage};
use koogallery::open_api::{
    Api, ApiError, ApiErrorKind, Limit, LimitError, Retry, RetryAfter, activate_license, activate_licenses,
    push_usage_old, query_deployed_objects, query_license, query_order, report_software_usage, upload,
};
use koogallery::timestamp::Timestamp;

const NOW: &str = "Thu, 02 Jan 2025 03:04:05 GMT";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
    let builder = Response::builder().status(status);
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(body.into()).unwrap()
}

fn error(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> ApiError {
    query_order::Request::from_http(&answer(status, headers, body)).unwrap_err()
}

#[test]
fn the_number_decides_under_every_prefix() {
    for (status, number, retry, meaning) in [
        (500, "0999", Retry::BackOff, "internal error"),
        (500, "0100", Retry::No, "out of range"),
        (400, "0101", Retry::No, "invalid, unknown or missing"),
        (400, "0199", Retry::No, "another parameter error"),
        (401, "0150", Retry::No, "another seller"),
        (401, "0151", Retry::No, "not a seller"),
        (401, "0154", Retry::No, "authentication failed"),
        (406, "0250", Retry::BackOff, "too often"),
        (500, "9001", Retry::No, "instance does not exist"),
        (500, "9002", Retry::No, "record is invalid"),
        (500, "9003", Retry::No, "too many usage records"),
        (500, "9004", Retry::No, "21 days"),
    ] {
        for code in
            ["MKT.", "CBC.", "MKT. ", "cbc.", "Mkt .", " CBC. ", "NEW."].map(|prefix| format!("{prefix}{number}"))
        {
            for name in ["resultCode", "error_code", "errorCode", "result_code", "code"] {
                let error = error(status, &[], format!(r#"{{"{name}":"{code}"}}"#));
                assert_eq!((error.retry, error.number()), (retry, Some(number)), "{code}");
                assert!(error.to_string().contains(meaning), "{error}");
            }
        }
    }
    let of_gateway = error(401, &[], r#"{"error_code":"apigw.0150"}"#);
    assert!(matches!(of_gateway.kind, ApiErrorKind::Gateway { .. }) && of_gateway.number().is_none());
    let number = activate_license::Request::from_http(&answer(200, &[], r#"{"error_code":92020003}"#)).unwrap_err();
    assert_eq!(number.code(), Some("92020003"));
}

#[test]
fn success_has_every_prefix_too() {
    for code in ["MKT.0000", "CBC.0000", "MKT. 0000", "cbc.0000"] {
        let body =
            format!(r#"{{"error_code":"{code}","resultMsg":"","orderInfo":{{"orderId":"CS1","orderType":"NEW"}}}}"#);
        let answer = answer(200, &[], body);
        assert!(query_order::Request::from_http(&answer).is_ok(), "{code}");
        assert!(upload::Request::from_http(&answer).is_ok(), "{code}");
        assert!(push_usage::Request::from_http(&answer).is_ok(), "{code}");
        assert!(push_usage_old::Request::from_http(&answer).is_ok(), "{code}");
        assert!(query_deployed_objects::Request::from_http(&answer).is_ok(), "{code}");
        assert!(activate_licenses::Request::from_http(&answer).is_err(), "{code}");
    }
    for code in ["92020000", " 92020000 ", "92020000.0"] {
        for body in [format!(r#"{{"error_code":"{code}"}}"#), format!(r#"{{"error_code":{code}}}"#)] {
            assert!(activate_licenses::Request::from_http(&answer(200, &[], body)).is_ok(), "{code}");
        }
    }
    for code in ["APIGW.0000", "0000", ".0000", "MKT.00000", "MKT0000"] {
        assert!(upload::Request::from_http(&answer(200, &[], format!(r#"{{"error_code":"{code}"}}"#))).is_err());
    }
    assert!(upload::Request::from_http(&answer(500, &[], r#"{"error_code":"CBC.0000"}"#)).is_err());
    assert!(upload::Request::from_http(&answer(200, &[], "\u{feff}{\"error_code\":\"CBC.0000\"}")).is_ok());
}

#[test]
fn a_code_is_found_where_another_is_empty() {
    for body in [
        r#"{"resultCode":null,"error_code":"APIGW.0301","error_msg":"x"}"#,
        r#"{"error_code":"","errorCode":"APIGW.0301","error_msg":null,"errorMsg":"x"}"#,
        r#"{"error":{"code":"APIGW.0301","message":"x"}}"#,
    ] {
        let error = error(401, &[], body);
        assert_eq!(error.code(), Some("APIGW.0301"), "{body}");
        assert!(error.to_string().contains("\"x\""), "{error}");
    }
}

#[test]
fn statuses_decide_what_is_sent_again() {
    let later = [("retry-after", "7")];
    let bodies = ["", r#"{"resultCode":"MKT.0999"}"#, r#"{"error_code":"APIGW.0201"}"#, r#"{"resultCode":"MKT.0100"}"#];
    for body in bodies {
        for headers in [&later[..], &[]] {
            assert_eq!(error(412, headers, body).retry, Retry::No, "{body}");
            assert_eq!(error(302, headers, body).retry, Retry::No, "{body}");
            assert_eq!(error(429, headers, body).retry, Retry::BackOff, "{body}");
        }
        assert_eq!(error(413, &later, body).retry, Retry::BackOff, "{body}");
        assert_eq!(error(413, &[], body).retry, Retry::No, "{body}");
        assert_eq!(error(413, &[("retry-after", "soon")], body).retry, Retry::No, "{body}");
        assert_eq!(error(503, &later, body).retry, Retry::BackOff, "{body}");
    }
    assert_eq!(error(503, &[], "").retry, Retry::BackOff);
    assert_eq!(error(406, &[], "").retry, Retry::BackOff);
    assert_eq!(error(406, &[], r#"{"resultCode":"MKT.0150"}"#).retry, Retry::No);
}

#[test]
fn retry_after_is_read_in_all_its_forms() {
    let pause = |headers: &[(&str, &str)]| error(503, headers, "").pause(time("20250102030000"));
    for (text, seconds) in [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 02 Jan 2025 03:06:05 GMT", 120),
        ("Thursday, 02-Jan-25 03:06:05 GMT", 120),
        ("Thu Jan  2 03:06:05 2025", 120),
        ("Thu, 02 Jan 2025 03:00:05 GMT", 0),
        ("99999999999999999999999", u64::MAX),
    ] {
        // The gateway's clock counts where it is known, and ours where it is not.
        assert_eq!(pause(&[("date", NOW), ("retry-after", text)]), Some(Duration::from_secs(seconds)), "{text}");
        let shift = if text.contains(':') { 245 } else { 0 };
        let by_ours = if shift > 0 && seconds == 0 { 5 } else { seconds.saturating_add(shift) };
        assert_eq!(pause(&[("retry-after", text)]), Some(Duration::from_secs(by_ours)), "{text}");
    }
    for text in ["", "-5", "1.5", "soon", "2025-01-02T03:06:05Z", "Thu, 32 Jan 2025 03:06:05 GMT"] {
        assert_eq!(pause(&[("date", NOW), ("retry-after", text)]), None, "{text}");
    }
    let at = error(503, &[("retry-after", NOW)], "").retry_after;
    assert_eq!(at, Some(RetryAfter::At(time("20250102030405"))));
}

#[test]
fn the_words_come_first_and_are_masked() {
    let body = r#"{"error_code":"APIGW.0301","request_id":"0123456789abcdef0123456789abcdef",
        "error_msg":"Incorrect IAM authentication information: ak QTWAOYTTINDUT2QVKYUC is locked, canonicalRequest:GET|/api/|orderId=CS1|"}"#;
    let error = error(401, &[], body);
    assert_eq!(
        error.to_string(),
        "query order: HTTP 401, \"Incorrect IAM authentication information: ak [masked] is locked\" (APIGW.0301): \
         the signature was not accepted; check AK and SK (five failures in a row lock them for 5 minutes), and the clock, \
         request id 0123456789abcdef0123456789abcdef"
    );
    assert!(!format!("{error:?}").contains("QTWAO"));
    let ApiErrorKind::Gateway { message, .. } = &error.kind else { panic!() };
    assert!(message.contains("canonicalRequest:GET|"), "kept whole, to compare what was signed");

    let refused = self::error(401, &[], r#"{"resultCode":"MKT.0150","resultMsg":"order of\n\u001b[2J13800138000"}"#);
    let text = refused.to_string();
    assert!(text.starts_with("query order: HTTP 401, \"order of [[masked]\" (MKT.0150): not allowed"), "{text}");
    assert!(!text.contains("clock") && !format!("{refused:?}").contains("13800138000"));
    let odd = self::error(400, &[], r#"{"resultCode":"MKT.\u001b[2J7","request_id":"a\nb"}"#).to_string();
    assert!(!odd.contains(char::is_control), "{odd}");
    let long = self::error(400, &[], format!(r#"{{"resultCode":"MKT.7777","resultMsg":"{}"}}"#, "x y ".repeat(9999)));
    assert!(long.to_string().len() < 400);
}

#[test]
fn a_wrong_clock_is_reported_where_the_signature_was_refused() {
    let refused = |sent: &str, received: &str| {
        let body = r#"{"error_code":"APIGW.0301","error_msg":"expired"}"#;
        let mut error = error(401, &[("date", NOW)], body);
        error.measure_clock(time(sent), time(received));
        error
    };
    for (sent, received, ahead) in [
        ("20250102024705", "20250102024705", -1020),
        ("20250102032105", "20250102032105", 1020),
        ("20250102030405", "20250102030405", 0),
        // The date is cut to the second, and the call takes its time.
        ("20250102030405999", "20250102030405999", 0),
        ("20250102030400", "20250102030420", 0),
        ("20250102030346", "20250102030404", -1),
        ("20250102030407", "20250102030427", 2),
        ("20250102030404500", "20250102030404900", -1),
        // The clock was set back meanwhile.
        ("20250102030420", "20250102030400", 0),
    ] {
        assert_eq!(refused(sent, received).clock_difference, Some(ahead), "{sent}");
    }
    let text = refused("20250102024705", "20250102024705").to_string();
    assert!(text.contains("this machine's clock is 1,020 s behind the gateway's"), "{text}");
    let text = refused("20260102030405", "20260102030405").to_string();
    assert!(text.contains("this machine's clock is 31,536,000 s ahead of the gateway's"), "{text}");
    let text = refused("20250102030400", "20250102030420").to_string();
    assert!(text.contains("check AK and SK ") && text.ends_with(": the clock is right"), "{text}");
    // Not the reason, and good to know.
    let text = refused("20250102030905", "20250102030905").to_string();
    assert!(text.contains("check AK and SK ") && text.contains("clock is 300 s ahead of the gateway's"), "{text}");

    let mut without = error(401, &[], r#"{"error_code":"APIGW.0301"}"#);
    without.measure_clock(time("20250102024705"), time("20250102024705"));
    assert_eq!(without.clock_difference, None);
    let mut other = error(500, &[("date", NOW)], r#"{"resultCode":"MKT.0999"}"#);
    other.measure_clock(time("20250102024705"), time("20250102024705"));
    assert!(!other.to_string().contains("clock"), "{other}");
}

#[test]
fn a_redirection_is_named_and_says_nothing_of_its_address_but_the_host() {
    for status in [301, 302, 303, 307, 308] {
        let error = error(status, &[("location", "https://u:p@elsewhere.example.com/x?token=abc")], "<html>");
        assert!(
            matches!(&error.kind, ApiErrorKind::Redirected { host: Some(host) } if host == "elsewhere.example.com")
        );
        assert!(
            error.to_string().contains("redirected to elsewhere.example.com") && !error.to_string().contains("abc")
        );
    }
    assert!(matches!(error(307, &[("location", "/x")], "").kind, ApiErrorKind::Redirected { host: None }));
}

fn broken(outcome: Result<(), LimitError>) -> (String, Limit) {
    let error = outcome.unwrap_err();
    (error.field, error.limit)
}

#[test]
fn license_calls_are_checked_before_they_are_sent() {
    let (fits, too_long) = ("许".repeat(64), "许".repeat(65));
    let longer = Limit::Characters { max: 64, found: 65 };
    let far = Timestamp::from_unix_millis(i64::MAX);

    let mut activation = activate_license::Request::new(&*fits);
    assert_eq!(activation.check(), Ok(()));
    activation.real_effect_time = Some(far);
    assert_eq!(broken(activation.check()), ("real_effect_time".to_owned(), Limit::Time));
    assert_eq!(broken(activate_license::Request::new(&*too_long).check()), ("license".to_owned(), longer));
    assert_eq!(broken(activate_license::Request::new("").check()), ("license".to_owned(), Limit::Required));

    let list = |count| activate_licenses::Request::new(vec![&*fits; count]).check();
    assert_eq!((list(1), list(100)), (Ok(()), Ok(())));
    assert_eq!(broken(list(0)), ("license_list".to_owned(), Limit::Required));
    assert_eq!(broken(list(101)), ("license_list".to_owned(), Limit::Elements { max: 100, found: 101 }));
    let one_bad = activate_licenses::Request::new([&*fits, &*too_long]);
    assert_eq!(broken(one_bad.check()), ("license_list[1]".to_owned(), longer));

    let query = |account: usize, ip: usize| {
        let mut query = query_license::Request::new(&*fits);
        let mut info = query_license::HeartbeatInfo::new("u".repeat(account));
        info.ip = Some("1".repeat(ip).into());
        query.heartbeat_info = Some(info);
        query.check()
    };
    assert_eq!(query(256, 32), Ok(()));
    let account = "heartbeatInfo.thirdPartyAccount".to_owned();
    assert_eq!(broken(query(257, 0)), (account.clone(), Limit::Characters { max: 256, found: 257 }));
    assert_eq!(broken(query(0, 0)), (account, Limit::Required));
    assert_eq!(broken(query(1, 33)), ("heartbeatInfo.ip".to_owned(), Limit::Characters { max: 32, found: 33 }));

    let report = |codes: usize, reports: Vec<Report>| {
        report_software_usage::Request::new(vec![Usage::new("PL1", reports); codes]).check()
    };
    let id = |length: usize| Report::Id("u".repeat(length).into());
    assert_eq!(report(100, vec![id(256); 100]), Ok(()));
    assert_eq!(broken(report(101, vec![id(1)])).1, Limit::Elements { max: 100, found: 101 });
    assert_eq!(broken(report(1, vec![id(1); 101])).0, "usage_info[0].software_usage_Info");
    assert_eq!(broken(report(1, vec![])), ("usage_info[0].software_usage_Info".to_owned(), Limit::Required));
    let in_second = broken(report(1, vec![id(1), id(257)]));
    assert_eq!(in_second.0, "usage_info[0].software_usage_Info[1].id");
    assert_eq!(report(1, vec![Report::ActiveNum(999_999_999)]), Ok(()));
    assert_eq!(broken(report(1, vec![Report::ActiveNum(1_000_000_000)])).1, Limit::AtMost(999_999_999));

    assert_eq!(upload::Request::characters("e", "x".repeat(1024)).check(), Ok(()));
    assert_eq!(broken(upload::Request::characters("e", "x".repeat(1025)).check()).0, "characters");
    assert_eq!(broken(upload::Request::characters("e".repeat(65), "x").check()).0, "event_id");
    assert_eq!(broken(upload::Request::file("e", "n".repeat(1025), "x").check()).0, "file_name");
    assert_eq!(broken(query_order::Request::new("").check()).0, "orderId");
}

#[test]
fn usage_records_are_checked_before_they_are_sent() {
    let record = |change: fn(&mut UsageRecord)| {
        let (begin, end) = (time("20250102010000"), time("20250102020000"));
        let mut record = UsageRecord::new("sn-1", "i-1", begin, end, "12.5".parse().unwrap());
        change(&mut record);
        record
    };
    for (field, change) in [
        ("instance_id", (|record| record.instance_id.clear()) as fn(&mut UsageRecord)),
        ("instance_id", |record| record.instance_id = "i".repeat(65)),
        ("metering_sn", |record| record.metering_sn.clear()),
        ("metering_sn", |record| record.metering_sn = "s".repeat(65)),
        ("relate_pkg_instance", |record| record.relate_pkg_instance = Some("p".repeat(65))),
        ("usage_value", |record| record.usage_value = "0".parse().unwrap()),
        ("usage_value", |record| record.usage_value = "-1".parse().unwrap()),
        ("usage_value", |record| record.usage_value = "100000000".parse().unwrap()),
        ("end_time", |record| record.end_time = time("20250102005959")),
        ("record_time", |record| record.record_time = Timestamp::from_unix_millis(i64::MIN)),
    ] {
        let push = push_usage::Request::new(vec![record(|_| ()), record(change)]).unwrap();
        assert_eq!(broken(push.check()).0, format!("usage_records[1].{field}"));
    }
    for change in [
        (|record| record.usage_value = "99999999.9999".parse().unwrap()) as fn(&mut UsageRecord),
        |record| record.usage_value = "0.0001".parse().unwrap(),
        |record| record.metering_sn = "号".repeat(64),
        |record| record.end_time = record.begin_time,
        // The wire tells whole seconds.
        |record| (record.begin_time, record.end_time) = (time("20250102010000900"), time("20250102010000100")),
    ] {
        assert_eq!(record(change).check(), Ok(()));
    }
    let old = push_usage_old::UsageRecord::new("i-1", "", time("20250102010000"), time("20250102020000"), 1.into());
    assert_eq!(broken(push_usage_old::Request::new(vec![old]).unwrap().check()).0, "usage_records[0].product_id");
}
