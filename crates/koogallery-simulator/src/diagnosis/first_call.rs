//! Mistakes that show at the first valid call.

use super::front_door::Spoilt;
use super::{Evidence, Found, Open, Weight, ids_of};
use crate::profile::Profile;
use crate::seen::Seen;
use crate::symptom::Symptom;
use koogallery::protocol::Protocol;

/// Nothing answers: every other failure follows from it.
pub(super) fn unreachable(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let reach = open.iter().find(|check| check.id() == "R1")?;
    if evidence.seen.iter().any(|seen| seen.status.is_some()) {
        return None;
    }
    Some(Found {
        weight: Weight::Reach,
        headline: format!("{}: {}", reach.failure.cause, reach.failure.got),
        advice: reach.result.check.hint.to_owned(),
        checks: ids_of(open, |_| true),
    })
}

/// Something answered at first, and nothing later.
pub(super) fn stopped(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let is_unreachable = |check: &Open<'_>| check.failure.symptom == Symptom::Unreachable && check.id() != "R2";
    open.iter().find(|check| is_unreachable(check))?;
    let lost = |seen: &&Seen| matches!(seen.symptom, Some(Symptom::Crash | Symptom::Unreachable));
    let first = evidence.seen.iter().filter(|seen| seen.status.is_none()).find(lost)?;
    let how = match first.symptom {
        Some(Symptom::Crash) => "the connection is cut, and nothing can be reached afterwards",
        _ => "nothing can be reached",
    };
    Some(Found {
        weight: Weight::Effect,
        headline: format!("the endpoint stops answering during the run, at {}: {how}", first.activity),
        advice: "see in its own log what ends it; run the check again with a supervisor that restarts it".to_owned(),
        checks: ids_of(open, is_unreachable),
    })
}

/// A valid call is refused in every form.
pub(super) fn refused(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    open.iter().find(|check| check.id() == "A1")?;
    let first = evidence.first_call?;
    let refusal = &first.refusal;
    // How other calls are refused is a matter of its own.
    let only = || vec!["A1"];
    let with_form = || ids_of(open, |check| matches!(check.id(), "A1" | "R9" | "F1" | "F2" | "F3" | "F7" | "L16"));
    let found = |headline: String, advice: &str, checks| {
        Some(Found { weight: Weight::FirstCall, headline, advice: advice.to_owned(), checks })
    };
    if first.is_unsteady {
        let advice = "see in the logs of the endpoint, and of what is in front, what differs: a limit on the rate of calls, or one \
                      of several servers";
        let headline = format!("the same valid call is refused ({refusal}) and accepted the next time");
        return found(headline, advice, with_form());
    }
    if !first.mistakes.is_empty() {
        let headline =
            format!("verified wrongly: {}; right signatures are refused ({refusal})", first.mistakes.join("; and "));
        let advice = "correct that in the code that verifies: calls that are signed so are accepted";
        return found(headline, advice, only());
    }
    if let Some(oddity) = evidence.seen.iter().find(|seen| seen.check == "A1").and_then(|seen| seen.oddity) {
        let advice = "send the answer as plain UTF-8: without compression, byte order mark, or another encoding";
        let checks = ids_of(open, |check| matches!(check.id(), "A1" | "F1" | "R8"));
        return found(format!("{oddity}: the marketplace reads plain UTF-8 only"), advice, checks);
    }
    let differs = first.unsigned.as_ref().filter(|unsigned| *unsigned != refusal);
    if first.symptom == Symptom::Hang {
        let advice = "find out in the endpoint's own log where it waits";
        return found(format!("the endpoint hangs at a valid call: {refusal}"), advice, with_form());
    }
    let status = evidence.seen.iter().find(|seen| seen.check == "A1").and_then(|seen| seen.status);
    let has_code = refusal.contains("resultCode");
    match status {
        Some(502..=504) if !has_code => {
            let advice = "see that the server behind the proxy or load balancer runs, and that the proxy finds it";
            let headline = format!("a proxy answers in place of the endpoint ({refusal}){}", evidence.door(": "));
            return found(headline, advice, with_form());
        }
        Some(status @ (404 | 405 | 501)) if !has_code => {
            let advice = evidence.remedy(Spoilt::Path, path_advice(evidence.profile));
            let headline = format!(
                "nothing at this path takes such calls (HTTP status {status}){}",
                evidence.door("; in front is ")
            );
            return found(headline, &advice, with_form());
        }
        Some(415) if !has_code => {
            let advice = "accept JSON whatever its charset is called; Express, NestJS: `express.raw({ type: () => true })` in \
                          place of `express.json`, which knows utf-8 only";
            let headline = "the content type application/json;charset=utf8 is refused (HTTP status 415)";
            return found(headline.to_owned(), advice, with_form());
        }
        _ => {}
    }
    if first.symptom == Symptom::Crash {
        let after = match differs {
            Some(unsigned) => format!(", after its signature was accepted (without one: {unsigned})"),
            None => String::new(),
        };
        let advice = "look into the endpoint's own log: its code fails at a documented call";
        return found(format!("the endpoint's code fails at every valid call ({refusal}){after}"), advice, with_form());
    }
    if let Some(unsigned) = differs {
        let headline =
            format!("a valid call is refused ({refusal}) although its signature is accepted (without one: {unsigned})");
        return found(headline, advice_for(refusal), only());
    }
    if refusal.contains("000002") || refusal.contains("000005") {
        return found(
            format!("a valid call is refused ({refusal}), and so is one without a signature"),
            advice_for(refusal),
            only(),
        );
    }
    let headline =
        format!("right signatures are refused like missing ones ({refusal}), and no known mistake explains it");
    let advice = "compare the access key of this interface type with the console, at both ends; then compare the signed \
                  text step by step with `koogallery explain`";
    match evidence.profile.scheme().is_in_query() {
        true => {
            let front = evidence.remedy(Spoilt::Query, "");
            let lost = if front.is_empty() { front } else { format!("; see that the query arrives at all: {front}") };
            found(headline, &format!("{advice}{lost}"), only())
        }
        false => found(headline, advice, only()),
    }
}

