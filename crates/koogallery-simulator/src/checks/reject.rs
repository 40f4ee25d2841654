//! Invalid calls that an endpoint must reject, without any effect.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::call::{Call, Proof};
use crate::message::{Message, TIME_STAMP, object};
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use koogallery::key::AccessKey;
use koogallery::protocol::SignatureScheme;

/// Expects the rejection of a call without valid proof.
pub(super) const UNPROVED: &[&str] = &["000001"];
/// Expects the rejection of a stale or malformed call; the documents' sample answers some of these with `000002`.
const UNFIT: &[&str] = &["000001", "000002"];

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn refused(session: &mut Session, call: Call, codes: &[&str], what: &str) -> Checked {
    let call = Call { is_right: false, ..call };
    session.send(call).await?.refused(codes, what)
}

/// Expects that a rejected purchase had no effect.
pub(super) async fn left_nothing(session: &mut Session, message: &Message) -> Checked {
    match message.get("orderId") {
        Some(order) if session.profile.has_purchases() && !session.author.test_flag => {
            let order = order.to_owned();
            session.expect_instances(&order, 0).await
        }
        _ => Ok(()),
    }
}

/// Returns the value with one character changed.
fn changed(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) => {
            let mut characters: Vec<char> = text.chars().collect();
            match characters.last_mut() {
                Some(last) => *last = if *last == '1' { '2' } else { '1' },
                None => characters.push('1'),
            }
            Value::from(characters.into_iter().collect::<String>())
        }
        _ => Value::from("1"),
    }
}

/// The timestamp that a V1.0 body was signed with.
fn time_of(call: &Call) -> Option<Value> {
    serde_json::from_slice::<Value>(&call.body).ok()?.get(TIME_STAMP).cloned()
}

/// Returns the signed call with other fields in it.
fn with_fields(call: &Call, message: &Message) -> Call {
    let mut tampered = call.clone();
    match call.scheme {
        SignatureScheme::AuthToken => {
            let proof = tampered.query.iter().filter(|(name, _)| name == "authToken" || name == TIME_STAMP).cloned();
            tampered.query = message.to_pairs().into_iter().chain(proof.collect::<Vec<_>>()).collect();
        }
        SignatureScheme::AuthTokenBody => {
            let message = message.clone().with(TIME_STAMP, time_of(call).unwrap_or_default());
            tampered.body = message.to_json().into_bytes();
        }
        _ => tampered.body = message.to_json().into_bytes(),
    }
    tampered
}

pub(super) async fn changed_fields(session: &mut Session) -> Checked {
    let message = session.fresh();
    for (name, value) in message.fields.clone() {
        let call = session.sign(&message);
        let tampered = with_fields(&call, &message.clone().with(&name, changed(&value)));
        refused(session, tampered, UNPROVED, &format!("a call whose {name} was changed after signing")).await?;
    }
    for part in [Proof::Nonce, Proof::Timestamp] {
        let call = session.sign(&message);
        let Some(value) = call.proof(part).map(|value| changed(&Value::from(value))) else { continue };
        let call = call.with_proof(part, value.as_str());
        refused(session, call, UNPROVED, "a call whose nonce or timestamp was changed after signing").await?;
    }
    left_nothing(session, &message).await
}

pub(super) async fn added_and_removed(session: &mut Session) -> Checked {
    let message = session.fresh();
    let call = session.sign(&message);
    let added = with_fields(&call, &message.clone().with("productId9", "OFFI9"));
    refused(session, added, UNPROVED, "a call with a field added after signing").await?;
    for (name, value) in message.fields.clone() {
        // V1.0 does not sign them.
        if session.profile.scheme() == SignatureScheme::AuthTokenBody && value == "" {
            continue;
        }
        let call = session.sign(&message);
        let removed = with_fields(&call, &message.clone().without(&name));
        refused(session, removed, UNPROVED, &format!("a call with {name} removed after signing")).await?;
    }
    left_nothing(session, &message).await
}

