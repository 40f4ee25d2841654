//! Calls that are forged, stale, torn or malformed: a defined answer, no effect, and the next good call works.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, Request};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::callback::subscription::Event;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::ledger::{Instance, MemoryLedger};
use koogallery::signature::{auth_token, body_sign, callback_v2};
use koogallery::timestamp::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::support::*;

const FREEZE: &str = r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE"}"#;
const V1_FREEZE: &str = "activity=expireInstance&instanceId=i&orderId=CS1";

/// A stage with an instance `i` in use, for bad calls to do harm to.
struct Victim {
    stage: Stage,
    before: Vec<Arc<Instance>>,
}

impl Victim {
    async fn new() -> Self {
        let stage = Stage::new();
        assert_eq!(stage.post(&purchase("CS1", "i")).await.instance_id(), "i");
        let before = instances(&stage).await;
        Self { stage, before }
    }

    /// Signs whatever the body is, as the marketplace would.
    async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref().to_vec();
        self.stage.post_signed(&callback_v2::signed_query(&key(), &nonce(), NOW, &body), body).await
    }

    async fn refuses_genuine(&self, code: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        assert_refused(&self.post(body).await, code, &start(body));
    }

    async fn refuses_post(&self, code: &str, query: &str, body: impl AsRef<[u8]>) {
        let answer = self.stage.post_signed(query, body.as_ref().to_vec()).await;
        assert_refused(&answer, code, &format!("{} {}", start(query), start(body)));
    }

    async fn refuses_get(&self, code: &str, query: &str) {
        assert_refused(&self.stage.get_signed(query).await, code, &start(query));
    }

    async fn refuses_parameters(&self, code: &str, parameters: &[(&str, &str)]) {
        self.refuses_get(code, &self.stage.signed(&encoded(parameters))).await;
    }

    /// Nothing ran and nothing changed, and good calls still work.
    async fn is_unharmed(&self) {
        assert_eq!(self.stage.seller.runs(), 1);
        assert_eq!(instances(&self.stage).await, self.before);
        assert_eq!(self.stage.post(&purchase("CSok2", "ok2")).await.instance_id(), "ok2");
        assert_eq!(self.stage.get(&v1_purchase("CSok1", "ok1")).await.instance_id(), "ok1");
        assert_eq!(self.stage.seller.runs(), 3);
    }
}

async fn instances(stage: &Stage) -> Vec<Arc<Instance>> {
    stage.service.ledger().unwrap().instances(None, 100).await.unwrap()
}

fn assert_refused(answer: &Answer, code: &str, call: &str) {
    assert_eq!(answer.code, code, "{call}");
    assert_eq!(answer.json.as_object().unwrap().len(), 2, "a code and its text, no more: {}", answer.json);
    let text = answer.json["resultMsg"].as_str().unwrap();
    assert!(text.len() < 40 && !text.contains("panic"), "{text}");
}

/// Enough of a call to know it by.
fn start(call: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(call.as_ref()).chars().take(300).collect()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

fn v2_query(signature: &str, timestamp: &str, nonce: &str) -> String {
    encoded(&[("signature", signature), ("timestamp", timestamp), ("nonce", nonce)])
}

/// The three values of a good call.
fn v2_values(body: &str) -> [String; 3] {
    let (timestamp, nonce) = (NOW.as_unix_millis().to_string(), nonce());
    [callback_v2::sign(&key(), &nonce, &timestamp, body.as_bytes()), timestamp, nonce]
}

fn pairs(query: &str) -> Vec<&str> {
    query.split('&').collect()
}

fn other_key() -> AccessKey {
    AccessKey::new("00000000-90ab-cdef-1234-567890abcdef").unwrap()
}

/// The nearest other character of the same kind.
fn changed(character: char) -> char {
    match character {
        '9' => '8',
        'f' | 'z' => 'a',
        'F' | 'Z' => 'A',
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from(character as u8 + 1),
        _ => 'x',
    }
}

fn with_changed(text: &str, index: usize) -> String {
    text.chars().enumerate().map(|(at, character)| if at == index { changed(character) } else { character }).collect()
}

#[tokio::test]
async fn a_v2_call_without_proof() {
    let victim = Victim::new().await;
    let [signature, timestamp, nonce] = &v2_values(FREEZE);
    let rest = encoded(&[("timestamp", timestamp), ("nonce", nonce)]);
    for query in ["".to_owned(), rest.clone(), format!("signature&{rest}"), format!("Signature={signature}&{rest}")] {
        victim.refuses_post("000001", &query, FREEZE).await;
    }
    let by_other = callback_v2::sign(&other_key(), nonce, timestamp, FREEZE.as_bytes());
    let hmac = |message: &str| {
        const_hex::encode(
            Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap().chain_update(message).finalize().into_bytes(),
        )
    };
    let digest = const_hex::encode(Sha256::digest(FREEZE));
    let with_plain_digest = hmac(&format!("{KEY}{nonce}{timestamp}{digest}"));
    let with_upper_digest = hmac(&format!("{KEY}{nonce}{timestamp}{}", hmac(FREEZE).to_uppercase()));
    assert_eq!(&hmac(&format!("{KEY}{nonce}{timestamp}{}", hmac(FREEZE))), signature, "the formula itself is right");
    for signature in [
        "",
        " ",
        "null",
        &"0".repeat(64),
        &signature[..62],
        &signature[..63],
        &signature[2..],
        &format!("{signature}00"),
        &format!("0x{signature}"),
        &format!("0x{}", &signature[2..]),
        &format!(" {signature}"),
        &format!("{}zz", &signature[..62]),
        &format!("{}－", &signature[..61]),
        &STANDARD.encode(const_hex::decode(signature).unwrap()),
        &hmac(FREEZE),
        &digest,
        &by_other,
        &with_plain_digest,
        &with_upper_digest,
        &"a".repeat(10_000),
    ] {
        victim.refuses_post("000001", &v2_query(signature, timestamp, nonce), FREEZE).await;
    }
    victim.is_unharmed().await;
    // A forged call does not use up the nonce of a good one.
    assert_eq!(victim.stage.post_signed(&v2_query(signature, timestamp, nonce), FREEZE).await.code, "000000");
}

#[tokio::test]
async fn a_v1_call_without_proof() {
    let victim = Victim::new().await;
    let signed = victim.stage.signed(V1_FREEZE);
    let (unsigned, token) = signed.split_once("&authToken=").unwrap();
    let token = token.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    for query in ["", unsigned, &format!("{unsigned}&authToken"), &format!("{unsigned}&AuthToken={}", encode(&token))] {
        victim.refuses_get("000001", query).await;
    }
    assert_refused(
        &victim.stage.send(Request::get("/saasproduce").body(Default::default()).unwrap()).await,
        "000001",
        "no query",
    );
    let by_other = auth_token::sign(&other_key(), unsigned).unwrap();
    let time_stamp = unsigned.rsplit_once('=').unwrap().1;
    let body_key = STANDARD
        .encode(Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap().chain_update(unsigned).finalize().into_bytes());
    let plain = STANDARD.encode(Sha256::digest(format!("{KEY}{time_stamp}{unsigned}")));
    let hex = const_hex::encode(STANDARD.decode(&token).unwrap());
    for token in [
        "",
        " ",
        "null",
        &STANDARD.encode([0; 32]),
        &token[..40],
        &token[..43],
        &token[1..],
        &format!("{token}="),
        &format!("{token}AAAA"),
        &format!("-{}", &token[1..]),
        &format!("{}\u{0}", &token[..43]),
        &hex,
        &by_other,
        &body_key,
        &plain,
        &"A".repeat(10_000),
    ] {
        victim.refuses_get("000001", &format!("{unsigned}&authToken={}", encode(token))).await;
    }
    victim.is_unharmed().await;
    assert_eq!(victim.stage.get_signed(&signed).await.code, "000000");
}

#[tokio::test]
async fn every_byte_of_a_v2_call_counts() {
    let victim = Victim::new().await;
    let [signature, timestamp, nonce] = &v2_values(FREEZE);
    let query = v2_query(signature, timestamp, nonce);
    for index in 0..FREEZE.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut body = FREEZE.as_bytes().to_vec();
            body[index] ^= change;
            victim.refuses_post("000001", &query, body).await;
        }
        let torn = format!("{}{}", &FREEZE[..index], &FREEZE[index + 1..]);
        victim.refuses_post("000001", &query, torn).await;
        victim.refuses_post("000001", &query, &FREEZE[..index]).await;
    }
    for index in 0..signature.len() {
        victim.refuses_post("000001", &v2_query(&with_changed(signature, index), timestamp, nonce), FREEZE).await;
    }
    for index in 0..nonce.len() {
        victim.refuses_post("000001", &v2_query(signature, timestamp, &with_changed(nonce, index)), FREEZE).await;
    }
    for index in 0..timestamp.len() {
        let other = with_changed(timestamp, index);
        let distance = other.parse::<i64>().unwrap().abs_diff(NOW.as_unix_millis());
        // Staleness is looked at first.
        let code = if distance > 60_000 { "000002" } else { "000001" };
        victim.refuses_post(code, &v2_query(signature, &other, nonce), FREEZE).await;
    }
    victim.is_unharmed().await;
    assert_eq!(victim.stage.post_signed(&query, FREEZE).await.code, "000000");
}

