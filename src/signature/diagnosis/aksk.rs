//! AK/SK signatures of open-API requests.

mod address;
mod headers;

use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use time::UtcOffset;
use zeroize::Zeroizing;

use super::body::{Bodies, CHOICES as BODY_CHOICES};
use super::keys::{self, KeyText};
use super::making::Making;
use super::search::{Choice, diagnose};
use super::written::{self, Form, Written};
use super::{Diagnosis, Mistake, verdict};
use crate::key::{AccessKeys, Credentials, InterfaceType, KeyRing};
use crate::signature::aksk::{self, Authorization, CanonicalRequest, Payload};
use crate::signature::{VerifyError, Window};
use crate::timestamp::Timestamp;

/// Finds the mistake in a signed open-API request; arguments as for [`aksk::verify`].
///
/// The access keys of the callbacks are tried in the place of the secret. Where the gateway's error text is available,
/// [`aksk::diff_with_gateway`] finds more.
pub fn aksk(parts: &Parts, body: &[u8], credentials: &Credentials, keys: &AccessKeys, now: Timestamp) -> Diagnosis {
    let date = parts.headers.get("x-sdk-date").and_then(|date| date.to_str().ok()).unwrap_or_default();
    let time = Timestamp::parse_basic_iso(date).unwrap_or(now);
    // The tolerance is fixed, so the time is what differs between the two looks that are taken.
    let verify = |window| {
        let now = if window == Window::default() { now } else { time };
        aksk::verify(parts, body, credentials, now).map(|()| 0)
    };
    if let Some(verdict) = verdict(Window::default(), verify) {
        return verdict;
    }
    let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let malformed = Diagnosis::Refused(VerifyError::Malformed("Authorization"));
    let Some(authorization) = authorization.and_then(Authorization::parse) else { return malformed };
    let listed = authorization.signed_headers;
    let names: Vec<String> = listed.split(';').map(str::to_ascii_lowercase).collect();
    if let Some(missing) = names.iter().find(|name| !parts.headers.contains_key(*name)) {
        return Diagnosis::Explained(vec![Mistake::SignedHeaderMissing(missing.clone())]);
    }
    let Some(canonical) = CanonicalRequest::new(parts, &names, Payload::Bytes(body)) else { return malformed };
    let Written { bytes: signature, algorithm, mistakes: mut certain } =
        match written::read(authorization.signature, Form::Hex) {
            Ok(written) => written,
            Err(diagnosis) => return diagnosis,
        };
    if authorization.access != credentials.access_key_id() {
        certain.push(Mistake::OtherAccess);
    }
    if listed.bytes().any(|byte| byte.is_ascii_uppercase()) {
        certain.push(Mistake::HeaderNameCase);
    }

    let lines: Vec<&str> = canonical.as_str().split('\n').collect();
    let [method, path, query, headers @ .., empty, signed_headers, hash] = lines.as_slice() else { return malformed };
    let secrets = secrets(credentials, keys);
    let paths = address::paths(path, &parts.uri);
    let queries = address::queries(query, parts.uri.query().unwrap_or_default());
    let blocks = headers::blocks(headers, parts, listed);
    let names = headers::names(signed_headers, listed);
    let dates = dates(date);
    let bodies = Bodies::new(body);
    let hashes = Choice::right(HashForm::Hex)
        .or(Mistake::UpperCaseDigest, HashForm::Capitals)
        .or(Mistake::NoDigest, HashForm::Body)
        .or(Mistake::UnsignedPayload, HashForm::Unsigned);
    let hashes = if parts.headers.contains_key("x-sdk-content-sha256") {
        let of = |body: &[u8]| HashForm::Of(const_hex::encode(Sha256::digest(body)));
        hashes.or(Mistake::ContentSha256Ignored, of(body)).or(Mistake::ContentSha256Ignored, of(b""))
    } else {
        hashes
    };
    let frames = Choice::right(Frame::Documented)
        .or(Mistake::CanonicalLineBreak, Frame::LineBreakAtEnd)
        .or(Mistake::CanonicalLineBreak, Frame::LineBreakAtEndOfAll)
        .or(Mistake::EmptyLineMissing, Frame::NoEmptyLine)
        .or(Mistake::UpperCaseDigest, Frame::Capitals)
        .or(Mistake::NoDigest, Frame::NoDigest)
        .or(Mistake::NoDigest, Frame::CanonicalAlone)
        .or(Mistake::LeftOut("the date".to_owned()), Frame::NoDate);
    let making = Making::choice();
    let others = ["GET", "POST", "PUT", "DELETE"].into_iter().filter(|other| other != method);
    let methods = Choice::right((*method).to_owned())
        .or(Mistake::MethodCase, method.to_lowercase())
        .or_each(others.map(|other| (Mistake::OtherMethod(other), other.to_owned())));
    let own = [
        methods.mistakes(),
        secrets.mistakes(),
        paths.mistakes(),
        queries.mistakes(),
        blocks.mistakes(),
        names.mistakes(),
        dates.mistakes(),
        hashes.mistakes(),
        frames.mistakes(),
        making.mistakes(),
    ];
    let right_body = [0; BODY_CHOICES];
    let found = diagnose(certain, &[&own, &bodies.mistakes()[..]].concat(), bodies.budget(), |picked| {
        let &[method, secret, path, query, block, name, date, form, frame, made, ref body @ ..] = picked else {
            return false;
        };
        let frame = frames[frame];
        let hash = match (&hashes[form], body == right_body) {
            (HashForm::Of(hash), true) => hash.clone(),
            (HashForm::Unsigned, true) => "UNSIGNED-PAYLOAD".to_owned(),
            (HashForm::Hex, true) => (*hash).to_owned(),
            (HashForm::Capitals, true) => hash.to_uppercase(),
            (form, _) => {
                let Some(body) = bodies.get_to_hash(body) else { return false };
                match (form, str::from_utf8(&body)) {
                    (HashForm::Body, Ok(text)) => text.to_owned(),
                    (HashForm::Body, Err(_)) => return false,
                    (HashForm::Capitals, _) => const_hex::encode_upper(Sha256::digest(&*body)),
                    _ => const_hex::encode(Sha256::digest(&*body)),
                }
            }
        };
        let block = blocks[block].join("\n");
        let mut canonical = vec![&*methods[method], &paths[path], &queries[query], &block, *empty, &names[name], &hash];
        match frame {
            Frame::NoEmptyLine => drop(canonical.remove(4)),
            Frame::LineBreakAtEnd => canonical.push(""),
            _ => {}
        }
        let canonical = canonical.join("\n");
        let digest = const_hex::encode(Sha256::digest(&canonical));
        let text = match frame {
            Frame::NoDigest => ["SDK-HMAC-SHA256", &dates[date], &canonical].join("\n"),
            Frame::CanonicalAlone => canonical,
            Frame::Capitals => ["SDK-HMAC-SHA256", &dates[date], &digest.to_uppercase()].join("\n"),
            Frame::NoDate => ["SDK-HMAC-SHA256", &digest].join("\n"),
            Frame::LineBreakAtEndOfAll => ["SDK-HMAC-SHA256", &dates[date], &digest, ""].join("\n"),
            _ => ["SDK-HMAC-SHA256", &dates[date], &digest].join("\n"),
        };
        making[made].make(algorithm, secrets[secret].as_bytes(), text.as_bytes()) == signature
    });
    found.or_certain(bodies.certain())
}

