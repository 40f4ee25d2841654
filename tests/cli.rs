//! The command line as a process: known answers, every known mistake explained, captured messages, bad input, and no key
//! in any output.

#[path = "diagnosis/cases.rs"]
mod cases;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cases::{Case, cases};
use serde_json::Value;

/// What a run ended with.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// The whole output of a run that succeeded, without its line end.
    #[track_caller]
    fn line(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        let line = self.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{self:?}");
        line
    }

    #[track_caller]
    fn says(&self, code: i32, text: &str) {
        let place = if code == 2 { &self.err } else { &self.out };
        assert!(self.code == code && place.contains(text), "{self:?} should be {code} and say {text:?}");
        assert!(code != 2 || self.out.is_empty(), "{self:?}");
    }
}

fn run_with(keys: &[(&str, &str)], arguments: &[&str], stdin: &[u8]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KOOGALLERY_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(keys.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // It may end without reading.
    let _ = process.stdin.take().unwrap().write_all(stdin);
    let output = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
    for (name, value) in keys.iter().filter(|(name, _)| name.ends_with("_KEY") || name.ends_with("_SK")) {
        for key in value.split(',').map(str::trim).filter(|key| key.len() > 3) {
            assert!(!run.out.contains(key) && !run.err.contains(key), "{name} stands in {run:?}");
        }
    }
    assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "no terminal, no colours: {run:?}");
    run
}

fn run(keys: &[(&str, &str)], arguments: &[&str]) -> Run {
    run_with(keys, arguments, b"")
}

fn vectors(kind: &str) -> Vec<Value> {
    let read = |source: &str| -> Vec<Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{source}/{kind}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    // The vectors of `python` are those of `java`.
    let all: Vec<_> = ["protocol", "java"].into_iter().flat_map(read).collect();
    assert!(all.len() > 10, "{kind}");
    all
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} of {vector}"))
}

/// A file that goes away with the test.
fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/protocol/aksk.json");
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

#[test]
fn field_cipher_vectors() {
    for vector in vectors("field_cipher") {
        let keys = [("KOOGALLERY_V1_KEY", text(&vector, "access_key"))];
        let [encrypt_type, iv, plaintext, ciphertext] =
            ["encrypt_type", "iv", "plaintext", "ciphertext"].map(|field| text(&vector, field));
        let encrypted = run(&keys, &["encrypt", "--type", encrypt_type, "--iv", iv, "--", plaintext]);
        assert_eq!(encrypted.line(), ciphertext);
        assert_eq!(run(&keys, &["decrypt", "--type", encrypt_type, "--", ciphertext]).out, format!("{plaintext}\n"));
        let settings = [keys[0], ("KOOGALLERY_ENCRYPT_TYPE", encrypt_type)];
        assert_eq!(run_with(&settings, &["decrypt", "-"], ciphertext.as_bytes()).out, format!("{plaintext}\n"));
        let fresh = run(&keys, &["encrypt", "--type", encrypt_type, "--", plaintext]);
        assert_ne!(fresh.line(), ciphertext);
        run(&[("KOOGALLERY_V1_KEY", "another-key")], &["decrypt", "--", ciphertext]).says(1, "no key");
    }
    let keys = [("KOOGALLERY_BASIC_KEY", "12345678-90ab-cdef-1234-567890abcdef,older-key")];
    let older = run(&[("KOOGALLERY_BASIC_KEY", "older-key")], &["encrypt", "text"]);
    assert_eq!(run(&keys, &["decrypt", older.line()]).line(), "text");
    run(&keys, &["encrypt", &"x".repeat(80)]).says(2, "80 bytes");
    run(&keys, &["encrypt", "--iv", "short", "x"]).says(2, "16 printable");
    run(&keys, &["encrypt", "--type", "3", "x"]).says(2, "AES-256");
    run(&[keys[0], ("KOOGALLERY_ENCRYPT_TYPE", "9")], &["encrypt", "x"]).says(2, "KOOGALLERY_ENCRYPT_TYPE");
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
                let expected = format!("found: this gives exactly the signature\n{}\n", lines.join("\n"));
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
        explained.says(1, "no known mistake gives this signature");
        assert!(explained.out.lines().count() > 15, "says what was tried: {explained:?}");
        inspect(&case, "verify").says(1, "does not match");
    }
}

