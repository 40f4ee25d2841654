//! Valid calls that an endpoint must accept.

use std::time::Duration;

use serde_json::Value;

use super::first_call::Wanted;
use crate::call::{Proof, encoded};
use crate::message::{Message, object};
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use koogallery::protocol::SignatureScheme;

/// Characters that are easily lost in transit.
const DIFFICULT: &str = "a b+c/d=e%41&f~g*h'i\"j(k)测试，😀\\ü";

/// Adds an undocumented field, whose value the checker is free to choose, to a valid call.
fn remarked(session: &mut Session, name: &str, value: impl Into<Value>) -> Message {
    session.fresh().with(name, value)
}

pub(super) async fn difficult_values(session: &mut Session) -> Checked {
    let message = match session.profile.scheme() {
        SignatureScheme::AuthToken => session.fresh().with("customerName", DIFFICULT),
        _ => remarked(session, "remark", DIFFICULT),
    };
    session.call(&message).await?.accepted("a call with spaces, symbols, Chinese and emoji in a value")?;
    if !session.profile.scheme().has_nonce() {
        return Ok(());
    }
    let message = remarked(session, "remark", "测试/x");
    let escaped = message.to_json().replace('/', "\\/").replace('测', "\\u6D4B").replace('试', "\\u8bd5");
    let call = session.signer().sign_as(&message, escaped.into_bytes(), &message.to_canonical_json());
    session.send(call).await?.accepted("a body with \\u escapes and \\/, signed with the characters themselves")
}

pub(super) async fn both_spaces(session: &mut Session) -> Checked {
    for (written, what) in [("%20", "a space as %20"), ("+", "a space as +")] {
        let message = remarked(session, "customerName", "Ada Byron Lovelace");
        let mut call = session.sign(&message);
        call.encoded_query = Some(encoded(&call.query).replace("%20", written));
        session.send(call).await?.accepted(what)?;
    }
    Ok(())
}

pub(super) async fn unknown_field(session: &mut Session) -> Checked {
    let message = remarked(session, "fieldOfTomorrow", "1");
    let reading = session.call(&message).await?;
    reading.accepted("a call with an undocumented signed field").map_err(|stop| {
        stop.because(format!("a call with an undocumented signed field is refused ({})", reading.described()))
    })
}

pub(super) async fn optional_left_out(session: &mut Session) -> Checked {
    if let Some(wanted) = session.first_call.as_ref().map(|first| &first.wanted).filter(|wanted| !wanted.is_empty()) {
        let named = |named: &[_]| named.iter().map(|field: &Wanted| &*field.name).collect::<Vec<_>>().join(" and ");
        return Err(Stop::failed(
            "a purchase without optional fields is accepted (000000)",
            wanted
                .iter()
                .map(|field| format!("{} without {}", field.refusal, field.name))
                .collect::<Vec<_>>()
                .join(", "),
            format!("a purchase is accepted with {0} only, and {0} is optional", named(wanted)),
        ));
    }
    let message = session.fresh();
    // customerName is mandatory in China.
    let optional = ["skuCode", "chargingMode"];
    let message = optional.iter().fold(message, |message, name| message.without(name));
    session.call(&message).await?.accepted("a call with mandatory fields only")
}

pub(super) async fn empty_value(session: &mut Session) -> Checked {
    let message = match session.profile.scheme() {
        SignatureScheme::AuthToken => session.fresh().with("skuCode", ""),
        _ => remarked(session, "fieldOfTomorrow", ""),
    };
    session.call(&message).await?.accepted("a call with an empty optional field, signed as empty")
}

type Rewriting = fn(&Message) -> String;

/// The same content in other bytes.
const FORMS: [(&str, Rewriting); 3] = [
    ("a body with its members in another order", |message| {
        let mut members = message.fields.clone();
        members.sort_by(|(a, _), (b, _)| b.cmp(a));
        object(&members)
    }),
    ("a body with spaces and line breaks", |message| {
        let members: serde_json::Map<_, _> = message.fields.iter().cloned().collect();
        serde_json::to_string_pretty(&members).unwrap_or_default()
    }),
    ("a body with a line break at its end", |message| message.to_json() + "\n"),
];

/// Returns a valid call whose optional fields are null in place of being left out, if it has such fields.
fn with_null(session: &mut Session) -> Option<Message> {
    let message = session.fresh();
    let table = message.activity.parse().ok().and_then(|activity| session.profile.protocol().fields(activity));
    let is_there = |name: &str| message.fields.iter().any(|(found, _)| found == name);
    let absent = table.into_iter().flatten().find(|spec| !spec.mandatory && !is_there(spec.name))?;
    let name = absent.name;
    Some(message.with(name, Value::Null))
}

fn signed_as_documented(reading: &Reading, what: &str) -> Checked {
    let cause = || format!("{what} is refused ({}), although its documented form is signed", reading.described());
    reading.accepted(what).map_err(|stop| stop.because(cause()))
}

