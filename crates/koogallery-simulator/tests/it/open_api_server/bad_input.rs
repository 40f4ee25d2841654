//! The server answers whatever is sent.

use bytes::Bytes;
use http::Request;
use koogallery::signature::{aksk, usage_push};
use koogallery_simulator::{Instance, Tenant};
use proptest::prelude::*;

use super::{NOW, Stage, access_key, credentials};

const PATHS: [&str; 16] = [
    "/",
    "/api/mkp-openapi-public/global/v1/order/query",
    "/api/mkp-openapi-public/global/v1/isv/usage-data",
    "/rest/marketplace/v1/isv/usage-data",
    "/api/mkp-openapi-public/global/v1/license/activate",
    "/api/mkp-openapi-public/global/v2/license/activate",
    "/api/mkp-openapi-public/global/v1/license/heartbeat",
    "/api/mkp-openapi-public/global/v2/license/software-usage-info",
    "/api/mkp-openapi-public/global/v1/market-event/e1/file",
    "/api/mkp-openapi-public/v1/asset/deployed-object",
    "/api/v1/oauth2/authorize",
    "/api/v1/oauth2/token",
    "/api/v1/oauth2/userinfo",
    "/api/v1/logout",
    "/api/v1/cas/login",
    "/api/v1/cas/p3/serviceValidate",
];

/// Pieces of which requests are made, so that some come close to a right one.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "{\"usage_records\":[{",
        "}]}",
        "\"instance_id\":\"i1\"",
        "\"metering_sn\":\"1\"",
        ",",
        ":",
        "[",
        "]",
        "{",
        "}",
        "null",
        "\"begin_time\":\"20250102T010000Z\"",
        "\"usage_value\":1e300",
        "\"license\":\"x\"",
        "\"license_list\":[",
        "--b",
        "--",
        "\r\n",
        "\r\n\r\n",
        "Content-Disposition: form-data; name=\"isvUpdateFileReq\"",
        "{\"type\":\"FILE\"}",
        "client_id=c",
        "&client_secret=s",
        "&grant_type=authorization_code",
        "&code=1",
        "orderId=MOCKONDEMAND",
        "&orderLineId=",
        "%ff",
        "%",
        "response_type=code&client_id=c&redirect_uri=https://a/",
        "&state=%0a",
        "service=https://a/?x",
    ];
    prop_oneof![9 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_request_gets_a_response(
        path in prop::sample::select(PATHS.to_vec()),
        query in pieces(),
        body in pieces(),
        content_type in 0..4_usize,
        is_signed in prop::bool::weighted(0.9),
    ) {
        let stage = Stage::new();
        stage.open_api.put_instance(Instance::on_demand("i1", NOW));
        stage.open_api.open_license_application("e1");
        stage.open_api.put_tenant(Tenant::new("t", "c", "s", "https://a/"));
        let types = ["application/json", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "text/plain"];
        for method in ["GET", "POST"] {
            let Ok(request) = Request::builder()
                .method(method)
                .uri(format!("https://mkt.myhuaweicloud.com{path}?{query}"))
                .header("content-type", types[content_type])
                .header("signature", usage_push::sign(&access_key(), "1735787045000", "n", body.as_bytes()))
                .header("ts", "1735787045000")
                .header("nonce", "n")
                .body(Bytes::from(body.clone()))
            else {
                return Ok(());
            };
            let request = match aksk::sign(request.clone(), &credentials(), NOW) {
                Ok(signed) if is_signed => signed,
                _ => request,
            };
            let response = stage.open_api.answer(request);
            prop_assert!(response.status().as_u16() < 600);
            prop_assert!(response.status().is_redirection() || !response.body().is_empty());
        }
        prop_assert_eq!(stage.open_api.log().len(), 2);
    }
}