const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const BASIC: [(&str, &str); 1] = [("KOOGALLERY_BASIC_KEY", KEY)];

fn captured(command: &str, scheme: &str, keys: &[(&str, &str)], message: &str) -> Run {
    run_with(keys, &[command, scheme, "--request", "-"], message.as_bytes())
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
    at("verify", &["--at", "yesterday"]).says(2, "neither `now`");
    at("verify", &["--window", "60"]).says(2, "--at");
}

#[test]
fn what_cannot_run_says_why() {
    let sign = ["sign", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "-"];
    run(&[], &sign).says(2, "KOOGALLERY_BASIC_KEY is not set");
    run(&[("KOOGALLERY_BASIC_KEY", "")], &sign).says(2, "KOOGALLERY_BASIC_KEY is not set");
    run(&[("KOOGALLERY_BASIC_KEY", "secret-key,")], &sign).says(2, "KOOGALLERY_BASIC_KEY: an access key is empty");
    run(&[BASIC[0], ("KOOGALLERY_KIT_KEY", KEY)], &sign).says(2, "bound to two interface types");
    run(&[BASIC[0], ("KOOGALLERY_SITE", "mars")], &sign).says(2, "KOOGALLERY_SITE");
    run(&[BASIC[0], ("KOOGALLERY_SITE", "europe")], &sign).says(2, "not standard Base64");
    run(&BASIC, &["sign", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "/no/such/file"])
        .says(2, "/no/such/file cannot be read");
    run(&BASIC, &["sign", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "/"]).says(2, "cannot be read");
    run(&BASIC, &["sign", "callback-v2"]).says(2, "--nonce");
    run(&BASIC, &["verify", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "-"]).says(2, "--signature");
    run(&BASIC, &["explain", "body", "--body", "-"]).says(2, "there is no signature");
    run(&BASIC, &["sign", "auth-token", "--query", "a=1"]).says(2, "timeStamp is missing");
    run(&BASIC, &["sign", "auth-token", "--query", "timeStamp=1&authToken=x"]).says(2, "repeated");
    run(&BASIC, &["sign", "auth-token"]).says(2, "--body");
    run(&BASIC, &["sign", "auth-token", "--body", "-"]).says(2, "cannot be decoded");
    run(&BASIC, &["sign", "rot13"]).says(2, "rot13");
    run(&BASIC, &["verifi"]).says(2, "verify");
    run(&BASIC, &[]).says(2, "Usage");
    run(&[], &["verify", "callback-v2", "--request", "-"]).says(2, "KOOGALLERY_BASIC_KEY");
    for message in ["", "hello", "GET / HTTP/1.1\nno header\n\n", "HTTP/1.1 200 OK\n\n"] {
        captured("verify", "callback-v2", &BASIC, message).says(2, "error: ");
    }
    let binary = run_with(&BASIC, &["verify", "callback-v2", "--request", "-"], b"\xff\xfe\x00");
    binary.says(2, "error: ");
    run(&[], &["sign", "aksk", "--method", "GET", "--url", "https://h/", "--date", "20200608T023900Z"])
        .says(2, "KOOGALLERY_AK");
    let aksk = |url, date| {
        let keys = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey")];
        run(&keys, &["sign", "aksk", "--method", "GET", "--url", url, "--date", date])
    };
    aksk("/no/host", "20200608T023900Z").says(2, "names no host");
    aksk("https://h/ /", "20200608T023900Z").says(2, "the address");
    aksk("https://h/", "yesterday").says(2, "X-Sdk-Date");
    // A key given as an argument by mistake is not repeated.
    for arguments in [["sign", "--key=s3cret-s3cret"], ["encrypt", "--password=s3cret-s3cret"]] {
        let refused = run(&BASIC, &arguments);
        refused.says(2, "unexpected argument");
        assert!(!refused.err.contains("s3cret"), "{refused:?}");
    }
}

