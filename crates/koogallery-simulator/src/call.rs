//! Signed calls, and ways to alter them in transit.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};

use super::delivery::{sign, time_stamp};
use super::message::{Message, TIME_STAMP};
use koogallery::key::AccessKey;
use koogallery::protocol::SignatureScheme;
use koogallery::query::{self, Plus};
use koogallery::timestamp::Timestamp;

/// Part of a call's proof of origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Signature,
    Timestamp,
    Nonce,
}

impl Proof {
    /// Returns the name of the part in a signature scheme; `None` for the V1.0 timestamp, which is a field.
    pub(super) fn name(self, scheme: SignatureScheme) -> Option<&'static str> {
        Some(match (scheme, self) {
            (_, Self::Signature) => scheme.signature_name(),
            (SignatureScheme::CallbackV2, Self::Timestamp) => "timestamp",
            (SignatureScheme::CallbackV2, Self::Nonce) => "nonce",
            (SignatureScheme::KitV2, Self::Timestamp) => "x-timestamp",
            (SignatureScheme::KitV2, Self::Nonce) => "x-nonce",
            (SignatureScheme::AuthToken | SignatureScheme::AuthTokenBody, _) => return None,
        })
    }
}

/// A call ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) scheme: SignatureScheme,
    pub(super) activity: String,
    pub(super) method: Method,
    pub(super) path: String,
    /// Decoded parameters; see `encoded_query`.
    pub(super) query: Vec<(String, String)>,
    /// Replaces `query` on the wire, for checks of the encoding itself.
    pub(super) encoded_query: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the answer must have the documented form.
    pub(super) is_judged: bool,
    /// Whether the endpoint has to accept the call.
    pub(super) is_right: bool,
}

/// Signs messages with one key at one time.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) scheme: SignatureScheme,
    pub(super) key: AccessKey,
    pub(super) path: String,
    pub(super) time: Timestamp,
    pub(super) nonce: String,
}

impl Signer {
    pub(super) fn sign(&self, message: &Message) -> Call {
        match self.scheme {
            SignatureScheme::CallbackV2 | SignatureScheme::KitV2 => {
                self.sign_as(message, message.to_json().into_bytes(), &message.to_canonical_json())
            }
            SignatureScheme::AuthToken | SignatureScheme::AuthTokenBody => {
                let time = time_stamp(self.scheme, self.time);
                self.sign_fields(message.clone().with(TIME_STAMP, time))
            }
        }
    }

    /// Sends a body with the signature of its canonical form.
    pub(super) fn sign_as(&self, message: &Message, body: Vec<u8>, canonical: &str) -> Call {
        let time = self.time.as_unix_millis().to_string();
        Call { body, ..self.sign_body(message, canonical.as_bytes().to_vec(), &time) }
    }

    /// Signs this body exactly as given, with this timestamp where the scheme has one. A body that cannot be signed is
    /// sent unsigned.
    pub(super) fn sign_body(&self, message: &Message, body: Vec<u8>, timestamp: &str) -> Call {
        let call = self.signed(message, Method::POST, &body, timestamp);
        Call { body, ..call }
    }

    /// Signs fields that already include their timestamp. A message that cannot be signed is sent unsigned.
    pub(super) fn sign_fields(&self, message: Message) -> Call {
        if self.scheme == SignatureScheme::AuthTokenBody {
            return self.sign_json(&message, message.to_json().into_bytes());
        }
        let query = message.to_pairs();
        let mut call = self.signed(&message, Method::GET, encoded(&query).as_bytes(), "");
        call.query.splice(0..0, query);
        call
    }

    /// Signs a V1.0 body exactly as given.
    pub(super) fn sign_json(&self, message: &Message, body: Vec<u8>) -> Call {
        self.sign_body(message, body, "")
    }

    /// Signs content that is still to be added to the call.
    fn signed(&self, message: &Message, method: Method, content: &[u8], timestamp: &str) -> Call {
        let mut call = self.unsigned(message, method);
        let mut proof = sign(self.scheme, &self.key, &self.nonce, timestamp, content).unwrap_or_default();
        if let Some((_, signature)) = proof.first_mut().filter(|_| self.scheme.has_nonce()) {
            // In capitals, as in the newer samples.
            signature.make_ascii_uppercase();
        }
        call.proof_pairs().extend(proof.into_iter().map(|(name, value)| (name.to_owned(), value)));
        call
    }

    fn unsigned(&self, message: &Message, method: Method) -> Call {
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        if method == Method::POST {
            headers.push(("content-type".to_owned(), "application/json;charset=utf8".to_owned()));
        }
        Call {
            scheme: self.scheme,
            activity: message.activity.clone(),
            method,
            path: match &*message.suffix {
                "" => self.path.clone(),
                suffix => format!("{}{suffix}", self.path.trim_end_matches('/')),
            },
            query: Vec::new(),
            encoded_query: None,
            headers,
            body: Vec::new(),
            is_judged: true,
            is_right: true,
        }
    }
}