pub(super) async fn repeated(session: &mut Session) -> Checked {
    let message = session.fresh();
    let what = "a call with a duplicate parameter";
    for part in [Proof::Signature, Proof::Timestamp, Proof::Nonce] {
        for (same, in_front) in [(true, false), (false, false), (false, true)] {
            let mut call = session.sign(&message);
            let Some(value) = call.proof(part).map(str::to_owned) else { continue };
            let other = changed(&Value::from(&*value));
            call.repeat_proof(part, if same { &value } else { other.as_str().unwrap_or("1") }, in_front);
            refused(session, call, UNFIT, what).await?;
        }
    }
    for (name, value) in message.fields.clone() {
        for (same, in_front) in [(true, false), (false, false), (false, true)] {
            let call = session.sign(&message);
            let copy = (name.clone(), if same { value.clone() } else { changed(&value) });
            let mut fields: Vec<_> = message.fields.clone();
            fields.insert(if in_front { 0 } else { fields.len() }, copy);
            let mut doubled = with_fields(&call, &Message { fields: fields.clone(), ..message.clone() });
            if call.scheme != SignatureScheme::AuthToken {
                if message.get(TIME_STAMP).is_none() {
                    fields.extend(time_of(&call).map(|time| (TIME_STAMP.to_owned(), time)));
                }
                doubled.body = object(&fields).into_bytes();
            }
            refused(session, doubled, UNFIT, what).await?;
        }
    }
    left_nothing(session, &message).await
}

pub(super) async fn other_keys(session: &mut Session) -> Checked {
    let message = session.fresh();
    let stranger = session.author.ids.uuid();
    if let Ok(stranger) = AccessKey::new(stranger) {
        let mut signer = session.signer();
        signer.key = stranger;
        let call = signer.sign(&message);
        refused(session, call, UNPROVED, "a call signed with another key").await?;
    }
    let call = session.sign(&message);
    let wrong = wrongly_keyed(&session.key, &call);
    let call = call.with_proof(Proof::Signature, Some(&wrong));
    refused(session, call, UNPROVED, "a call signed with the right key by the wrong algorithm").await?;
    left_nothing(session, &message).await
}

/// Common mistakes in signing code: a digest without a key, a key without the time.
fn wrongly_keyed(key: &AccessKey, call: &Call) -> String {
    let part = |part| call.proof(part).unwrap_or_default();
    match call.scheme {
        SignatureScheme::CallbackV2 | SignatureScheme::KitV2 => {
            let digest = const_hex::encode(Sha256::digest(&call.body));
            let message = [part(Proof::Nonce), part(Proof::Timestamp), &digest].concat();
            const_hex::encode(key.hmac_sha256([key.expose(), &*message].concat()))
        }
        SignatureScheme::AuthToken | SignatureScheme::AuthTokenBody => {
            let mut pairs: Vec<_> = call.query.iter().filter(|(name, _)| name != "authToken").collect();
            pairs.sort();
            let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            STANDARD.encode(key.hmac_sha256(joined.join("&")))
        }
    }
}

async fn at_another_time(session: &mut Session, times: &[(&str, Duration)], past: bool) -> Checked {
    for (what, apart) in times {
        let message = session.fresh();
        let mut signer = session.signer();
        signer.time = if past { signer.time.saturating_sub(*apart) } else { signer.time.saturating_add(*apart) };
        let call = signer.sign(&message);
        refused(session, call, UNFIT, what).await?;
        left_nothing(session, &message).await?;
    }
    Ok(())
}

pub(super) async fn too_old(session: &mut Session) -> Checked {
    let times = [
        ("a call 61 s old", Duration::from_secs(61)),
        ("a call 10 min old", Duration::from_secs(600)),
        ("a call 1 day old", DAY),
    ];
    at_another_time(session, &times, true).await
}

pub(super) async fn far_ahead(session: &mut Session) -> Checked {
    // The call takes some time to arrive, which makes it less far ahead.
    let times = [("a call 70 s ahead", Duration::from_secs(70)), ("a call 1 h ahead", Duration::from_secs(3600))];
    at_another_time(session, &times, false).await
}

pub(super) async fn very_old(session: &mut Session) -> Checked {
    at_another_time(session, &[("a call 30 days old", DAY * 30)], true).await
}

pub(super) async fn very_far_ahead(session: &mut Session) -> Checked {
    at_another_time(session, &[("a call 30 days ahead", DAY * 30)], false).await
}

pub(super) async fn malformed_time(session: &mut Session) -> Checked {
    let message = session.fresh();
    let what = |text: &str| format!("a call whose time is {text:?}");
    let scheme = session.profile.scheme();
    for text in ["-1", "0", "soon", "999999999999999999999999999999", "+1735689600123", ""] {
        let signer = session.signer();
        let call = match scheme {
            SignatureScheme::CallbackV2 | SignatureScheme::KitV2 => {
                signer.sign_body(&message, message.to_json().into_bytes(), text)
            }
            _ => {
                let call = signer.sign_fields(message.clone().with(TIME_STAMP, text));
                // Nothing can be signed without a timestamp, so the token of another time has to serve.
                let other = signer.sign(&message);
                let token = call.proof(Proof::Signature).or(other.proof(Proof::Signature)).map(str::to_owned);
                call.with_proof(Proof::Signature, token.as_deref())
            }
        };
        refused(session, call, UNFIT, &what(text)).await?;
    }
    let call = session.sign(&message);
    let call = match scheme {
        SignatureScheme::CallbackV2 | SignatureScheme::KitV2 => call.with_proof(Proof::Timestamp, None),
        SignatureScheme::AuthToken => {
            let mut call = call;
            call.query.retain(|(name, _)| name != TIME_STAMP);
            call
        }
        SignatureScheme::AuthTokenBody => {
            let mut call = call;
            call.body = message.to_json().into_bytes();
            call
        }
    };
    refused(session, call, UNFIT, "a call without a time").await?;
    left_nothing(session, &message).await
}

