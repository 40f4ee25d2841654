//! `record` and `replay`: bytes stay what they are on their way, and what is written down holds no secret.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery::signature::{auth_token, auth_token_body, body_sign, callback_v2, kit_v2};
use koogallery::timestamp::CHINA;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Server;
use crate::servers::{Example, KEYS, answering, raw_server, read_request, sent};
use crate::support::{Run, run, run_with};

const BASIC: (&str, &str) = KEYS[0];
const V1: (&str, &str) = KEYS[1];
const KIT: (&str, &str) = KEYS[2];
const PHONE: &str = "13800138000";
const EMAIL: &str = "li.na@customer.example";

/// A proxy in front of a seller, and what it has captured.
struct Recorder {
    server: Server,
    captures: PathBuf,
    _folder: TempDir,
}

impl Recorder {
    fn start(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let captures = folder.path().join("captures");
        Self { server: start(target, &captures), captures, _folder: folder }
    }

    fn entries(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.captures.join("captures.jsonl")).unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What was noted, once there is so much of it: an exchange is written down after its answer.
    fn entries_once(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.entries().len() < count {
            assert!(Instant::now() < deadline, "{:?}", self.entries());
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut entries = self.entries();
        entries.sort_by_key(|entry| entry["id"].to_string());
        entries
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.captures.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn replay(&self, id: &str, url: &str, rest: &[&str]) -> Run {
        let captures = self.captures.to_str().unwrap();
        run(&KEYS, &[&["replay", id, "--url", url, "--captures", captures], rest].concat())
    }

    /// No file holds any of it.
    fn holds_none_of(&self, secrets: &[&str]) {
        let mut files = 0;
        for entry in std::fs::read_dir(&self.captures).unwrap() {
            let path = entry.unwrap().path();
            let content = std::fs::read_to_string(&path).unwrap();
            let all = KEYS.iter().map(|(_, key)| key).chain(secrets);
            all.for_each(|secret| assert!(!content.contains(*secret), "{secret} in {}: {content}", path.display()));
            files += 1;
        }
        assert!(files > 2, "nothing was captured");
    }
}

fn start(target: &str, captures: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["record", "--listen", "127.0.0.1:0", "--target", target, "--captures"]).arg(captures);
    Server::start(command.envs(KEYS))
}

fn key((_, text): (&str, &str)) -> AccessKey {
    AccessKey::new(text).unwrap()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn post(target: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: tunnel.example\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn nonce() -> String {
    format!("{:032x}", SystemClock.now().as_unix_millis())
}

/// A call of V2.0, and its signature.
fn v2(body: &str) -> (Vec<u8>, String) {
    let query = callback_v2::signed_query(&key(BASIC), &nonce(), SystemClock.now(), body.as_bytes());
    let signature = query.split(['=', '&']).nth(1).unwrap().to_owned();
    (post(&format!("/saasproduce?{query}"), "Content-Type: application/json\r\n", body), signature)
}

const PURCHASE: &str =
    r#"{"activity":"newInstance","businessId":"b1","orderId":"CS1","orderLineId":"CS1-000001","testFlag":"0"}"#;

#[test]
fn everything_is_handed_on_and_back_as_it_is() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_by_seller = Arc::clone(&seen);
    let seller = raw_server(move |mut stream| {
        *seen_by_seller.lock().unwrap() = read_request(&mut stream);
        let head = "HTTP/1.1 201 Created\r\nbody-sign: x\r\nX-oDD: 1\r\nX-oDD: 2\r\nKeep-Alive: 5\r\n";
        let _ = stream.write_all(
            format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\n{{ }}\r\n1\r\n\n\r\n0\r\n\r\n").as_bytes(),
        );
    });
    let recorder = Recorder::start(&format!("http://{seller}"));
    let target = "/A%20b/c?signature=%2b+%7e&&x=%E4%BD%A0&y";
    let headers = "X-Forwarded-For: 192.0.2.7\r\nX-FORWARDED-PROTO: https\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\
                   TE: trailers\r\nauthToken: a+/=\r\nCookie: id=c00kie\r\nAuthorization: Bearer t0ken\r\nX-Two: a\r\nX-Two: b\r\n";
    let body = "{ \"activity\" : \"x\",\r\n \"activity\":\"\\u4f60\" }\n";
    let answer = sent(recorder.server.address, &post(target, headers, body));
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(
        answer,
        "HTTP/1.1 201 Created\r\nbody-sign: x\r\nX-oDD: 1\r\nX-oDD: 2\r\nContent-Length: 4\r\nConnection: close\r\n\r\n{ }\n"
    );
    let seen = String::from_utf8(seen.lock().unwrap().clone()).unwrap();
    let (head, seen_body) = seen.split_once("\r\n\r\n").unwrap();
    assert_eq!(seen_body, body);
    assert_eq!(head.lines().next().unwrap(), format!("POST {target} HTTP/1.1"));
    let mut received: Vec<_> = head.lines().skip(1).map(|line| line.split_once(": ").unwrap()).collect();
    received.sort_unstable_by_key(|(name, _)| name.to_lowercase());
    let received: Vec<_> = received.iter().map(|(name, value)| format!("{}: {value}", name.to_lowercase())).collect();
    let length = format!("content-length: {}", body.len());
    let host = format!("host: {seller}");
    assert_eq!(
        received,
        [
            "authorization: Bearer t0ken",
            "authtoken: a+/=",
            "connection: close",
            &length,
            "cookie: id=c00kie",
            &host,
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-proto: https",
            "x-two: a",
            "x-two: b"
        ]
    );

    let entry = recorder.entries_once(1).remove(0);
    assert_eq!((&entry["method"], &entry["path"], &entry["status"]), (&"POST".into(), &"/A%20b/c".into(), &201.into()));
    let request = recorder.file(&format!("{}.request.txt", entry["id"].as_str().unwrap()));
    assert!(request.contains("\r\nX-FORWARDED-PROTO: https\r\n") && request.ends_with(body), "{request}");
    let answer = recorder.file(&format!("{}.answer.txt", entry["id"].as_str().unwrap()));
    assert!(answer.contains("\r\nbody-sign: x\r\nX-oDD: 1\r\n"), "as the seller wrote it: {answer}");
    recorder.holds_none_of(&["c00kie", "t0ken"]);
}

#[test]
fn who_is_not_there_is_captured_too() {
    let nobody = raw_server(drop);
    let recorder = Recorder::start(&format!("http://{nobody}"));
    let (call, signature) = v2(PURCHASE);
    assert!(sent(recorder.server.address, &call).starts_with(b"HTTP/1.1 502 Bad Gateway\r\n"));
    let entry = recorder.entries_once(1).remove(0);
    assert_eq!((&entry["status"], &entry["id"]), (&502.into(), &"0001-newInstance".into()));
    assert!(entry["error"].as_str().unwrap().contains("cut off"), "{entry}");
    recorder.holds_none_of(&[&signature]);

    // What is no request is answered, and not handed on.
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\nContent-Length: 12582913\r\n\r\n".to_owned(), 413),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(70_000)), 431),
        ("GET /a?\" HTTP/1.1\r\n\r\n".to_owned(), 400),
    ] {
        let answer = sent(recorder.server.address, request.as_bytes());
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(recorder.entries().len(), 1);
}

#[test]
fn twelve_mebibytes_are_handed_on() {
    let seller = raw_server(|mut stream| {
        let length = read_request(&mut stream).len();
        let body = format!("{{\"resultCode\":\"000000\",\"length\":{length}}}");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    });
    let recorder = Recorder::start(&format!("http://{seller}"));
    let body = format!("{{\"activity\":\"newInstance\",\"x\":\"{}\"}}", "x".repeat((12 << 20) - 100));
    let (call, _) = v2(&body);
    let answer = String::from_utf8(sent(recorder.server.address, &call)).unwrap();
    assert!(answer.contains("000000"), "{answer}");
    assert_eq!(recorder.entries_once(1)[0]["signature"], "the signature is right");
}

/// Captured, explained and made again, against a seller who verifies.
#[test]
fn calls_are_captured_explained_and_made_again() {
    let seller = Example::start("isv_server", &[]);
    let recorder = Recorder::start(&seller.url(""));
    let address = recorder.server.address;
    let mut secrets = vec![PHONE.to_owned(), EMAIL.to_owned(), "Li Na".to_owned(), "李娜".to_owned()];
    let mut call = |request: &[u8], signature: &str| {
        secrets.extend([signature.to_owned(), encoded(signature)]);
        String::from_utf8(sent(address, request)).unwrap()
    };

    let (request, signature) = v2(PURCHASE);
    assert!(call(&request, &signature).contains(r#""resultCode":"000000""#));

    let cipher = FieldCipher::new(&key(V1), EncryptType::Aes256);
    let [phone, email] = [PHONE, EMAIL].map(|text| cipher.encrypt(text).unwrap().as_str().to_owned());
    let unsigned = format!(
        "activity=newInstance&businessId=b2&orderId=CS2&productId=OFFI1&customerId=c1&customerName=%E6%9D%8E%E5%A8%9C\
         &userName=Li+Na&mobilePhone={}&email={}&testFlag=0&timeStamp={}",
        encoded(&phone),
        encoded(&email),
        SystemClock.now().to_compact_millis()
    );
    let token = auth_token::sign(&key(V1), &unsigned).unwrap();
    let get = format!("GET /saasproduce?{unsigned}&authToken={} HTTP/1.1\r\nHost: x\r\n\r\n", encoded(&token));
    let answer = call(get.as_bytes(), &token);
    assert!(answer.contains(r#""resultCode":"000000""#) && answer.contains("\r\nBody-Sign: sign_type="), "{answer}");
    let answered = body_sign::sign(&key(V1), answer.split_once("\r\n\r\n").unwrap().1.as_bytes());
    assert!(answer.contains(&answered), "{answer}");
    call(b"GET / HTTP/1.1\r\n\r\n", answered.split('"').nth(3).unwrap());

    let user = format!(
        r#"{{"userName":"li.na@x","name":"李娜","orgCode":"D1","role":"user","enable":"true","mobile":"{PHONE}","email":"{EMAIL}"}}"#
    );
    let time = SystemClock.now().to_compact_millis_in(CHINA);
    let rest = format!(
        r#""tenantId":"t1","appId":"a1","currentSyncTime":"{time}","flag":1,"instanceId":"","timeStamp":"{time}""#
    );
    let body = format!(r#"{{{rest},"userList":[{user}]}}"#);
    let [sign, timestamp, nonce] = kit_v2::signed_headers(&key(KIT), &nonce(), SystemClock.now(), body.as_bytes());
    let headers = [&sign, &timestamp, &nonce].map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    call(&post("/saasproduce/produceAPI/v2/authSync", &headers, &body), &sign.1);

    let list = serde_json::to_string(&format!("[{user}]")).unwrap();
    let body = format!(r#"{{{rest},"userList":{list}}}"#);
    // The service takes the V1.0 key for the Kit of V1.0.
    let token = auth_token_body::sign(&key(V1), body.as_bytes()).unwrap();
    let headers = format!("authToken: {token}\r\n");
    let answer = call(&post("/saasproduce/produceAPI/authSync", &headers, &body), &token);
    if let Some(signed) = answer.split("signature=\"").nth(1) {
        secrets.push(signed.split('"').next().unwrap().to_owned());
    }

    let entries = recorder.entries_once(5);
    let ids: Vec<_> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["0001-newInstance", "0002-newInstance", "0003-unknown", "0004-authSync", "0005-authSync"]);
    for entry in entries.iter().filter(|entry| entry["activity"] != "unknown") {
        assert_eq!(entry["signature"], "the signature is right", "{entry}");
    }
    assert_eq!(
        (&entries[1]["bodySign"], &entries[1]["resultCode"]),
        (&"the signature is right".into(), &"000000".into())
    );
    for entry in [&entries[3], &entries[4]] {
        assert_eq!(entry["resultCode"], "000000", "{entry}");
    }
    assert_eq!((&entries[0]["bodySign"], &entries[2]["signature"]), (&Value::Null, &"there is no signature".into()));
    recorder.holds_none_of(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
    let request = recorder.file("0002-newInstance.request.txt");
    assert!(request.contains("&customerName=%E6%9F%90%E6%9F%90&userName=Xx+Xx&mobilePhone="), "{request}");
    assert!(request.contains("authToken=[masked]"), "{request}");
    let request = recorder.file("0005-authSync.request.txt");
    assert!(request.contains(r#"\"name\":\"某某\",\"orgCode\":\"D1\""#), "{request}");

    for id in ["0001-newInstance", "0002-newInstance", "4", "0005"] {
        let again = recorder.replay(id, &seller.url(""), &[]);
        again.says(0, "same: the result code is ");
        assert!(secrets.iter().all(|secret| !again.out.contains(secret)), "{again:?}");
    }
    let again = recorder.replay("2", &seller.url("/saasproduce"), &[]);
    again.says(0, "Body-Sign: the signature is right");
    for name in ["\"userName\":\"", "\"password\":\"", "mobilePhone="] {
        let (_, value) = again.out.split_once(name).unwrap_or_else(|| panic!("{name}: {again:?}"));
        let value = value.split(['"', '&']).next().unwrap();
        let encoded = ["%58", "%78", "%30", "%2B", "%2F", "%3D"];
        let value = encoded.iter().fold(value.to_owned(), |value, written| value.replace(written, ""));
        assert!(value.chars().all(|letter| "Xx0+/=".contains(letter)), "{name}{value}");
    }
    let quiet = recorder.replay("2", &seller.url(""), &["--quiet"]);
    assert_eq!((quiet.code, &*quiet.out, &*quiet.err), (0, "", ""));
    let other = answering("HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"resultCode\":\"000001\"}");
    recorder.replay("1", &format!("http://{other}"), &[]).says(1, "another: the result code is 000001, and was 000000");
    let compressing = raw_server(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08\x00\x00").unwrap();
    });
    recorder.replay("1", &format!("http://{compressing}"), &[]).says(1, "[5 bytes compressed with gzip]");
    recorder.replay("1", "http://127.0.0.1:1", &[]).says(2, "no connection");
    let silent = raw_server(|mut stream| drop(read_request(&mut stream)));
    recorder.replay("1", &format!("http://{silent}"), &[]).says(1, "no answer");
    recorder.replay("1", "http://192.0.2.1", &[]).says(2, "--i-own-this-host");
    recorder.replay("3", &seller.url(""), &[]).says(2, "--profile");
    recorder.replay("99-newInstance", &seller.url(""), &[]).says(2, "there are 0001-newInstance, 0002-newInstance");
    recorder.replay("99", &seller.url(""), &[]).says(2, "the last ones are 0001-newInstance");
    for id in ["../0001-newInstance", "0001/newInstance", "", ".", "a\\b"] {
        recorder.replay(id, &seller.url(""), &[]).says(2, "is not the id of a capture");
    }
}

#[test]
fn a_wrong_signature_is_kept_and_can_be_explained() {
    let recorder = Recorder::start(&format!("http://{}", answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
    let spoilt = |body: &str, sent_body: &str| {
        let query = callback_v2::signed_query(&key(BASIC), &nonce(), SystemClock.now(), body.as_bytes());
        sent(recorder.server.address, &post(&format!("/p?{query}"), "", sent_body));
        query
    };
    let query = spoilt(&format!("{PURCHASE}\n"), PURCHASE);
    let named = PURCHASE.replace('{', r#"{"userName":"Li Na","#);
    spoilt(&format!("{named}\n"), &named);
    let entries = recorder.entries_once(2);
    for entry in &entries {
        assert!(entry["signature"].as_str().unwrap().contains("line break"), "{entry}");
    }
    let request = recorder.captures.join("0001-newInstance.request.txt");
    assert!(recorder.file("0001-newInstance.request.txt").contains(&query));
    run(&KEYS, &["explain", "callback-v2", "--request", request.to_str().unwrap()]).says(0, "line break");
    run(&KEYS, &["verify", "callback-v2", "--request", request.to_str().unwrap()]).says(1, "does not match");
    recorder.holds_none_of(&["Li Na"]);
    // Its age is no fault of the signature's.
    let late = koogallery::timestamp::Timestamp::from_unix_millis(SystemClock.now().as_unix_millis() - 600_000);
    let query = callback_v2::signed_query(&key(BASIC), &nonce(), late, PURCHASE.as_bytes());
    sent(recorder.server.address, &post(&format!("/p?{query}"), "", PURCHASE));
    let entry = recorder.entries_once(3).remove(2);
    assert!(entry["signature"].as_str().unwrap().contains("old"), "{entry}");
    recorder.holds_none_of(&[query.split(['=', '&']).nth(1).unwrap()]);
}

/// The captured one is masked, and a seller could not decrypt it.
#[test]
fn a_client_secret_is_made_again() {
    use koogallery::cipher::client_secret::PrivateKey;
    use koogallery::random::OsRandom;

    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/keys/test_rsa_3072.pem");
    let private_key = PrivateKey::from_pem(&std::fs::read_to_string(&pem).unwrap()).unwrap();
    let secret = private_key.encrypt("s3cret", &OsRandom).unwrap();
    let seller = Example::start("isv_server", &[]);
    let recorder = Recorder::start(&seller.url(""));
    let time = SystemClock.now().to_compact_millis_in(CHINA);
    let synchronize = |activity: &str, rest: &str| {
        let body = format!(r#"{{"tenantId":"t1","instanceId":"","flag":1,"timeStamp":"{time}",{rest}}}"#);
        let headers = kit_v2::signed_headers(&key(KIT), &nonce(), SystemClock.now(), body.as_bytes());
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>();
        sent(recorder.server.address, &post(&format!("/produceAPI/v2/{activity}"), &headers, &body));
    };
    synchronize("tenantSync", r#""tenantCode":"T1","name":"Customer","domainName":"https://t1.example.com""#);
    synchronize("applicationSync", &format!(r#""appId":"app-1","clientId":"c1","clientSecret":"{secret}""#));
    for entry in recorder.entries_once(2) {
        assert_eq!(entry["resultCode"], "000000", "{entry}");
    }
    recorder.holds_none_of(&[&secret, "Customer"]);
    recorder.replay("2", &seller.url(""), &[]).says(1, ", and was 000000");
    let captures = recorder.captures.to_str().unwrap();
    let keys = [&KEYS[..], &[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", pem.to_str().unwrap())]].concat();
    run(&keys, &["replay", "2", "--url", &seller.url(""), "--captures", captures]).says(0, "same");
}

/// Bodies that are no JSON, hold a key or spell it out, and a signature that the seller repeats.
#[test]
fn what_a_seller_lets_slip_is_not_kept() {
    let seller = raw_server(|mut stream| {
        let request = String::from_utf8_lossy(&read_request(&mut stream)).into_owned();
        let signature = request.split(['=', '&']).nth(1).unwrap_or_default().to_owned();
        let body = match request.contains("queryInstance") {
            true => format!("<html>{} {signature}</html>", BASIC.1),
            false => format!(
                r#"{{"resultCode":"000001","resultMsg":"{signature} is not {PHONE} {}","password":"s3cret-pass"}}"#,
                BASIC.1.replace('-', "\\u002d")
            ),
        };
        let head = format!("HTTP/1.1 200 OK\r\nX-Debug: {signature}\r\nX-Key: {}\r\n", BASIC.1);
        let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    });
    let recorder = Recorder::start(&format!("http://{seller}"));
    let named = PURCHASE.replace('{', &format!(r#"{{"mobile":"{PHONE}","#));
    let (first, signature) = v2(&named);
    let (second, other) = v2(&PURCHASE.replace("newInstance", "queryInstance"));
    let answers = [first, second].map(|call| String::from_utf8(sent(recorder.server.address, &call)).unwrap());
    assert!(answers.iter().all(|answer| answer.contains(BASIC.1)), "the caller gets what the seller said");
    recorder.entries_once(2);
    recorder.holds_none_of(&[&signature, &other, PHONE, "s3cret-pass", "0a1b2c3d\\u002d"]);
    assert!(recorder.file("0002-queryInstance.answer.txt").ends_with("bytes not captured]"));
    let answer = recorder.file("0001-newInstance.answer.txt");
    assert!(answer.contains("X-Debug: [masked]") && answer.contains("\"password\":\"x0xxxx-xxxx\""), "{answer}");
}

#[test]
fn a_folder_is_private_and_goes_on() {
    let seller = format!("http://{}", answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    let mut recorder = Recorder::start(&seller);
    let call = |address: SocketAddr| sent(address, &v2(PURCHASE).0);
    call(recorder.server.address);
    recorder.entries_once(1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&recorder.captures), 0o700);
        for entry in std::fs::read_dir(&recorder.captures).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }
    let next = start(&seller, &recorder.captures);
    std::mem::replace(&mut recorder.server, next).kill();
    let threads: Vec<_> =
        (0..20).map(|_| recorder.server.address).map(|at| std::thread::spawn(move || call(at))).collect();
    threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
    let entries = recorder.entries_once(21);
    let ids: Vec<_> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let expected: Vec<_> = (1..=21).map(|number| format!("{number:04}-newInstance")).collect();
    assert_eq!(ids, expected);
    assert_eq!(std::fs::read_dir(&recorder.captures).unwrap().count(), 43);
}

#[test]
fn what_cannot_be_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("captures");
    let record = |target: &str, listen: &str| {
        run(&KEYS, &["record", "--target", target, "--listen", listen, "--captures", path.to_str().unwrap()])
    };
    record("http://192.0.2.1", "127.0.0.1:0").says(2, "--i-own-this-host");
    record("http://169.254.169.254", "127.0.0.1:0").says(2, "never called");
    record("http://127.0.0.1:1/saasproduce", "127.0.0.1:0").says(2, "remove /saasproduce");
    record("nonsense", "127.0.0.1:0").says(2, "nonsense");
    record("http://127.0.0.1:1", "nowhere").says(2, "nowhere");
    let bad_key = [("KOOGALLERY_BASIC_KEY", "some-key,")];
    run_with(&bad_key, &["record", "--target", "http://127.0.0.1:1"], b"").says(2, "KOOGALLERY_BASIC_KEY");
    let missing = run(&KEYS, &["replay", "1", "--url", "http://127.0.0.1:1", "--captures", "/no/such/folder"]);
    missing.says(2, "/no/such/folder");
}

/// A caller that stalls holds up nobody else.
#[test]
fn a_caller_that_stalls_is_no_hindrance() {
    let recorder = Recorder::start(&format!("http://{}", answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")));
    let stalled: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(recorder.server.address).unwrap();
            stream.write_all(b"POST /p HTTP/1.1\r\nContent-Le").unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    assert!(sent(recorder.server.address, &v2(PURCHASE).0).ends_with(b"{}"));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(stalled);
}

#[cfg(unix)]
#[test]
fn an_exchange_in_progress_is_finished_when_it_is_interrupted() {
    for signal in ["-INT", "-TERM"] {
        is_finished_at(signal);
    }
}

#[cfg(unix)]
fn is_finished_at(signal: &str) {
    use std::io::{BufRead as _, BufReader};

    let slow = raw_server(|mut stream| {
        read_request(&mut stream);
        std::thread::sleep(Duration::from_millis(1500));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"resultCode\":\"000000\"}");
    });
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["record", "--listen", "127.0.0.1:0", "--target", &format!("http://{slow}"), "--captures"]);
    let mut process = command.arg(folder.path()).envs(KEYS).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.next().unwrap().strip_prefix("listening on http://").unwrap().parse().unwrap();
    let call = std::thread::spawn(move || sent(address, &v2(PURCHASE).0));
    std::thread::sleep(Duration::from_millis(500));
    let interrupt = Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert!(call.join().unwrap().ends_with(b"{\"resultCode\":\"000000\"}"));
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let line = lines.next().unwrap();
    assert!(line.starts_with("0001-newInstance  POST /saasproduce  200 000000  "), "{line}");
    assert!(line.ends_with("ms  signature: the signature is right"), "{line}");
    assert!(folder.path().join("0001-newInstance.answer.txt").exists());
}