/// The same content in other forms, with the signature of the documented form.
pub(super) async fn other_forms(session: &mut Session) -> Checked {
    let scheme = session.profile.scheme();
    if scheme == SignatureScheme::AuthToken {
        let message = session.fresh();
        let mut call = session.sign(&message);
        call.query.reverse();
        return session.send(call).await?.accepted("a query in another order");
    }
    if scheme.has_nonce()
        && let Some(message) = with_null(session)
    {
        let reading = session.call(&message).await?;
        signed_as_documented(&reading, "a body with an optional member that is null")?;
    }
    for (what, rewrite) in FORMS {
        let mut message = session.fresh();
        let signer = session.signer();
        let call = match scheme {
            SignatureScheme::AuthTokenBody => {
                message.set("timeStamp", crate::delivery::time_stamp(scheme, signer.time));
                signer.sign_json(&message, rewrite(&message).into_bytes())
            }
            _ => signer.sign_as(&message, rewrite(&message).into_bytes(), &message.to_canonical_json()),
        };
        let reading = session.send(call).await?;
        signed_as_documented(&reading, what)?;
    }
    Ok(())
}

/// The same forms, signed as they are sent.
pub(super) async fn raw_forms(session: &mut Session) -> Checked {
    for (what, rewrite) in FORMS {
        let message = session.fresh();
        let signer = session.signer();
        let time = signer.time.as_unix_millis().to_string();
        let call = signer.sign_body(&message, rewrite(&message).into_bytes(), &time);
        let reading = session.send_unjudged(call).await?;
        if !reading.is_accepted() {
            return Err(Stop::failed(
                format!("{what}, signed as it is sent, is accepted"),
                reading.described(),
                format!("{what}, signed as it is sent, is refused: only the documented form is verified"),
            ));
        }
    }
    Ok(())
}

pub(super) async fn sorting(session: &mut Session) -> Checked {
    let names = ["Zeta", "alpha", "beta1", "beta_1", "betaA", "zz"];
    let message = session.fresh();
    let message = names.into_iter().fold(message, |message, name| message.with(name, "1"));
    session.call(&message).await?.accepted("names that sort differently by byte and by language")
}

pub(super) async fn hex_case(session: &mut Session) -> Checked {
    for upper in [true, false] {
        let message = session.fresh();
        let mut call = session.sign(&message);
        let signature = call.proof(Proof::Signature).unwrap_or_default();
        let signature = if upper { signature.to_uppercase() } else { signature.to_lowercase() };
        call.set_proof(Proof::Signature, Some(signature));
        let what = if upper { "a signature in upper-case hex" } else { "a signature in lower-case hex" };
        session.send(call).await?.accepted(what)?;
    }
    Ok(())
}

pub(super) async fn seconds(session: &mut Session) -> Checked {
    let message = session.fresh();
    let signer = session.signer();
    let seconds = (signer.time.as_unix_millis() / 1000).to_string();
    let call = signer.sign_body(&message, message.to_json().into_bytes(), &seconds);
    let reading = session.send(call).await?;
    let what = "a timestamp in seconds, as two of the three guides say";
    reading
        .accepted(what)
        .map_err(|stop| stop.because(format!("a timestamp in seconds is refused ({})", reading.described())))
}

pub(super) async fn token_with_plus(session: &mut Session) -> Checked {
    for _ in 0..64 {
        let message = session.fresh();
        let call = session.signer().sign(&message);
        if call.proof(Proof::Signature).is_some_and(|token| token.contains('+')) {
            return session.send(call).await?.accepted("a token with +, sent as %2B");
        }
    }
    Err(Stop::not_run("no token contained a +"))
}

pub(super) async fn large(session: &mut Session) -> Checked {
    let mut message = session.fresh();
    let business = message.get("businessId").map(|id| format!("{id:-<64}"));
    let order = message.get("orderId").unwrap_or_default();
    // The id of a line consists of the order's id and a number.
    let line = message.get("orderLineId").map(|_| format!("{order:-<57}-000001"));
    let order = line.as_ref().map_or_else(|| format!("{order:-<64}"), |line| line[..57].to_owned());
    for (name, id) in [("businessId", business), ("orderId", Some(order)), ("orderLineId", line)] {
        if let Some(id) = id {
            message.set(name, id);
        }
    }
    session.call(&message).await?.accepted("ids of the full 64 characters")
}

pub(super) async fn content_types(session: &mut Session) -> Checked {
    for form in ["application/json", "application/json;charset=utf8", "application/json; charset=UTF-8"] {
        let message = session.fresh();
        let mut call = session.sign(&message);
        call.set_header("content-type", form);
        session.send(call).await?.accepted(&format!("content type {form}"))?;
    }
    Ok(())
}

pub(super) async fn clocks_apart(session: &mut Session) -> Checked {
    for past in [true, false] {
        let message = session.fresh();
        let mut signer = session.signer();
        let apart = Duration::from_secs(50);
        signer.time = if past { signer.time.saturating_sub(apart) } else { signer.time.saturating_add(apart) };
        let call = signer.sign(&message);
        session.send(call).await?.accepted(if past { "a call 50 s old" } else { "a call 50 s ahead" })?;
    }
    Ok(())
}
