//! Habits of other languages, of their libraries, of the official SDKs, and of settings files.

use hmac::{Hmac, KeyInit as _, Mac as _};
use koogallery::key::InterfaceType;
use koogallery::signature::diagnosis::Mistake;
use sha1::Sha1;
use sha2::{Sha384, Sha512};

use super::*;

pub fn cases() -> Vec<Case> {
    [of_bodies(), keys_and_hashes(), of_tokens(), of_requests()].concat()
}

/// What was received, what was signed, and what happened in between.
fn bodies() -> Vec<(Mistake, &'static str, &'static str)> {
    use Mistake::*;
    const NEW: &str = r#"{"activity":"newInstance","orderId":"CS1","businessId":"b"}"#;
    const FIVE: &str =
        r#"{"activity":"newInstance","businessId":"b","orderId":"CS1","orderLineId":"l","testFlag":"1"}"#;
    let added = |names: &str| MemberAdded(names.to_owned());
    vec![
        (EscapedBy("System.Text.Json of .NET"), r#"{"a":"x+y"}"#, r#"{"a":"x\u002By"}"#),
        (
            EscapedBy("System.Text.Json of .NET"),
            r#"{"a":"<&>'`+é欢😀/\" "}"#,
            r#"{"a":"\u003C\u0026\u003E\u0027\u0060\u002B\u00E9\u6B22\uD83D\uDE00/\u0022 "}"#,
        ),
        (
            EscapedBy("System.Text.Json of .NET, with all Unicode ranges"),
            r#"{"a":"欢<+"}"#,
            r#"{"a":"欢\u003C\u002B"}"#,
        ),
        (
            EscapedBy("System.Text.Json of .NET, with relaxed escaping"),
            r#"{"a":"欢<😀"}"#,
            r#"{"a":"欢<\uD83D\uDE00"}"#,
        ),
        (EscapedBy("Gson of Java"), r#"{"a":"b=c"}"#, r#"{"a":"b\u003dc"}"#),
        (EscapedBy("Gson of Java"), r#"{"a":"it's <b>"}"#, r#"{"a":"it\u0027s \u003cb\u003e"}"#),
        (EscapedBy("Newtonsoft.Json of .NET, with HTML escaping"), r#"{"a":"<'="}"#, r#"{"a":"\u003c\u0027="}"#),
        (EscapedBy("org.json of Java"), r#"{"a":"</b>/"}"#, r#"{"a":"<\/b>/"}"#),
        (EscapedBy("PHP's json_encode, with JSON_HEX flags"), r#"{"a":"<欢"}"#, r#"{"a":"\u003C\u6b22"}"#),
        (HtmlEscaped, r#"{"a":"x&y=z'"}"#, r#"{"a":"x\u0026y=z'"}"#),
        (SlashesEscaped, r#"{"a":"https://h/p","b":1}"#, r#"{"a":"https:\/\/h\/p","b":1}"#),
        (AsciiEscaped, r#"{"a":"欢"}"#, r#"{"a":"\u6b22"}"#),
        (BodyIndented, r#"{"b":1,"a":2}"#, "{\n\t\"b\": 1,\n\t\"a\": 2\n}"),
        // Java.
        (
            JavaHashOrder,
            FIVE,
            r#"{"testFlag":"1","activity":"newInstance","orderId":"CS1","businessId":"b","orderLineId":"l"}"#,
        ),
        (
            JavaHashOrder,
            r#"{"activity":"newInstance","businessId":"b","orderId":null,"orderLineId":"l","testFlag":"1"}"#,
            r#"{"testFlag":"1","activity":"newInstance","businessId":"b","orderLineId":"l"}"#,
        ),
        (
            JavaHashOrder,
            r#"{"orderId":"CS1","testFlag":{"orderId":1,"testFlag":2},"activity":[{"orderId":1,"activity":2}]}"#,
            r#"{"testFlag":{"testFlag":2,"orderId":1},"activity":[{"activity":2,"orderId":1}],"orderId":"CS1"}"#,
        ),
        // A copied map has another table.
        (
            JavaHashOrder,
            FIVE,
            r#"{"businessId":"b","testFlag":"1","activity":"newInstance","orderLineId":"l","orderId":"CS1"}"#,
        ),
        // Typed models.
        (
            added("orderLineId"),
            NEW,
            r#"{"activity":"newInstance","orderId":"CS1","orderLineId":null,"businessId":"b"}"#,
        ),
        (added("orderLineId"), NEW, r#"{"activity":"newInstance","orderId":"CS1","businessId":"b","orderLineId":""}"#),
        (added("testFlag"), NEW, r#"{"activity":"newInstance","orderId":"CS1","businessId":"b","testFlag":""}"#),
        (added("testFlag"), NEW, r#"{"testFlag":null,"activity":"newInstance","orderId":"CS1","businessId":"b"}"#),
        (added("instanceId"), NEW, r#"{"activity":"newInstance","instanceId":null,"orderId":"CS1","businessId":"b"}"#),
        (
            added("orderLineId, productId, testFlag"),
            NEW,
            r#"{"activity":"newInstance","orderId":"CS1","orderLineId":null,"businessId":"b","productId":null,"testFlag":null}"#,
        ),
        (
            added("orderLineId, testFlag"),
            NEW,
            r#"{"activity":"newInstance","orderId":"CS1","businessId":"b","orderLineId":"","testFlag":""}"#,
        ),
        (
            MemberDropped("own".to_owned()),
            r#"{"activity":"queryInstance","own":{"a":1},"instanceId":"i"}"#,
            r#"{"activity":"queryInstance","instanceId":"i"}"#,
        ),
        (
            UnknownMembersDropped,
            r#"{"activity":"queryInstance","own":1,"instanceId":"i","other":[]}"#,
            r#"{"activity":"queryInstance","instanceId":"i"}"#,
        ),
        (EmptyMembersDropped, r#"{"b":"","a":"x","c":""}"#, r#"{"a":"x"}"#),
        (NumbersAsText, r#"{"b":1,"a":"x","c":-2.5e1}"#, r#"{"b":"1","a":"x","c":"-2.5e1"}"#),
        (NumbersAsText, r#"{"b":"1","a":"x"}"#, r#"{"b":1,"a":"x"}"#),
        (NumbersRewritten("JavaScript"), r#"{"b":5.0,"a":[1E2]}"#, r#"{"b":5,"a":[100]}"#),
        (
            NumbersRewritten("Java, which reads all of them as Double (Gson)"),
            r#"{"b":1,"a":{"c":12345678}}"#,
            r#"{"b":1.0,"a":{"c":1.2345678E7}}"#,
        ),
        (NumbersRewritten("Python"), r#"{"b":1,"a":1E2}"#, r#"{"b":1,"a":100.0}"#),
        (EmptyObjectsAsLists, r#"{"b":{"c":{}},"a":[]}"#, r#"{"b":{"c":[]},"a":[]}"#),
        (BodyNotSent("{}"), "", "{}"),
        (BodyNotSent("null"), "", "null"),
    ]
}

/// The same as bytes.
fn charsets() -> Vec<(Mistake, &'static str, Vec<u8>)> {
    use Mistake::*;
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let cases = vec![
        (Charset, r#"{"a":"é欢"}"#, b"{\"a\":\"\xe9?\"}".to_vec()),
        (Charset, r#"{"a":"é"}"#, "{\"a\":\"\u{fffd}\u{fffd}\"}".into()),
        (OtherCharset("UTF-16"), r#"{"a":1}"#, utf_16(r#"{"a":1}"#)),
    ];
    #[cfg(feature = "charsets")]
    let cases = [
        cases,
        vec![
            (OtherCharset("GBK"), r#"{"a":"名称"}"#, b"{\"a\":\"\xc3\xfb\xb3\xc6\"}".to_vec()),
            (OtherCharset("GBK"), r#"{"a":"名称"}"#, "{\"a\":\"鍚嶇О\"}".into()),
            (OtherCharset("gb18030"), r#"{"a":"é😀"}"#, b"{\"a\":\"\xa8\xa6\x94\x39\xfc\x36\"}".to_vec()),
            (OtherCharset("GBK"), r#"{"a":"名😀"}"#, b"{\"a\":\"\xc3\xfb?\"}".to_vec()),
            (OtherCharset("Big5"), r#"{"a":"中文"}"#, b"{\"a\":\"\xa4\xa4\xa4\xe5\"}".to_vec()),
            (OtherCharset("windows-1252"), r#"{"a":"–"}"#, b"{\"a\":\"\x96\"}".to_vec()),
        ],
    ]
    .concat();
    cases
}

fn callback_v2(expected: Vec<Mistake>, body: &str, make: &dyn Fn(&str) -> Vec<u8>) -> Case {
    Case {
        scheme: "callback-v2",
        keys: configured(),
        arguments: vec![("nonce", NONCE.to_owned()), ("timestamp", MILLIS.to_owned())],
        body: body.as_bytes().to_vec(),
        signature: const_hex::encode(make(BASIC)),
        expected,
    }
}

fn kit_v2(expected: Vec<Mistake>, body: &str, make: &dyn Fn(&str) -> Vec<u8>) -> Case {
    Case { scheme: "kit-v2", signature: const_hex::encode(make(KIT)), ..callback_v2(expected, body, make) }
}

fn body_sign(expected: Vec<Mistake>, body: &str, make: &dyn Fn(&str) -> Vec<u8>) -> Case {
    let signature = format!(r#"sign_type="HMAC-SHA256", signature="{}""#, STANDARD.encode(make(BASIC)));
    Case { scheme: "body", arguments: vec![], signature, ..callback_v2(expected, body, make) }
}

fn usage(expected: Vec<Mistake>, body: &str, make: &dyn Fn(&str) -> Vec<u8>) -> Case {
    let arguments = vec![("ts", MILLIS.to_owned()), ("nonce", NONCE.to_owned())];
    let signature = STANDARD.encode(make(BASIC));
    Case { scheme: "usage", arguments, signature, ..callback_v2(expected, body, make) }
}

fn v2_text(key: &str, digest: &[u8]) -> String {
    [key, NONCE, MILLIS, &const_hex::encode(digest)].concat()
}

fn kit_text(key: &str, body: &[u8]) -> Vec<u8> {
    [[key, NONCE, MILLIS].concat().as_bytes(), body].concat()
}

fn usage_text(body: &[u8]) -> Vec<u8> {
    [format!("ts={MILLIS}&nonce={NONCE}&body=").as_bytes(), body].concat()
}

fn of_bodies() -> Vec<Case> {
    let rows = bodies().into_iter().map(|(mistake, received, signed)| (mistake, received, signed.as_bytes().to_vec()));
    let mut cases = Vec::new();
    for (mistake, received, signed) in rows.chain(charsets()) {
        let expected = || vec![mistake.clone()];
        cases.push(callback_v2(expected(), received, &|key| hmac(key, v2_text(key, &hmac(key, &signed))).into()));
        cases.push(kit_v2(expected(), received, &|key| hmac(key, kit_text(key, &signed)).into()));
        cases.push(body_sign(expected(), received, &|key| hmac(key, &signed).into()));
        cases.push(usage(expected(), received, &|key| hmac(key, usage_text(&signed)).into()));
        cases.push(request(expected(), received, &[], &|text| {
            text.replace(&hex(sha256(received)), &hex(sha256(&signed)))
        }));
    }
    // In the schemes of V2.0 verification itself tells a repeated member.
    let repeated = r#"{"a":1,"b":2,"a":3}"#;
    for signed in [r#"{"a":3,"b":2}"#, r#"{"a":1,"b":2}"#, r#"{"b":2,"a":3}"#] {
        let expected = || vec![Mistake::RepeatedMember("a".to_owned())];
        cases.push(body_sign(expected(), repeated, &|key| hmac(key, signed).into()));
        cases.push(usage(expected(), repeated, &|key| hmac(key, usage_text(signed.as_bytes())).into()));
    }
    cases
}

/// From key and text.
type Keyed = fn(&str, &[u8]) -> Vec<u8>;

/// HMACs by other hash functions.
fn other_hmacs() -> Vec<(&'static str, Keyed)> {
    fn hmac_sha1(key: &str, text: &[u8]) -> Vec<u8> {
        Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap().chain_update(text).finalize().into_bytes().to_vec()
    }
    fn hmac_sha384(key: &str, text: &[u8]) -> Vec<u8> {
        Hmac::<Sha384>::new_from_slice(key.as_bytes()).unwrap().chain_update(text).finalize().into_bytes().to_vec()
    }
    fn hmac_sha512(key: &str, text: &[u8]) -> Vec<u8> {
        Hmac::<Sha512>::new_from_slice(key.as_bytes()).unwrap().chain_update(text).finalize().into_bytes().to_vec()
    }
    vec![("SHA-1", hmac_sha1), ("SHA-384", hmac_sha384), ("SHA-512", hmac_sha512)]
}

/// The text as the key, and the key as the text.
fn swapped(key: &str, text: impl AsRef<[u8]>) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(text.as_ref()).unwrap().chain_update(key).finalize().into_bytes().to_vec()
}

fn keys_and_hashes() -> Vec<Case> {
    const KIT_BODY: &str = r#"{"flag":1,"instanceId":"i"}"#;
    let body = BODY.as_bytes();
    let outer = vec![Mistake::KeyAndTextSwapped];
    let mut cases = vec![
        callback_v2(vec![Mistake::DigestSwapped], BODY, &|key| hmac(key, v2_text(key, &swapped(key, body))).into()),
        callback_v2(outer.clone(), BODY, &|key| swapped(key, v2_text(key, &hmac(key, body)))),
        callback_v2(vec![Mistake::DigestSwapped, Mistake::KeyAndTextSwapped], BODY, &|key| {
            swapped(key, v2_text(key, &swapped(key, body)))
        }),
        kit_v2(outer.clone(), KIT_BODY, &|key| swapped(key, kit_text(key, KIT_BODY.as_bytes()))),
        body_sign(outer.clone(), BODY, &|key| swapped(key, body)),
        usage(outer.clone(), BODY, &|key| swapped(key, usage_text(body))),
        body_sign(vec![Mistake::PlainHash], BODY, &|key| sha256([key.as_bytes(), body].concat()).into()),
        body_sign(vec![Mistake::PlainHash], BODY, &|key| sha256([body, key.as_bytes()].concat()).into()),
    ];
    for (name, other) in other_hmacs() {
        let named = || vec![Mistake::OtherHash(name)];
        cases.extend([
            callback_v2(named(), BODY, &|key| other(key, v2_text(key, &other(key, body)).as_bytes())),
            callback_v2(named(), BODY, &|key| other(key, v2_text(key, &hmac(key, body)).as_bytes())),
            callback_v2(vec![Mistake::DigestOtherHash(name)], BODY, &|key| {
                hmac(key, v2_text(key, &other(key, body))).into()
            }),
            kit_v2(named(), KIT_BODY, &|key| other(key, &kit_text(key, KIT_BODY.as_bytes()))),
            body_sign(named(), BODY, &|key| other(key, body)),
            usage(named(), BODY, &|key| other(key, &usage_text(body))),
            callback_v2(vec![Mistake::OtherHash(name), Mistake::OlderKey(1)], BODY, &|_| {
                other(OLDER, v2_text(OLDER, &other(OLDER, body)).as_bytes())
            }),
        ]);
    }
    let spoilt = [
        (Mistake::KeyWithBlank, format!("{BASIC} ")),
        (Mistake::KeyWithBlank, format!(" {BASIC}")),
        (Mistake::KeyWithBlank, format!("\u{feff}{BASIC}")),
        (Mistake::KeyInQuotes, format!("'{BASIC}'")),
    ];
    for (mistake, key) in spoilt {
        cases.push(callback_v2(vec![mistake.clone()], BODY, &|_| hmac(&key, v2_text(&key, &hmac(&key, body))).into()));
        cases.push(body_sign(vec![mistake], BODY, &|_| hmac(&key, body).into()));
    }
    cases
}

fn of_tokens() -> Vec<Case> {
    [of_queries(), of_kit_bodies()].concat()
}

/// The Kit's bodies of V1.0.
fn of_kit_bodies() -> Vec<Case> {
    const BODY: &str = r#"{"tenantId":"t","flag":1,"name":null,"timeStamp":"20250102110405678"}"#;
    const TIME: &str = "20250102110405678";
    let key = [BASIC, TIME].concat();
    let case = |expected: Vec<Mistake>, bytes: Vec<u8>| Case {
        scheme: "auth-token",
        keys: configured(),
        arguments: Vec::new(),
        body: BODY.as_bytes().to_vec(),
        signature: STANDARD.encode(bytes),
        expected,
    };
    let right = format!("flag=1&tenantId=t&timeStamp={TIME}");
    let mut cases = vec![
        case(vec![], hmac(&key, &right).into()),
        case(vec![Mistake::KeyAndTextSwapped], swapped(&key, &right)),
        case(vec![Mistake::TimeStampNull], hmac(&[BASIC, "null"].concat(), &right).into()),
        case(vec![Mistake::StrayMark], hmac(&key, format!("{right}&")).into()),
        case(vec![Mistake::EmptyAsNull], hmac(&key, format!("flag=1&name=null&tenantId=t&timeStamp={TIME}")).into()),
        // By the buckets of a HashMap.
        case(vec![Mistake::JavaHashOrder], hmac(&key, format!("timeStamp={TIME}&flag=1&tenantId=t")).into()),
    ];
    for (name, other) in other_hmacs() {
        cases.push(case(vec![Mistake::OtherHash(name)], other(&key, right.as_bytes())));
    }
    cases
}

fn of_queries() -> Vec<Case> {
    const TIME: &str = "20250102030405678";
    const QUERY: &str = "activity=newInstance&customerName=%e5%90%8d%e7%a7%b0%20%28a%2a%29%7e&orderId=CS1&trialFlag=&timeStamp=20250102030405678";
    let text = |name: &str, flag: &str| {
        format!("activity=newInstance&customerName={name}&orderId=CS1&timeStamp={TIME}&trialFlag={flag}")
    };
    let case = |expected: Vec<Mistake>, bytes: Vec<u8>| Case {
        scheme: "auth-token",
        keys: configured(),
        arguments: vec![("query", QUERY.to_owned())],
        body: Vec::new(),
        signature: STANDARD.encode(bytes),
        expected,
    };
    let key = [BASIC, TIME].concat();
    let right = text("名称 (a*)~", "");
    let signed = |mistake: Mistake, text: &str| case(vec![mistake], hmac(&key, text).into());
    let by = |library: &'static str, name: &str| signed(Mistake::EncodedBy(library), &text(name, ""));
    let mut cases = vec![
        case(vec![], hmac(&key, &right).into()),
        case(vec![Mistake::KeyAndTextSwapped], swapped(&key, &right)),
        case(vec![Mistake::TimeStampNull], hmac(&[BASIC, "null"].concat(), &right).into()),
        signed(Mistake::StrayMark, &format!("{right}&")),
        signed(Mistake::StrayMark, &format!("&{right}")),
        signed(Mistake::StrayMark, &format!("?{right}")),
        signed(Mistake::EmptyAsNull, &text("名称 (a*)~", "null")),
        by("JavaScript's encodeURIComponent", "%E5%90%8D%E7%A7%B0%20(a*)~"),
        by("Java's URLEncoder or JavaScript's URLSearchParams", "%E5%90%8D%E7%A7%B0+%28a*%29%7E"),
        by("PHP's urlencode", "%E5%90%8D%E7%A7%B0+%28a%2A%29%7E"),
        by(".NET's WebUtility.UrlEncode", "%E5%90%8D%E7%A7%B0+(a*)%7E"),
        by(".NET's HttpUtility.UrlEncode", "%e5%90%8d%e7%a7%b0+(a*)%7e"),
        // Tomcat before version 8 reads addresses so.
        signed(Mistake::Charset, &text("å\u{90}\u{8d}ç§° (a*)~", "")),
        signed(
            Mistake::JavaHashOrder,
            &format!("timeStamp={TIME}&trialFlag=&activity=newInstance&orderId=CS1&customerName=名称 (a*)~"),
        ),
    ];
    #[cfg(feature = "charsets")]
    cases.extend([
        signed(Mistake::OtherCharset("GBK"), &text("鍚嶇О (a*)~", "")),
        case(vec![Mistake::OtherCharset("GBK")], {
            let (before, after) = right.split_once("名称").unwrap();
            hmac(&key, [before.as_bytes(), b"\xc3\xfb\xb3\xc6", after.as_bytes()].concat()).into()
        }),
    ]);
    for (name, other) in other_hmacs() {
        cases.push(case(vec![Mistake::OtherHash(name)], other(&key, right.as_bytes())));
    }
    cases
}

/// The string that is signed for a request, changed by `change` as the canonical request, signed with this key.
fn signed_request(
    expected: Vec<Mistake>,
    body: &str,
    headers: &[(&str, &str)],
    sign: &dyn Fn(&str) -> Vec<u8>,
    change: &dyn Fn(&str) -> String,
) -> Case {
    const DATE: &str = "20250102T030405Z";
    let mut lines =
        vec![("host".to_owned(), "mkt.myhuaweicloud.com".to_owned()), ("x-sdk-date".to_owned(), DATE.to_owned())];
    lines.extend(headers.iter().map(|(name, value)| (name.to_lowercase(), (*value).to_owned())));
    lines.sort();
    let names = lines.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let block: String = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let hash = hex(sha256(body));
    let content = headers.iter().find(|(name, _)| *name == "x-sdk-content-sha256").map_or(&*hash, |(_, value)| value);
    let canonical =
        format!("POST\n/a%20b/%28c%29/\nids=10&ids=9&n=&q=%2Ba%2Fb%20~%2A&r%2F=2&r-=1\n{block}\n{names}\n{content}");
    let canonical = change(&canonical);
    let listed = canonical.split('\n').rev().nth(1).unwrap_or_default();
    let listed = if listed.eq_ignore_ascii_case(&names) { listed } else { &*names };
    let signature = const_hex::encode(sign(&format!("SDK-HMAC-SHA256\n{DATE}\n{}", hex(sha256(&canonical)))));
    let mut arguments = vec![
        ("method", "POST".to_owned()),
        ("url", "https://mkt.myhuaweicloud.com/a%20b/(c)?ids=10&n&q=%2Ba/b%20~*&ids=9&r/=2&r-=1".to_owned()),
        ("date", DATE.to_owned()),
        ("header", "host: mkt.myhuaweicloud.com".to_owned()),
    ];
    arguments.extend(headers.iter().map(|(name, value)| ("header", format!("{name}: {value}"))));
    Case {
        scheme: "aksk",
        keys: configured(),
        arguments,
        body: body.as_bytes().to_vec(),
        signature: format!("SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders={listed}, Signature={signature}"),
        expected,
    }
}

fn request(expected: Vec<Mistake>, body: &str, headers: &[(&str, &str)], change: &dyn Fn(&str) -> String) -> Case {
    signed_request(expected, body, headers, &|text| hmac("SecretKey", text).into(), change)
}

fn of_requests() -> Vec<Case> {
    const QUERY: &str = "ids=10&ids=9&n=&q=%2Ba%2Fb%20~%2A&r%2F=2&r-=1";
    const PATH: &str = "/a%20b/%28c%29/";
    let swap = |mistake: Mistake, from: &'static str, to: &'static str| {
        request(vec![mistake], BODY, &[], &|text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        })
    };
    let query = |mistake: Mistake, to: &'static str| swap(mistake, QUERY, to);
    let path = |mistake: Mistake, to: &'static str| swap(mistake, PATH, to);
    let by = Mistake::EncodedBy;
    let json = [("content-type", "application/json; charset=utf-8")];
    let bare = [("content-type", "application/json")];
    let unsigned = [("content-type", "text/plain"), ("x-sdk-content-sha256", "UNSIGNED-PAYLOAD")];
    let nothing = hex(sha256(""));
    let mut cases = vec![
        request(vec![], BODY, &[], &str::to_owned),
        request(vec![], "", &unsigned, &str::to_owned),
        // C07.
        request(vec![Mistake::ContentTypeParameters], BODY, &json, &|text| text.replace("; charset=utf-8", "")),
        request(vec![Mistake::ContentTypeParameters], BODY, &bare, &|text| {
            text.replace("application/json", "application/json; charset=utf-8")
        }),
        request(vec![Mistake::ContentTypeParameters], BODY, &bare, &|text| {
            text.replace("application/json", "application/json;charset=UTF-8")
        }),
        // C09.
        query(Mistake::LowerCaseHex, "ids=10&ids=9&n=&q=%2ba%2fb%20~%2a&r%2f=2&r-=1"),
        query(Mistake::EncodedTwice, "ids=10&ids=9&n=&q=%252Ba%252Fb%2520~%252A&r%252F=2&r-=1"),
        query(Mistake::NotEncoded, "ids=10&ids=9&n=&q=+a/b ~*&r/=2&r-=1"),
        query(Mistake::EqualsSignLeftOut, "ids=10&ids=9&n&q=%2Ba%2Fb%20~%2A&r%2F=2&r-=1"),
        // Values of a list as numbers, as the official Python SDK sorts them; as they stand.
        query(Mistake::QueryOrder, "ids=9&ids=10&n=&q=%2Ba%2Fb%20~%2A&r-=1&r%2F=2"),
        query(Mistake::QueryOrder, "ids=9&ids=10&n=&q=%2Ba%2Fb%20~%2A&r%2F=2&r-=1"),
        query(Mistake::QueryOrder, "ids=10&ids=9&n=&q=%2Ba%2Fb%20~%2A&r-=1&r%2F=2"),
        query(Mistake::QueryOrder, "ids=10&n=&q=%2Ba%2Fb%20~%2A&ids=9&r%2F=2&r-=1"),
        query(Mistake::SortedDescending, "r-=1&r%2F=2&q=%2Ba%2Fb%20~%2A&n=&ids=9&ids=10"),
        query(by("JavaScript's encodeURIComponent"), "ids=10&ids=9&n=&q=%2Ba%2Fb%20~*&r%2F=2&r-=1"),
        query(by("Java's URLEncoder or JavaScript's URLSearchParams"), "ids=10&ids=9&n=&q=%2Ba%2Fb+%7E*&r%2F=2&r-=1"),
        query(by("Python's quote"), "ids=10&ids=9&n=&q=%2Ba/b%20~%2A&r-=1&r/=2"),
        path(Mistake::EncodedTwice, "/a%2520b/(c)/"),
        path(Mistake::EncodedTwice, "/a%2520b/%2528c%2529/"),
        path(Mistake::NotCanonical, "/a%20b/(c)/"),
        path(Mistake::NotEncoded, "/a b/(c)/"),
        swap(Mistake::MethodCase, "POST\n", "post\n"),
        swap(Mistake::OtherMethod("GET"), "POST\n", "GET\n"),
        request(vec![Mistake::NoDigest], BODY, &[], &|text| text.replace(&hex(sha256(BODY)), BODY)),
        swap(Mistake::SpaceAfterColon, ":", ": "),
        swap(
            Mistake::HeaderNameCase,
            "host:mkt.myhuaweicloud.com\nx-sdk-date:20250102T030405Z\n\nhost;x-sdk-date",
            "Host:mkt.myhuaweicloud.com\nX-Sdk-Date:20250102T030405Z\n\nHost;X-Sdk-Date",
        ),
        swap(Mistake::HeaderNameCase, "\n\nhost;x-sdk-date", "\n\nHost;X-Sdk-Date"),
        // The official SDKs.
        request(vec![Mistake::HeaderNotTrimmed("x-note".to_owned())], BODY, &[("x-note", "a")], &|text| {
            text.replace("x-note:a", "x-note: a ")
        }),
        request(vec![Mistake::ContentSha256Ignored], "", &unsigned, &|text| {
            text.replace("\nUNSIGNED-PAYLOAD", &format!("\n{nothing}"))
                .replace(&format!(":{nothing}"), ":UNSIGNED-PAYLOAD")
        }),
        signed_request(vec![Mistake::KeyAndTextSwapped], BODY, &[], &|text| swapped("SecretKey", text), &str::to_owned),
    ];
    // C08.
    for (mistake, secret) in [
        (Mistake::KeyWithLineBreak, "SecretKey\n"),
        (Mistake::KeyWithLineBreak, "SecretKey\r\n"),
        (Mistake::KeyWithBlank, "SecretKey "),
        (Mistake::KeyInQuotes, "\"SecretKey\""),
        (Mistake::KeyInQuotes, "'SecretKey'"),
        (Mistake::OtherInterfaceKey(InterfaceType::Basic), BASIC),
    ] {
        cases.push(signed_request(vec![mistake], BODY, &[], &|text| hmac(secret, text).into(), &str::to_owned));
    }
    for (name, other) in other_hmacs() {
        let sign = |text: &str| other("SecretKey", text.as_bytes());
        cases.push(signed_request(vec![Mistake::OtherHash(name)], BODY, &[], &sign, &str::to_owned));
    }
    cases
}
