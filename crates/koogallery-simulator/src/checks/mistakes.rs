//! The wrong way in which an endpoint verifies, found by signing calls in every known wrong way.

use bytes::Bytes;
use http::Request;

use crate::call::{Call, Proof};
use crate::session::{Session, Stop};
use koogallery::protocol::SignatureScheme;
use koogallery::signature::diagnosis::{Mistake, mistaken_signatures};

/// Returns the mistakes with which a call is accepted: one, or one together with a timestamp in seconds. Empty if none
/// is.
pub(super) async fn accepted(session: &mut Session) -> Result<Vec<String>, Stop> {
    let call = signed(session, false);
    let lower = call.proof(Proof::Signature).map(str::to_lowercase);
    let is_v2 = matches!(session.profile.scheme(), SignatureScheme::CallbackV2 | SignatureScheme::KitV2);
    if is_v2 && is_accepted(session, call.with_proof(Proof::Signature, lower.as_deref())).await? {
        return Ok(vec![
            "it is compared as text, in lower-case hex: the samples have capitals, so decode it".to_owned(),
        ]);
    }
    let times: &[bool] = if is_v2 { &[false, true] } else { &[false] };
    for in_seconds in times {
        let seconds = in_seconds.then(|| Mistake::SecondsForMilliseconds.to_string());
        let call = signed(session, *in_seconds);
        if *in_seconds && is_accepted(session, call.clone()).await? {
            return Ok(seconds.into_iter().collect());
        }
        for index in 0..mistaken(session, &call).len() {
            // Each with a nonce, a time and an order of its own.
            let mut call = signed(session, *in_seconds);
            let Some(made) = mistaken(session, &call).into_iter().nth(index) else { continue };
            call.set_proof(Proof::Signature, Some(made.1));
            if is_accepted(session, call).await? {
                return Ok([made.0.to_string()].into_iter().chain(seconds).collect());
            }
        }
    }
    Ok(Vec::new())
}

fn signed(session: &mut Session, in_seconds: bool) -> Call {
    let message = session.fresh();
    if !in_seconds {
        return session.sign(&message);
    }
    let signer = session.signer();
    let seconds = (signer.time.as_unix_millis() / 1000).to_string();
    signer.sign_body(&message, message.to_json().into_bytes(), &seconds)
}

fn mistaken(session: &Session, call: &Call) -> Vec<(Mistake, String)> {
    let Some(request): Option<Request<Bytes>> = call.to_request() else { return Vec::new() };
    let judge = &session.judge;
    let made = mistaken_signatures(call.scheme, &judge.keys, judge.interface, &request);
    made.into_iter().map(|made| (made.mistake, made.signature)).collect()
}

async fn is_accepted(session: &mut Session, call: Call) -> Result<bool, Stop> {
    match session.send_unjudged(call).await {
        Ok(reading) => Ok(reading.is_accepted()),
        Err(Stop::Failed(_)) => Ok(false),
        Err(stop) => Err(stop),
    }
}
