//! First inputs: messages as the marketplace writes them, answers as its mock gives them, and the test vectors.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Request;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::SeededRandom;
use koogallery_simulator::delivery::{Callback, Endpoint, MessageBuilder};
use serde_json::Value;

/// The key that signs everything.
pub(crate) const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";

/// The APP Key of the agents gateway.
pub(crate) const APP_KEY: &str = "app-key-1";

/// Returns the key of each interface; no two may be the same.
pub(crate) fn access_keys() -> AccessKeys {
    keys_of(KEY)
}

/// Returns keys that sign none of the seeds.
pub(crate) fn other_keys() -> AccessKeys {
    keys_of("87654321")
}

fn keys_of(begin: &str) -> AccessKeys {
    let keys = InterfaceType::ALL.into_iter().try_fold(AccessKeys::new(), |keys, interface| {
        let key = AccessKey::new(format!("{begin}-{}", interface.env_name())).expect("it is a key");
        keys.with(interface, key)
    });
    keys.expect("they are different keys")
}

/// Time of every call.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_123);

/// The private key of the test vectors.
pub(crate) const PRIVATE_KEY: &str = include_str!("../../../tests/vectors/keys/test_rsa_3072.pem");

/// Returns the seeds of a target, with what was found before.
///
/// # Panics
///
/// A file cannot be read.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let protocol = Protocol::ALL
        .into_iter()
        .find(|protocol| name.strip_prefix("callback_").is_some_and(|id| id == protocol.id().replace('-', "_")));
    let mut seeds = match (protocol, name) {
        (Some(protocol), _) => contents(protocol),
        (None, "callback_unsigned" | "http1") => requests().iter().map(on_the_wire).collect(),
        (None, "query") => [Protocol::SaasV1, Protocol::LicenseV1].into_iter().flat_map(contents).collect(),
        (None, "json" | "masking") => {
            [Protocol::SaasV2, Protocol::LicenseOnline].into_iter().flat_map(contents).collect()
        }
        (None, "private_key") => keys(),
        (None, "login_answer") => answers(),
        (None, "capture" | "recording") => requests().iter().map(on_the_wire).collect(),
        (None, "agents_gateway") => tokens(),
        (None, _) => Vec::new(),
    };
    let written = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name));
    // Beside these, and beside keys and calls that need a signature, texts of other forms would be noise.
    if written.is_empty() && !matches!(name, "private_key" | "recording") {
        seeds.extend(vectors());
    }
    seeds.extend(written);
    seeds.extend(files(&root().join("fuzz/regressions").join(name)));
    seeds
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder; none if there is no such folder.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("the file can be read")).collect()
}

fn keys() -> Vec<Vec<u8>> {
    files(&root().join("tests/vectors/keys"))
}

/// Header and payload of tokens, and headers of the agents gateway.
fn tokens() -> Vec<Vec<u8>> {
    const HEADERS: &str =
        "X-Request-Id: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff\nX-Customer-Id: c-1\nX-Customer-Name: \u{4f01}";
    let (millis, seconds) = (NOW.as_unix_millis(), NOW.as_unix_millis() / 1000 + 300);
    let payloads = [
        format!(r#"{{"api_key":"{APP_KEY}","timestamp":{millis},"exp":{seconds}}}"#),
        format!(r#"{{"exp":{seconds}.5,"nbf":{millis},"timestamp":{millis},"api_key":"\u0061pp-key-1"}}"#),
        format!(r#"{{"api_key":"{APP_KEY}","timestamp":{millis},"exp":1}}"#),
    ];
    let headers = [r#"{"alg":"HS256","sign_type":"SIGN"}"#, r#"{"alg":"none"}"#, r#"{"crit":[],"alg":"HS256"}"#];
    let token = |header: &&str| {
        payloads.iter().map(|payload| format!("{header}\n{payload}\n{HEADERS}").into()).collect::<Vec<_>>()
    };
    headers.iter().flat_map(token).collect()
}

/// Every text in the test vectors.
fn vectors() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for file in
        files(&root().join("tests/vectors/protocol")).iter().chain(&files(&root().join("tests/vectors/openssl")))
    {
        collect(&serde_json::from_slice(file).expect("vectors are JSON"), &mut texts);
    }
    texts.sort();
    texts.dedup();
    texts
}

fn collect(value: &Value, texts: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) if text.len() > 40 => texts.push(text.as_bytes().to_vec()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(members) => members.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

/// One call of each activity.
fn calls(protocol: Protocol) -> Vec<Request<Bytes>> {
    let address = "https://isv.example.com/saasproduce".parse().expect("it is an address");
    let endpoint = Endpoint::new(address, access_keys());
    let random = SeededRandom::new(7);
    let built = protocol.activities().iter().filter_map(|activity| {
        let message = MessageBuilder::new(protocol, *activity, &random, NOW)?;
        Some(Callback::from(message).request(&endpoint, NOW, &random).expect("it can be signed"))
    });
    built.collect()
}

/// What is signed of each call: the body, in the Kit after a byte for the activity, or the query without its token.
fn contents(protocol: Protocol) -> Vec<Vec<u8>> {
    let content = |(index, request): (usize, &Request<Bytes>)| {
        let query = request.uri().query().unwrap_or_default();
        match request.body() {
            body if body.is_empty() => query.split("&authToken=").next().unwrap_or_default().as_bytes().to_vec(),
            body if protocol.is_kit() => [&[u8::try_from(index).unwrap_or_default()], &body[..]].concat(),
            body => body.to_vec(),
        }
    };
    calls(protocol).iter().enumerate().map(content).collect()
}

fn requests() -> Vec<Request<Bytes>> {
    Protocol::ALL.into_iter().flat_map(calls).collect()
}

pub(crate) fn on_the_wire(request: &Request<Bytes>) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut wire = format!("{} {target} HTTP/1.1\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        wire.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    wire.extend(format!("Content-Length: {}\r\n\r\n", request.body().len()).as_bytes());
    wire.extend_from_slice(request.body());
    wire
}

/// Answers of authentication centers in the documented forms, each after a byte that chooses its status.
fn answers() -> Vec<Vec<u8>> {
    const FORMS: [&str; 7] = [
        r#"{"access_token":"a","token_type":"Bearer","expires_in":7200,"refresh_token":"r","scope":"get_user_info"}"#,
        r#"{"id":"u1","attributes":[{"userName":"lihua"},{"name":"Li Hua"},{"tenantId":"t"}]}"#,
        r#"{"error":"invalid_grant","error_description":"Invalid authorization code"}"#,
        r#"{"serviceResponse":{"authenticationFailure":{"code":"INVALID_TICKET","description":"used up"}}}"#,
        "<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'><cas:authenticationFailure code='INVALID_TICKET'>used up\
         </cas:authenticationFailure></cas:serviceResponse>",
        r#"{"serviceResponse":{"authenticationSuccess":{"user":"u","attributes":{"userName":["lihua"]}}}}"#,
        "<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'><cas:authenticationSuccess><cas:user>u</cas:user>\
         <cas:attributes><cas:userName>lihua</cas:userName></cas:attributes></cas:authenticationSuccess></cas:serviceResponse>",
    ];
    FORMS.iter().map(|form| [&[0], form.as_bytes()].concat()).collect()
}