fn path_advice(profile: Profile) -> &'static str {
    match profile {
        Profile::Protocol(Protocol::KitV1 | Protocol::KitV2) => {
            "route the sub-paths too: the marketplace appends /produceAPI/tenantSync and the like to the production address"
        }
        _ => "compare the path with the one that the server serves, and the method: GET for V1.0, POST otherwise",
    }
}

fn advice_for(refusal: &str) -> &'static str {
    match refusal {
        it if it.contains("000002") => {
            "see which parameter is meant in the endpoint's own log; after a run with the same --seed it may be the nonce"
        }
        it if it.contains("000003") => "a purchase is about nothing that exists yet: create the instance",
        it if it.contains("000005") => {
            "see the endpoint's own log; if it queries the order, let it query this checker's (--listen)"
        }
        _ => "see the endpoint's own log for the reason",
    }
}

/// The run went on with fields that the marketplace may leave out.
pub(super) fn optional_fields(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let wanted = &evidence.first_call?.wanted;
    open.iter().find(|check| check.id() == "A5").filter(|_| !wanted.is_empty())?;
    let names: Vec<_> = wanted.iter().map(|field| &*field.name).collect();
    let refusal = wanted.first().map_or("", |field| &*field.refusal);
    Some(Found {
        weight: Weight::FirstCall,
        headline: format!("a purchase without {}, which are optional, fails ({refusal})", names.join(" or ")),
        advice: "require the mandatory fields only; the run went on with these fields in every purchase".to_owned(),
        checks: vec!["A5"],
    })
}

/// The Kit's code for a client secret stands for it in whatever check it comes.
pub(super) fn client_secret(_: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let checks = ids_of(open, |check| check.failure.got.contains("000101"));
    Some(Found {
        weight: Weight::Valid,
        headline: "clientSecret is not decrypted (000101): it is encrypted with RSA-OAEP for the seller's public key"
            .to_owned(),
        advice:
            "decrypt with RSA-OAEP, not PKCS#1 v1.5, try the variations of its hashes, and compare the key pair with \
                 the console's"
                .to_owned(),
        checks,
    })
}
