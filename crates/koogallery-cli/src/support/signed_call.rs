//! The signature of a captured call.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderMap;
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::protocol::{Protocol, SignatureScheme};
use koogallery::query::{self, Plus};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::{VerifyError, Window, auth_token, auth_token_body, callback_v2, kit_v2};
use koogallery::timestamp::Timestamp;
use serde_json::Value;

/// The signed parts of a call.
#[derive(Clone, Copy)]
pub struct SignedCall<'a> {
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Returns the scheme of a call, by its parts; `None` without a signature.
pub fn scheme_of(call: SignedCall<'_>) -> Option<SignatureScheme> {
    let has = |name| parameter(call.query, name).is_some();
    let schemes = [
        (has("signature"), SignatureScheme::CallbackV2),
        (call.headers.contains_key("x-sign"), SignatureScheme::KitV2),
        (has("authToken"), SignatureScheme::AuthToken),
        (call.headers.contains_key(auth_token_body::HEADER), SignatureScheme::AuthTokenBody),
    ];
    schemes.into_iter().find_map(|(is_it, scheme)| is_it.then_some(scheme))
}

/// Returns the interface type of the key, chosen as the service does.
pub fn interface_of(scheme: SignatureScheme, activity: &str, keys: &AccessKeys) -> InterfaceType {
    let in_scheme = || Protocol::ALL.into_iter().filter(|protocol| protocol.scheme() == scheme);
    let has_it = |protocol: &Protocol| protocol.activities().iter().any(|known| known.as_str() == activity);
    let Some(protocol) = in_scheme().find(has_it).or(in_scheme().next()) else { return InterfaceType::Basic };
    let first = protocol.interfaces().first().copied().unwrap_or(InterfaceType::Basic);
    protocol.keys(keys).map_or(first, |(interface, _)| interface)
}

/// Returns the decoded signature.
fn signature(scheme: SignatureScheme, call: SignedCall<'_>) -> Option<String> {
    let name = scheme.signature_name();
    match scheme.is_in_query() {
        true => decoded(parameter(call.query, name)?),
        false => Some(call.headers.get(name)?.to_str().ok()?.to_owned()),
    }
}

/// Returns the maximum age that the service allows.
fn window(scheme: SignatureScheme) -> Window {
    match scheme.has_nonce() {
        true => Window::default(),
        false => Window::symmetric(Duration::from_secs(12 * 3600)),
    }
}

/// Verifies the signature, whatever the age of the call; `None` without a key.
fn verify(
    scheme: SignatureScheme,
    keys: &AccessKeys,
    interface: InterfaceType,
    call: SignedCall<'_>,
    now: Timestamp,
) -> Option<Verified> {
    const ALWAYS: Window = Window::symmetric(Duration::MAX);
    let ring = keys.get(interface)?;
    Some(match scheme {
        SignatureScheme::CallbackV2 => callback_v2::verify(ring, call.query, call.body, now, ALWAYS).map(drop),
        SignatureScheme::KitV2 => kit_v2::verify(ring, call.headers, call.body, now, ALWAYS).map(drop),
        SignatureScheme::AuthToken => auth_token::verify(ring, call.query, now, ALWAYS).map(drop),
        SignatureScheme::AuthTokenBody => auth_token_body::verify(ring, call.headers, call.body, now, ALWAYS).map(drop),
    })
}

fn diagnose(
    scheme: SignatureScheme,
    keys: &AccessKeys,
    interface: InterfaceType,
    call: SignedCall<'_>,
    now: Timestamp,
) -> Diagnosis {
    let SignedCall { query, headers, body, .. } = call;
    let window = window(scheme);
    match scheme {
        SignatureScheme::CallbackV2 => diagnosis::callback_v2(keys, interface, query, body, now, window),
        SignatureScheme::KitV2 => diagnosis::kit_v2(keys, headers, body, now, window),
        SignatureScheme::AuthToken => diagnosis::auth_token(keys, interface, query, now, window),
        SignatureScheme::AuthTokenBody => diagnosis::auth_token_body(keys, interface, headers, body, now, window),
    }
}

type Verified = Result<(), VerifyError>;

/// The result of judging a call's proof.
pub struct Judgement {
    /// In words.
    pub finding: String,
    /// The signature, unless it is known to be invalid.
    pub secret: Option<String>,
}

impl Judgement {
    pub fn of(call: SignedCall<'_>, activity: &str, keys: &AccessKeys, now: Timestamp) -> Self {
        /// Trying the known mistakes on larger bodies takes seconds.
        const MAX_DIAGNOSED: usize = 128 * 1024;
        const INTERFACES: [InterfaceType; 5] = [
            InterfaceType::Basic,
            InterfaceType::V1,
            InterfaceType::Kit,
            InterfaceType::License,
            InterfaceType::General,
        ];
        let Some(scheme) = scheme_of(call) else {
            return Self { finding: "there is no signature".to_owned(), secret: None };
        };
        let interface = interface_of(scheme, activity, keys);
        let verified = verify(scheme, keys, interface, call, now);
        let is_mismatch = match &verified {
            Some(Err(VerifyError::Mismatch)) => true,
            Some(Err(VerifyError::Malformed(field))) => matches!(*field, "signature" | "x-sign" | "authToken"),
            _ => false,
        };
        // With mixed-up keys, another interface may accept the signature.
        let by_another = || INTERFACES.iter().any(|&other| verify(scheme, keys, other, call, now) == Some(Ok(())));
        let is_wrong = is_mismatch && !by_another();
        let finding = match &verified {
            Some(Err(error @ VerifyError::Mismatch)) if call.body.len() > MAX_DIAGNOSED => error.to_string(),
            _ => diagnose(scheme, keys, interface, call, now).to_string(),
        };
        Self { finding, secret: signature(scheme, call).filter(|_| !is_wrong) }
    }
}

