//! The signatures of V2.0, of the callbacks and of the Kit.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use zeroize::Zeroizing;

use super::body::Bodies;
use super::keys::{self, KeyText};
use super::making::{Algorithm, MARKS, Making};
use super::search::{Choice, Make, Mistaken, diagnose, each};
use super::written::{self, Form, Written};
use super::{Diagnosis, Mistake, verdict};
use crate::key::{AccessKeys, InterfaceType, KeyRing};
use crate::query::{self, Plus};
use crate::signature::{Window, callback_v2, header, kit_v2};
use crate::text::json;
use crate::timestamp::Timestamp;

/// Finds the mistake in the signature of a V2.0 call; arguments as for [`callback_v2::verify`].
///
/// `interface` is the type that is meant to be called, since orders and License codes are signed with keys of their
/// own.
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
    let written = match written::read(&value(query, "signature"), Form::Hex) {
        Ok(written) => written,
        Err(diagnosis) => return diagnosis,
    };
    let call = Call::of_callback(keys::candidates(keys, interface, ring), query, written);
    // The canonical form counts as well, so that to have signed it is no mistake.
    let canonical = json::canonical(body).unwrap_or_default();
    let canonical = Some(canonical.as_bytes()).filter(|canonical| !canonical.is_empty() && *canonical != body);
    call.diagnose(&Bodies::new(body), canonical.map(Bodies::new))
}

fn value<'q>(query: &'q str, name: &str) -> Cow<'q, str> {
    let pair = query::raw_pairs(query).find(|pair| pair.name == name);
    pair.and_then(|pair| pair.decoded_value(Plus::Space)).unwrap_or_default()
}

/// Returns the signatures that the known mistakes give a V2.0 call; its own signature is not looked at.
pub(super) fn mistaken_callback(
    ring: &KeyRing,
    keys: &AccessKeys,
    interface: InterfaceType,
    query: &str,
    body: &[u8],
) -> Mistaken {
    let call = Call::of_callback(keys::candidates(keys, interface, ring), query, Written::unknown());
    let canonical = json::canonical(body).unwrap_or_default();
    call.mistaken(&Bodies::new(body), &Bodies::new(canonical.as_bytes()))
}

/// Returns the signatures that the known mistakes give a Kit call; its own signature is not looked at.
pub(super) fn mistaken_kit(ring: &KeyRing, keys: &AccessKeys, headers: &HeaderMap, body: &[u8]) -> Mistaken {
    let call = Call::of_kit(keys::candidates(keys, InterfaceType::Kit, ring), headers, Written::unknown());
    call.mistaken(&Bodies::canonical_first(body), &Bodies::new(body))
}

/// Finds the mistake in the `x-sign` of a Kit call; arguments as for [`kit_v2::verify`].
pub fn kit_v2(keys: &AccessKeys, headers: &HeaderMap, body: &[u8], now: Timestamp, window: Window) -> Diagnosis {
    const INTERFACE: InterfaceType = InterfaceType::Kit;
    let Some(ring) = keys.get(INTERFACE) else { return Diagnosis::NoKey(INTERFACE) };
    let time = header_value(headers, "x-timestamp");
    let in_seconds = time.len() == 10 && Timestamp::parse_unix(time).is_ok();
    if !in_seconds {
        let verify = |window| kit_v2::verify(ring, headers, body, now, window).map(|verified| verified.key_index());
        if let Some(verdict) = verdict(window, verify) {
            return verdict;
        }
    }
    let mut written = match written::read(header_value(headers, "x-sign"), Form::Hex) {
        Ok(written) => written,
        Err(diagnosis) => return diagnosis,
    };
    if in_seconds {
        written.mistakes.push(Mistake::SecondsForMilliseconds);
    }
    let call = Call::of_kit(keys::candidates(keys, INTERFACE, ring), headers, written);
    call.diagnose(&Bodies::canonical_first(body), Some(Bodies::new(body)))
}

