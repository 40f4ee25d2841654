//! Mistakes made on purpose: what was signed, by formulas written out here once more, and what was received.

#[path = "habits.rs"]
mod habits;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hmac::{Hmac, KeyInit as _, Mac as _};
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::key::{AccessKey, InterfaceType};
use koogallery::signature::diagnosis::Mistake;
use sha2::{Digest as _, Sha256};

/// A message received with a signature, and the mistakes that were made with it.
#[derive(Clone)]
pub struct Case {
    /// As the command line names it.
    pub scheme: &'static str,
    pub keys: Vec<(&'static str, String)>,
    /// As on the command line, without `--`.
    pub arguments: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub signature: String,
    pub expected: Vec<Mistake>,
}

impl Case {
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }
}

const BASIC: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const OLDER: &str = "0fffffff-4e5f-6071-8293-a4b5c6d7e8f9";
const KIT: &str = "cccccccc-4e5f-6071-8293-a4b5c6d7e8f9";
const NONCE: &str = "Qm7Zt2LxV9cRb4Kp";
const MILLIS: &str = "1735689600123";
const BODY: &str = r#"{"activity":"newInstance","orderId":"CS1"}"#;

fn configured() -> Vec<(&'static str, String)> {
    vec![("KOOGALLERY_BASIC_KEY", format!("{BASIC},{OLDER}")), ("KOOGALLERY_KIT_KEY", KIT.to_owned())]
}

fn hmac(key: &str, text: impl AsRef<[u8]>) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(text).finalize().into_bytes().into()
}