/// Returns the activity of a call, restricted to characters for file names.
pub fn activity(call: SignedCall<'_>) -> String {
    let in_body = || serde_json::from_slice::<Value>(call.body).ok()?["activity"].as_str().map(str::to_owned);
    let in_path = || call.path.split_once("/produceAPI/")?.1.rsplit('/').next().map(str::to_owned);
    let in_query = || decoded(parameter(call.query, "activity")?);
    let found = in_path().or_else(in_query).or_else(in_body).unwrap_or_default();
    let is_name = (1..=40).contains(&found.len()) && found.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { found } else { "unknown".to_owned() }
}

/// Returns the `resultCode` of an answer, if it can be displayed.
pub fn result_code(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let code = match answer.get("resultCode")? {
        Value::String(code) => code.clone(),
        other => other.to_string(),
    };
    let is_shown = (1..=32).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic());
    Some(if is_shown { code } else { "unreadable".to_owned() })
}

/// Returns the raw value of a parameter.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query::raw_pairs(query).find(|pair| pair.name == name).map(|pair| pair.value)
}

fn decoded(value: &str) -> Option<String> {
    query::decode(value, Plus::Space).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use koogallery::key::AccessKey;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);

    fn key(text: &str) -> AccessKey {
        AccessKey::new(text).unwrap()
    }

    fn keys() -> AccessKeys {
        use InterfaceType::{Basic, General, Kit, License};
        let keys = [(Basic, "basic-key"), (Kit, "kit-key"), (License, "license-key"), (General, "general-key")];
        keys.into_iter().fold(AccessKeys::new(), |keys, (interface, text)| keys.with(interface, key(text)).unwrap())
    }

    fn judged(keys: &AccessKeys, query: &str, body: &str, now: Timestamp) -> Judgement {
        let headers = HeaderMap::new();
        let call = SignedCall { path: "/", query, headers: &headers, body: body.as_bytes() };
        Judgement::of(call, &activity(call), keys, now)
    }

    #[test]
    fn every_interface_has_its_calls() {
        for (activity, text) in [
            ("newInstance", "basic-key"),
            ("refreshLicenseCode", "license-key"),
            ("updateLicenseCodeStatus", "license-key"),
            ("releaseLicenseCode", "license-key"),
            ("orderNotify", "general-key"),
        ] {
            let body = format!("{{\"activity\":\"{activity}\"}}");
            let query = callback_v2::signed_query(&key(text), "0123456789abcdef", NOW, body.as_bytes());
            let judged = judged(&keys(), &query, &body, NOW);
            assert_eq!(judged.finding, "the signature is right", "{activity}");
            assert_eq!(judged.secret.as_deref(), query.split(['=', '&']).nth(1), "{activity}");
        }
    }

    #[test]
    fn only_what_opens_nothing_is_no_secret() {
        let body = r#"{"activity":"newInstance"}"#;
        let query =
            |text: &str, body: &str| callback_v2::signed_query(&key(text), "0123456789abcdef", NOW, body.as_bytes());
        let is_secret = |keys: &AccessKeys, query: &str, now| judged(keys, query, body, now).secret.is_some();
        let later = Timestamp::from_unix_millis(NOW.as_unix_millis() + 3_600_000);
        assert!(is_secret(&keys(), &query("basic-key", body), later), "too old here may be young enough elsewhere");
        assert!(is_secret(&keys(), &query("license-key", body), NOW), "another interface takes it");
        assert!(is_secret(&AccessKeys::new(), &query("any-key", body), NOW), "without a key nobody can tell");
        let twice = format!("{0}&{0}", query("basic-key", body));
        assert!(is_secret(&keys(), &twice, NOW), "one of the two may be right");
        for wrong in
            [query("any-key", body), query("basic-key", "{}"), "signature=x&timestamp=1735689600123&nonce=n".into()]
        {
            assert!(!is_secret(&keys(), &wrong, NOW), "{wrong}");
        }
        let judged = judged(&keys(), "a=1", body, NOW);
        assert_eq!((judged.finding.as_str(), judged.secret), ("there is no signature", None));
    }

    #[test]
    fn activities_that_can_stand_in_a_name() {
        let of = |path: &str, query: &str, body: &str| {
            activity(SignedCall { path, query, headers: &HeaderMap::new(), body: body.as_bytes() })
        };
        assert_eq!(of("/p/produceAPI/v2/authSync", "", "{}"), "authSync");
        assert_eq!(of("/p", "activity=queryInstance&x=1", ""), "queryInstance");
        assert_eq!(of("/p", "", r#"{"activity":"orderNotify"}"#), "orderNotify");
        let long = "x".repeat(41);
        for name in ["", "../x", "a/b", "a b", "名", &long] {
            assert_eq!(of("/p", "", &serde_json::json!({ "activity": name }).to_string()), "unknown", "{name}");
        }
    }

    #[test]
    fn result_codes_are_short_and_plain() {
        for (body, code) in [
            (r#"{"resultCode":"000000"}"#, Some("000000")),
            (r#"{"resultCode":0}"#, Some("0")),
            (r#"{"resultCode":"\u001b[2J"}"#, Some("unreadable")),
            (r#"{"resultCode":""}"#, Some("unreadable")),
            (r#"{"resultMsg":"x"}"#, None),
            ("[]", None),
            ("ok", None),
        ] {
            assert_eq!(result_code(body.as_bytes()).as_deref(), code, "{body}");
        }
    }
}
