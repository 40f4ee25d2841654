//! The callbacks: paths that the seller's server offers.

use std::collections::BTreeMap;

use koogallery::activity::Activity;
use koogallery::kit;
use koogallery::protocol::{Protocol, SignatureScheme};
use koogallery::result_code::ResultCode;
use koogallery::signature::body_sign;
use koogallery::wire::{Acknowledgement, FieldKind, FieldSpec, MessageSpec, TimeForm};
use serde_json::{Value, json};

use super::address::Address;
use super::shape::{Side, object, time};
use super::text::plain;
use super::{Parts, any_of};

/// Messages that arrive at one path by one method.
#[derive(Default)]
struct Endpoint {
    messages: Vec<(Protocol, Activity, MessageSpec)>,
}

pub fn describe(protocols: &[Protocol], address: &Address, parts: &mut Parts) {
    let mut endpoints: BTreeMap<(String, &str), Endpoint> = BTreeMap::new();
    for &protocol in protocols {
        for &activity in protocol.activities() {
            let Some(spec) = protocol.spec(activity) else { continue };
            let path = address.below(&sub_path(protocol, activity));
            let endpoint = endpoints.entry((path, protocol.method().as_str())).or_default();
            endpoint.messages.push((protocol, activity, spec));
        }
    }
    for ((path, method), endpoint) in endpoints {
        let operation = endpoint.operation(&path, method, address, parts);
        parts.operation(&path, method, operation);
    }
}

/// The path below the production address.
fn sub_path(protocol: Protocol, activity: Activity) -> String {
    let version = match protocol {
        Protocol::KitV1 => kit::Version::V1,
        Protocol::KitV2 => kit::Version::V2,
        _ => return String::new(),
    };
    kit::sub_path(version, activity).unwrap_or_default()
}

