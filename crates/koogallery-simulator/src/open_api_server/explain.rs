//! Explains a wrong AK/SK signature: the canonical request, and the common mistake that produces the received signature.

use super::exchange::Received;
use super::not_admitted::NotAdmitted;
use super::refusal::Refusal;
use koogallery::key::{AccessKeys, Credentials, InterfaceType, KeyRing};
use koogallery::signature::aksk::{Authorization, CanonicalRequest, Payload};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::timestamp::Timestamp;

/// For the answer, the canonical request with `|` in the place of line breaks, as the gateway prints it and
/// [`aksk::diff_with_gateway`](koogallery::signature::aksk::diff_with_gateway) reads it. For the log, all of it in lines.
pub(super) fn explain(
    request: &Received,
    authorization: &Authorization<'_>,
    pair: &Credentials,
    keys: Option<&KeyRing>,
    now: Timestamp,
) -> NotAdmitted {
    let names: Vec<_> = authorization.signed_headers.split(';').map(str::to_owned).collect();
    let canonical = CanonicalRequest::new(&request.parts, &names, Payload::Bytes(&request.body));
    let Some(canonical) = canonical else { return "the signed content is not text".to_owned().into() };

    let mut explanation = vec!["the canonical request to sign:".to_owned()];
    explanation.extend(canonical.lines().map(|(part, line)| {
        let is_secret = line.starts_with("x-security-token:");
        format!("  {part}: {}", if is_secret { "x-security-token:[redacted]" } else { line })
    }));
    explanation.push("and its string to sign:".to_owned());
    let to_sign = canonical.string_to_sign(request.header("x-sdk-date").unwrap_or_default());
    explanation.extend(to_sign.split('\n').map(|line| format!("  {line}")));
    let found = diagnosis::aksk(&request.parts, &request.body, pair, &basic(keys), now);
    explanation.push(mistake(&found).unwrap_or_else(|| {
        "no common mistake produces the received signature: either the secret differs, or the request was changed after \
         signing; compare the lines above with those of the signer"
            .to_owned()
    }));
    let printed = canonical.as_str().replace('\n', "|");
    let why = format!("verify aksk signature fail, canonicalRequest:{printed}");
    NotAdmitted { refusal: Refusal::new("APIGW.0301", why), explanation }
}

/// Returns the keys of the basic interface as those of a seller who has no others.
pub(super) fn basic(keys: Option<&KeyRing>) -> AccessKeys {
    let basic = keys.and_then(|ring| AccessKeys::new().with(InterfaceType::Basic, ring.clone()).ok());
    basic.unwrap_or_default()
}

/// Returns the log's line about the mistake that was found; `None` if no known one produces the signature.
pub(super) fn mistake(found: &Diagnosis) -> Option<String> {
    matches!(found, Diagnosis::Explained(_)).then(|| format!("the received signature results from a mistake: {found}"))
}
