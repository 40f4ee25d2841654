//! The example `query_order` against a marketplace on a local socket that verifies what it is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};

use http::Request;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::Credentials;
use koogallery::signature::aksk;

use crate::process::example;

const ORDER: &str = r#"{"resultCode":"MKT.0000","resultMsg":"Success","orderInfo":{
  "orderId":"MOCKPERIODYEARNEW","orderType":"NEW","createTime":"20250102030405",
  "orderLine":[{
    "orderLineId":"MOCKPERIODYEARNEW-000001","chargingMode":"PERIOD","periodType":"year","periodNumber":1,
    "expireTime":"20260102155959",
    "productInfo":[{"productId":"OFFI0001","skuCode":"11111111","linearValue":50,"productName":"Demo product,Basic"}],
    "extendParams":[{"name":"emailDomainName","value":"demo.example.com"}],
    "currency":"100","currencyAfterDiscount":"99.5"}],
  "buyerInfo":{"mobilePhone":"18600000000","email":"buyer@example.com","customerId":"0123456789abcdef",
    "customerName":"buyer_01","customerRealName":"Buyer One","customerType":0,"userId":null,"userName":null},
  "extendParams":[]}}"#;

/// Answers one request: with the order if it is signed with the right secret, as the gateway does otherwise. Gives back the
/// request's path and query.
fn answer_one(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let target = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut request = Request::get(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
    let verified = aksk::verify(&request.body(()).unwrap().into_parts().0, b"", &credentials, SystemClock.now());
    let (status, body) = match verified {
        Ok(()) => ("200 OK", ORDER),
        Err(_) => ("401 Unauthorized", r#"{"error_code":"APIGW.0301","error_msg":"no","request_id":"r-1"}"#),
    };
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    target.to_owned()
}

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut program = Command::new(example("query_order"));
    for name in ["KOOGALLERY_AK", "KOOGALLERY_SK", "KOOGALLERY_SITE", "KOOGALLERY_OPEN_API_URL"] {
        program.env_remove(name);
    }
    program.args(arguments).envs(settings.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn prints_an_order_with_personal_data_masked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let marketplace = std::thread::spawn(move || answer_one(&listener));
    let settings =
        [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey"), ("KOOGALLERY_OPEN_API_URL", url.as_str())];
    let output = run(&["MOCKPERIODYEARNEW", "--line", "MOCKPERIODYEARNEW-000001"], &settings);
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{errors}");
    let target = marketplace.join().unwrap();
    assert!(target.ends_with("?orderId=MOCKPERIODYEARNEW&orderLineId=MOCKPERIODYEARNEW-000001"), "{target}");
    let shown = ["order MOCKPERIODYEARNEW\n", "20250102030405", "1 year", "99.5", "OFFI0001", "buyer 0123456789abcdef"];
    for shown in shown.iter().chain(&["  mobile               1***\n", "  e-mail               b***\n"]) {
        assert!(printed.contains(shown), "{shown} is missing in\n{printed}");
    }
    for hidden in ["18600000000", "buyer@example.com", "buyer_01", "Buyer One", "demo.example.com", "SecretKey"] {
        assert!(!printed.contains(hidden), "{hidden} in\n{printed}");
    }
}

#[test]
fn says_what_to_do_when_it_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let marketplace = std::thread::spawn(move || answer_one(&listener));
    let wrong =
        [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "a-wrong-secret"), ("KOOGALLERY_OPEN_API_URL", &url)];
    let odd_site = [wrong[0], wrong[1], ("KOOGALLERY_SITE", "moon")];
    let odd_url = [wrong[0], wrong[1], ("KOOGALLERY_OPEN_API_URL", "moon")];
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (&["CS1"], &wrong, &["APIGW.0301", "request id r-1", "Check KOOGALLERY_AK, KOOGALLERY_SK"]),
        (&["CS1"], &odd_site, &["KOOGALLERY_SITE"]),
        (&["CS1"], &odd_url, &["KOOGALLERY_OPEN_API_URL"]),
        (&["CS1"], &wrong[..1], &["KOOGALLERY_SK: not set, although KOOGALLERY_AK is"]),
        (&["CS1"], &[], &["Set KOOGALLERY_AK and KOOGALLERY_SK", "Access Keys"]),
        (&[], &wrong, &["usage:"]),
        (&["CS1", "--line"], &wrong, &["usage:"]),
    ];
    for (arguments, settings, expected) in cases {
        let output = run(arguments, settings);
        let errors = text(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty());
        for expected in expected {
            assert!(errors.contains(expected), "{expected} is missing in\n{errors}");
        }
        assert!(!errors.contains("a-wrong-secret"), "{errors}");
    }
    marketplace.join().unwrap();
}