fn header_value<'h>(headers: &'h HeaderMap, name: &'static str) -> &'h str {
    header(headers, name).ok().flatten().unwrap_or_default()
}

/// Form in which the body stands in the text that is signed.
#[derive(Clone, Copy)]
enum Content {
    Digest(Making, Algorithm),
    Body,
}

/// A digest made with the hash function of the signature, or with others.
fn digests(algorithm: Algorithm) -> Choice<Content> {
    let other = |other: &Algorithm| match (algorithm, *other) {
        (Algorithm::Sha256, other) => Mistake::DigestOtherHash(other.name()),
        _ => Mistake::OtherHash(algorithm.name()),
    };
    let others = Algorithm::ALL.iter().filter(|other| **other != algorithm);
    Choice::right(Content::Digest(Making::Hmac, algorithm))
        .or(Mistake::PlainDigest, Content::Digest(Making::Hash, algorithm))
        .or(Mistake::NoDigest, Content::Body)
        .or(Mistake::DigestSwapped, Content::Digest(Making::Swapped, algorithm))
        .or_each(others.map(|found| (other(found), Content::Digest(Making::Hmac, *found))))
}

/// Spelling of a digest there.
#[derive(Clone, Copy)]
enum Spelling {
    Hex,
    Capitals,
    Base64,
    Bytes,
}

impl Spelling {
    fn write(self, digest: &[u8]) -> Vec<u8> {
        match self {
            Self::Hex => const_hex::encode(digest).into_bytes(),
            Self::Capitals => const_hex::encode_upper(digest).into_bytes(),
            Self::Base64 => STANDARD.encode(digest).into_bytes(),
            Self::Bytes => digest.to_vec(),
        }
    }
}

/// Which of key, nonce, time and content are signed, in which order, and with which mark between them.
struct Layout {
    parts: Vec<usize>,
    mark: &'static str,
}

impl Layout {
    fn choice() -> Choice<Self> {
        let of = |parts: &[usize], mark| Self { parts: parts.to_vec(), mark };
        let left_out = |what: &str| Mistake::LeftOut(what.to_owned());
        let orders = (0..256_usize).map(|digits| [digits >> 6 & 3, digits >> 4 & 3, digits >> 2 & 3, digits & 3]);
        let orders = orders.filter(|order| (0..4).all(|part| order.contains(&part)) && *order != [0, 1, 2, 3]);
        Choice::right(of(&[0, 1, 2, 3], ""))
            .or(left_out("the access key at the beginning"), of(&[1, 2, 3], ""))
            .or(left_out("the nonce"), of(&[0, 2, 3], ""))
            .or(left_out("the timestamp"), of(&[0, 1, 3], ""))
            .or(left_out("the body"), of(&[0, 1, 2], ""))
            .or_each(orders.map(|order| (Mistake::WrongOrder, of(&order, ""))))
            .or_each(MARKS.map(|mark| (Mistake::OtherMarks, of(&[0, 1, 2, 3], mark))))
    }