/// Expects an exact repeat to be rejected, or answered like the original.
fn repeat_is_harmless(session: &Session, first: &Reading, again: &Reading) -> Checked {
    let is_accepted = again.is_success() || again.is_processing();
    match is_accepted && first.instance_id() != again.instance_id() && !session.author.test_flag {
        true => Err(Stop::failed(
            "a repeated call is refused, or answered like the first",
            "another instance",
            "a replayed call has an effect again",
        )),
        false => Ok(()),
    }
}

pub(super) async fn replay(session: &mut Session) -> Checked {
    let message = session.fresh();
    let call = session.sign(&message);
    let first = session.send(call.clone()).await?;
    first.accepted("a valid call")?;
    let again = session.send(call).await?;
    // What is in front may refuse one for other reasons, without a code.
    session.refuses_repeats = again.code.is_some() && !(again.is_success() || again.is_processing());
    repeat_is_harmless(session, &first, &again)?;
    if !session.profile.has_purchases() || session.author.test_flag {
        return Ok(());
    }
    if let Some(order) = message.get("orderId").map(str::to_owned) {
        session.expect_instances(&order, 1).await?;
    }
    // A captured freeze, replayed after the customer has paid.
    let id = session.settled(&message, first).await?;
    let (Some(freeze), Some(unfreeze)) = (session.author.freeze(&id), session.author.unfreeze(&id)) else {
        return Ok(());
    };
    let freeze = session.sign(&freeze);
    session.send(freeze.clone()).await?.accepted("a freeze")?;
    session.call(&unfreeze).await?.accepted("an unfreeze")?;
    session.send(freeze).await?;
    session.expect_state(&id, "active", "a replayed freeze").await
}

pub(super) async fn replay_in_other_clothes(session: &mut Session) -> Checked {
    type Dressing = fn(&mut Call);
    let dressings: [(&str, Dressing); 3] = [
        ("with another header", |call| call.set_header("x-request-id", "1")),
        ("with its query in another order", |call| {
            if call.scheme == SignatureScheme::CallbackV2 || call.scheme == SignatureScheme::AuthToken {
                call.query.reverse();
            }
        }),
        ("with its signature in lower case", |call| {
            if call.scheme.has_nonce() {
                let lower = call.proof(Proof::Signature).map(str::to_lowercase);
                call.set_proof(Proof::Signature, lower);
            }
        }),
    ];
    for (how, dress) in dressings {
        let message = session.fresh();
        let mut call = session.sign(&message);
        let first = session.send(call.clone()).await?;
        first.accepted("a valid call")?;
        dress(&mut call);
        let again = session.send(call).await?;
        repeat_is_harmless(session, &first, &again)?;
        if session.refuses_repeats && (again.is_success() || again.is_processing()) {
            return Err(Stop::failed(
                format!("a captured call is refused {how} too"),
                "it is accepted",
                "replays are recognized by unsigned parts, which an attacker can change",
            ));
        }
    }
    Ok(())
}

pub(super) async fn nonce_again(session: &mut Session) -> Checked {
    let message = session.fresh();
    let signer = session.signer();
    let call = signer.sign(&message);
    session.send(call).await?.accepted("a valid call")?;
    let message = session.fresh();
    let mut again = session.signer();
    again.nonce = signer.nonce;
    let call = again.sign(&message);
    refused(session, call, UNFIT, "another call with a used nonce").await
}

pub(super) async fn nonces(session: &mut Session) -> Checked {
    for (length, what) in [(0, "a call without a nonce"), (10_000, "a call with a nonce of 10,000 characters")] {
        let message = session.fresh();
        let mut signer = session.signer();
        signer.nonce = "n".repeat(length);
        let mut call = signer.sign(&message);
        // A server may reject a head of this length by itself.
        call.is_judged = length == 0;
        refused(session, call, UNFIT, what).await?;
    }
    Ok(())
}

