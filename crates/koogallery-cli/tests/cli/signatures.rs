//! `sign`, `verify`, `explain`: known answers, every known mistake explained, captured messages.

use std::path::Path;

use serde_json::Value;

use crate::cases::{Case, cases};
use crate::support::{BASIC, KEY, Run, captured, file, run, run_with, text, vectors};

#[test]
fn callback_v2_vectors() {
    for vector in vectors("callback_v2") {
        let keys = match vector["key_display_base64"].as_str() {
            Some(displayed) => vec![("KOOGALLERY_BASIC_KEY", displayed), ("KOOGALLERY_SITE", "europe")],
            None => vec![("KOOGALLERY_BASIC_KEY", text(&vector, "key"))],
        };
        let inputs = ["--nonce", text(&vector, "nonce"), "--timestamp", text(&vector, "timestamp"), "--body", "-"];
        let sign = [&["sign", "callback-v2"], &inputs[..]].concat();
        let body = text(&vector, "body").as_bytes();
        assert_eq!(run_with(&keys, &sign, body).line(), text(&vector, "raw_signature"));
        assert_eq!(run_with(&keys, &sign, text(&vector, "canonical").as_bytes()).line(), text(&vector, "signature"));
        let verify = |signature: &str| {
            let arguments = [&["verify", "callback-v2"], &inputs[..], &["--signature", signature]].concat();
            run_with(&keys, &arguments, body)
        };
        verify(text(&vector, "signature")).says(0, "yes");
        verify(&text(&vector, "signature").to_uppercase()).says(0, "yes");
        verify(&"0".repeat(64)).says(1, "does not match");
        for forbidden in vector["must_not"].as_array().into_iter().flatten() {
            verify(forbidden.as_str().unwrap()).says(1, "does not match");
        }
    }
}

#[test]
fn kit_v2_vectors() {
    for vector in vectors("kit_v2") {
        let keys = [("KOOGALLERY_KIT_KEY", text(&vector, "key"))];
        let inputs = ["--nonce", text(&vector, "nonce"), "--timestamp", text(&vector, "timestamp"), "--body", "-"];
        let sign = [&["sign", "kit-v2"], &inputs[..]].concat();
        let signed = run_with(&keys, &sign, text(&vector, "canonical").as_bytes());
        assert_eq!(signed.line(), text(&vector, "x_sign").to_lowercase());
        let verify = |signature: &str| {
            let arguments = [&["verify", "kit-v2"], &inputs[..], &["--signature", signature]].concat();
            run_with(&keys, &arguments, text(&vector, "body").as_bytes())
        };
        verify(text(&vector, "x_sign")).says(0, "yes");
        verify(&"0".repeat(64)).says(1, "does not match");
    }
}

#[test]
fn auth_token_vectors() {
    for vector in vectors("auth_token") {
        let keys = [("KOOGALLERY_V1_KEY", text(&vector, "key"))];
        let (query, token) = (text(&vector, "query"), text(&vector, "auth_token"));
        let unsigned: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("authToken=")).collect();
        let unsigned = unsigned.join("&");
        if vector["plus_is_space"] == true {
            assert_eq!(run(&keys, &["sign", "auth-token", "--query", &unsigned]).line(), token);
        }
        let expected = if vector["name"] == "reserved_characters_in_value" { (1, "in two ways") } else { (0, "yes") };
        let (code, says) = expected;
        run(&keys, &["verify", "auth-token", "--query", query]).says(code, says);
        run(&keys, &["verify", "auth-token", "--query", &unsigned, "--signature", token]).says(code, says);
        run(&keys, &["verify", "auth-token", "--query", &format!("https://isv.example/p?{query}")]).says(code, says);
        run(&keys, &["verify", "auth-token", "--query", &format!("{query}&extra=1")]).says(1, "no: ");
    }
    for vector in vectors("auth_token_body") {
        let keys = [("KOOGALLERY_KIT_KEY", text(&vector, "key"))];
        let (body, token) = (text(&vector, "body").as_bytes(), text(&vector, "auth_token"));
        assert_eq!(run_with(&keys, &["sign", "auth-token", "--body", "-"], body).line(), token);
        let (code, says) = if vector["name"] == "hidden_member" { (1, "in two ways") } else { (0, "yes") };
        run_with(&keys, &["verify", "auth-token", "--body", "-", "--signature", token], body).says(code, says);
    }
}

