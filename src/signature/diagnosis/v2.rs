//! The signatures of V2.0, of the callbacks and of the Kit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::body::Bodies;
use super::keys::{self, KeyText};
use super::search::{Choice, diagnose};
use super::written::{self, Form};
use super::{Diagnosis, Mistake, verdict};
use crate::key::{AccessKeys, InterfaceType, hmac_of};
use crate::signature::{Window, callback_v2, header, kit_v2};
use crate::text::json;
use crate::text::query::{self, Plus};
use crate::timestamp::Timestamp;

/// What is the matter with the signature of a V2.0 call; arguments as for [`callback_v2::verify`].
///
/// `interface` is the type that is meant to be called, since orders and License codes are signed with keys of their own.
pub fn callback_v2(
    keys: &AccessKeys,
    interface: InterfaceType,
    query: &str,
    body: &[u8],
    now: Timestamp,
    window: Window,
) -> Diagnosis {
    let Some(ring) = keys.get(interface) else { return Diagnosis::NoKey(interface) };
    let verify = |window| callback_v2::verify(ring, query, body, now, window).map(|verified| verified.key_index());
    if let Some(verdict) = verdict(window, verify) {
        return verdict;
    }
    let value = |name| {
        let pair = query::raw_pairs(query).find(|pair| pair.name == name);
        pair.and_then(|pair| pair.decoded_value(Plus::Space)).unwrap_or_default()
    };
    let Some((signature, certain)) = written::read(&value("signature"), Form::Hex) else {
        return Diagnosis::Unreadable;
    };
    let raw_nonce = query::raw_pairs(query).find(|pair| pair.name == "nonce").map_or("", |pair| pair.value);
    let call = Call {
        signature,
        certain,
        keys: keys::candidates(keys, interface, ring),
        nonce: nonces(raw_nonce, &value("nonce")),
        time: times(&value("timestamp")),
        content: Choice::right(Content::Digest)
            .or(Mistake::PlainDigest, Content::PlainDigest)
            .or(Mistake::NoDigest, Content::Body),
        spelling: Choice::right(Spelling::Hex)
            .or(Mistake::UpperCaseDigest, Spelling::Capitals)
            .or(Mistake::DigestNotHex, Spelling::Base64)
            .or(Mistake::DigestNotHex, Spelling::Bytes),
    };
    // The canonical form counts as well, so that to have signed it is no mistake.
    let canonical = json::canonical(body).unwrap_or_default();
    let canonical = Some(canonical.as_bytes()).filter(|canonical| !canonical.is_empty() && *canonical != body);
    call.diagnose(&Bodies::new(body), canonical.map(Bodies::new))
}

/// What is the matter with the `x-sign` of a Kit call; arguments as for [`kit_v2::verify`].
pub fn kit_v2(keys: &AccessKeys, headers: &HeaderMap, body: &[u8], now: Timestamp, window: Window) -> Diagnosis {
    const INTERFACE: InterfaceType = InterfaceType::Kit;
    let Some(ring) = keys.get(INTERFACE) else { return Diagnosis::NoKey(INTERFACE) };
    let value = |name| header(headers, name).ok().flatten().unwrap_or_default();
    let in_seconds = value("x-timestamp").len() == 10 && Timestamp::parse_unix(value("x-timestamp")).is_ok();
    if !in_seconds {
        let verify = |window| kit_v2::verify(ring, headers, body, now, window).map(|verified| verified.key_index());
        if let Some(verdict) = verdict(window, verify) {
            return verdict;
        }
    }
    let Some((signature, mut certain)) = written::read(value("x-sign"), Form::Hex) else {
        return Diagnosis::Unreadable;
    };
    if in_seconds {
        certain.push(Mistake::SecondsForMilliseconds);
    }
    let call = Call {
        signature,
        certain,
        keys: keys::candidates(keys, INTERFACE, ring),
        nonce: nonces(value("x-nonce"), value("x-nonce")),
        time: times(value("x-timestamp")),
        content: Choice::right(Content::Body)
            .or(Mistake::DigestForBody, Content::Digest)
            .or(Mistake::DigestForBody, Content::PlainDigest),
        spelling: Choice::right(Spelling::Hex),
    };
    call.diagnose(&Bodies::canonical_first(body), Some(Bodies::new(body)))
}

/// What stands for the body in the text that is signed.
#[derive(Clone, Copy)]
enum Content {
    Digest,
    PlainDigest,
    Body,
}

/// How a digest is written there.
#[derive(Clone, Copy)]
enum Spelling {
    Hex,
    Capitals,
    Base64,
    Bytes,
}

