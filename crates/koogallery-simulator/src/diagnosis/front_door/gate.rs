//! What refuses callers before the endpoint has read the call: limits on the rate, passwords, allow-lists.

use super::Spoilt;
use crate::diagnosis::{Evidence, Found, Open, Weight, ids_of};
use crate::front_door::Program;
use crate::seen::Seen;

/// Some calls are refused for how many there were. nginx answers 503, unless it is set.
pub(in crate::diagnosis) fn rate_limit(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let is_nginx = evidence.door.is_some_and(|door| door.program == Program::Nginx);
    let is_answered = |activity: &str| {
        evidence.seen.iter().any(|seen| seen.is_right && seen.activity == activity && seen.code.is_some())
    };
    let is_limited = |seen: &&Seen| match seen.status {
        Some(429) => seen.code.is_none(),
        Some(503) => seen.code.is_none() && is_nginx && is_answered(&seen.activity),
        _ => false,
    };
    let limited = || evidence.seen.iter().filter(is_limited);
    let status = limited().find(|seen| seen.is_right)?.status?;
    let with_status = format!("HTTP status {status}");
    let by = evidence.door(", probably of ");
    let otherwise = "take this address out of limits on the rate of calls: many buy at a time, and all calls come from few addresses";
    let is_first = open.iter().any(|check| check.id() == "A1");
    Some(Found {
        weight: if is_first { Weight::FirstCall } else { Weight::Valid },
        headline: format!(
            "{} of {} calls are refused by a limit on their rate ({with_status}){by}",
            limited().count(),
            evidence.seen.len()
        ),
        advice: evidence.remedy(Spoilt::Rate, otherwise),
        checks: ids_of(open, |check| {
            check.failure.got.contains(&with_status) || check.failure.cause.contains(&with_status)
        }),
    })
}

/// The first valid call is refused by what asks for a password, or by a page for people.
pub(in crate::diagnosis) fn gate(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let shown = open.iter().find(|check| check.id() == "A1")?;
    let first = evidence.first_call?;
    let status = evidence.seen.iter().find(|seen| seen.check == "A1" && seen.code.is_none())?.status?;
    // What was accepted in another form has come through.
    if !matches!(status, 401 | 403 | 407 | 451)
        || !first.mistakes.is_empty()
        || first.unsigned.as_ref().is_some_and(|unsigned| *unsigned != first.refusal)
    {
        return None;
    }
    let headers = || shown.result.exchanges.iter().flat_map(|exchange| &exchange.answer_headers);
    let of_name = |wanted: &str| headers().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    let is_password = |way: &&String| {
        let way = way.to_ascii_lowercase();
        ["basic", "digest", "negotiate", "ntlm"].iter().any(|known| way.starts_with(known))
    };
    let with_status = format!("HTTP status {status}");
    let by = evidence.door(", by ");
    let way = of_name("www-authenticate").or_else(|| of_name("proxy-authenticate")).filter(is_password);
    let is_page = of_name("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    let (headline, advice) = match way {
        Some(way) => (
            format!("a password is asked for before a call is read ({with_status}, {way}){by}"),
            evidence.remedy(
                Spoilt::Password,
                "ask for no password at this address: the signature shows who calls, and the marketplace sends no other proof",
            ),
        ),
        None if is_page => (
            format!(
                "a page comes in place of an answer, from an allow-list, a firewall, or bot protection ({with_status}){by}"
            ),
            "allow all callers: the marketplace's addresses are not published".to_owned(),
        ),
        None => return None,
    };
    Some(Found {
        weight: Weight::FirstCall,
        headline,
        advice,
        checks: ids_of(open, |check| matches!(check.id(), "A1" | "R9" | "F1" | "F2" | "F3" | "F7" | "L16")),
    })
}