#[tokio::test]
async fn every_member_of_a_v2_body_counts() {
    let victim = Victim::new().await;
    let query = v2_query_of(FREEZE);
    for body in [
        r#"{"activity":"updateInstanceStatus","status":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i"}"#,
        r#"{"instanceId":"i","status":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":null}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","testFlag":"1"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","testFlag":""}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","":""}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","status":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","status":"UNFREEZE"}"#,
        r#"{"status":"UNFREEZE","activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","status":null}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","status":"FREEZE","st\u0061tus":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"i","Status":"FREEZE"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":["i"],"status":"FREEZE"}"#,
    ] {
        victim.refuses_post("000001", &query, body).await;
    }
    victim.is_unharmed().await;
}

fn v2_query_of(body: &str) -> String {
    let [signature, timestamp, nonce] = v2_values(body);
    v2_query(&signature, &timestamp, &nonce)
}

#[tokio::test]
async fn every_parameter_of_a_v1_call_counts() {
    let victim = Victim::new().await;
    let signed = victim.stage.signed(&encoded(&[
        ("activity", "newInstance"),
        ("businessId", "b"),
        ("customerId", "c"),
        ("customerName", "测试 A+B"),
        ("expireTime", ""),
        ("orderId", "CS2"),
        ("productId", "P"),
        ("testFlag", "0"),
    ]));
    let original = pairs(&signed);
    let send = |pairs: Vec<String>| {
        let victim = &victim;
        async move { victim.refuses_get("000001", &pairs.join("&")).await }
    };
    let owned = || original.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>();
    for (index, pair) in original.iter().enumerate() {
        let (name, value) = pair.split_once('=').unwrap();
        let mut spoilt: Vec<Vec<String>> = Vec::new();
        let mut replace = |pair: String| {
            let mut pairs = owned();
            pairs[index] = pair;
            spoilt.push(pairs);
        };
        // A percent sequence is not a character, so its two digits change it together.
        for at in
            value.char_indices().filter(|(at, _)| !value[at.saturating_sub(2)..*at].contains('%')).map(|(at, _)| at)
        {
            match value[at..].starts_with('%') {
                true => replace(format!("{name}={}%21{}", &value[..at], &value[at + 3..])),
                false => replace(format!("{name}={}", with_changed(value, at))),
            }
        }
        replace(format!("{name}={value}x"));
        replace(format!("{name}=%20{value}"));
        replace(format!("{name}x={value}"));
        replace(format!("%20{name}={value}"));
        if !value.is_empty() {
            replace(format!("{name}="));
        }
        let mut without = owned();
        without.remove(index);
        spoilt.push(without);
        let half_escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
        for copy in [
            format!("{name}={value}"),
            format!("{name}=other"),
            format!("{name}="),
            name.to_owned(),
            format!("{half_escaped}={value}"),
        ] {
            for place in [0, index, index + 1, original.len()] {
                let mut repeated = owned();
                repeated.insert(place, copy.clone());
                spoilt.push(repeated);
            }
        }
        for pairs in spoilt {
            assert_ne!(pairs, original, "such a row would prove nothing");
            send(pairs).await;
        }
    }
    for added in ["x=1", "x=", "x", "=", "=x", "trialFlag=1", "TestFlag=1", "%00"] {
        send([owned(), vec![added.to_owned()]].concat()).await;
        send([vec![added.to_owned()], owned()].concat()).await;
    }
    victim.is_unharmed().await;
    assert_eq!(victim.stage.get_signed(&signed).await.code, "000000");
}