#[test]
fn body_sign_vectors() {
    for vector in vectors("body_sign") {
        let keys = [("KOOGALLERY_BASIC_KEY", text(&vector, "key"))];
        let body = file(text(&vector, "body").as_bytes());
        let body = body.path().to_str().unwrap();
        let value = format!(r#"sign_type="HMAC-SHA256", signature="{}""#, text(&vector, "signature"));
        assert_eq!(run(&keys, &["sign", "body", "--body", body]).line(), value);
        run(&keys, &["verify", "body", "--body", body, "--signature", &value]).says(0, "yes");
        run(&keys, &["verify", "body", "--body", body, "--signature", "x"]).says(1, "Body-Sign is malformed");
    }
}

#[test]
fn usage_vector() {
    let keys = [("KOOGALLERY_BASIC_KEY", "test-access-key")];
    let body = br#"{"usage_records":[{"begin_time":"20250102T010000Z","end_time":"20250102T020000Z","instance_id":"inst-0001","metering_sn":"sn-0001","record_time":"20250102T020100Z","usage_value":"12.5"}]}"#;
    let inputs = ["--ts", "1735787045000", "--nonce", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "--body", "-"];
    let signature = "8g2JHHvd84+CHfb2t9FEzT3Zse4rj3TccOrJ31iYdvc=";
    assert_eq!(run_with(&keys, &[&["sign", "usage"], &inputs[..]].concat(), body).line(), signature);
    let verify = [&["verify", "usage", "--signature", signature], &inputs[..]].concat();
    run_with(&keys, &verify, body).says(0, "yes");
    run_with(&keys, &verify, b"{}").says(1, "does not match");
}

#[test]
fn aksk_vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/protocol/aksk.json");
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for vector in &vectors {
        let keys = [("KOOGALLERY_AK", text(vector, "access")), ("KOOGALLERY_SK", text(vector, "secret"))];
        let mut headers: Vec<_> = vector["headers"].as_object().unwrap().iter().collect();
        let token = vector["security_token"].clone();
        let token_name = "X-Security-Token".to_owned();
        if token.is_string() {
            headers.push((&token_name, &token));
        }
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.as_str().unwrap())).collect();
        let mut inputs =
            vec!["--method", text(vector, "method"), "--url", text(vector, "url"), "--date", text(vector, "date")];
        inputs.extend(headers.iter().flat_map(|header| ["--header", header]));
        inputs.extend(["--body", "-"]);
        let body = text(vector, "body").as_bytes();
        let signed = text(vector, "signed_headers");
        let authorization = format!(
            "SDK-HMAC-SHA256 Access={}, SignedHeaders={signed}, Signature={}",
            text(vector, "access"),
            text(vector, "signature")
        );
        // Two vectors leave the host unsigned, and the content type with it.
        if signed.contains("host") {
            assert_eq!(run_with(&keys, &[&["sign", "aksk"], &inputs[..]].concat(), body).line(), authorization);
        }
        let verify = [&["verify", "aksk"], &inputs[..], &["--signature", &authorization]].concat();
        run_with(&keys, &verify, body).says(0, "yes");
        let late = [&verify[..], &["--at", "20300101000000"]].concat();
        run_with(&keys, &late, body).says(1, "the call is");
        let other = [keys[0], ("KOOGALLERY_SK", "another-secret")];
        run_with(&other, &verify, body).says(1, "does not match");
    }
}

/// The arguments of `verify` and `explain` for a case; the body is on the standard input.
fn inspect(case: &Case, command: &str) -> Run {
    let mut arguments = vec![command.to_owned(), case.scheme.to_owned()];
    for (name, value) in &case.arguments {
        arguments.extend([format!("--{name}"), value.clone()]);
    }
    if case.argument("query").is_none() {
        arguments.extend(["--body".to_owned(), "-".to_owned()]);
    }
    arguments.extend(["--signature".to_owned(), case.signature.clone()]);
    let mut keys: Vec<_> = case.keys.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if case.scheme == "aksk" {
        keys.extend([("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey")]);
    }
    run_with(&keys, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), &case.body)
}

