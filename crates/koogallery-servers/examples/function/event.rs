//! Events of FunctionGraph (APIG trigger) and AWS Lambda (payloads 1.0 and 2.0, load balancer), and answers to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use koogallery::CallbackService;
use koogallery::query::push_pair;
use koogallery::signature::body_sign;
use serde_json::{Map, Value, json};

/// Answers one event. An event that is not an HTTP request gets status 400.
pub async fn handle(service: &CallbackService, event: &Value) -> Value {
    let Some(request) = request(event) else { return response(&refused()) };
    let (head, body) = request.into_parts();
    let answer = match service.check_head(&head) {
        Err(refusal) => refusal,
        Ok(mut incoming) => match incoming.push(&body) {
            Err(error) => service.refuse_body(&head, error),
            Ok(()) => service.call(Request::from_parts(head, incoming.finish())).await,
        },
    };
    response(&answer)
}

fn refused() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"not an HTTP request"));
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}

/// Returns the request of an event; `None` if it is none.
fn request(event: &Value) -> Option<Request<Bytes>> {
    let (method, path, query) = match event["version"].as_str() {
        Some("2.0") => {
            let query = event["rawQueryString"].as_str().unwrap_or_default();
            (&event["requestContext"]["http"]["method"], &event["rawPath"], query.to_owned())
        }
        _ => (&event["httpMethod"], &event["path"], query(event)),
    };
    let separator = if query.is_empty() { "" } else { "?" };
    let target = format!("{}{separator}{query}", path.as_str()?);
    let text = event["body"].as_str().unwrap_or_default();
    let body = match event["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).ok()?.into(),
        _ => Bytes::copy_from_slice(text.as_bytes()),
    };
    let mut request = Request::builder().method(method.as_str()?).uri(target).body(body).ok()?;
    *request.headers_mut() = headers(event)?;
    Some(request)
}

/// Returns the query. Values are decoded in events, but for those of AWS load balancers.
fn query(event: &Value) -> String {
    let is_encoded = event["requestContext"]["elb"].is_object();
    let mut query = String::new();
    for (name, value) in pairs(event, "multiValueQueryStringParameters", "queryStringParameters") {
        if is_encoded {
            let separator = if query.is_empty() { "" } else { "&" };
            query.push_str(&format!("{separator}{name}={value}"));
        } else {
            push_pair(&mut query, name, value);
        }
    }
    query
}

fn headers(event: &Value) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(event, "multiValueHeaders", "headers") {
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    Some(headers)
}

/// Returns names and values: those of the member that holds repeated names too, if the event has it.
fn pairs<'a>(event: &'a Value, of_lists: &str, of_texts: &str) -> Vec<(&'a str, &'a str)> {
    let (lists, texts) = (event[of_lists].as_object(), event[of_texts].as_object());
    let values = |value: &'a Value| match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    };
    let members = lists.or(texts).into_iter().flatten();
    members.flat_map(|(name, value)| values(value).into_iter().map(move |value| (&**name, value))).collect()
}

/// Returns the answer as the platforms take it. The body is text: it is JSON in UTF-8, and signed as it is.
fn response(answer: &Response<Bytes>) -> Value {
    let headers = answer.headers().iter().filter_map(|(name, value)| {
        // `http` keeps names in lower case.
        let name = if *name == *body_sign::HEADER { body_sign::HEADER } else { name.as_str() };
        Some((name.to_owned(), Value::from(value.to_str().ok()?)))
    });
    json!({
        "statusCode": answer.status().as_u16(),
        "headers": headers.collect::<Map<_, _>>(),
        "isBase64Encoded": false,
        "body": String::from_utf8_lossy(answer.body()),
    })
}
