//! The gateway in front of the open APIs: authentication, and explanations of wrong signatures.

use std::collections::HashMap;
use std::time::Duration;

use http::header::AUTHORIZATION;

use super::exchange::Received;
use super::explain::explain;
use super::not_admitted::NotAdmitted;
use koogallery::key::{Credentials, KeyRing};
use koogallery::signature::VerifyError;
use koogallery::signature::aksk::{self, Authorization};
use koogallery::timestamp::Timestamp;

/// Failed authentications in a row that lock a key, and the duration of the lock.
const FAILURES_THAT_LOCK: u32 = 5;
const LOCKED_FOR: Duration = Duration::from_secs(5 * 60);

/// The largest signed body that the gateway accepts.
pub(super) const MAX_BODY: usize = 12 * 1024 * 1024;

/// A key's failed authentications.
#[derive(Default)]
struct Failures {
    in_a_row: u32,
    locked_until: Option<Timestamp>,
}

#[derive(Default)]
pub(super) struct Gateway {
    failures: HashMap<String, Failures>,
}

impl Gateway {
    /// Checks AK/SK.
    pub(super) fn admit(
        &mut self,
        request: &Received,
        credentials: &[Credentials],
        keys: Option<&KeyRing>,
        now: Timestamp,
    ) -> Result<(), NotAdmitted> {
        let parts = &request.parts;
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| "there is no Authorization header".to_owned())?;
        let authorization = header.to_str().ok().and_then(Authorization::parse);
        let authorization = authorization.ok_or_else(|| {
            "the Authorization header is not of the form \
             `SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...`"
                .to_owned()
        })?;
        let pair = credentials.iter().find(|pair| pair.access_key_id() == authorization.access);
        let pair = pair.ok_or_else(|| format!("there is no access key {:?}", authorization.access))?;
        let failures = self.failures.entry(pair.access_key_id().to_owned()).or_default();
        if let Some(until) = failures.locked_until.filter(|until| now < *until) {
            return Err(format!(
                "the access key is locked until {until} UTC after {FAILURES_THAT_LOCK} failures in a row"
            )
            .into());
        }
        let outcome = check(request, &authorization, pair, keys, now);
        *failures = match &outcome {
            Ok(()) => Failures::default(),
            Err(_) => {
                let in_a_row = if failures.locked_until.is_some() { 1 } else { failures.in_a_row + 1 };
                let locked_until = (in_a_row >= FAILURES_THAT_LOCK).then(|| now.saturating_add(LOCKED_FOR));
                Failures { in_a_row, locked_until }
            }
        };
        outcome
    }
}

fn check(
    request: &Received,
    authorization: &Authorization<'_>,
    pair: &Credentials,
    keys: Option<&KeyRing>,
    now: Timestamp,
) -> Result<(), NotAdmitted> {
    let parts = &request.parts;
    if let Some(token) = pair.security_token()
        && request.header("x-security-token") != Some(token)
    {
        return Err("the access key is temporary, and X-Security-Token is missing or wrong".to_owned().into());
    }
    aksk::verify(parts, &request.body, pair, now).map_err(|error| match error {
        VerifyError::Mismatch => explain(request, authorization, pair, keys, now),
        VerifyError::TooOld(by) => {
            format!("X-Sdk-Date is {} seconds old; 15 minutes are allowed, in UTC", by.as_secs()).into()
        }
        VerifyError::TooFarAhead(by) => {
            format!("X-Sdk-Date is {} seconds ahead; 15 minutes are allowed, in UTC", by.as_secs()).into()
        }
        VerifyError::Unsigned("X-Sdk-Date") => {
            "x-sdk-date is not among the signed headers, in lower case".to_owned().into()
        }
        VerifyError::Malformed("SignedHeaders") => {
            "the names in SignedHeaders must be in lower case, there and in the canonical request".to_owned().into()
        }
        VerifyError::Malformed("Authorization") => {
            "a signed header is missing from the request, or the signature is not 64 lower-case hex digits"
                .to_owned()
                .into()
        }
        other => other.to_string().into(),
    })
}
