//! Authentication of usage pushes: the headers `signature`, `ts` and `nonce`. Open API reference, "usage push (new)".

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::exchange::Received;
use super::explain::{basic, mistake};
use super::not_admitted::NotAdmitted;
use super::refusal::Refusal;
use koogallery::key::{Credentials, KeyRing};
use koogallery::signature::diagnosis;
use koogallery::signature::usage_push;

/// The allowed deviation of `ts`, and whether a nonce may repeat, are not documented, and not checked.
pub(super) fn admit(
    request: &Received,
    credentials: &[Credentials],
    keys: Option<&KeyRing>,
) -> Result<(), NotAdmitted> {
    let missing = |name: &str| refused(format!("the header {name} is missing or empty"));
    let header =
        |name: &'static str| request.header(name).filter(|value| !value.is_empty()).ok_or_else(|| missing(name));
    let (signature, ts, nonce) = (header("signature")?, header("ts")?, header("nonce")?);
    let keys = keys.ok_or_else(|| refused("the server has no access key of the basic interface".to_owned()))?;
    if ts.len() != 13 || !ts.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused(format!("ts is {ts:?}, and not the UNIX time in milliseconds, 13 digits")));
    }
    if nonce.len() > 64 {
        return Err(refused("the nonce has more than 64 characters".to_owned()));
    }
    match usage_push::verify(keys, signature, ts, nonce, &request.body) {
        Ok(()) if is_in_natural_order(&request.body) => Ok(()),
        Ok(()) => Err(refused(
            "the members of the body are not in natural order, which the signature requires: sort them by name, and \
             send the signed bytes"
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
    let right = [format!("ts={ts}&nonce={nonce}&body=").as_bytes(), body].concat();
    let made_with_sk = credentials.iter().any(|pair| STANDARD.encode(pair.hmac_sha256(&right)) == signature);
    let found = diagnosis::usage_push(&basic(Some(keys)), signature, ts, nonce, body);
    let with_sk =
        "the received signature results from a mistake: it is made with the SK instead of the interface's access key";
    let mistake = mistake(&found).or_else(|| made_with_sk.then(|| with_sk.to_owned()));
    let mut not_admitted = refused("the signature does not match".to_owned());
    not_admitted.explanation = vec![
        "the text to sign, under the access key of the basic interface, in Base64:".to_owned(),
        format!("  ts={ts}&nonce={nonce}&body=<the {} bytes of the body>", body.len()),
        mistake.unwrap_or_else(|| {
            "no common mistake produces the received signature: either the key differs, or the body was changed after \
             signing"
                .to_owned()
        }),
    ];
    not_admitted
}

/// Returns whether the names are sorted, in the body and in each of its records.
fn is_in_natural_order(body: &[u8]) -> bool {
    let sorted = |object: &[u8]| serde_json::from_slice(object).is_ok_and(|Names(names)| names.is_sorted());
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow, default)]
        usage_records: Vec<&'a RawValue>,
    }
    // An unreadable body is refused by the reader.
    let Ok(parsed) = serde_json::from_slice::<Body<'_>>(body) else { return true };
    sorted(body) && parsed.usage_records.iter().all(|record| sorted(record.get().as_bytes()))
}

/// The names of an object's members, in their order.
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