    fn join(&self, all: [&[u8]; 4]) -> Vec<u8> {
        self.parts.iter().map(|&part| all[part]).collect::<Vec<_>>().join(self.mark.as_bytes())
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

/// Milliseconds cut to seconds; where seconds are given, the signed milliseconds are unknown.
pub(super) fn times(given: &str) -> Choice<String> {
    let other: Vec<String> = match given.len() {
        13 => vec![given.chars().take(10).collect()],
        10 => (0..1000).map(|millis| format!("{given}{millis:03}")).collect(),
        _ => vec![],
    };
    Choice::right(given.to_owned()).or_each(other.into_iter().map(|time| (Mistake::SecondsForMilliseconds, time)))
}

struct Call {
    written: Written,
    keys: Choice<KeyText>,
    nonce: Choice<String>,
    time: Choice<String>,
    content: Choice<Content>,
    spelling: Choice<Spelling>,
}

impl Call {
    fn of_callback(keys: Choice<KeyText>, query: &str, written: Written) -> Self {
        let raw_nonce = query::raw_pairs(query).find(|pair| pair.name == "nonce").map_or("", |pair| pair.value);
        Self {
            content: digests(written.algorithm),
            written,
            keys,
            nonce: nonces(raw_nonce, &value(query, "nonce")),
            time: times(&value(query, "timestamp")),
            spelling: Choice::right(Spelling::Hex)
                .or(Mistake::UpperCaseDigest, Spelling::Capitals)
                .or(Mistake::DigestNotHex, Spelling::Base64)
                .or(Mistake::DigestNotHex, Spelling::Bytes),
        }
    }

    fn of_kit(keys: Choice<KeyText>, headers: &HeaderMap, written: Written) -> Self {
        let nonce = header_value(headers, "x-nonce");
        Self {
            content: Choice::right(Content::Body)
                .or(Mistake::DigestForBody, Content::Digest(Making::Hmac, written.algorithm))
                .or(Mistake::DigestForBody, Content::Digest(Making::Hash, written.algorithm)),
            written,
            keys,
            nonce: nonces(nonce, nonce),
            time: times(header_value(headers, "x-timestamp")),
            spelling: Choice::right(Spelling::Hex),
        }
    }

    /// Makes a signature with each mistake, over a body that is right also in another form.
    fn mistaken(&self, bodies: &Bodies<'_>, other: &Bodies<'_>) -> Mistaken {
        let (right, mut made) = self.with_choices(bodies, each);
        let (also_right, _) = self.with_choices(other, each);
        made.retain(|(_, signature)| also_right.as_ref() != Some(signature));
        (right, made)
    }

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
        let Written { bytes: signature, mistakes, .. } = &self.written;
        let found = self.with_choices(bodies, |choices, make| {
            diagnose(mistakes.clone(), choices, bodies.budget(), |picked| make(picked).as_ref() == Some(signature))
        });
        found.or_certain(bodies.certain())
    }

    /// Hands out the mistakes to try, and the function that makes a signature with some of them.
    fn with_choices<T>(&self, bodies: &Bodies<'_>, search: impl FnOnce(&[&[Mistake]], &Make<'_>) -> T) -> T {
        let layout = Layout::choice();
        let making = Making::choice();
        let own = [
            self.keys.mistakes(),
            self.content.mistakes(),
            self.spelling.mistakes(),
            layout.mistakes(),
            making.mistakes(),
            self.nonce.mistakes(),
            self.time.mistakes(),
        ];
        // Of a body, under a key: needed again with every nonce and time.
        let digests: RefCell<HashMap<Vec<usize>, Vec<u8>>> = RefCell::default();
        let digest = |making: Making, algorithm, key: &[u8], of: Vec<usize>, body: &[usize]| {
            if let Some(digest) = digests.borrow().get(&of) {
                return Some(digest.clone());
            }
            let digest = making.make(algorithm, key, &bodies.get_to_hash(body)?);
            digests.borrow_mut().insert(of, digest.clone());
            Some(digest)
        };
        let make = |picked: &[usize]| {
            let &[key, content, spelling, parts, made, nonce, time, ref body @ ..] = picked else { return None };
            let key_text = self.keys[key].as_bytes();
            let bytes;
            let content = match self.content[content] {
                Content::Digest(making, algorithm) => {
                    let digest = digest(making, algorithm, key_text, [&[key, content], body].concat(), body)?;
                    Cow::Owned(self.spelling[spelling].write(&digest))
                }
                Content::Body => {
                    bytes = bodies.get_to_hash(body)?;
                    Cow::Borrowed(&*bytes)
                }
            };
            let all: [&[u8]; 4] = [key_text, self.nonce[nonce].as_bytes(), self.time[time].as_bytes(), &content];
            let text = Zeroizing::new(layout[parts].join(all));
            Some(making[made].make(self.written.algorithm, key_text, &text))
        };
        search(&[&own, &bodies.mistakes()[..]].concat(), &make)
    }
}
