//! What a program in front of the endpoint does to calls and answers.

mod gate;
mod remedy;

use super::{Evidence, Found, Open, Weight, ids_of};
use crate::front_door::Program;
use crate::seen::Seen;
use crate::symptom::Symptom;
pub(super) use gate::{gate, rate_limit};
use koogallery::protocol::SignatureScheme;
use koogallery::signature::body_sign;
pub(super) use remedy::Spoilt;

impl Evidence<'_> {
    /// Names the program in front, after these words; empty if it is not known.
    pub(super) fn door(&self, words: &str) -> String {
        self.door.map_or_else(String::new, |door| format!("{words}{}", door.described()))
    }

    /// Returns advice for the program in front, or else this.
    pub(super) fn remedy(&self, spoilt: Spoilt, otherwise: &str) -> String {
        let line = self.door.and_then(|door| spoilt.remedy(door.program));
        line.unwrap_or(otherwise).to_owned()
    }
}

/// `Body-Sign` arrives in another letter case.
pub(super) fn letter_case(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let is_written = |name: &str| name.eq_ignore_ascii_case(body_sign::HEADER) && name != body_sign::HEADER;
    let names = |check: &Open<'_>| -> Vec<String> {
        let answers = check.result.exchanges.iter().map(|exchange| &exchange.answer_headers);
        answers.flatten().map(|(name, _)| name.clone()).collect()
    };
    let shown = open.iter().find(|check| check.id() == "F4")?;
    let names = names(shown);
    let written = names.iter().find(|name| is_written(name))?;
    let are_all_lower = names.iter().all(|name| !name.contains(|letter: char| letter.is_ascii_uppercase()));
    let by = match (evidence.door.map(|door| door.program), are_all_lower) {
        (Some(Program::Haproxy | Program::Envoy | Program::Uvicorn), _) => {
            evidence.door(", like every header name: so writes ")
        }
        (Some(_), _) => evidence.door(": the server writes it so, and it is kept by "),
        (None, true) => {
            ", like every header name: so write HAProxy, Envoy, and servers on hyper or httptools".to_owned()
        }
        (None, false) => ", unlike other header names: the server writes it so".to_owned(),
    };
    let otherwise = match are_all_lower {
        true => {
            "HAProxy: `h1-case-adjust body-sign Body-Sign` (global) and `option h1-case-adjust-bogus-client` (frontend); \
             Envoy: `header_key_format: { proper_case_words: {} }`; another server: let it write the letter case as given, and speak HTTP/1.1 in front"
        }
        false => shown.result.check.hint,
    };
    Some(Found {
        weight: Weight::Form,
        headline: format!("{} arrives as {written}{by}", body_sign::HEADER),
        advice: evidence.remedy(Spoilt::LetterCase, otherwise),
        checks: ids_of(open, |check| check.id() == "F4"),
    })
}

/// Answers are compressed, and known to be so by their headers.
pub(super) fn compression(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let shown = open.iter().find(|check| check.id() == "R8" && check.failure.got.starts_with("content-encoding"))?;
    let by = evidence.door?;
    let is_read = !evidence.seen.iter().any(|seen| seen.check == "A1" && seen.oddity.is_some());
    Some(Found {
        weight: if is_read { Weight::Form } else { Weight::FirstCall },
        headline: format!("answers are compressed, probably by {}: {}", by.described(), shown.failure.got),
        advice: evidence.remedy(Spoilt::Compression, shown.result.hint()),
        checks: ids_of(open, |check| match check.id() {
            "R8" => true,
            // What is compressed in spite of the caller is not read at all.
            "A1" | "F1" | "F6" => !is_read,
            _ => false,
        }),
    })
}

/// Large calls are refused by a limit on bodies. Caddy 2.6 answers 502 for it.
pub(super) fn body_limit(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let is_caddy = evidence.door.is_some_and(|door| matches!(door.program, Program::Caddy | Program::Go));
    let is_limited = |seen: &&Seen| match seen.status {
        Some(413) => seen.is_right,
        Some(502) => seen.is_right && seen.check == "A12" && is_caddy,
        _ => false,
    };
    let status = evidence.seen.iter().find(is_limited)?.status?;
    let with_status = format!("HTTP status {status}");
    let by = evidence.door(", probably of ");
    Some(Found {
        weight: Weight::Valid,
        headline: format!("a large call is refused by a limit on bodies ({with_status}){by}"),
        advice: evidence.remedy(Spoilt::BodyLimit, "allow bodies of 4 MiB, in the server and in whatever is in front"),
        checks: ids_of(open, |check| check.failure.got.contains(&with_status)),
    })
}

/// The registered address is not the final one.
pub(super) fn redirect(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    open.iter().find(|check| check.id() == "A1")?;
    let status = evidence.seen.iter().find(|seen| seen.check == "A1")?.status?;
    if !(300..=399).contains(&status) {
        return None;
    }
    let shown = open.iter().find(|check| check.id() == "R5");
    let to = shown.and_then(|check| check.failure.got.split(" to ").nth(1)?.split(' ').next()).unwrap_or("nowhere");
    let (from, by) = (evidence.target, evidence.door(", by "));
    // Without the query that came with the call.
    let path = to.split('?').next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    let own = from.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or_default();
    let (what, advice) = match () {
        () if from.starts_with("http://") && to.starts_with("https://") && path == own => {
            ("from http to https", "register the https address: the marketplace does not follow redirects".to_owned())
        }
        () if !own.is_empty() && path == format!("{own}/") => {
            let otherwise = "register the path with the slash, or serve it without: redirects are not followed";
            ("for a slash at the end of the path", evidence.remedy(Spoilt::Slash, otherwise))
        }
        () => {
            ("to another address", "register the final address: the marketplace does not follow redirects".to_owned())
        }
    };
    let lost = if to.contains('?') || evidence.profile.scheme() != SignatureScheme::AuthToken {
        ""
    } else {
        ", without the query"
    };
    Some(Found {
        weight: Weight::FirstCall,
        headline: format!("the address redirects (HTTP status {status}) {what}, {to}{lost}{by}"),
        advice,
        checks: ids_of(open, |check| matches!(check.id(), "A1" | "R5" | "R9" | "F1" | "F2" | "F3" | "F7" | "L16")),
    })
}

/// Calls are accepted as long as their query has nothing to decode.
pub(super) fn query(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let door = evidence.door?;
    let is_refused = |check: &Open<'_>| {
        matches!(check.id(), "A2" | "A3" | "A6" | "A11") && check.failure.symptom == Symptom::Refused
    };
    if evidence.profile.scheme() != SignatureScheme::AuthToken
        || open.iter().filter(|check| is_refused(check)).count() < 2
    {
        return None;
    }
    Some(Found {
        weight: Weight::Valid,
        headline: format!(
            "calls are refused as soon as their query has something to decode: it is rewritten on its way, perhaps by {}",
            door.described()
        ),
        advice: evidence.remedy(
            Spoilt::Query,
            "hand the query on as it came; compare the one in the endpoint's own log with that of the call",
        ),
        checks: ids_of(open, |check| {
            // Decoded on the way, what was encoded twice is right.
            is_refused(check) || (check.id() == "X14" && check.failure.symptom == Symptom::Accepted)
        }),
    })
}