#[test]
fn every_mistake_is_explained() {
    for case in cases() {
        let explained = inspect(&case, "explain");
        match case.expected.as_slice() {
            [] => explained.says(0, "right"),
            mistakes => {
                let lines: Vec<_> = mistakes.iter().map(|mistake| format!("- {mistake}")).collect();
                let expected = format!("found: this produces exactly the signature\n{}\n", lines.join("\n"));
                assert_eq!((explained.code, explained.out), (0, expected), "{} {mistakes:?}", case.scheme);
            }
        }
    }
}

#[test]
fn a_stranger_is_not_explained() {
    for case in cases().iter().filter(|case| case.expected.is_empty() && case.scheme != "aksk") {
        let stranger =
            [("KOOGALLERY_BASIC_KEY", "stranger".to_owned()), ("KOOGALLERY_KIT_KEY", "foreigner".to_owned())];
        let case = Case { keys: stranger.to_vec(), ..case.clone() };
        let explained = inspect(&case, "explain");
        explained.says(1, "no known mistake produces this signature");
        assert!(explained.out.lines().count() > 15, "says what was tried: {explained:?}");
        inspect(&case, "verify").says(1, "does not match");
    }
}

#[test]
fn captured_messages() {
    let body = r#"{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001","testFlag":"1"}"#;
    let head = "POST /saasproduce?signature=C17EC06BD6ED4113D2C28BB6E439AAA668FAFD49DD05C880AC0B554932A4DB6D\
                &timestamp=1735689600123&nonce=Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea HTTP/1.1\r\nHost: isv.example.com\r\n";
    let whole = format!("{head}Content-Length: {}\r\n\r\n{body}\n", body.len());
    captured("verify", "callback-v2", &BASIC, &whole).says(0, "yes");
    captured("explain", "callback-v2", &BASIC, &whole).says(0, "right");
    let signed = captured("sign", "callback-v2", &BASIC, &whole);
    assert_eq!(signed.line(), "c17ec06bd6ed4113d2c28bb6e439aaa668fafd49dd05c880ac0b554932a4db6d");
    let spoilt = format!("{head}\r\n{}", body.replace("newInstance", "queryInstance"));
    captured("verify", "callback-v2", &BASIC, &spoilt).says(1, "does not match");
    captured("explain", "callback-v2", &BASIC, &spoilt).says(1, "no known mistake");
    captured("explain", "callback-v2", &BASIC, &whole.replace("&nonce", "&n")).says(0, "nonce is missing");
    let general = [("KOOGALLERY_GENERAL_KEY", KEY), ("KOOGALLERY_BASIC_KEY", "another-key")];
    captured("explain", "callback-v2", &general, &whole).says(0, "KOOGALLERY_GENERAL_KEY");
    let request = file(whole.as_bytes());
    let request = request.path().to_str().unwrap();
    run(&general, &["verify", "callback-v2", "--interface", "general", "--request", request]).says(0, "yes");

    let kit = "POST /produceAPI/v2/tenantSync HTTP/1.1\nX-Sign: E328CA591214868A8B539496973C24024F4BAFB99BD47EC5EBF93CA312B31DA9\n\
               X-Timestamp: 1735689600123\nX-Nonce: Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea\n\n\
               {\"instanceId\":\"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d\", \"name\":\"示例企业\", \"flag\":1, \"testFlag\":1, \"timeStamp\":\"20250101080000123\"}";
    captured("verify", "kit-v2", &[("KOOGALLERY_KIT_KEY", KEY)], kit).says(0, "yes");

    let token = [("KOOGALLERY_V1_KEY", "12345678-90ab-cdef-1234-567890abcdef")];
    let get = "GET /p?activity=expireInstance&instanceId=inst-1&orderId=CS0000000001&timeStamp=20250102030405678\
               &authToken=dmftdHPfPXUTXDELynJ1PLATsQclefDXLwC4hcy9wOw%3D HTTP/1.1\nHost: h\n\n";
    captured("verify", "auth-token", &token, get).says(0, "yes");
    let post = "POST /produceAPI/tenantSync HTTP/1.1\nauthToken: kA7GUjdy8Qcd/Dug/4oc2of5wf3TMrXoHdZXIPxEShA=\n\n\
                {\"instanceId\":\"inst-1\",\"orderId\":\"CS0000000001\",\"tenantId\":\"t1\",\"name\":\"\",\"flag\":1,\"testFlag\":0,\"timeStamp\":\"20250102110405678\"}";
    captured("verify", "auth-token", &token, post).says(0, "yes");

    let answer = "HTTP/1.1 200 OK\nBody-Sign: sign_type=\"HMAC-SHA256\", signature=\"+NNjQFLDMlw6SHyBmnusjyVJ88fm9lvKVgUh7OeqD9A=\"\n\n\
                  {\"resultCode\":\"000000\",\"resultMsg\":\"success.\"}";
    captured("verify", "body", &token, answer).says(0, "yes");
    captured("verify", "body", &token, &answer.replace("Body-Sign", "body-sign")).says(1, "malformed");
    captured("explain", "body", &token, &answer.replace("Body-Sign", "Body-sign")).says(0, "written Body-sign");
    let twice_wrong = answer.replace("Body-Sign", "Body-sign").replace("success.", "done");
    captured("explain", "body", &token, &twice_wrong).says(1, "written Body-sign");
    captured("explain", "body", &token, &answer.replace("Body-Sign", "X")).says(2, "Body-Sign is missing");

    let credentials = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey")];
    let request = "GET /resources?size=1 HTTP/1.1\nHost: service.endpoint.myhuaweicloud.com\nX-Sdk-Date: 20200608T023900Z\n\
                   Authorization: SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=host;x-sdk-date, Signature=cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842\n\n";
    captured("verify", "aksk", &credentials, request).says(0, "yes");
    let gateway =
        file(b"{\"error_msg\":\"verify aksk signature fail, canonicalRequest:GET|/resources/|size=2|||e3b0\"}");
    let gateway = gateway.path().to_str().unwrap();
    let explain = ["explain", "aksk", "--request", "-", "--gateway-answer", gateway];
    run_with(&credentials, &explain, request.as_bytes()).says(0, "the query differs: the request has \"size=1\"");
    let nothing = file(b"{}");
    let explain = ["explain", "aksk", "--request", "-", "--gateway-answer", nothing.path().to_str().unwrap()];
    run_with(&credentials, &explain, request.as_bytes()).says(2, "no canonicalRequest");
}