#[test]
fn key_pairs_and_client_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rsa.pem");
    let path = path.to_str().unwrap();
    let made = run(&[], &["--quiet", "rsa-keygen", "--out", path]);
    let pem = std::fs::read_to_string(path).unwrap();
    let key = koogallery::cipher::client_secret::PrivateKey::from_pem(&pem).unwrap();
    assert_eq!((key.bits(), key.public_key()), (3072, made.line()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    run(&[], &["rsa-keygen", "--out", path]).says(2, "exists already");
    assert_eq!(std::fs::read_to_string(path).unwrap(), pem);
    run(&[], &["rsa-keygen", "--out", path, "--bits", "1024"]).says(2, "3072");

    let vectors_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let vectors: Vec<Value> =
        serde_json::from_slice(&std::fs::read(vectors_folder.join("java/client_secret.json")).unwrap()).unwrap();
    let key_file = |name: &str| -> PathBuf { vectors_folder.join(format!("keys/{name}.pem")) };
    for vector in vectors.iter().filter(|vector| text(vector, "key") == "test_rsa_3072").take(6) {
        let setting = key_file(text(vector, "key"));
        let keys = [("KOOGALLERY_RSA_PRIVATE_KEY_FILE", setting.to_str().unwrap())];
        assert_eq!(run(&keys, &["decrypt-secret", text(vector, "ciphertext")]).line(), text(vector, "secret"));
        let other = [("KOOGALLERY_RSA_PRIVATE_KEY_FILE", path)];
        run(&other, &["decrypt-secret", text(vector, "ciphertext")]).says(1, "cannot be decrypted");
    }
    run(&[], &["decrypt-secret", "00"]).says(2, "KOOGALLERY_RSA_PRIVATE_KEY_FILE");
    run(&[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", "/no/such.pem")], &["decrypt-secret", "00"]).says(2, "/no/such.pem");
}

#[test]
fn quiet_leaves_only_the_exit_code_and_results() {
    let case = cases().into_iter().find(|case| case.expected.len() == 1).unwrap();
    let arguments: Vec<String> =
        case.arguments.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]).collect();
    let rest: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let keys: Vec<_> = case.keys.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let inspect = |command| {
        let fixed = ["--quiet", command, case.scheme, "--body", "-", "--signature", &case.signature];
        run_with(&keys, &[&fixed[..], &rest].concat(), &case.body)
    };
    let verified = inspect("verify");
    assert_eq!((verified.code, verified.out.as_str(), verified.err.as_str()), (1, "", ""));
    assert_eq!(inspect("explain").line(), format!("- {}", case.expected[0]));
}

#[test]
fn help_and_completions() {
    run(&[], &["--help"]).says(0, "Examples:");
    run(&[], &["--version"]).says(0, env!("CARGO_PKG_VERSION"));
    for command in ["sign", "verify", "explain", "encrypt", "decrypt", "rsa-keygen", "decrypt-secret", "completions"] {
        run(&[], &[command, "--help"]).says(0, "Example");
    }
    for command in ["sign", "verify", "explain"] {
        for (scheme, about) in [
            ("callback-v2", "V2.0 callbacks"),
            ("kit-v2", "V2.0 Kit"),
            ("auth-token", "V1.0 callbacks"),
            ("body", "V1.0 answers"),
            ("usage", "usage push"),
            ("aksk", "Open-API"),
        ] {
            let help = run(&[], &[command, scheme, "--help"]);
            assert!(help.out.lines().next().unwrap().contains(about), "{help:?}");
        }
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        run(&[], &["completions", shell]).says(0, "callback-v2");
    }
    run(&[], &["completions", "tcl"]).says(2, "possible values");
}

#[test]
fn check_speaks_https_and_calls_no_metadata_service() {
    let keys = [("KOOGALLERY_BASIC_KEY", "a-key-for-trying-out")];
    let check = |url: &str, more: &[&str]| run(&keys, &[&["check", url], more].concat());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = (&stream).write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
        }
    });
    check(&url, &[]).says(1, "what listens there does not speak TLS");
    check("http://169.254.169.254/x", &["--i-own-this-host"]).says(2, "never called");

    check(&url, &["--ca", "/no/such.pem"]).says(2, "/no/such.pem");
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate").unwrap();
    check(&url, &["--ca", empty.path().to_str().unwrap()]).says(2, "no certificate in PEM");
}

#[test]
fn it_starts_at_once() {
    let start = || {
        let begin = Instant::now();
        run(&[], &["--version"]);
        begin.elapsed()
    };
    let quickest = (0..20).map(|_| start()).min().unwrap();
    assert!(quickest < Duration::from_millis(50), "{quickest:?}");
}
