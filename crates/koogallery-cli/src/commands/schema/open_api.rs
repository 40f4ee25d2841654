//! The open APIs: paths that the seller calls.

use koogallery::open_api::{ApiSpec, Authentication, RequestForm};
use koogallery::site::Site;
use koogallery::wire::FieldSpec;
use serde_json::{Map, Value, json};

use super::Parts;
use super::shape::{Side, member, object};
use super::text::plain;

pub fn describe(parts: &mut Parts) {
    for api in ApiSpec::ALL {
        let operation = operation(&api, parts);
        parts.operation(api.path, api.method.as_str(), operation);
    }
}

fn operation(api: &ApiSpec, parts: &mut Parts) -> Value {
    let name = schema_name(api.name);
    let answer = parts.schema(&format!("{name}Answer"), success(api));
    let refusal = parts.schema(&format!("{name}Refusal"), refusal(api));
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let refused = |description: &str| json!({"description": description, "content": content(refusal.clone())});
    let mut parameters = Vec::new();
    let mut operation = json!({
        "operationId": api.name.replace(' ', "-").replace(['(', ')'], ""),
        "tags": ["open APIs"],
        "summary": plain(api.doc),
        "servers": servers(),
        "responses": {
            "200": {
                "description": "A success, or a refusal; the code says which.",
                "content": content(json!({"anyOf": [answer, refusal]})),
            },
            "4XX": refused("A refusal of the API, or of the gateway in front of it."),
            "5XX": refused("A failure, or one of the refusals that the marketplace answers in this way."),
        },
    });
    match api.request {
        RequestForm::Query(fields) => parameters.extend(fields.iter().map(|field| parameter(field, "query"))),
        RequestForm::Json(fields) => {
            let body = parts.schema(&name, object(fields, Side::Sent, &[]));
            operation["requestBody"] = json!({"required": true, "content": content(body)});
        }
        RequestForm::Upload { path, part, text, with_file, file } => {
            parameters.extend(path.iter().map(|field| parameter(field, "path")));
            let text = parts.schema(&format!("{name}Text"), object(text, Side::Sent, &[]));
            let named = parts.schema(&format!("{name}File"), object(with_file, Side::Sent, &[]));
            let bytes = json!({"type": "string", "contentMediaType": "application/octet-stream"});
            let form = json!({"oneOf": [
                {"type": "object", "properties": {part: text}, "required": [part]},
                {"type": "object", "properties": {part: named, file: bytes}, "required": [part, file]},
            ]});
            let encoding = json!({part: {"contentType": "application/json"}});
            operation["requestBody"] =
                json!({"required": true, "content": {"multipart/form-data": {"schema": form, "encoding": encoding}}});
        }
    }
    operation["security"] = json!([secured(api.authentication, &mut parameters, parts)]);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}

fn servers() -> Value {
    let sites = [(Site::China, "China"), (Site::International, "international"), (Site::Europe, "Europe")];
    let server = |(site, name): (Site, &str)| json!({"url": format!("https://{}", site.host()), "description": name});
    sites.map(server).to_vec().into()
}

/// `QueryOrder`.
fn schema_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    name.split([' ', '(', ')']).map(capital).collect()
}

fn parameter(field: &FieldSpec, place: &str) -> Value {
    let schema = member(field, Side::Sent);
    json!({
        "name": field.name, "in": place, "required": field.mandatory || place == "path", "description": plain(field.doc),
        "schema": schema,
    })
}

fn success(api: &ApiSpec) -> Value {
    let fixed = [(api.code, json!({"enum": api.success})), (api.message, json!({"type": "string"}))];
    let mut schema = object(api.answer, Side::Received, &fixed);
    // A text beside a success decides nothing.
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != api.message);
    }
    schema
}

/// In the API's form, or in the gateway's.
fn refusal(api: &ApiSpec) -> Value {
    let form = |code: &str, message: &str| {
        let properties = Map::from_iter([
            (code.to_owned(), json!({"type": ["string", "integer"], "not": {"enum": api.success}})),
            (message.to_owned(), json!({"type": "string"})),
        ]);
        json!({"type": "object", "properties": properties, "required": [code]})
    };
    if (api.code, api.message) == GATEWAY {
        return form(api.code, api.message);
    }
    json!({"anyOf": [form(api.code, api.message), form(GATEWAY.0, GATEWAY.1)]})
}

/// The gateway's names of code and text.
const GATEWAY: (&str, &str) = ("error_code", "error_msg");

fn secured(authentication: Authentication, parameters: &mut Vec<Value>, parts: &mut Parts) -> Value {
    let header = |name: &str, pattern: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": {"type": "string", "pattern": pattern},
        })
    };
    let (name, described) = match authentication {
        Authentication::AccessKey => {
            parameters.push(header("ts", "^[0-9]{13}$", "UNIX time in milliseconds."));
            parameters.push(header("nonce", "^[A-Za-z0-9]{1,64}$", "A random text."));
            let description = "Base64 of HMAC-SHA256(access key of the basic interface, \"ts=\" + ts + \"&nonce=\" + nonce + \
                               \"&body=\" + body), with the members of the body in natural order.";
            ("accessKey", json!({"type": "apiKey", "in": "header", "name": "signature", "description": description}))
        }
        _ => {
            parameters.push(header("X-Sdk-Date", "^[0-9]{8}T[0-9]{6}Z$", "UTC; 15 minutes off at the most."));
            let description =
                "`SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...`: AK/SK, as the official SDKs sign.";
            ("akSk", json!({"type": "apiKey", "in": "header", "name": "Authorization", "description": description}))
        }
    };
    parts.security.insert(name.to_owned(), described);
    json!({name: []})
}