pub(super) async fn encoded_twice(session: &mut Session) -> Checked {
    let message = session.fresh().with("customerName", "Ada Byron");
    let mut call = session.sign(&message);
    let twice: Vec<_> = call
        .query
        .iter()
        .map(|(name, value)| {
            (name.clone(), if name == "customerName" { value.replace(' ', "%20") } else { value.clone() })
        })
        .collect();
    call.query = twice;
    refused(session, call, UNPROVED, "a call with a value encoded twice").await?;
    left_nothing(session, &message).await
}

/// Bodies that break parsers. The endpoint must still work afterwards.
pub(super) async fn hostile_bodies(session: &mut Session) -> Checked {
    let message = session.fresh();
    let json = message.to_json();
    let inside = |extra: &[u8]| [&json.as_bytes()[..json.len() - 1], b",", extra, b"}"].concat();
    let deep = [b"\"deep\":".as_slice(), &b"[".repeat(100_000), &b"]".repeat(100_000)].concat();
    let bodies: [(&str, Vec<u8>, bool); 4] = [
        ("a body of 2 MiB and more", inside(format!("\"x\":\"{}\"", "x".repeat(2 << 20)).as_bytes()), false),
        ("a body nested 100,000 levels deep", inside(&deep), true),
        ("a body that is not UTF-8", inside(b"\"x\":\"\xff\xfe\""), true),
        ("a body that is not JSON", b"\0\0\0".to_vec(), true),
    ];
    for (what, body, is_signed) in bodies {
        let signer = session.signer();
        let mut call = match session.profile.scheme() {
            SignatureScheme::AuthTokenBody => signer.sign_json(&message, body),
            _ => signer.sign_body(&message, body, &signer.time.as_unix_millis().to_string()),
        };
        if !is_signed {
            call.set_proof(Proof::Signature, Some("0".repeat(64)));
        }
        // A server may reject bodies of this size by itself.
        call.is_judged = is_signed;
        call.is_right = false;
        match session.send(call).await {
            // Or close the connection while the body is still being sent.
            Err(Stop::Failed(_)) if !is_signed => {}
            outcome => outcome?.refused(UNFIT, what)?,
        }
    }
    if session.profile.scheme() != SignatureScheme::AuthTokenBody {
        let copied = message.fields.iter().find(|(name, _)| name != "activity").cloned();
        if let Some((name, value)) = copied {
            let mut fields = message.fields.clone();
            fields.push((name, changed(&value)));
            let signer = session.signer();
            let time = signer.time.as_unix_millis().to_string();
            let call = signer.sign_body(&message, object(&fields).into_bytes(), &time);
            refused(session, call, UNFIT, "a body with a duplicate member").await?;
        }
    }
    left_nothing(session, &message).await?;
    let message = session.fresh();
    session.call(&message).await?.accepted("a valid call after hostile ones")
}

/// The same for calls without a body.
pub(super) async fn hostile_queries(session: &mut Session) -> Checked {
    let message = session.fresh();
    let call = session.sign(&message);
    let query = call.query_text();
    let attacks = [
        ("a query that is not UTF-8", format!("{query}&x=%ff%fe")),
        ("a query with a NUL", format!("{query}&x=%00")),
        ("a query of 1,000 parameters", format!("{query}{}", "&x=1".repeat(1000))),
        ("a query with broken escapes", format!("{query}&x=%zz%")),
    ];
    for (what, attack) in attacks {
        let mut call = call.clone();
        call.encoded_query = Some(attack);
        refused(session, call, UNFIT, what).await?;
    }
    left_nothing(session, &message).await?;
    let message = session.fresh();
    session.call(&message).await?.accepted("a valid call after hostile ones")
}

pub(super) async fn burst(session: &mut Session) -> Checked {
    let message = session.fresh();
    let calls = (0..200).map(|_| session.sign(&message).with_proof(Proof::Signature, Some("0")));
    let calls = calls.map(|call| Call { is_right: false, ..call }).collect();
    for reading in session.send_all(calls).await? {
        reading.refused(UNPROVED, "an invalid call in a burst")?;
    }
    let message = session.fresh();
    session.call(&message).await?.accepted("a valid call after 200 invalid ones")
}

pub(super) async fn swapped(session: &mut Session) -> Checked {
    let (one, other) = (session.fresh(), session.fresh());
    let (call, donor) = (session.sign(&one), session.sign(&other));
    let call = call.with_proof(Proof::Signature, donor.proof(Proof::Signature));
    refused(session, call, UNPROVED, "a call with the signature of another").await?;
    left_nothing(session, &one).await
}