#[tokio::test]
async fn a_repeated_parameter_of_a_v2_query() {
    let victim = Victim::new().await;
    let query = v2_query_of(FREEZE);
    for pair in pairs(&query) {
        let (name, _) = pair.split_once('=').unwrap();
        for copy in [pair.to_owned(), format!("{name}=1"), format!("{name}="), name.to_owned()] {
            victim.refuses_post("000001", &format!("{query}&{copy}"), FREEZE).await;
            victim.refuses_post("000001", &format!("{copy}&{query}"), FREEZE).await;
        }
    }
    victim.is_unharmed().await;
    // The address may have a query of its own, which nobody signs.
    assert_eq!(victim.stage.post_signed(&format!("x=%FF&x=1&{query}"), FREEZE).await.code, "000000");
}

fn at_distance(seconds: i64, millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(NOW.as_unix_millis() + 1000 * seconds + millis)
}

#[tokio::test]
async fn a_v2_call_is_taken_for_a_minute() {
    let victim = Victim::new().await;
    for seconds in [61, 600, 86_400, 40_000_000] {
        for seconds in [seconds, -seconds] {
            let query = callback_v2::signed_query(&key(), &nonce(), at_distance(seconds, 0), FREEZE.as_bytes());
            victim.refuses_post("000002", &query, FREEZE).await;
        }
    }
    for millis in [60_001, -60_001] {
        let query = callback_v2::signed_query(&key(), &nonce(), at_distance(0, millis), FREEZE.as_bytes());
        victim.refuses_post("000002", &query, FREEZE).await;
    }
    victim.is_unharmed().await;
    for seconds in [59, -59, 60, -60] {
        let query = callback_v2::signed_query(&key(), &nonce(), at_distance(seconds, 0), FREEZE.as_bytes());
        assert_eq!(victim.stage.post_signed(&query, FREEZE).await.code, "000000", "{seconds}");
    }
}

#[tokio::test]
async fn a_v1_call_is_taken_for_half_a_day() {
    let victim = Victim::new().await;
    for seconds in [13 * 3600, 86_400, 40_000_000] {
        for seconds in [seconds, -seconds] {
            victim.refuses_get("000002", &v1_query(&key(), V1_FREEZE, at_distance(seconds, 0))).await;
        }
    }
    for sign in [1, -1] {
        let time = at_distance(sign * 12 * 3600, sign);
        victim.refuses_get("000002", &v1_query(&key(), V1_FREEZE, time)).await;
    }
    victim.is_unharmed().await;
    for seconds in [59, -59, 600, -600, 12 * 3600, -12 * 3600] {
        let query = v1_query(&key(), V1_FREEZE, at_distance(seconds, 0));
        assert_eq!(victim.stage.get_signed(&query).await.code, "000000", "{seconds}");
    }
}

#[tokio::test]
async fn a_v2_timestamp_that_is_none() {
    let victim = Victim::new().await;
    let now = NOW.as_unix_millis();
    // Digits at its end could belong to the time, and such a call in seconds is refused.
    let nonce = format!("{}x", nonce());
    let signature = callback_v2::sign(&key(), &nonce, "", FREEZE.as_bytes());
    victim.refuses_post("000002", &encoded(&[("signature", &signature), ("nonce", &nonce)]), FREEZE).await;
    for timestamp in
        "|0|-1|1735787045.678|1.735787045678e12|0x19424b9c2ae|１７３５７８７０４５６７８|null|NaN|20250102030405678"
            .split('|')
            .map(str::to_owned)
            .chain([
                format!("-{now}"),
                format!("+{now}"),
                format!(" {now}"),
                format!("{now}\n"),
                format!("{now}.0"),
                format!("{now}000"),
                format!("0{now}"),
                format!("0{}", now / 1000),
                format!("{}", now / 100),
                "9".repeat(15),
                "9".repeat(30),
                "1".repeat(10_000),
            ])
    {
        let signature = callback_v2::sign(&key(), &nonce, &timestamp, FREEZE.as_bytes());
        victim.refuses_post("000002", &v2_query(&signature, &timestamp, &nonce), FREEZE).await;
    }
    victim.is_unharmed().await;
    let seconds = (now / 1000).to_string();
    let signature = callback_v2::sign(&key(), &nonce, &seconds, FREEZE.as_bytes());
    assert_eq!(victim.stage.post_signed(&v2_query(&signature, &seconds, &nonce), FREEZE).await.code, "000000");
}

#[tokio::test]
async fn a_v1_timestamp_that_is_none() {
    let victim = Victim::new().await;
    let missing = [("activity", "expireInstance"), ("authToken", "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=")];
    victim.refuses_get("000001", &encoded(&missing)).await;
    victim.refuses_get("000001", &format!("{}&timeStamp=", encoded(&missing))).await;
    let sign = |timestamp: &str| {
        auth_token::signed_query(&key(), &format!("{V1_FREEZE}&timeStamp={}", encode(timestamp))).unwrap()
    };
    let timestamps = "0|-1|null|1735787045678|+20250102030405678| 20250102030405678|20250102030405678 |2025010203040|\
        00000000000000000|20250230030405678|20250102250405678|2025-01-02T03:04:05|202501020304|\
        202501020304056789|２０２５０１０２０３０４０５６７８";
    for timestamp in timestamps.split('|').chain([&*"9".repeat(17), &*"9".repeat(30), &*"1".repeat(10_000)]) {
        victim.refuses_get("000002", &sign(timestamp)).await;
    }
    victim.is_unharmed().await;
    for timestamp in ["20250102030405", "202501020304056", "2025010203040567", "20250102030405678"] {
        assert_eq!(victim.stage.get_signed(&sign(timestamp)).await.code, "000000", "{timestamp}");
    }
}