enum HashForm {
    Hex,
    Capitals,
    Unsigned,
    /// The body in the place of its hash.
    Body,
    /// In spite of the header that stands for it.
    Of(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Documented,
    LineBreakAtEnd,
    LineBreakAtEndOfAll,
    NoEmptyLine,
    Capitals,
    NoDigest,
    CanonicalAlone,
    NoDate,
}

fn secrets(credentials: &Credentials, keys: &AccessKeys) -> Choice<KeyText> {
    let text = |key: &str| Zeroizing::new(key.to_owned());
    let of_callbacks = InterfaceType::ALL.into_iter().filter_map(|interface| Some((interface, keys.get(interface)?)));
    let of_callbacks = of_callbacks.flat_map(|(interface, ring)| {
        KeyRing::iter(ring).map(move |key| (Mistake::OtherInterfaceKey(interface), text(key.expose())))
    });
    Choice::right(text(credentials.expose_secret()))
        .or(Mistake::AccessForSecret, text(credentials.access_key_id()))
        .or_each(of_callbacks)
        .or_each(keys::spoilt(credentials.expose_secret()))
}

/// The date that is signed apart from its header.
fn dates(sent: &str) -> Choice<String> {
    let choice = Choice::right(sent.to_owned());
    let Ok(time) = Timestamp::parse_basic_iso(sent) else { return choice };
    let zoned = (-12..=14_i8).filter(|hours| *hours != 0).filter_map(|hours| {
        let there = time.to_compact_millis_in(UtcOffset::from_hms(hours, 0, 0).ok()?);
        Some((Mistake::TimeZone(i64::from(hours)), format!("{}T{}Z", there.get(..8)?, there.get(8..14)?)))
    });
    choice
        .or_each(zoned)
        .or(Mistake::TimeReformatted, time.to_compact_seconds())
        .or(Mistake::TimeReformatted, time.as_unix_millis().to_string())
        .or(Mistake::TimeReformatted, (time.as_unix_millis() / 1000).to_string())
}
