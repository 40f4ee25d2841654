//! An exchange as it is stored: judged first, then masked.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::signature::body_sign;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{Answer, Masking, TargetError};

use super::wire::{Received, status_line};
use crate::support::capture_folder::{Entry, Recording};
use crate::support::output::printable;
use crate::support::scheme::body_sign_diagnosis;
use crate::support::signed_call::{Judgement, SignedCall, activity, interface_of, result_code, scheme_of};
use koogallery::protocol::SignatureScheme;

pub struct Exchange {
    pub received: Received,
    pub outcome: Result<Answer, TargetError>,
    pub time: Timestamp,
    pub duration: Duration,
}

/// The files of the exchange.
pub struct Written {
    pub entry: Entry,
    pub request: Vec<u8>,
    pub answer: Vec<u8>,
}

impl Exchange {
    /// The answer to the caller: the seller's, or an error if there is none.
    pub fn answer(&self) -> (u16, &[(String, String)], &[u8]) {
        match &self.outcome {
            Ok(answer) => (answer.status, &answer.headers, &answer.body),
            Err(_) => (502, &[], b"the seller's server did not answer"),
        }
    }

    pub fn written(&self, number: u32, keys: &AccessKeys, mut masking: Masking) -> Written {
        let headers = self.header_map();
        let (path, query) = self.received.head.target.split_once('?').unwrap_or((&self.received.head.target, ""));
        let call = SignedCall { path, query, headers: &headers, body: &self.received.body };
        let activity = activity(call);
        let judged = Judgement::of(call, &activity, keys, self.time);
        let scheme = scheme_of(call);
        let (body_sign, proof) = self.body_sign(scheme, keys).unzip();

        for secret in judged.secret.iter().chain(proof.iter().flatten()) {
            masking.add_secret(secret);
        }
        masking.learn_query(query);
        let (status, answer_headers, answer_body) = self.answer();
        for body in [&*self.received.body, answer_body] {
            str::from_utf8(body).into_iter().for_each(|text| masking.learn_json(text));
        }

        let target = masked_target(&masking, &self.received.head.target);
        let method = masking.text(&self.received.head.method);
        let request_line = format!("{method} {target} HTTP/1.1");
        let request_headers =
            self.received.head.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        let answer_headers = answer_headers.iter().map(|(name, value)| (&**name, value.as_str().into()));
        let entry = Entry {
            id: Recording::id(number, &activity),
            time: rfc3339(self.time),
            method,
            path: printable(&masking.text(path)),
            activity,
            status,
            result_code: result_code(answer_body).map(|code| masking.text(&code)),
            duration_ms: self.duration.as_millis().try_into().unwrap_or(u64::MAX),
            signature: masking.text(&judged.finding),
            body_sign: body_sign.map(|outcome| masking.text(&outcome)),
            error: self.outcome.as_ref().err().map(ToString::to_string),
        };
        Written {
            request: message(&masking, &request_line, request_headers, &self.received.body),
            answer: message(&masking, &status_line(status), answer_headers, answer_body),
            entry,
        }
    }

    /// Headers that are not valid HTTP prove nothing.
    fn header_map(&self) -> HeaderMap {
        let pairs = self.received.head.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    /// Returns the finding about `Body-Sign`, and its signature if valid.
    fn body_sign(&self, scheme: Option<SignatureScheme>, keys: &AccessKeys) -> Option<(String, Option<String>)> {
        let answer = self.outcome.as_ref().ok()?;
        let is_wanted = scheme.is_some_and(|scheme| !scheme.has_nonce());
        let Some((name, value)) = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(body_sign::HEADER))
        else {
            return is_wanted.then(|| ("there is none".to_owned(), None));
        };
        let interface = match scheme {
            Some(scheme) if is_wanted => interface_of(scheme, "", keys),
            _ => InterfaceType::V1,
        };
        let outcome = body_sign_diagnosis(keys, interface, name, value, &answer.body).to_string();
        let is_wrong = keys.get(interface).is_some_and(|ring| body_sign::verify(ring, value, &answer.body).is_err());
        let signature = value.split_once("signature").map(|(_, rest)| rest.trim_matches(['=', '"', ' ']).to_owned());
        Some((outcome, signature.filter(|_| !is_wrong)))
    }
}

fn rfc3339(time: Timestamp) -> String {
    let digits = time.to_compact_millis();
    let part = |from: usize, to: usize| &digits[from..to];
    let date = format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8));
    format!("{date}T{}:{}:{}.{}Z", part(8, 10), part(10, 12), part(12, 14), part(14, 17))
}

/// Summarizes the exchange in one line.
pub fn line(entry: &Entry) -> String {
    let Entry { id, method, path, status, duration_ms, signature, .. } = entry;
    let [method, path] = [method, path].map(|text| text.chars().take(60).collect::<String>());
    let mut line = format!("{id}  {method} {path}  {status}");
    if let Some(code) = &entry.result_code {
        line.push_str(&format!(" {code}"));
    }
    line.push_str(&format!("  {duration_ms} ms  signature: {signature}"));
    if let Some(body_sign) = &entry.body_sign {
        line.push_str(&format!("  Body-Sign: {body_sign}"));
    }
    if let Some(error) = &entry.error {
        line.push_str(&format!("  no answer: {error}"));
    }
    line
}

fn masked_target(masking: &Masking, target: &str) -> String {
    match target.split_once('?') {
        Some((path, query)) => format!("{}?{}", masking.text(path), masking.query(query)),
        None => masking.text(target),
    }
}

/// Formats a message as `--request` reads it.
fn message<'a>(
    masking: &Masking,
    start: &str,
    headers: impl Iterator<Item = (&'a str, std::borrow::Cow<'a, str>)>,
    body: &[u8],
) -> Vec<u8> {
    let headers: Vec<_> = headers.collect();
    let is_form = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.starts_with("application/x-www-form-urlencoded")
    });
    let body = masked_body(masking, is_form, body);
    let mut text = format!("{start}\r\n");
    for (name, value) in &headers {
        let value = match is_credential(name) {
            true => "[masked]".to_owned(),
            // The reader depends on it.
            false if name.eq_ignore_ascii_case("content-length") => body.len().to_string(),
            false => masking.text(value),
        };
        text.push_str(&format!("{}: {value}\r\n", masking.text(name)));
    }
    text.push_str("\r\n");
    text.push_str(&body);
    text.into_bytes()
}

fn is_credential(header: &str) -> bool {
    const CREDENTIALS: [&str; 6] =
        ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-auth-token", "x-api-key"];
    CREDENTIALS.iter().any(|name| header.eq_ignore_ascii_case(name))
}

fn masked_body(masking: &Masking, is_form: bool, body: &[u8]) -> String {
    let unknown = || format!("[{} bytes not captured]", body.len());
    let Ok(text) = str::from_utf8(body) else { return unknown() };
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return masking.json(text);
    }
    let is_textual =
        !text.contains(|character: char| character.is_control() && !matches!(character, '\t' | '\r' | '\n'));
    match is_textual && !masking.is_secret_in(text) {
        true if is_form => masking.query(text),
        true => masking.text(&masking.json(text)),
        false => unknown(),
    }
}