fn sha256(text: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn hex(bytes: [u8; 32]) -> String {
    const_hex::encode(bytes)
}

fn base64(bytes: [u8; 32]) -> String {
    STANDARD.encode(bytes)
}

/// What was received, what was signed, and what happened in between; alone or in pairs.
fn bodies() -> Vec<(Vec<Mistake>, &'static str, &'static str)> {
    use Mistake::*;
    vec![
        (vec![BodyCompacted], r#"{ "b" : [1, -2.5e3], "a" : "x" }"#, r#"{"b":[1,-2.5e3],"a":"x"}"#),
        (vec![BodySpaced], r#"{"a":[1,2],"b":{}}"#, r#"{"a": [1, 2], "b": {}}"#),
        (vec![BodyIndented], r#"{"a":[1],"b":{}}"#, "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}"),
        (vec![BodyIndented], r#"{"a":1}"#, "{\n    \"a\": 1\n}"),
        (vec![SortedDescending], r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
        (vec![BodySortedDeep], r#"{"b":[{"d":1,"c":2}],"a":3}"#, r#"{"a":3,"b":[{"c":2,"d":1}]}"#),
        (vec![AsciiEscaped], r#"{"a":"欢😀"}"#, r#"{"a":"\u6b22\ud83d\ude00"}"#),
        (vec![AsciiEscaped], r#"{"a":"欢"}"#, r#"{"a":"\u6B22"}"#),
        (vec![SlashesEscaped], r#"{"a":"x/欢"}"#, r#"{"a":"x\/\u6b22"}"#),
        (vec![HtmlEscaped], r#"{"a":"<&>"}"#, r#"{"a":"\u003c\u0026\u003e"}"#),
        (vec![TrailingLineBreak], r#"{"a":1}"#, "{\"a\":1}\n"),
        (vec![TrailingLineBreak], r#"{"a":1}"#, "{\"a\":1}\r\n"),
        (vec![TrailingLineBreak], "{\"b\":1,\"a\":1}\n", r#"{"b":1,"a":1}"#),
        (vec![ByteOrderMark], r#"{"a":1}"#, "\u{feff}{\"a\":1}"),
        (vec![ByteOrderMark], "\u{feff}{\"a\":1}", r#"{"a":1}"#),
        (vec![LineBreaks], "{\r\n\"b\":1,\r\n\"a\":1}", "{\n\"b\":1,\n\"a\":1}"),
        (vec![LineBreaks], "{\n\"b\":1,\n\"a\":1}", "{\r\n\"b\":1,\r\n\"a\":1}"),
        (vec![BodyTrimmed], " {\"b\":1,\"a\":1}", r#"{"b":1,"a":1}"#),
        (vec![EmptyBody], r#"{"a":1}"#, ""),
        (vec![Charset], r#"{"a":"é"}"#, "{\"a\":\"Ã©\"}"),
        (vec![Charset], "{\"a\":\"Ã©\"}", r#"{"a":"é"}"#),
        (vec![Charset], r#"{"a":"é欢"}"#, r#"{"a":"??"}"#),
        (vec![BodyDecoded], r#"{"a":"50%25+1"}"#, r#"{"a":"50% 1"}"#),
        (vec![BodySpaced, AsciiEscaped], r#"{"b":1,"a":"欢"}"#, r#"{"b": 1, "a": "\u6b22"}"#),
        (vec![TrailingLineBreak, BodyIndented], r#"{"a":1}"#, "{\n  \"a\": 1\n}\n"),
        (vec![ByteOrderMark, BodyCompacted], "{ \"b\":1,\"a\":1}", "\u{feff}{\"b\":1,\"a\":1}"),
    ]
}

/// The same for schemes in which the canonical form is wrong.
fn canonical_bodies() -> Vec<(Vec<Mistake>, &'static str, &'static str)> {
    use Mistake::*;
    vec![
        (vec![BodySorted], r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
        (vec![BodySorted], r#"{"b":1,"n":null,"a":2}"#, r#"{"a":2,"b":1}"#),
        (vec![Nulls], r#"{"a":2,"n":null,"b":1}"#, r#"{"a":2,"b":1}"#),
        (vec![BodyCompacted], r#"{"a": 2}"#, r#"{"a":2}"#),
        (vec![TrailingLineBreak], "{\"a\":1}\n", r#"{"a":1}"#),
        (vec![BodyTrimmed], " {\"a\":1} ", r#"{"a":1}"#),
        (vec![Unescaped], r#"{"a":"\u6b22\/"}"#, r#"{"a":"欢/"}"#),
        (vec![BodySpaced, BodySorted], r#"{"b":1,"a":2}"#, r#"{"a": 2, "b": 1}"#),
    ]
}

/// Keys that were taken for the first of the list.
fn keys() -> Vec<(Mistake, String)> {
    vec![
        (Mistake::OlderKey(1), OLDER.to_owned()),
        (Mistake::OtherInterfaceKey(InterfaceType::Kit), KIT.to_owned()),
        (Mistake::KeyNotDecoded, STANDARD.encode(BASIC)),
        (Mistake::KeyWithLineBreak, format!("{BASIC}\n")),
        (Mistake::KeyWithLineBreak, format!("{BASIC}\r\n")),
        (Mistake::KeyInQuotes, format!("\"{BASIC}\"")),
        (Mistake::KeyWithoutHyphens, BASIC.replace('-', "")),
        (Mistake::KeyLetterCase, BASIC.to_uppercase()),
    ]
}

/// The text and the spelling of a signature in hex.
fn hex_spellings(bytes: [u8; 32]) -> Vec<(Vec<Mistake>, String)> {
    vec![
        (vec![], hex(bytes)),
        (vec![], hex(bytes).to_uppercase()),
        (vec![Mistake::Base64ForHex], base64(bytes)),
        (vec![Mistake::Base64OfHex], STANDARD.encode(hex(bytes))),
        (vec![Mistake::SignatureQuoted], format!("\"{}\"", hex(bytes))),
    ]
}

pub fn cases() -> Vec<Case> {
    [callback_v2(), kit_v2(), auth_token(), auth_token_body(), body_sign(), usage(), aksk(), habits::cases()].concat()
}

fn callback_v2() -> Vec<Case> {
    let case = |expected: Vec<Mistake>, nonce: &str, timestamp: &str, body: &str, signature: String| Case {
        scheme: "callback-v2",
        keys: configured(),
        arguments: vec![("nonce", nonce.to_owned()), ("timestamp", timestamp.to_owned())],
        body: body.as_bytes().to_vec(),
        signature,
        expected,
    };
    let signed =
        |key: &str, nonce: &str, time: &str, body: &str| hmac(key, [key, nonce, time, &hex(hmac(key, body))].concat());
    let usual = |mistake, bytes: [u8; 32]| case(vec![mistake], NONCE, MILLIS, BODY, hex(bytes));
    let with_digest = |digest: &str| hmac(BASIC, [BASIC, NONCE, MILLIS, digest].concat());
    let of_parts = |parts: &[&str]| hmac(BASIC, parts.concat());
    let digest = hex(hmac(BASIC, BODY));

    let mut cases: Vec<Case> = hex_spellings(signed(BASIC, NONCE, MILLIS, BODY))
        .into_iter()
        .map(|(expected, text)| case(expected, NONCE, MILLIS, BODY, text))
        .collect();
    for (mistake, key) in keys() {
        cases.push(usual(mistake, signed(&key, NONCE, MILLIS, BODY)));
    }
    for (expected, received, body) in bodies() {
        cases.push(case(expected, NONCE, MILLIS, received, hex(signed(BASIC, NONCE, MILLIS, body))));
    }
    let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
    cases.extend([
        usual(Mistake::PlainDigest, with_digest(&hex(sha256(BODY)))),
        usual(Mistake::UpperCaseDigest, with_digest(&digest.to_uppercase())),
        usual(Mistake::DigestNotHex, with_digest(&base64(hmac(BASIC, BODY)))),
        usual(
            Mistake::DigestNotHex,
            hmac(BASIC, [BASIC.as_bytes(), NONCE.as_bytes(), MILLIS.as_bytes(), &hmac(BASIC, BODY)].concat()),
        ),
        usual(Mistake::NoDigest, with_digest(BODY)),
        usual(Mistake::PlainHash, sha256([BASIC, NONCE, MILLIS, &digest].concat())),
        usual(left_out("the access key at the beginning"), of_parts(&[NONCE, MILLIS, &digest])),
        usual(left_out("the nonce"), of_parts(&[BASIC, MILLIS, &digest])),
        usual(left_out("the timestamp"), of_parts(&[BASIC, NONCE, &digest])),
        usual(left_out("the body"), of_parts(&[BASIC, NONCE, MILLIS])),
        usual(Mistake::WrongOrder, of_parts(&[BASIC, MILLIS, NONCE, &digest])),
        usual(Mistake::WrongOrder, of_parts(&[&digest, BASIC, NONCE, MILLIS])),
        usual(Mistake::WrongOrder, of_parts(&[NONCE, MILLIS, &digest, BASIC])),
        usual(Mistake::OtherMarks, hmac(BASIC, [BASIC, NONCE, MILLIS, &digest].join("&"))),
        usual(Mistake::OtherMarks, hmac(BASIC, [BASIC, NONCE, MILLIS, &digest].join("\n"))),
        usual(Mistake::SecondsForMilliseconds, signed(BASIC, NONCE, "1735689600", BODY)),
        case(vec![Mistake::SecondsForMilliseconds], NONCE, "1735689600", BODY, hex(signed(BASIC, NONCE, MILLIS, BODY))),
        case(vec![Mistake::NotDecoded], "a/b", MILLIS, BODY, hex(signed(BASIC, "a%2Fb", MILLIS, BODY))),
        case(vec![Mistake::DecodedTwice], "a%2Fb", MILLIS, BODY, hex(signed(BASIC, "a/b", MILLIS, BODY))),
        case(vec![Mistake::PlusAsSpace], "a b", MILLIS, BODY, hex(signed(BASIC, "a+b", MILLIS, BODY))),
        case(vec![Mistake::PlusAsSpace], "a+b%", MILLIS, BODY, hex(signed(BASIC, "a b%", MILLIS, BODY))),
        case(
            vec![Mistake::PlainDigest, Mistake::PlainHash],
            NONCE,
            MILLIS,
            BODY,
            hex(sha256([BASIC, NONCE, MILLIS, &hex(sha256(BODY))].concat())),
        ),
        case(
            vec![Mistake::Base64ForHex, Mistake::OlderKey(1), Mistake::TrailingLineBreak],
            NONCE,
            MILLIS,
            BODY,
            base64(signed(OLDER, NONCE, MILLIS, &format!("{BODY}\n"))),
        ),
    ]);
    // The canonical form is as good as the body received.
    let pretty = "{ \"b\" : 1, \"a\" : 2 }";
    let foreign = Mistake::OtherInterfaceKey(InterfaceType::Kit);
    cases.push(case(vec![foreign], NONCE, MILLIS, pretty, hex(signed(KIT, NONCE, MILLIS, r#"{"a":2,"b":1}"#))));
    // The European console shows the key in Base64: configured so, and never decoded.
    let mut europe = usual(Mistake::KeyDecoded, signed(BASIC, NONCE, MILLIS, BODY));
    europe.keys = vec![("KOOGALLERY_BASIC_KEY", STANDARD.encode(BASIC))];
    let mut quoted = usual(Mistake::KeyInQuotes, signed(BASIC, NONCE, MILLIS, BODY));
    quoted.keys = vec![("KOOGALLERY_BASIC_KEY", format!("\"{BASIC}\""))];
    cases.extend([europe, quoted]);
    cases
}

fn kit_v2() -> Vec<Case> {
    const SORTED: &str = r#"{"flag":1,"instanceId":"i","name":"示例"}"#;
    const RECEIVED: &str = r#"{"instanceId":"i", "name":"示例", "flag":1, "orderId":null}"#;
    let signed = |key: &str, nonce: &str, time: &str, body: &str| hmac(key, [key, nonce, time, body].concat());
    let case = |expected: Vec<Mistake>, timestamp: &str, body: &str, bytes: [u8; 32]| Case {
        scheme: "kit-v2",
        keys: configured(),
        arguments: vec![("nonce", NONCE.to_owned()), ("timestamp", timestamp.to_owned())],
        body: body.as_bytes().to_vec(),
        signature: hex(bytes),
        expected,
    };
    let of_parts = |mistake: Mistake, parts: &[&str]| case(vec![mistake], MILLIS, RECEIVED, hmac(KIT, parts.concat()));
    let of_body =
        |mistake: Mistake, body: &str| case(vec![mistake], MILLIS, RECEIVED, signed(KIT, NONCE, MILLIS, body));
    let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
    let mut base64_case = case(vec![Mistake::Base64ForHex], MILLIS, RECEIVED, [0; 32]);
    base64_case.signature = base64(signed(KIT, NONCE, MILLIS, SORTED));
    vec![
        case(vec![], MILLIS, RECEIVED, signed(KIT, NONCE, MILLIS, SORTED)),
        base64_case,
        case(
            vec![Mistake::OtherInterfaceKey(InterfaceType::Basic)],
            MILLIS,
            RECEIVED,
            signed(BASIC, NONCE, MILLIS, SORTED),
        ),
        of_parts(Mistake::DigestForBody, &[KIT, NONCE, MILLIS, &hex(hmac(KIT, SORTED))]),
        of_parts(Mistake::DigestForBody, &[KIT, NONCE, MILLIS, &hex(sha256(SORTED))]),
        of_parts(Mistake::WrongOrder, &[KIT, MILLIS, NONCE, SORTED]),
        of_parts(left_out("the access key at the beginning"), &[NONCE, MILLIS, SORTED]),
        of_parts(left_out("the nonce"), &[KIT, MILLIS, SORTED]),
        of_parts(left_out("the timestamp"), &[KIT, NONCE, SORTED]),
        of_parts(left_out("the body"), &[KIT, NONCE, MILLIS]),
        case(vec![Mistake::PlainHash], MILLIS, RECEIVED, sha256([KIT, NONCE, MILLIS, SORTED].concat())),
        case(vec![Mistake::SecondsForMilliseconds], MILLIS, RECEIVED, signed(KIT, NONCE, "1735689600", SORTED)),
        // Verification takes milliseconds only.
        case(vec![Mistake::SecondsForMilliseconds], "1735689600", RECEIVED, signed(KIT, NONCE, "1735689600", SORTED)),
        of_body(Mistake::Unsorted, r#"{"instanceId":"i","name":"示例","flag":1}"#),
        of_body(Mistake::Nulls, r#"{"flag":1,"instanceId":"i","name":"示例","orderId":null}"#),
        of_body(Mistake::SortedDescending, r#"{"orderId":null,"name":"示例","instanceId":"i","flag":1}"#),
        of_body(Mistake::BodySpaced, r#"{"flag": 1, "instanceId": "i", "name": "示例"}"#),
        of_body(Mistake::AsciiEscaped, r#"{"flag":1,"instanceId":"i","name":"\u793a\u4f8b"}"#),
        of_body(Mistake::TrailingLineBreak, &format!("{SORTED}\n")),
        of_body(Mistake::ByteOrderMark, &format!("\u{feff}{SORTED}")),
    ]
}

fn auth_token() -> Vec<Case> {
    const TIME: &str = "20250102030405678";
    /// With a space, a plus sign, `=`, a percent sign, an empty value, and a capital that sorts before small letters.
    const QUERY: &str = "activity=newInstance&businessId=b-1&Zone=z&customerName=A+%2B%20%251&orderId=CS1&trialFlag=\
                         &timeStamp=20250102030405678";
    const NAME: &str = "A + %1";
    let joined = |name: &str| {
        format!(
            "Zone=z&activity=newInstance&businessId=b-1&customerName={name}&orderId=CS1&timeStamp={TIME}&trialFlag="
        )
    };
    let case = |expected: Vec<Mistake>, query: &str, key: &str, text: &str| Case {
        scheme: "auth-token",
        keys: configured(),
        arguments: vec![("query", query.to_owned())],
        body: Vec::new(),
        signature: base64(hmac(key, text)),
        expected,
    };
    let key = |key: &str| [key, TIME].concat();
    let usual = |mistake: Mistake, text: &str| case(vec![mistake], QUERY, &key(BASIC), text);
    let right = joined(NAME);
    let with_key = |mistake: Mistake, key: &str| case(vec![mistake], QUERY, key, &right);
    let respelled = |mistake: Mistake, text: String| Case { signature: text, ..usual(mistake, &right) };
    let bytes = hmac(&key(BASIC), &right);

    let mut cases = vec![
        case(vec![], QUERY, &key(BASIC), &right),
        respelled(Mistake::HexForBase64, hex(bytes)),
        respelled(Mistake::Base64OfHex, STANDARD.encode(hex(bytes))),
        respelled(Mistake::UrlSafeBase64, URL_SAFE.encode(bytes).replace('=', "")),
        respelled(Mistake::SignatureEncoded, base64(bytes).replace('=', "%3D")),
        respelled(Mistake::PlainHash, base64(sha256([&key(BASIC), &*right].concat()))),
        // `usual` signs what the mistake makes of the parameters.
        usual(Mistake::NotDecoded, &joined("A+%2B%20%251")),
        usual(Mistake::PlusAsSpace, &joined("A   %1")),
        usual(Mistake::PlusAsSpace, &joined("A+++%1")),
        usual(Mistake::Encoded, &joined("A%20%2B%20%251")),
        usual(Mistake::Encoded, &joined("A+%2B+%251")),
        usual(Mistake::EmptyLeftOut, right.strip_suffix("&trialFlag=").unwrap()),
        usual(Mistake::TokenSigned, &right.replace("&businessId", "&authToken=&businessId")),
        usual(Mistake::UnknownLeftOut, right.strip_prefix("Zone=z&").unwrap()),
        usual(Mistake::LeftOut("orderId".to_owned()), &right.replace("orderId=CS1&", "")),
        usual(Mistake::LeftOut("timeStamp".to_owned()), &right.replace(&format!("timeStamp={TIME}&"), "")),
        usual(
            Mistake::Unsorted,
            &format!(
                "activity=newInstance&businessId=b-1&Zone=z&customerName={NAME}&orderId=CS1&trialFlag=&timeStamp={TIME}"
            ),
        ),
        usual(Mistake::SortedDescending, &right.split('&').rev().collect::<Vec<_>>().join("&")),
        usual(Mistake::SortedIgnoringCase, &format!("{}&Zone=z", right.strip_prefix("Zone=z&").unwrap())),
        usual(Mistake::NamesLeftOut, &format!("z&newInstance&b-1&{NAME}&CS1&{TIME}&")),
        usual(Mistake::NamesLeftOut, &format!("znewInstanceb-1{NAME}CS1{TIME}")),
        usual(Mistake::MarksLeftOut, &right.replace(['&', '='], "")),
        usual(Mistake::MarksLeftOut, &right.replace('&', "")),
        usual(Mistake::OtherMarks, &right.replace('&', ",")),
        usual(Mistake::OtherMarks, &right.replace('&', "\n")),
        usual(Mistake::KeyInText, &[BASIC, &*right].concat()),
        usual(Mistake::KeyInText, &[&*right, BASIC].concat()),
        usual(Mistake::KeyInText, &[&*right, "&key=", BASIC].concat()),
        with_key(Mistake::TimeStampNotInKey, BASIC),
        with_key(Mistake::TimeStampBeforeKey, &[TIME, BASIC].concat()),
        with_key(Mistake::TimeZone(8), &[BASIC, "20250102110405678"].concat()),
        with_key(Mistake::TimeZone(-5), &[BASIC, "20250101220405678"].concat()),
        with_key(Mistake::TimeReformatted, &[BASIC, "20250102030405"].concat()),
        with_key(Mistake::TimeReformatted, &[BASIC, "1735787045678"].concat()),
        with_key(Mistake::TimeReformatted, &[BASIC, "1735787045"].concat()),
        case(
            vec![Mistake::TimeStampNotInKey, Mistake::SortedDescending],
            QUERY,
            BASIC,
            &right.split('&').rev().collect::<Vec<_>>().join("&"),
        ),
        case(vec![Mistake::DecodedTwice], &QUERY.replace("%251", "%25%34%31"), &key(BASIC), &joined("A   A")),
    ];
    for (mistake, other) in keys() {
        cases.push(with_key(mistake, &key(&other)));
    }
    let fields = FieldCipher::new(&AccessKey::new(BASIC).unwrap(), EncryptType::Aes128);
    let phone = fields.encrypt_with_iv("13800138000", "A1b2C3d4E5f6G7h8").unwrap();
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    cases.push(case(
        vec![Mistake::Decrypted],
        &format!("mobilePhone={}&timeStamp={TIME}", encode(phone.as_str())),
        &key(BASIC),
        &format!("mobilePhone=13800138000&timeStamp={TIME}"),
    ));
    cases.push(case(
        vec![Mistake::ExtendParamsDecoded],
        &format!("saasExtendParams={}&timeStamp={TIME}", encode(&STANDARD.encode("[]"))),
        &key(BASIC),
        &format!("saasExtendParams=[]&timeStamp={TIME}"),
    ));
    cases
}

fn auth_token_body() -> Vec<Case> {
    const TIME: &str = "20250102110405678";
    const BODY: &str = r#"{"name":" ","tenantId":"t 1","flag":1,"userList":"[{\"a\":\"%41+\"}]","Own":"o","timeStamp":"20250102110405678","note":null}"#;
    let joined = |list: &str| format!("Own=o&flag=1&tenantId=t 1&timeStamp={TIME}&userList={list}");
    let key = |key: &str| [key, TIME].concat();
    let case = |expected: Vec<Mistake>, body: &str, key: &str, text: &str| Case {
        scheme: "auth-token",
        keys: configured(),
        arguments: Vec::new(),
        body: body.as_bytes().to_vec(),
        signature: base64(hmac(key, text)),
        expected,
    };
    let usual = |mistake: Mistake, text: &str| case(vec![mistake], BODY, &key(BASIC), text);
    let right = joined(r#"[{"a":"%41+"}]"#);
    vec![
        case(vec![], BODY, &key(BASIC), &right),
        case(vec![Mistake::OlderKey(1)], BODY, &key(OLDER), &right),
        case(vec![Mistake::OtherInterfaceKey(InterfaceType::Kit)], BODY, &key(KIT), &right),
        case(vec![Mistake::TimeStampNotInKey], BODY, BASIC, &right),
        case(vec![Mistake::TimeZone(-8)], BODY, &[BASIC, "20250102030405678"].concat(), &right),
        case(vec![Mistake::ByteOrderMark], &format!("\u{feff}{BODY}"), &key(BASIC), &right),
        usual(Mistake::NotDecoded, &joined(r#"[{\"a\":\"%41+\"}]"#)),
        usual(Mistake::DecodedTwice, &joined(r#"[{"a":"A "}]"#)),
        usual(
            Mistake::BlankSigned,
            &format!("Own=o&flag=1&name= &note=&tenantId=t 1&timeStamp={TIME}&userList=[{{\"a\":\"%41+\"}}]"),
        ),
        usual(Mistake::UnknownLeftOut, right.strip_prefix("Own=o&").unwrap()),
        usual(Mistake::LeftOut("flag".to_owned()), &right.replace("flag=1&", "")),
        usual(Mistake::SortedDescending, &right.split('&').rev().collect::<Vec<_>>().join("&")),
        usual(Mistake::PlusAsSpace, &joined(r#"[{"a":"%41 "}]"#)),
        Case { signature: hex(hmac(&key(BASIC), &right)), ..usual(Mistake::HexForBase64, &right) },
    ]
}

fn body_sign() -> Vec<Case> {
    let value = |signature: &str| format!(r#"sign_type="HMAC-SHA256", signature="{signature}""#);
    let case = |expected: Vec<Mistake>, body: &str, signature: String| Case {
        scheme: "body",
        keys: configured(),
        arguments: Vec::new(),
        body: body.as_bytes().to_vec(),
        signature,
        expected,
    };
    let right = hmac(BASIC, BODY);
    let spelled = |mistake: Mistake, signature: String| case(vec![mistake], BODY, signature);
    let mut cases = vec![
        case(vec![], BODY, value(&base64(right))),
        spelled(Mistake::HexForBase64, value(&hex(right))),
        spelled(Mistake::Base64OfHex, value(&STANDARD.encode(hex(right)))),
        spelled(Mistake::UrlSafeBase64, value(&URL_SAFE.encode(right).replace('=', ""))),
        spelled(Mistake::QuotesMissing, format!("sign_type=HMAC-SHA256, signature={}", base64(right))),
        spelled(Mistake::HeaderIncomplete, base64(right)),
        spelled(Mistake::HeaderIncomplete, format!("signature=\"{}\"", base64(right))),
        spelled(Mistake::PlainHash, value(&base64(sha256(BODY)))),
    ];
    for (mistake, key) in keys() {
        cases.push(spelled(mistake, value(&base64(hmac(&key, BODY)))));
    }
    for (expected, sent, signed) in bodies().into_iter().chain(canonical_bodies()) {
        cases.push(case(expected, sent, value(&base64(hmac(BASIC, signed)))));
    }
    let plus = (0..).map(|number| format!("{{\"a\":{number}}}")).find(|body| base64(hmac(BASIC, body)).contains('+'));
    let plus = plus.unwrap();
    cases.push(case(vec![Mistake::SignaturePlusAsSpace], &plus, value(&base64(hmac(BASIC, &plus)).replace('+', " "))));
    cases
}

fn usage() -> Vec<Case> {
    let case = |expected: Vec<Mistake>, ts: &str, body: &str, bytes: [u8; 32]| Case {
        scheme: "usage",
        keys: configured(),
        arguments: vec![("ts", ts.to_owned()), ("nonce", NONCE.to_owned())],
        body: body.as_bytes().to_vec(),
        signature: base64(bytes),
        expected,
    };
    let text = |ts: &str, body: &str| format!("ts={ts}&nonce={NONCE}&body={body}");
    let of_text = |mistake: Mistake, text: &str| case(vec![mistake], MILLIS, BODY, hmac(BASIC, text));
    let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
    let right = hmac(BASIC, text(MILLIS, BODY));
    let mut cases = vec![
        case(vec![], MILLIS, BODY, right),
        Case { signature: hex(right), ..case(vec![Mistake::HexForBase64], MILLIS, BODY, right) },
        case(vec![Mistake::PlainHash], MILLIS, BODY, sha256(text(MILLIS, BODY))),
        case(vec![Mistake::SecondsForMilliseconds], MILLIS, BODY, hmac(BASIC, text("1735689600", BODY))),
        case(vec![Mistake::SecondsForMilliseconds], "1735689600", BODY, right),
        of_text(left_out("ts"), &format!("nonce={NONCE}&body={BODY}")),
        of_text(left_out("the nonce"), &format!("ts={MILLIS}&body={BODY}")),
        of_text(left_out("the body"), &format!("ts={MILLIS}&nonce={NONCE}")),
        of_text(Mistake::WrongOrder, &format!("nonce={NONCE}&ts={MILLIS}&body={BODY}")),
        of_text(Mistake::MarksLeftOut, &[MILLIS, NONCE, BODY].concat()),
        of_text(Mistake::CallbackFormula, &[BASIC, NONCE, MILLIS, &hex(hmac(BASIC, BODY))].concat()),
        of_text(Mistake::CallbackFormula, &[BASIC, NONCE, MILLIS, BODY].concat()),
    ];
    for (mistake, key) in keys() {
        cases.push(case(vec![mistake], MILLIS, BODY, hmac(&key, text(MILLIS, BODY))));
    }
    for (expected, sent, signed) in bodies().into_iter().chain(canonical_bodies()) {
        cases.push(case(expected, MILLIS, sent, hmac(BASIC, text(MILLIS, signed))));
    }
    cases
}

fn aksk() -> Vec<Case> {
    const DATE: &str = "20250102T030405Z";
    const SIGNED: &str = "host;x-sdk-date;x-stage";
    let headers = "host:mkt.myhuaweicloud.com\nx-sdk-date:20250102T030405Z\nx-stage:RELEASE\n";
    let path = "/api/a%20b/";
    let query = "b=x%2By%20z&c=";
    let canonical = |path: &str, query: &str, headers: &str, hash: &str| {
        format!("POST\n{path}\n{query}\n{headers}\n{SIGNED}\n{hash}")
    };
    let to_sign = |date: &str, canonical: &str| format!("SDK-HMAC-SHA256\n{date}\n{}", hex(sha256(canonical)));
    let case = |expected: Vec<Mistake>, access: &str, body: &str, signature: &str| Case {
        scheme: "aksk",
        keys: configured(),
        arguments: vec![
            ("method", "POST".to_owned()),
            ("url", "https://mkt.myhuaweicloud.com/api/a%20b?c&b=x+y%20z".to_owned()),
            ("date", DATE.to_owned()),
            ("header", "x-stage: RELEASE".to_owned()),
            ("header", "host: mkt.myhuaweicloud.com".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
        signature: format!("SDK-HMAC-SHA256 Access={access}, SignedHeaders={SIGNED}, Signature={signature}"),
        expected,
    };
    let hash = hex(sha256(BODY));
    let right = canonical(path, query, headers, &hash);
    let of_text =
        |mistake: Mistake, key: &str, text: &str| case(vec![mistake], "AccessKey", BODY, &hex(hmac(key, text)));
    let of = |mistake: Mistake, canonical: &str| of_text(mistake, "SecretKey", &to_sign(DATE, canonical));
    let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
    let other_host = |host: &str| Mistake::OtherHost(host.to_owned());
    let signature = hmac("SecretKey", to_sign(DATE, &right));

    let mut cases = vec![
        case(vec![], "AccessKey", BODY, &hex(signature)),
        case(vec![Mistake::OtherAccess], "Another", BODY, &hex(signature)),
        case(vec![Mistake::Base64ForHex], "AccessKey", BODY, &base64(signature)),
        of_text(Mistake::AccessForSecret, "AccessKey", &to_sign(DATE, &right)),
        of_text(Mistake::OtherInterfaceKey(InterfaceType::Basic), BASIC, &to_sign(DATE, &right)),
        of(Mistake::PathWithoutSlash, &canonical("/api/a%20b", query, headers, &hash)),
        of(Mistake::EncodedTwice, &canonical("/api/a%2520b/", query, headers, &hash)),
        of(Mistake::NotCanonical, &canonical(path, "c&b=x+y%20z", headers, &hash)),
        of(left_out("the query"), &canonical(path, "", headers, &hash)),
        of(Mistake::PlusAsSpace, &canonical(path, "b=x%20y%20z&c=", headers, &hash)),
        of(
            other_host("mkt.myhuaweicloud.com:443"),
            &canonical(path, query, &headers.replace(".com", ".com:443"), &hash),
        ),
        of(
            other_host("mkt-intl.myhuaweicloud.com"),
            &canonical(path, query, &headers.replace("mkt.", "mkt-intl."), &hash),
        ),
        of(left_out("the header x-stage"), &canonical(path, query, &headers.replace("x-stage:RELEASE\n", ""), &hash)),
        of(Mistake::UpperCaseDigest, &canonical(path, query, headers, &hash.to_uppercase())),
        of(Mistake::UnsignedPayload, &canonical(path, query, headers, "UNSIGNED-PAYLOAD")),
        of(Mistake::EmptyLineMissing, &right.replace("RELEASE\n\n", "RELEASE\n")),
        of(Mistake::CanonicalLineBreak, &format!("{right}\n")),
        of_text(Mistake::NoDigest, "SecretKey", &format!("SDK-HMAC-SHA256\n{DATE}\n{right}")),
        of_text(left_out("the date"), "SecretKey", &format!("SDK-HMAC-SHA256\n{}", hex(sha256(&right)))),
        of_text(Mistake::TimeZone(8), "SecretKey", &to_sign("20250102T110405Z", &right)),
        of_text(Mistake::TimeReformatted, "SecretKey", &to_sign("20250102030405", &right)),
        of_text(Mistake::TimeReformatted, "SecretKey", &to_sign("1735787045", &right)),
    ];
    for (expected, sent, signed) in bodies().into_iter().chain(canonical_bodies()) {
        let canonical = canonical(path, query, headers, &hex(sha256(signed)));
        cases.push(case(expected, "AccessKey", sent, &hex(hmac("SecretKey", to_sign(DATE, &canonical)))));
    }
    let mut missing = cases[0].clone();
    missing.arguments.retain(|(_, value)| !value.starts_with("x-stage"));
    missing.expected = vec![Mistake::SignedHeaderMissing("x-stage".to_owned())];
    cases.push(missing);
    cases
}
