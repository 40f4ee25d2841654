//! AK/SK signatures of open-API requests.

use hmac::Mac as _;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use time::UtcOffset;

use super::body::Bodies;
use super::search::{Choice, diagnose};
use super::written::{self, Form};
use super::{Diagnosis, Mistake, verdict};
use crate::key::{AccessKeys, Credentials, HmacSha256, InterfaceType, KeyRing, hmac_of};
use crate::signature::aksk::{self, Authorization, CanonicalRequest, Payload};
use crate::signature::{VerifyError, Window};
use crate::timestamp::Timestamp;

/// What is the matter with a signed open-API request; arguments as for [`aksk::verify`].
///
/// The access keys of the callbacks are tried in the place of the secret. Where the gateway's error text is at hand,
/// [`aksk::difference`] tells more.
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
    let names: Vec<String> = authorization.signed_headers.split(';').map(str::to_owned).collect();
    if let Some(missing) = names.iter().find(|name| !parts.headers.contains_key(*name)) {
        return Diagnosis::Explained(vec![Mistake::SignedHeaderMissing(missing.clone())]);
    }
    let Some(canonical) = CanonicalRequest::new(parts, &names, Payload::Bytes(body)) else { return malformed };
    let Some((signature, mut certain)) = written::read(authorization.signature, Form::Hex) else {
        return Diagnosis::Unreadable;
    };
    if authorization.access != credentials.access() {
        certain.push(Mistake::OtherAccess);
    }

    let lines: Vec<&str> = canonical.as_str().split('\n').collect();
    let [method, path, query, headers @ .., empty, signed_headers, hash] = lines.as_slice() else { return malformed };
    let secrets = secrets(credentials, keys);
    let paths = paths(path, parts.uri.path());
    let queries = Choice::right((*query).to_owned())
        .or(Mistake::NotCanonical, parts.uri.query().unwrap_or_default().to_owned())
        .or(Mistake::LeftOut("the query".to_owned()), String::new())
        .or(Mistake::PlusAsSpace, query.replace("%2B", "%20"))
        .or(Mistake::PlusAsSpace, query.replace("%20", "%2B"))
        .or(Mistake::Encoded, query.replace("%20", "+"));
    let blocks = header_blocks(headers, parts);
    let dates = dates(date);
    let bodies = Bodies::new(body);
    let hashes = Choice::right(HashForm::Hex)
        .or(Mistake::UpperCaseDigest, HashForm::Capitals)
        .or(Mistake::UnsignedPayload, HashForm::Unsigned);
    let frames = Choice::right(Frame::Documented)
        .or(Mistake::CanonicalLineBreak, Frame::LineBreakAtEnd)
        .or(Mistake::EmptyLineMissing, Frame::NoEmptyLine)
        .or(Mistake::UpperCaseDigest, Frame::Capitals)
        .or(Mistake::NoDigest, Frame::NoDigest)
        .or(Mistake::LeftOut("the date".to_owned()), Frame::NoDate);
    let [order, spacing, escapes, edge] = bodies.mistakes();
    let choices = [
        secrets.mistakes(),
        paths.mistakes(),
        queries.mistakes(),
        blocks.mistakes(),
        dates.mistakes(),
        hashes.mistakes(),
        frames.mistakes(),
        edge,
        spacing,
        escapes,
        order,
    ];
    diagnose(
        certain,
        choices,
        |[secret, path, query, block, date, form, frame, edge, spacing, escapes, order]: [usize; 11]| {
            let hash = match [order, spacing, escapes, edge] {
                [0, 0, 0, 0] => (*hash).to_owned(),
                changed => match bodies.get(changed) {
                    Some(body) => const_hex::encode(Sha256::digest(&*body)),
                    None => return false,
                },
            };
            let hash = match hashes[form] {
                HashForm::Hex => hash,
                HashForm::Capitals => hash.to_uppercase(),
                HashForm::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
            };
            let block = blocks[block].join("\n");
            let mut canonical = vec![*method, &paths[path], &queries[query], &block, *empty, *signed_headers, &hash];
            match frames[frame] {
                Frame::NoEmptyLine => drop(canonical.remove(4)),
                Frame::LineBreakAtEnd => canonical.push(""),
                _ => {}
            }
            let canonical = canonical.join("\n");
            let digest = const_hex::encode(Sha256::digest(&canonical));
            let text = match frames[frame] {
                Frame::NoDigest => ["SDK-HMAC-SHA256", &dates[date], &canonical].join("\n"),
                Frame::Capitals => ["SDK-HMAC-SHA256", &dates[date], &digest.to_uppercase()].join("\n"),
                Frame::NoDate => ["SDK-HMAC-SHA256", &digest].join("\n"),
                _ => ["SDK-HMAC-SHA256", &dates[date], &digest].join("\n"),
            };
            secrets[secret].clone().chain_update(text).verify_slice(&signature).is_ok()
        },
    )
}

#[derive(Clone, Copy)]
enum HashForm {
    Hex,
    Capitals,
    Unsigned,
}

#[derive(Clone, Copy)]
enum Frame {
    Documented,
    LineBreakAtEnd,
    NoEmptyLine,
    Capitals,
    NoDigest,
    NoDate,
}

fn secrets(credentials: &Credentials, keys: &AccessKeys) -> Choice<HmacSha256> {
    let of_callbacks = InterfaceType::ALL.into_iter().filter_map(|interface| Some((interface, keys.get(interface)?)));
    let of_callbacks = of_callbacks.flat_map(|(interface, ring)| {
        KeyRing::iter(ring).map(move |key| (Mistake::OtherInterfaceKey(interface), key.hmac()))
    });
    Choice::right(credentials.hmac())
        .or(Mistake::AccessForSecret, hmac_of(credentials.access().as_bytes()))
        .or_each(of_callbacks)
}

fn paths(canonical: &str, sent: &str) -> Choice<String> {
    let with_slash = |path: &str| if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
    let without_slash = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
    Choice::right(canonical.to_owned())
        .or(Mistake::PathWithoutSlash, without_slash(canonical))
        .or(Mistake::NotCanonical, with_slash(sent))
        .or(Mistake::EncodedTwice, canonical.replace('%', "%25"))
}

/// The signed headers, a line each.
fn header_blocks(headers: &[&str], parts: &Parts) -> Choice<Vec<String>> {
    let right: Vec<String> = headers.iter().map(|&line| line.to_owned()).collect();
    let with_host = |host: &str| -> Vec<String> {
        let line = |line: &String| if line.starts_with("host:") { format!("host:{host}") } else { line.clone() };
        right.iter().map(line).collect()
    };
    let sent = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = sent.rsplit_once(':').map_or(sent, |(name, _)| name);
    let other = [name.to_owned(), format!("{name}:443"), format!("{name}:80"), format!("{name}:8080")];
    let addressed = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    let marketplace = crate::site::Site::ALL.into_iter().flat_map(|site| [Some(site.host()), site.fallback_host()]);
    let marketplace = marketplace.flatten().map(str::to_owned);
    let hosts = other.into_iter().chain(addressed).chain(marketplace);
    let hosts: Vec<_> = hosts.map(|host| (Mistake::OtherHost, with_host(&host))).collect();
    let without: Vec<_> = (0..right.len())
        .map(|index| {
            let (mut lines, name) = (right.clone(), right[index].split(':').next().unwrap_or_default());
            let mistake = Mistake::LeftOut(format!("the header {name}"));
            lines.remove(index);
            (mistake, lines)
        })
        .collect();
    Choice::right(right).or_each(hosts).or_each(without)
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
