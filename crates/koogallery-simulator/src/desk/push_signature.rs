//! Who pushes usage: the headers `signature`, `ts` and `nonce`. Open API reference, "usage push (new)".

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::exchange::Received;
use super::gateway::NotAdmitted;
use super::refusal::Refusal;
use koogallery::key::{Credentials, KeyRing};
use koogallery::signature::callback_v2;
use koogallery::signature::usage_push;

/// How far `ts` may be off, and whether a nonce may come twice, is not documented, and not checked.
pub(super) fn admit(
    request: &Received,
    credentials: &[Credentials],
    keys: Option<&KeyRing>,
) -> Result<(), NotAdmitted> {
    let missing = |name: &str| refused(format!("the header {name} is missing or empty"));
    let header =
        |name: &'static str| request.header(name).filter(|value| !value.is_empty()).ok_or_else(|| missing(name));
    let (signature, ts, nonce) = (header("signature")?, header("ts")?, header("nonce")?);
    let keys = keys.ok_or_else(|| refused("the desk has no access key of the basic interface".to_owned()))?;
    if ts.len() != 13 || !ts.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused(format!("ts is {ts:?}, and not the UNIX time in milliseconds, 13 digits")));
    }
    if nonce.len() > 64 {
        return Err(refused("the nonce has more than 64 characters".to_owned()));
    }
    match usage_push::verify(keys, signature, ts, nonce, &request.body) {
        Ok(()) if is_in_natural_order(&request.body) => Ok(()),
        Ok(()) => Err(refused(
            "the members of the body are not in natural order, in which it is to be signed: sort them by name, and send \
             what was signed"
                .to_owned(),
        )),
        Err(_) => Err(explain(signature, ts, nonce, &request.body, credentials, keys)),
    }
}

fn refused(why: String) -> NotAdmitted {
    NotAdmitted { refusal: Refusal::new("94060002", why), explanation: Vec::new() }
}

fn explain(
    signature: &str,
    ts: &str,
    nonce: &str,
    body: &[u8],
    credentials: &[Credentials],
    keys: &KeyRing,
) -> NotAdmitted {
    let text = String::from_utf8_lossy(body);
    let message = |ts: &str, body: &str| format!("ts={ts}&nonce={nonce}&body={body}");
    let right = message(ts, &text);
    let seconds = ts.get(..10).unwrap_or_default();
    let mut variants = vec![
        ("a line break at the end of the body was signed and not sent", message(ts, &format!("{text}\n"))),
        ("a line break at the end of the body was sent and not signed", message(ts, text.trim_end())),
        ("ts was signed in seconds", message(seconds, &text)),
        ("a line break stands at the end of what was signed", format!("{right}\n")),
        ("the body alone was signed", text.clone().into_owned()),
        ("ts, nonce and body were joined without their names", format!("{ts}{nonce}{text}")),
        ("nothing was signed in the place of the body", message(ts, "")),
        ("nonce was signed before ts", format!("nonce={nonce}&ts={ts}&body={text}")),
    ];
    if let Ok(sorted) = callback_v2::canonical(body) {
        variants.push(("the body was signed in another form than it was sent", message(ts, &sorted)));
    }
    let made_with_sk = credentials.iter().any(|pair| STANDARD.encode(pair.hmac_sha256(&right)) == signature);
    let mistake = keys.iter().find_map(|key| {
        if const_hex::encode(key.hmac_sha256(&right)).eq_ignore_ascii_case(signature) {
            return Some("it is written in hex, and not in Base64");
        }
        let found = variants.iter().find(|(_, message)| STANDARD.encode(key.hmac_sha256(message)) == signature);
        found.map(|(mistake, _)| *mistake)
    });
    let mistake =
        mistake.or(made_with_sk.then_some("it is made with the SK, in the place of the interface's access key"));
    let mut not_admitted = refused("the signature does not match".to_owned());
    not_admitted.explanation = vec![
        "the text to sign, under the access key of the basic interface, in Base64:".to_owned(),
        format!("  ts={ts}&nonce={nonce}&body=<the {} bytes of the body>", body.len()),
        match mistake {
            Some(mistake) => format!("the signature received comes of a mistake: {mistake}"),
            None => {
                "no common mistake gives the signature received: either the key is another, or the body was changed \
                     after it was signed"
                    .to_owned()
            }
        },
    ];
    not_admitted
}

/// Whether the names are sorted, in the body and in each of its records.
fn is_in_natural_order(body: &[u8]) -> bool {
    let sorted = |object: &[u8]| serde_json::from_slice(object).is_ok_and(|Names(names)| names.is_sorted());
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow, default)]
        usage_records: Vec<&'a RawValue>,
    }
    // What cannot be read is refused where it is read.
    let Ok(parsed) = serde_json::from_slice::<Body<'_>>(body) else { return true };
    sorted(body) && parsed.usage_records.iter().all(|record| sorted(record.get().as_bytes()))
}

/// The names of an object's members, as they stand.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