#[tokio::test]
async fn an_odd_nonce() {
    let victim = Victim::new().await;
    let timestamp = NOW.as_unix_millis().to_string();
    let sign = |nonce: &str| callback_v2::sign(&key(), nonce, &timestamp, FREEZE.as_bytes());
    let absent = encoded(&[("signature", &sign("")), ("timestamp", &timestamp)]);
    for query in [absent.clone(), format!("{absent}&nonce"), format!("{absent}&nonce=")] {
        victim.refuses_post("000002", &query, FREEZE).await;
    }
    for nonce in ["n".repeat(129), "n".repeat(10_000), "欢".repeat(50)] {
        victim.refuses_post("000002", &v2_query(&sign(&nonce), &timestamp, &nonce), FREEZE).await;
    }
    victim.is_unharmed().await;
    // Signed is signed: what a nonce looks like does not matter, and each is still used once.
    for nonce in ["\u{0}\r\n\u{1b}\u{7f}", " ", "+", "&nonce=x", "欢迎😀", &"n".repeat(128)] {
        let query = v2_query(&sign(nonce), &timestamp, nonce);
        assert_eq!(victim.stage.post_signed(&query, FREEZE).await.code, "000000", "{nonce:?}");
        let other = FREEZE.replace("FREEZE", "NORMAL");
        let signature = callback_v2::sign(&key(), nonce, &timestamp, other.as_bytes());
        victim.refuses_post("000002", &v2_query(&signature, &timestamp, nonce), &other).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let victim = Victim::new().await;
    for noise in ["%FF", "%C3%28", "%ED%A0%80", "%F4%90%80%80", "%C0%AF", "a%80"] {
        for name in ["signature", "timestamp", "nonce"] {
            let [signature, timestamp, nonce] = &v2_values(FREEZE);
            let query = v2_query(signature, timestamp, nonce).replace(&format!("{name}="), &format!("{name}={noise}"));
            victim.refuses_post("000001", &query, FREEZE).await;
        }
        let signed = victim.stage.signed(V1_FREEZE);
        for query in [
            signed.replace("orderId=", &format!("orderId={noise}")),
            signed.replace("orderId=", &format!("{noise}orderId=")),
            signed.replace("authToken=", &format!("authToken={noise}")),
            format!("{signed}&{noise}"),
            format!("{signed}&x={noise}"),
        ] {
            victim.refuses_get("000001", &query).await;
        }
    }
    // Not percent sequences at all: such text stands for itself, and was not signed.
    for noise in ["%", "%4", "%zz", "%%"] {
        let signed = victim.stage.signed(V1_FREEZE);
        victim.refuses_get("000001", &signed.replace("orderId=", &format!("orderId={noise}"))).await;
    }
    for noise in [
        &b"\xff"[..],
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\0",
        b"\x1f",
        b"\n",
        b"\\u12",
        b"\\x",
    ] {
        for field in ["instanceId", "odd"] {
            let (head, tail) = FREEZE.split_once("instanceId\":\"").unwrap();
            let body = [head.as_bytes(), field.as_bytes(), b"\":\"", noise, tail.as_bytes()].concat();
            victim.refuses_genuine("000002", &body).await;
            victim.refuses_post("000001", &v2_query_of(FREEZE), &body).await;
        }
    }
    // A lone surrogate is JSON and no character.
    for body in [FREEZE.replace("\"i\"", r#""\ud800""#), FREEZE.replace('{', r#"{"\ud800":1,"#)] {
        victim.refuses_genuine("000002", body).await;
    }
    // U+0000 is a character, but not every store can hold it.
    victim.refuses_genuine("000002", purchase("CS\\u00002", "i2")).await;
    victim.refuses_genuine("000002", FREEZE.replace("\"i\"", r#""i\u0000""#)).await;
    victim.refuses_get("000002", &victim.stage.signed("activity=expireInstance&instanceId=i%00")).await;
    victim.is_unharmed().await;
    assert_eq!(victim.post(FREEZE.replace('{', r#"{"odd":"\udc00","#)).await.code, "000000");
}

#[tokio::test]
async fn deep_nesting() {
    let victim = Victim::new().await;
    let check = |value: &str| format!(r#"{{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{value}}}"#);
    for levels in [200, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let leaf = if open == "[" { "" } else { "1" };
            let nested = format!("{}{leaf}{}", open.repeat(levels), close.repeat(levels));
            let text = serde_json::Value::from(&*nested).to_string();
            for body in [
                FREEZE.replace('{', &format!(r#"{{"odd":{nested},"#)),
                FREEZE.replace(r#""i""#, &nested),
                check(&nested),
                check(&text),
                check(&format!("[{nested}]")),
                nested.clone(),
                open.repeat(levels),
            ] {
                victim.refuses_genuine("000002", &body).await;
            }
        }
    }
    let odd = |levels| FREEZE.replace('{', &format!(r#"{{"odd":{}{},"#, "[".repeat(levels), "]".repeat(levels)));
    victim.refuses_genuine("000002", odd(128)).await;
    victim.is_unharmed().await;
    assert_eq!(victim.post(odd(127)).await.code, "000000");
}

const V1_PURCHASE: &[(&str, &str)] =
    &[("activity", "newInstance"), ("businessId", "b"), ("customerId", "c"), ("orderId", "CS2"), ("productId", "P")];

#[tokio::test]
async fn a_genuine_body_with_a_member_twice() {
    let victim = Victim::new().await;
    for (name, values) in [
        ("status", [r#""FREEZE""#, r#""UNFREEZE""#]),
        ("status", ["null", r#""FREEZE""#]),
        ("instanceId", [r#""i""#, r#""j""#]),
        ("activity", [r#""updateInstanceStatus""#, r#""releaseInstance""#]),
        ("testFlag", [r#""1""#, r#""0""#]),
    ] {
        let escaped: String = name.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect();
        let rest = [("activity", r#""updateInstanceStatus""#), ("instanceId", r#""i""#), ("status", r#""FREEZE""#)];
        let rest = rest.iter().filter(|(known, _)| *known != name);
        let rest = rest.map(|(name, value)| format!(r#","{name}":{value}"#)).collect::<String>();
        for second in [name, &escaped] {
            for [first_value, second_value] in [values, [values[1], values[0]]] {
                victim
                    .refuses_genuine("000002", format!(r#"{{"{name}":{first_value}{rest},"{second}":{second_value}}}"#))
                    .await;
                victim
                    .refuses_genuine("000002", format!(r#"{{"{second}":{first_value},"{name}":{second_value}{rest}}}"#))
                    .await;
            }
        }
    }
    victim.is_unharmed().await;
    // Equal ones leave no doubt, and what decides nothing refuses nothing.
    for body in [
        FREEZE.replace('}', r#","status":"FREEZE"}"#),
        FREEZE.replace('}', r#","st\u0061tus":"FREEZE","odd":1,"odd":2,"":1,"":1}"#),
        r#"{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"productId":"P","productId":"Q"}}"#
            .to_owned(),
    ] {
        assert_eq!(victim.post(&body).await.code, "000000", "{body}");
    }
}

#[tokio::test]
async fn five_mebibytes() {
    const SIZE: usize = 5 << 20;
    let victim = Victim::new().await;
    let query = v2_query_of(FREEZE);
    for garbage in [b'x', 0xff, b'['].map(|byte| vec![byte; SIZE]) {
        victim.refuses_post("000001", &query, &garbage).await;
        victim.refuses_genuine("000002", &garbage).await;
    }
    let long = "x".repeat(SIZE);
    for body in [
        FREEZE.replace("\"i\"", &format!("\"{long}\"")),
        FREEZE.replace("FREEZE", &long),
        format!(r#"{{"activity":"queryInstance","instanceId":"{}i"}}"#, "i,".repeat(SIZE / 2)),
        format!("{{{}\"a\":1}}", (0..SIZE / 10).map(|member| format!("\"{member}\":1,")).collect::<String>()),
        format!("{FREEZE}{}x", " ".repeat(SIZE)),
    ] {
        victim.refuses_genuine("000002", body).await;
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn too_many_members_and_parameters() {
    let victim = Victim::new().await;
    let many = |count: usize| (0..count).map(|member| format!("\"odd{member}\":1,")).collect::<String>();
    let crowded = |count: usize| FREEZE.replace('{', &format!("{{{}", many(count)));
    victim.refuses_genuine("000002", crowded(254)).await;
    // `timeStamp` and `authToken` count too.
    let parameters = |count: usize| (0..count).map(|parameter| format!("&odd{parameter}=1")).collect::<String>();
    let signed = victim.stage.signed(&format!("{V1_FREEZE}{}", parameters(251)));
    victim.refuses_get("000001", &format!("x=&{signed}")).await;
    victim.is_unharmed().await;
    assert_eq!(victim.stage.get_signed(&signed).await.code, "000000");
    assert_eq!(victim.post(crowded(253)).await.code, "000000");
}

#[tokio::test]
async fn an_activity_that_is_none() {
    let victim = Victim::new().await;
    let activities = "| |null|UpdateInstanceStatus|UPDATEINSTANCESTATUS|updateInstanceStatus |updateinstancestatus|\
        updateInstanceStatus\u{0}|expireInstance|instanceStatus|upgrade|getLicense|欢迎";
    for activity in activities.split('|').chain([&*"x".repeat(33)]) {
        let activity = serde_json::Value::from(activity).to_string();
        victim.refuses_genuine("000002", FREEZE.replace(r#""updateInstanceStatus""#, &activity)).await;
    }
    victim.refuses_genuine("000002", r#"{"instanceId":"i","status":"FREEZE"}"#).await;
    victim.refuses_genuine("000002", "{}").await;
    let activities = "| |null|ExpireInstance|EXPIREINSTANCE|expireInstance |expireinstance|expireInstance\u{0}|\
        updateInstanceStatus|upgradeInstance|changeInstanceCheck|getLicense|欢迎";
    for activity in activities.split('|').chain([&*"x".repeat(33)]) {
        victim.refuses_parameters("000002", &[("activity", activity), ("instanceId", "i"), ("status", "FREEZE")]).await;
    }
    victim.refuses_get("000002", &victim.stage.signed("instanceId=i")).await;
    victim.refuses_get("000002", &victim.stage.signed("Activity=expireInstance&instanceId=i")).await;
    victim.is_unharmed().await;
}

/// The tables of the documents: name, longest text allowed (0: the value has a form of its own, or decides nothing and is
/// never refused), good value. A `?` marks an optional field.
const V2_REFRESH: &str = r#"activity/32="refreshInstance" expireTime/20="20270101000000" instanceId/64="i" orderId/64="CS3"
       orderLineId/64="CS3-1" scene/64="RENEWAL" productId?/64="P""#;
const V2_CHECK: &str =
    r#"activity/32="changeInstanceCheck" instanceId/64="i" productInfo/0={"productId":"P","linearValue":5}"#;
const V2_MESSAGES: [&str; 7] = [
    r#"activity/32="newInstance" businessId/64="n" orderId/64="CS2" orderLineId/64="CS2-1" productId?/64="P""#,
    r#"activity/32="queryInstance" instanceId/64="i""#,
    V2_REFRESH,
    r#"activity/32="updateInstanceStatus" instanceId/64="i" status/32="FREEZE""#,
    r#"activity/32="upgradeInstance" instanceId/64="i" orderId/64="CS4" orderLineId/64="CS4-1""#,
    V2_CHECK,
    r#"activity/32="releaseInstance" instanceId/64="i" orderId?/64="CS5" orderLineId?/64="CS5-1""#,
];

const V1_REFRESH: &str =
    "activity/32=refreshInstance expireTime/20=20270102000000 instanceId/64=i orderId/64=CS3 productId?/64=P
     trialToFormal?/64=1 periodType?/0=year periodNumber?/0=1 orderAmount?/0=-1";
const V1_UPGRADE: &str =
    "activity/32=upgrade instanceId/64=i orderId/64=CS4 productId/64=P skuCode/64=S amount?/0=20 diskSize?/0=1
     bandWidth?/0=1 saasExtendParams?/0=W10=";
const V1_RELEASE: &str = "activity/32=releaseInstance instanceId/64=i orderId?/64=CS1 orderAmount?/0=-1";
const V1_MESSAGES: [&str; 7] = [
    "activity/32=newInstance businessId/64=n customerId/100=c orderId/64=CS2 productId/64=P customerName?/0=测试+A%B
     userId?/0=u userName?/0=n skuCode?/0=S trialFlag?/0=0 expireTime?/0=20260101000000 chargingMode?/3=1
     saasExtendParams?/0=W10= amount?/0=1 diskSize?/0=1 bandWidth?/0=1 periodType?/0=year periodNumber?/0=1
     provisionType?/0=1 acceptanceTime?/0=20250101000000 orderAmount?/0=12.345",
    "activity/32=queryInstance instanceId/64=i",
    V1_REFRESH,
    "activity/32=expireInstance instanceId/64=i orderId?/64=CS1",
    "activity/32=instanceStatus instanceId/64=i instanceStatus/32=NORMAL",
    V1_UPGRADE,
    V1_RELEASE,
];

struct Message<'t>(Vec<Field<'t>>);

struct Field<'t> {
    name: &'t str,
    good: &'t str,
    max: usize,
    is_mandatory: bool,
}

impl<'t> Message<'t> {
    fn of(table: &'t str) -> Self {
        let fields = table.split_whitespace().map(|row| {
            let (name, row) = row.split_once('/').unwrap();
            let (max, good) = row.split_once('=').unwrap();
            let is_mandatory = !name.ends_with('?');
            Field { name: name.trim_end_matches('?'), good, max: max.parse().unwrap(), is_mandatory }
        });
        Self(fields.collect())
    }

    /// The message with one field's value replaced or, for `None`, left out.
    fn with<'v>(&self, name: &str, value: Option<&'v str>) -> Vec<(&'v str, &'v str)>
    where
        't: 'v,
    {
        let fields = self.0.iter().map(|field| (field.name, if field.name == name { value } else { Some(field.good) }));
        fields.filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn body(members: &[(&str, &str)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

#[tokio::test]
async fn a_spoilt_field_of_a_v2_message() {
    let victim = Victim::new().await;
    for message in V2_MESSAGES.map(Message::of) {
        for Field { name, max, is_mandatory, .. } in &message.0 {
            let mut spoilt: Vec<Option<String>> = Vec::new();
            if *is_mandatory {
                spoilt.extend([None, Some("null".to_owned()), Some(r#""""#.to_owned())]);
            }
            for value in ["5", "-1.5e3", "true", "{}", "[]", r#"["i"]"#] {
                // Nobody documents what is in a product info.
                match (*name, value) {
                    ("productInfo", "{}" | "[]") => {}
                    _ => spoilt.push(Some(value.to_owned())),
                }
            }
            if *max > 0 {
                let letters = ["x", "欢", "😀", "\\u0041"];
                spoilt.extend(letters.map(|letter| Some(format!("\"{}\"", letter.repeat(max + 1)))));
            }
            for value in &spoilt {
                victim.refuses_genuine("000002", body(&message.with(name, value.as_deref()))).await;
            }
        }
    }
    for text in ["", " ", "x", "5", "null", "{", "{}x", "[5]", "[]"] {
        let quoted = serde_json::Value::from(text).to_string();
        let values =
            if serde_json::from_str::<serde_json::Value>(text).is_ok() { vec![text, &quoted] } else { vec![&*quoted] };
        for value in values {
            let check = Message::of(V2_CHECK);
            victim.refuses_genuine("000002", body(&check.with("productInfo", Some(value)))).await;
        }
    }
    victim.is_unharmed().await;
    for message in V2_MESSAGES {
        let good = body(&Message::of(message).with("", None));
        assert_eq!(victim.post(&good).await.code, "000000", "{good}");
    }
}

#[tokio::test]
async fn a_spoilt_field_of_a_v1_message() {
    let victim = Victim::new().await;
    for message in V1_MESSAGES.map(Message::of) {
        for Field { name, good, max, is_mandatory } in message.0.iter().filter(|field| field.max > 0) {
            // Good values, but for their length.
            let letters = ["x", "欢", "1"];
            let mut spoilt =
                letters.map(|letter| Some(format!("{good}{}", letter.repeat(max + 1 - good.chars().count())))).to_vec();
            if *is_mandatory {
                spoilt.extend([None, Some(String::new())]);
            }
            for value in &spoilt {
                victim.refuses_parameters("000002", &message.with(name, value.as_deref())).await;
            }
        }
    }
    victim.is_unharmed().await;
    for message in V1_MESSAGES {
        let good = encoded(&Message::of(message).with("", None));
        assert_eq!(victim.stage.get(&good).await.code, "000000", "{good}");
    }
}

#[tokio::test]
async fn a_text_as_long_as_allowed() {
    let victim = Victim::new().await;
    // Refused as unknown, not as malformed: lengths are counted in characters.
    for letter in ["x", "欢", "😀"] {
        let long = letter.repeat(64);
        victim.refuses_genuine("000003", FREEZE.replace("\"i\"", &format!("\"{long}\""))).await;
        victim.refuses_parameters("000003", &[("activity", "expireInstance"), ("instanceId", &long)]).await;
        let query = format!(r#"{{"activity":"queryInstance","instanceId":"{long}"}}"#);
        victim.refuses_genuine("000003", query).await;
    }
    victim.is_unharmed().await;
    for (index, letter) in ["x", "欢", "😀"].iter().enumerate() {
        let long = letter.repeat(64);
        assert_eq!(
            victim
                .post(
                    purchase("CS", "b")
                        .replace("-000001", &letter.repeat(62))
                        .replace("\"CS\"", &format!("\"{long}\""))
                )
                .await
                .code,
            "000000"
        );
        let parameters = [
            ("activity", "newInstance"),
            ("businessId", &long),
            ("customerId", &letter.repeat(100)),
            ("orderId", &index.to_string()),
            ("productId", &long),
        ];
        assert_eq!(victim.stage.get(&encoded(&parameters)).await.code, "000000");
    }
}

#[tokio::test]
async fn an_unknown_status_and_an_unknown_scene() {
    let victim = Victim::new().await;
    for status in ["MELT", "freeze", "FREEZE ", " FREEZE", "FREEZE,UNFREEZE", "FREEZE\u{0}", "0", "ＦＲＥＥＺＥ"]
    {
        let quoted = serde_json::Value::from(status).to_string();
        victim.refuses_genuine("000002", FREEZE.replace("\"FREEZE\"", &quoted)).await;
        let parameters = [("activity", "instanceStatus"), ("instanceId", "i"), ("instanceStatus", status)];
        victim.refuses_parameters("000002", &parameters).await;
    }
    victim.is_unharmed().await;
    // A renewal for a reason that nobody knew when this was written is a renewal.
    let renewal = body(&Message::of(V2_REFRESH).with("scene", Some(r#""ANNIVERSARY""#)));
    assert_eq!(victim.post(renewal).await.code, "000000");
    let Event::Renew(event) = victim.stage.seller.last() else { panic!() };
    assert_eq!(event.scene.as_str(), "ANNIVERSARY");
}

#[tokio::test]
async fn an_expiry_that_is_no_time() {
    let victim = Victim::new().await;
    let times = " |x|0|-1|2027|20270101|202701010000|2027010100000|20270001000000|20271301000000|20270100000000|\
        20270132000000|20270229000000|20270101240000|20270101006000|20270101000060|2027-01-01 00:00:00|\
        2027-01-01T00:00:00Z|+2027010100000|-20270101000000| 20270101000000|20270101000000 |\
        20270101000000\u{0}|202701010000000000|２０２７０１０１００００００|1798761600000|99999999999999|00000000000000|\
        NaN|null";
    for time in times.split('|') {
        let quoted = serde_json::Value::from(time).to_string();
        victim.refuses_genuine("000002", body(&Message::of(V2_REFRESH).with("expireTime", Some(&quoted)))).await;
        victim.refuses_parameters("000002", &Message::of(V1_REFRESH).with("expireTime", Some(time))).await;
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_v1_test_flag_that_is_none() {
    let victim = Victim::new().await;
    for flag in ["2", "-1", "0.5", "truth", "yes", " ", "１", "111", "1,0", "NaN", "null"] {
        victim.refuses_parameters("000002", &[V1_PURCHASE, &[("testFlag", flag)]].concat()).await;
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_list_of_instances_that_is_none() {
    let victim = Victim::new().await;
    let many = |count: usize| vec!["i"; count].join(",");
    for ids in "| |,|,,|i,|,i|i,,i|i, | ,i|i,\t,i".split('|').chain([
        &many(101),
        &many(5000),
        &*"x".repeat(65),
        &*format!("i,{}", "x".repeat(65)),
    ]) {
        let quoted = serde_json::Value::from(ids).to_string();
        victim.refuses_genuine("000002", format!(r#"{{"activity":"queryInstance","instanceId":{quoted}}}"#)).await;
        victim.refuses_parameters("000002", &[("activity", "queryInstance"), ("instanceId", ids)]).await;
    }
    victim.is_unharmed().await;
    let ids = format!("i,{}", vec!["x".repeat(64); 99].join(","));
    let answers = [
        victim.post(format!(r#"{{"activity":"queryInstance","instanceId":"{ids}"}}"#)).await,
        victim.stage.get(&encoded(&[("activity", "queryInstance"), ("instanceId", &ids)])).await,
    ];
    for answer in answers {
        assert_eq!((&*answer.code, answer.json["info"].as_array().unwrap().len()), ("000000", 1));
    }
}

#[tokio::test]
async fn a_genuine_body_that_is_no_object() {
    let victim = Victim::new().await;
    for body in "| |[]|\"x\"|null|5|true|{|{}".split('|').map(str::to_owned).chain([
        format!("[{FREEZE}]"),
        format!("{FREEZE}{FREEZE}"),
        format!("{FREEZE}\n{FREEZE}"),
        format!("{FREEZE}x"),
        format!("{FREEZE},"),
        format!("{FREEZE}\u{0}"),
        format!("{FREEZE}}}"),
        format!("\u{feff}{FREEZE}"),
        format!("\u{a0}{FREEZE}"),
        serde_json::Value::from(FREEZE).to_string(),
        FREEZE.replace('}', ",}"),
        FREEZE.replace('{', "{,"),
        FREEZE.replace('"', "'"),
        FREEZE.replace(':', "="),
        FREEZE.replace('{', "{//\n"),
        FREEZE.replace('{', "{\"odd\":NaN,"),
        FREEZE.replace('{', "{\"odd\":01,"),
        FREEZE.replace('{', "{\"odd\":,"),
        FREEZE.replace("\"activity\"", "activity"),
        FREEZE[..FREEZE.len() - 1].to_owned(),
        "activity=updateInstanceStatus&instanceId=i&status=FREEZE".to_owned(),
        encode(FREEZE),
        "<xml/>".to_owned(),
    ]) {
        victim.refuses_genuine("000002", body).await;
    }
    let utf_16 = FREEZE.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    victim.refuses_genuine("000002", utf_16).await;
    victim.is_unharmed().await;
    assert_eq!(victim.post(format!("\r\n\t {FREEZE}\n")).await.code, "000000");
}

#[tokio::test]
async fn another_method() {
    let victim = Victim::new().await;
    let query = v2_query_of(FREEZE);
    let v1_query = victim.stage.signed(V1_FREEZE);
    for method in ["PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "post"] {
        for query in [&query, &v1_query, ""] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let uri = format!("/saasproduce?{query}");
            let request = Request::builder().method(method.clone()).uri(uri).body(FREEZE.into()).unwrap();
            let response = victim.stage.service.call(request).await;
            assert_eq!(response.status(), 405, "{method}");
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(response.headers()["allow"], "GET, POST");
            assert_refused(&Answer::parse(response.into_body(), None), "000002", method.as_str());
        }
    }
    victim.is_unharmed().await;
    assert_eq!(victim.stage.post_signed(&query, FREEZE).await.code, "000000", "its nonce was not used up");
    assert_eq!(victim.stage.get_signed(&v1_query).await.code, "000000");
}

#[tokio::test]
async fn the_method_of_the_other_generation() {
    let victim = Victim::new().await;
    let v1_query = victim.stage.signed(V1_FREEZE);
    for body in ["", FREEZE, &v1_query] {
        victim.refuses_post("000001", &v1_query, body).await;
    }
    let query = v2_query_of(FREEZE);
    let by_get = Request::get(format!("/saasproduce?{query}")).body(FREEZE.into()).unwrap();
    assert_refused(&victim.stage.send(by_get).await, "000001", "a V2.0 call by GET");
    let parameters = "activity=updateInstanceStatus&instanceId=i&status=FREEZE";
    victim.refuses_get("000001", &format!("{parameters}&{query}")).await;
    victim.is_unharmed().await;
}

#[tokio::test]
async fn a_refusal_tells_nothing() {
    let victim = Victim::new().await;
    let [signature, timestamp, nonce] = &v2_values(FREEZE);
    let signed = victim.stage.signed(V1_FREEZE);
    let (unsigned, token) = signed.split_once("&authToken=").unwrap();
    let token = token.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let panicking = victim.stage.signed("activity=panic&instanceId=panic");
    let melted = FREEZE.replace("FREEZE", "MELT");
    for (code, request) in [
        ("000001", post_request(&v2_query(&"0".repeat(64), timestamp, nonce), FREEZE)),
        ("000001", post_request(&v2_query("", timestamp, nonce), FREEZE)),
        ("000001", post_request(&v2_query(signature, timestamp, nonce), "{}")),
        ("000002", post_request(&v2_query(signature, "1", nonce), FREEZE)),
        ("000002", post_request(&v2_query_of("nonsense"), "nonsense")),
        ("000002", post_request(&v2_query_of(&melted), melted.clone())),
        ("000001", get_request(unsigned)),
        ("000001", get_request(&format!("{unsigned}&authToken={}", encode(&STANDARD.encode([7; 32]))))),
        ("000001", get_request(&signed.replace("CS1", "CS2"))),
        ("000002", get_request(&v1_query(&key(), V1_FREEZE, at_distance(13 * 3600, 0)))),
        ("000002", get_request(&panicking)),
    ] {
        let is_v1 = request.method() == Method::GET;
        let response = victim.stage.service.call(request).await;
        let reported = format!("{:?} {}", response.headers(), start(response.body()));
        for secret in [KEY, signature, &signature.to_uppercase(), &token, "panic"] {
            assert!(!reported.contains(secret), "{reported}");
        }
        assert_eq!(response.headers().contains_key("body-sign"), is_v1, "signed where the marketplace looks at it");
        assert_refused(&Answer::read(response), code, &reported);
    }
    for line in victim.stage.log.lines() {
        for secret in [KEY, signature, &token] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    victim.is_unharmed().await;
}

#[tokio::test]
async fn two_hundred_bad_calls_and_a_good_one() {
    let victim = Victim::new().await;
    for round in 0..50 {
        victim.refuses_post("000001", &v2_query(&"0".repeat(64), "1735787045678", &format!("n{round}")), FREEZE).await;
        victim.refuses_genuine("000002", "nonsense").await;
        victim.refuses_get("000001", &victim.stage.signed(V1_FREEZE).replace("CS1", "CS2")).await;
        victim.refuses_get("000002", &victim.stage.signed("activity=melt")).await;
    }
    assert_eq!(victim.stage.log.lines().len(), 201, "and each was reported");
    victim.is_unharmed().await;
}

#[tokio::test]
async fn the_keys_of_a_rotation() {
    let keys = ["new-key", "old-key"].map(|key| AccessKey::new(key).unwrap());
    let ring = KeyRing::new(keys[0].clone()).with_previous(keys[1].clone());
    let stage = Stage::new();
    let rotating = CallbackService::builder(AccessKeys::new().with(InterfaceType::Basic, ring).unwrap(), TokioRuntime)
        .subscription(stage.seller.clone(), MemoryLedger::new())
        .clock(Arc::clone(&stage.clock))
        .observer(stage.log.clone())
        .build();
    for (index, signing) in keys.iter().enumerate() {
        // The stage verifies V1.0 answers, and decrypts their fields, with the key that it calls with.
        let caller = Stage { service: rotating.clone(), key: signing.clone(), ..Stage::new() };
        assert_eq!(caller.post(&purchase(&format!("CS{index}"), &format!("b{index}"))).await.code, "000000");
        let phone = FieldCipher::new(signing, EncryptType::Aes256).encrypt("13800138000").unwrap();
        let order = format!("V1-{index}");
        let parameters = encoded(&[
            ("activity", "newInstance"),
            ("businessId", &order),
            ("customerId", "c"),
            ("mobilePhone", phone.as_str()),
            ("orderId", &order),
            ("productId", "P"),
        ]);
        let created = caller.get(&parameters).await;
        assert_eq!(created.code, "000000");
        assert_eq!(caller.decrypted(&created.json["appInfo"]["userName"]), "admin");
        assert_eq!(caller.get("activity=expireInstance&instanceId=nobody").await.code, "000003");
    }
    assert_eq!(stage.seller.runs(), 4);
    // Who cannot be recognised is answered with the new key.
    let unsigned = Answer::read(rotating.call(get_request(V1_FREEZE)).await);
    assert_refused(&unsigned, "000001", V1_FREEZE);
    let signature = unsigned.body_sign.unwrap();
    assert_eq!(body_sign::verify(&KeyRing::new(keys[0].clone()), &signature, &unsigned.body), Ok(()));
    let third = Stage { service: rotating.clone(), key: keys[0].clone(), ..Stage::new() };
    let query = callback_v2::signed_query(&key(), &nonce(), NOW, FREEZE.as_bytes());
    assert_refused(&third.post_signed(&query, FREEZE).await, "000001", "a key of nobody");
    assert_eq!(stage.seller.runs(), 4);
}

/// Nonce and timestamp are signed without a mark between them.
#[tokio::test]
async fn digits_moved_between_nonce_and_timestamp() {
    let victim = Victim::new().await;
    let query = callback_v2::signed_query(&key(), "nonce0", NOW, FREEZE.as_bytes());
    victim.refuses_post("000002", &query.replace("timestamp=", "timestamp=0").replace("nonce0", "nonce"), FREEZE).await;

    // Milliseconds whose last ten digits are a later second.
    let captured = Timestamp::from_unix_millis(1_751_751_811_752);
    let later = Timestamp::from_unix_millis(1_751_811_752_000);
    let signature = callback_v2::sign(&key(), "nonce", &captured.as_unix_millis().to_string(), FREEZE.as_bytes());
    victim.stage.clock.set(later);
    victim.refuses_post("000001", &v2_query(&signature, "1751811752", "nonce175"), FREEZE).await;
    let honest = callback_v2::sign(&key(), "nonce", "1751811752", FREEZE.as_bytes());
    assert_eq!(victim.stage.post_signed(&v2_query(&honest, "1751811752", "nonce"), FREEZE).await.code, "000000");
}

/// Names and values are signed without escaping.
#[tokio::test]
async fn a_field_hidden_in_its_neighbour() {
    let stage = Stage::new();
    let debug = stage.signed("activity=newInstance&businessId=b&customerId=c&orderId=CS1&productId=P&testFlag=1");
    for hidden in [
        debug.replace("&testFlag=1", "%26testFlag%3D1"),
        debug.replace("productId=P&testFlag", "productId%3DP%26testFlag"),
    ] {
        assert_ne!(hidden, debug);
        assert_eq!(stage.get_signed(&hidden).await.code, "000001");
    }
    assert_eq!(stage.seller.runs(), 0);
    let honest = stage.signed(&v1_purchase("CS2", "b").replace("%2B", "R%26D%3Dyes%26"));
    assert_eq!(stage.get_signed(&honest).await.code, "000000", "other ampersands are nobody's business");
}