impl Endpoint {
    fn operation(&self, path: &str, method: &str, address: &Address, parts: &mut Parts) -> Value {
        let protocols = self.protocols();
        let messages: Vec<(Activity, Value)> = self
            .messages
            .iter()
            .map(|(protocol, activity, spec)| (*activity, message(*protocol, *activity, spec, parts)))
            .collect();
        let answers: Vec<Value> = {
            let refs = self.messages.iter().map(|(protocol, activity, spec)| answer(*protocol, *activity, spec, parts));
            refs.collect()
        };
        let mut schemes: Vec<SignatureScheme> = protocols.iter().map(|protocol| protocol.scheme()).collect();
        schemes.dedup();
        let security: Vec<Value> = schemes.iter().map(|scheme| secured(*scheme, parts)).collect();
        let mut parameters: Vec<Value> = schemes.iter().flat_map(|scheme| parameters(*scheme)).collect();
        let mut schema = any_of(messages.iter().map(|(_, schema)| schema.clone()).collect());
        // Several families have messages of the same name.
        if let ([_], [_, _, ..]) = (&protocols[..], &messages[..]) {
            let mapping = messages.iter().map(|(activity, schema)| (activity.to_string(), schema["$ref"].clone()));
            let mapping: serde_json::Map<String, Value> = mapping.collect();
            schema =
                json!({"oneOf": schema["anyOf"], "discriminator": {"propertyName": "activity", "mapping": mapping}});
        }
        let titles: Vec<String> = protocols.iter().map(Protocol::to_string).collect();
        let mut operation = json!({
            "operationId": operation_id(&protocols, path, method),
            "tags": titles,
            "summary": format!("Callbacks of {}", titles.join(", ")),
            "servers": [{"url": address.server, "description": "The seller's server; host and path are the seller's."}],
            "security": security,
            "responses": {"200": answered(&protocols, any_of(answers))},
        });
        if let [(_, activity, spec)] = &self.messages[..] {
            operation["summary"] = summary(*activity, spec).into();
        }
        if method == "GET" {
            parameters.push(json!({
                "name": "message", "in": "query", "style": "form", "explode": true, "required": true,
                "description": "Each member is a parameter of its own.", "schema": schema,
            }));
        } else {
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        operation
    }

    /// The families, each once.
    fn protocols(&self) -> Vec<Protocol> {
        let mut protocols: Vec<Protocol> = self.messages.iter().map(|(protocol, ..)| *protocol).collect();
        protocols.dedup();
        protocols
    }
}

fn operation_id(protocols: &[Protocol], path: &str, method: &str) -> String {
    match protocols {
        [only] if only.is_kit() => {
            format!("{only_id}-{}", path.rsplit('/').next().unwrap_or_default(), only_id = only.id())
        }
        [only] => only.id().to_owned(),
        _ => format!("callbacks-{}", method.to_lowercase()),
    }
}

/// The name with the words of the guides.
fn summary(activity: Activity, spec: &MessageSpec) -> String {
    let others: Vec<&str> = spec.aliases.iter().copied().filter(|alias| *alias != activity.as_str()).collect();
    if others.is_empty() { activity.to_string() } else { format!("{activity} ({})", others.join(", ")) }
}

/// `SaasV2NewInstance`.
fn schema_name(protocol: Protocol, activity: Activity, suffix: &str) -> String {
    let words = protocol.id().split('-').chain([activity.as_str()]);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    words.map(capital).collect::<String>() + suffix
}

fn message(protocol: Protocol, activity: Activity, spec: &MessageSpec, parts: &mut Parts) -> Value {
    let side = if protocol.method() == http::Method::GET { Side::Parameter } else { Side::Received };
    let mut fixed = Vec::new();
    if !protocol.is_kit() {
        let named = json!({"const": activity.as_str(), "description": "What the message is.", "x-class": "identity"});
        fixed.push(("activity", named));
    }
    if protocol.scheme() == SignatureScheme::AuthTokenBody {
        let mut time = time(TimeForm::CompactMillis, true);
        time["description"] = "Time of the call in UTC+8, which the signature is made with.".into();
        time["x-class"] = "identity".into();
        fixed.push(("timeStamp", time));
    }
    let mut schema = object(spec.fields, side, &fixed);
    schema["title"] = summary(activity, spec).into();
    schema["description"] = plain(spec.doc).into();
    if !protocol.scheme().has_nonce() {
        // Names and values are signed as one text, so that marks in a name could hide another member.
        schema["propertyNames"] = json!({"pattern": "^[^&=]*$"});
    }
    parts.schema(&schema_name(protocol, activity, ""), schema)
}

/// What may be answered: what the message asks for, or a refusal.
fn answer(protocol: Protocol, activity: Activity, spec: &MessageSpec, parts: &mut Parts) -> Value {
    let codes: Vec<ResultCode> = ResultCode::ALL.iter().copied().filter(|code| code.allowed_for(activity)).collect();
    let is_in_full = |code: &ResultCode| matches!(code, ResultCode::Success | ResultCode::Processing);
    let (done, refused): (Vec<ResultCode>, Vec<ResultCode>) = codes.into_iter().partition(is_in_full);
    let alone = spec.answer == Acknowledgement::FIELDS;
    let mut forms = vec![coded(spec.answer, &done)];
    if !alone {
        // Without what was asked for, only a refusal or "not yet" is an answer.
        let waiting = done.into_iter().filter(|code| *code == ResultCode::Processing);
        let codes: Vec<ResultCode> = waiting.chain(refused).collect();
        forms.push(coded(Acknowledgement::FIELDS, &codes));
    } else {
        let all: Vec<ResultCode> = done.into_iter().chain(refused).collect();
        forms = vec![coded(Acknowledgement::FIELDS, &all)];
    }
    let mut schema = any_of(forms);
    schema["title"] = format!("Answer to {activity}").into();
    parts.schema(&schema_name(protocol, activity, "Answer"), schema)
}

/// An answer with one of these codes.
fn coded(fields: &[FieldSpec], codes: &[ResultCode]) -> Value {
    let mut schema = object(fields, Side::Sent, &[]);
    for field in fields.iter().filter(|field| field.kind == FieldKind::ResultCode) {
        let meanings: Vec<String> = codes.iter().map(|code| format!("`{code}` {}", code.default_message())).collect();
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        schema["properties"][field.name] = json!({"enum": codes, "description": meanings.join("; ")});
    }
    schema
}

fn answered(protocols: &[Protocol], schema: Value) -> Value {
    let mut response = json!({
        "description": "Every answer, also to a message that is refused: the result code says which.",
        "content": {"application/json": {"schema": schema}},
    });
    if protocols.iter().any(|protocol| protocol.signs_answers()) {
        response["headers"] = json!({body_sign::HEADER: {
            "description": "Base64 of HMAC-SHA256(key, body), over exactly the bytes sent. The letter case of the name counts.",
            "required": protocols.iter().all(|protocol| protocol.signs_answers()),
            "schema": {"type": "string", "pattern": "^sign_type=\"HMAC-SHA256\", signature=\"[A-Za-z0-9+/]{43}=\"$"},
        }});
    }
    response
}

/// Names a scheme, and describes it.
fn secured(scheme: SignatureScheme, parts: &mut Parts) -> Value {
    let (name, description) = match scheme {
        SignatureScheme::CallbackV2 => (
            "signature",
            "Lower-case hex of HMAC-SHA256(key, key + nonce + timestamp + hex(HMAC-SHA256(key, body))), with the body as \
             received, or else its members in ascending order without blanks.",
        ),
        SignatureScheme::KitV2 => (
            "x-sign",
            "Upper-case hex of HMAC-SHA256(key, key + x-nonce + x-timestamp + body), with the body as received.",
        ),
        SignatureScheme::AuthToken => (
            "authToken",
            "Base64 of HMAC-SHA256(key + timeStamp, the other parameters sorted by name and joined as in a query).",
        ),
        SignatureScheme::AuthTokenBody => (
            "authTokenHeader",
            "Base64 of HMAC-SHA256(key + timeStamp, the members of the body that are not blank, sorted by name and joined \
             as in a query).",
        ),
    };
    let place = if scheme.is_in_query() { "query" } else { "header" };
    let described = json!({"type": "apiKey", "in": place, "name": scheme.signature_name(), "description": description});
    parts.security.insert(name.to_owned(), described);
    json!({name: []})
}

/// What is sent beside a signature.
fn parameters(scheme: SignatureScheme) -> Vec<Value> {
    let (place, prefix) = match scheme {
        SignatureScheme::CallbackV2 => ("query", ""),
        SignatureScheme::KitV2 => ("header", "x-"),
        SignatureScheme::AuthToken | SignatureScheme::AuthTokenBody => return Vec::new(),
    };
    let parameter = |name: &str, pattern: &str, description: &str| {
        let schema = json!({"type": "string", "pattern": pattern});
        json!({
            "name": format!("{prefix}{name}"), "in": place, "required": true, "description": description, "schema": schema,
        })
    };
    vec![
        parameter("timestamp", "^[0-9]{13}$", "UNIX time in milliseconds; 60 seconds off at the most."),
        parameter("nonce", "^[A-Za-z0-9]{1,128}$", "A random text, another one in every call."),
    ]
}