impl Call {
    /// Wraps a request that was signed elsewhere, to mask and display it.
    pub(super) fn of_request(scheme: SignatureScheme, activity: &str, request: &Request<Bytes>) -> Self {
        let raw = request.uri().query().unwrap_or_default();
        let decoded = query::raw_pairs(raw).filter_map(|pair| {
            let (name, value) = (pair.decoded_name(Plus::Space)?, pair.decoded_value(Plus::Space)?);
            Some((name.into_owned(), value.into_owned()))
        });
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            // Spelled as in the guides, so that masking finds it.
            let name = if name == "authtoken" { "authToken" } else { name.as_str() };
            (name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            scheme,
            activity: activity.to_owned(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: decoded.collect(),
            encoded_query: Some(raw.to_owned()),
            headers: request.headers().iter().map(header).collect(),
            body: request.body().to_vec(),
            is_judged: false,
            is_right: true,
        }
    }

    fn proof_pairs(&mut self) -> &mut Vec<(String, String)> {
        if self.scheme.is_in_query() { &mut self.query } else { &mut self.headers }
    }

    pub(super) fn proof(&self, part: Proof) -> Option<&str> {
        let name = part.name(self.scheme)?;
        let pairs = if self.scheme.is_in_query() { &self.query } else { &self.headers };
        pairs.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }

    /// Replaces or removes a part of the proof.
    pub(super) fn set_proof(&mut self, part: Proof, value: Option<String>) {
        let Some(name) = part.name(self.scheme) else { return };
        let pairs = self.proof_pairs();
        let at = pairs.iter().position(|(found, _)| found == name);
        match (at, value) {
            (Some(at), Some(value)) => pairs[at].1 = value,
            (None, Some(value)) => pairs.push((name.to_owned(), value)),
            (Some(at), None) => drop(pairs.remove(at)),
            (None, None) => {}
        }
    }

    pub(super) fn with_proof(mut self, part: Proof, value: Option<&str>) -> Self {
        self.set_proof(part, value.map(str::to_owned));
        self
    }

    /// Adds a second copy of a part of the proof.
    pub(super) fn repeat_proof(&mut self, part: Proof, value: &str, in_front: bool) {
        let Some(name) = part.name(self.scheme) else { return };
        let pairs = self.proof_pairs();
        let at = if in_front { 0 } else { pairs.len() };
        pairs.insert(at, (name.to_owned(), value.to_owned()));
    }

    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(found, _)| found != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn query_text(&self) -> String {
        self.encoded_query.clone().unwrap_or_else(|| encoded(&self.query))
    }

    /// Returns the valid signature of the call as it is. No answer may contain it.
    pub(super) fn right_signature(&self, key: &AccessKey) -> Option<String> {
        let part = |part| self.proof(part).unwrap_or_default();
        let unsigned = || self.query.iter().filter(|(name, _)| name != "authToken").cloned().collect::<Vec<_>>();
        let content = match self.scheme {
            SignatureScheme::AuthToken => Cow::from(encoded(&unsigned()).into_bytes()),
            _ => Cow::from(&self.body),
        };
        let proof = sign(self.scheme, key, part(Proof::Nonce), part(Proof::Timestamp), &content).ok()?;
        proof.into_iter().next().map(|(_, signature)| signature)
    }

    /// Converts to a request; `None` if a header value is not allowed in HTTP.
    pub(super) fn to_request(&self) -> Option<Request<Bytes>> {
        let query = self.query_text();
        let target = if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) };
        let mut request =
            Request::builder().method(&self.method).uri(target).body(Bytes::from(self.body.clone())).ok()?;
        for (name, value) in &self.headers {
            let value = HeaderValue::try_from(&**value).ok()?;
            request.headers_mut().append(HeaderName::try_from(&**name).ok()?, value);
        }
        Some(request)
    }

    /// Returns a copy without the signature, so that it cannot be replayed.
    pub(super) fn masked(&self) -> Self {
        let mut masked = self.clone();
        let signature = Proof::Signature.name(self.scheme).unwrap_or_default();
        for (name, value) in masked.query.iter_mut().chain(&mut masked.headers) {
            if name == signature && !value.is_empty() {
                *value = "$SIGNATURE".to_owned();
            }
        }
        masked.encoded_query = self.encoded_query.as_ref().map(|text| {
            let mask = |pair: &str| match pair.split_once('=') {
                Some((name, value)) if name == signature && !value.is_empty() => format!("{name}=$SIGNATURE"),
                _ => pair.to_owned(),
            };
            text.split('&').map(mask).collect::<Vec<_>>().join("&")
        });
        masked
    }
}

pub(super) fn encoded(pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        query::push_pair(&mut text, name, value);
    }
    text
}