#[test]
fn what_cannot_be_explained_says_why() {
    let call =
        |signature: &str| format!("POST /p?signature={signature}&timestamp=1735689600123&nonce=n HTTP/1.1\n\n{{}}");
    captured("explain", "callback-v2", &BASIC, &call("[masked]")).says(1, "was masked when the message was captured");
    captured("explain", "callback-v2", &BASIC, &call("C17E****DB6D")).says(1, "was masked");
    captured("explain", "callback-v2", &BASIC, &call("c17ec06b")).says(1, "neither 64 hex digits nor");
    captured("explain", "callback-v2", &BASIC, &call(&"0".repeat(32))).says(1, "made with MD5");
    let kit = "POST /p HTTP/1.1\nX-Sign: [masked]\nX-Timestamp: 1735689600123\nX-Nonce: n\n\n{}";
    captured("explain", "kit-v2", &[("KOOGALLERY_KIT_KEY", KEY)], kit).says(1, "was masked");
    let token = [("KOOGALLERY_V1_KEY", KEY)];
    let get = "GET /p?timeStamp=20250102030405678&authToken=%5Bmasked%5D HTTP/1.1\n\n";
    captured("explain", "auth-token", &token, get).says(1, "was masked");
    let answer = "HTTP/1.1 200 OK\nBody-Sign: sign_type=\"HMAC-SHA256\", signature=\"[masked]\"\n\n{}";
    captured("explain", "body", &token, answer).says(1, "was masked");
}