impl Spelling {
    fn write(self, digest: [u8; 32]) -> Vec<u8> {
        match self {
            Self::Hex => const_hex::encode(digest).into_bytes(),
            Self::Capitals => const_hex::encode_upper(digest).into_bytes(),
            Self::Base64 => STANDARD.encode(digest).into_bytes(),
            Self::Bytes => digest.to_vec(),
        }
    }
}

fn nonces(raw: &str, decoded: &str) -> Choice<String> {
    let twice = query::decode(decoded, Plus::Space).unwrap_or_default();
    Choice::right(decoded.to_owned())
        .or(Mistake::NotDecoded, raw.to_owned())
        .or(Mistake::PlusAsSpace, decoded.replace(' ', "+"))
        .or(Mistake::PlusAsSpace, decoded.replace('+', " "))
        .or(Mistake::DecodedTwice, twice.into_owned())
}

/// Milliseconds cut to seconds; where seconds are given, nobody knows which milliseconds were signed.
pub(super) fn times(given: &str) -> Choice<String> {
    let other: Vec<String> = match given.len() {
        13 => vec![given.chars().take(10).collect()],
        10 => (0..1000).map(|millis| format!("{given}{millis:03}")).collect(),
        _ => vec![],
    };
    Choice::right(given.to_owned()).or_each(other.into_iter().map(|time| (Mistake::SecondsForMilliseconds, time)))
}

struct Call {
    signature: [u8; 32],
    certain: Vec<Mistake>,
    keys: Choice<KeyText>,
    nonce: Choice<String>,
    time: Choice<String>,
    content: Choice<Content>,
    spelling: Choice<Spelling>,
}

impl Call {
    /// With the body in the form that is most likely, and in another that is right as well; the fewest mistakes win.
    fn diagnose(&self, first: &Bodies<'_>, second: Option<Bodies<'_>>) -> Diagnosis {
        let count = |diagnosis: &Diagnosis| match diagnosis {
            Diagnosis::Explained(mistakes) => mistakes.len(),
            _ => usize::MAX,
        };
        let found = self.diagnose_with(first);
        let other = second.filter(|_| count(&found) > 1).map(|second| self.diagnose_with(&second));
        other.filter(|other| count(other) < count(&found)).unwrap_or(found)
    }

    fn diagnose_with(&self, bodies: &Bodies<'_>) -> Diagnosis {
        // Key, nonce, time and content: which of them, and in which order.
        let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
        let layout = Choice::<&[usize]>::right(&[0, 1, 2, 3])
            .or(left_out("the access key at the beginning"), &[1, 2, 3])
            .or(left_out("the nonce"), &[0, 2, 3])
            .or(left_out("the timestamp"), &[0, 1, 3])
            .or(left_out("the body"), &[0, 1, 2])
            .or(Mistake::WrongOrder, &[0, 2, 1, 3]);
        let plain = Choice::right(false).or(Mistake::PlainHash, true);
        let [order, spacing, escapes, edge] = bodies.mistakes();
        let choices = [
            self.keys.mistakes(),
            self.content.mistakes(),
            self.spelling.mistakes(),
            layout.mistakes(),
            plain.mistakes(),
            self.nonce.mistakes(),
            self.time.mistakes(),
            edge,
            spacing,
            escapes,
            order,
        ];
        let gives_it =
            |[key, content, spelling, parts, is_plain, nonce, time, edge, spacing, escapes, order]: [usize; 11]| {
                let key = self.keys[key].as_bytes();
                let Some(body) = bodies.get([order, spacing, escapes, edge]) else { return false };
                let spelling = self.spelling[spelling];
                let content = match self.content[content] {
                    Content::Digest => spelling.write(hmac_of(key).chain_update(&*body).finalize().into_bytes().into()),
                    Content::PlainDigest => spelling.write(Sha256::digest(&*body).into()),
                    Content::Body => body.into_owned(),
                };
                let all: [&[u8]; 4] = [key, self.nonce[nonce].as_bytes(), self.time[time].as_bytes(), &content];
                let text = Zeroizing::new(layout[parts].iter().map(|&part| all[part]).collect::<Vec<_>>().concat());
                let signature: [u8; 32] = match plain[is_plain] {
                    false => hmac_of(key).chain_update(&*text).finalize().into_bytes().into(),
                    true => Sha256::digest(&*text).into(),
                };
                signature == self.signature
            };
        diagnose(self.certain.clone(), choices, gives_it)
    }
}