#[test]
fn compression_and_repeated_members_are_named() {
    let call = |head: &str, body: &str| {
        let signature = "0".repeat(64);
        format!("POST /p?signature={signature}&timestamp=1735689600123&nonce=n HTTP/1.1\n{head}\n{body}")
    };
    let brotli = call("Content-Encoding: br\n", "?");
    captured("explain", "callback-v2", &BASIC, &brotli).says(0, "the body arrived compressed (br)");
    captured("verify", "callback-v2", &BASIC, &brotli).says(1, "the body arrived compressed (br)");
    let repeated = call("", "{\"a\":1,\"a\":2}");
    captured("explain", "callback-v2", &BASIC, &repeated).says(0, "member \"a\" is repeated");
    captured("verify", "callback-v2", &BASIC, &repeated).says(1, "member \"a\" is repeated");
    // Digits of seconds and nonce that could be of 2023 are no reason to refuse a call of today.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let inputs = ["callback-v2", "--nonce", "abcdef170", "--timestamp", &now, "--body", "-"];
    let signed = run_with(&BASIC, &[&["sign"], &inputs[..]].concat(), b"{}");
    let verify = [&["verify"], &inputs[..], &["--signature", signed.line()]].concat();
    run_with(&BASIC, &verify, b"{}").says(0, "yes");
    run_with(&BASIC, &[&verify[..], &["--at", "now"]].concat(), b"{}").says(0, "yes");
}

#[test]
fn the_gateways_own_words() {
    let credentials = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey")];
    let request = "GET /resources?size=1 HTTP/1.1\nHost: service.endpoint.myhuaweicloud.com\nX-Sdk-Date: 20200608T023900Z\n\
                   Authorization: SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=host;x-sdk-date, Signature=cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842\n\n";
    for (words, cause) in [
        ("Incorrect IAM authentication information: the access key is locked", "is locked"),
        ("Incorrect IAM authentication information: signature expired", "the clock is off"),
        ("Incorrect IAM authentication information: AK not exist", "does not know the access key"),
        ("Incorrect IAM authentication information: verify aksk signature fail", "made another signature"),
    ] {
        let answer = file(format!("{{\"error_code\":\"APIGW.0301\",\"error_msg\":\"{words}\"}}").as_bytes());
        let explain = ["explain", "aksk", "--request", "-", "--gateway-answer", answer.path().to_str().unwrap()];
        run_with(&credentials, &explain, request.as_bytes()).says(0, cause);
    }
    let capitals = request.replace("SignedHeaders=host;x-sdk-date", "SignedHeaders=Host;X-Sdk-Date");
    captured("explain", "aksk", &credentials, &capitals).says(0, "not in lower case");
    captured("verify", "aksk", &credentials, &capitals).says(1, "SignedHeaders is malformed");
}

#[test]
fn age_counts_where_it_is_asked_for() {
    let token = [("KOOGALLERY_V1_KEY", "12345678-90ab-cdef-1234-567890abcdef")];
    let query = "activity=expireInstance&instanceId=inst-1&orderId=CS0000000001&timeStamp=20250102030405678\
                 &authToken=dmftdHPfPXUTXDELynJ1PLATsQclefDXLwC4hcy9wOw%3D";
    let at = |command: &str, rest: &[&str]| run(&token, &[&[command, "auth-token", "--query", query], rest].concat());
    at("verify", &[]).says(0, "yes");
    at("verify", &["--at", "20250102030500"]).says(0, "yes");
    at("verify", &["--at", "1735787100000"]).says(0, "yes");
    at("verify", &["--at", "now"]).says(1, "old");
    at("verify", &["--at", "20250102110405"]).says(1, "old");
    at("verify", &["--at", "20250102110405", "--window", "43200"]).says(0, "yes");
    at("explain", &["--at", "20250102110405"]).says(0, "-8 hours off");
    at("explain", &["--at", "20250102080000"]).says(0, "old");
    at("verify", &["--at", "yesterday"]).says(2, "not `now`");
    at("verify", &["--window", "60"]).says(2, "--at");
}
