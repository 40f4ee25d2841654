//! Events of cloud functions: the whole check through each form of them.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use koogallery::CallbackService;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::{AccessInfo, Description};
use koogallery::ledger::MemoryLedger;
use koogallery::protocol::Protocol;
use koogallery::query::{Plus, raw_pairs};
use koogallery::testing::AcceptAll;
use koogallery_simulator::{Checker, LedgerProbe};
use serde_json::{Map, Value, json};

use crate::event;
use crate::support::keys;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    FunctionGraph,
    /// Payload 1.0.
    RestApi,
    /// Payload 2.0.
    HttpApi,
    LoadBalancer,
}

/// An event as the gateway makes it of a request.
fn event_of(form: Form, request: &Request<Bytes>) -> Value {
    let uri = request.uri();
    let raw = uri.query().unwrap_or_default();
    let text = |value: &http::HeaderValue| Value::from(value.to_str().unwrap());
    let headers: Map<String, Value> =
        request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let lists = |pairs: Vec<(String, String)>| {
        let mut lists = Map::new();
        for (name, value) in pairs {
            let list = lists.entry(name).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(value.into());
        }
        lists
    };
    let is_raw = form == Form::LoadBalancer;
    // What is not UTF-8 reaches a function as another text.
    let decoded = |text: Option<Cow<'_, str>>| text.map_or_else(|| "\u{fffd}".to_owned(), Cow::into_owned);
    let pairs = raw_pairs(raw).map(|pair| match is_raw {
        true => (pair.name.to_owned(), pair.value.to_owned()),
        false => (decoded(pair.decoded_name(Plus::Space)), decoded(pair.decoded_value(Plus::Space))),
    });
    let parameters = lists(pairs.collect());
    let single: Map<String, Value> = parameters
        .iter()
        .map(|(name, list)| (name.clone(), list[list.as_array().unwrap().len() - 1].clone()))
        .collect();
    let (method, path) = (request.method().as_str(), uri.path());
    let text_or_base64 = match str::from_utf8(request.body()) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(request.body()), true),
    };
    match form {
        Form::FunctionGraph => json!({
            "httpMethod": method, "path": path, "headers": headers, "queryStringParameters": single, "pathParameters": {},
            "requestContext": { "stage": "RELEASE" }, "body": STANDARD.encode(request.body()), "isBase64Encoded": true,
        }),
        Form::RestApi | Form::LoadBalancer => json!({
            "httpMethod": method, "path": path, "headers": null, "queryStringParameters": single,
            "multiValueHeaders": headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect::<Map<_, _>>(),
            "multiValueQueryStringParameters": parameters,
            "requestContext": if is_raw { json!({ "elb": {} }) } else { json!({ "stage": "prod" }) },
            "body": text_or_base64.0, "isBase64Encoded": text_or_base64.1,
        }),
        Form::HttpApi => json!({
            "version": "2.0", "rawPath": path, "rawQueryString": raw, "headers": headers,
            "requestContext": { "http": { "method": method } }, "body": text_or_base64.0, "isBase64Encoded": text_or_base64.1,
        }),
    }
}

fn answer_of(output: &Value) -> Response<Bytes> {
    let mut answer = Response::builder().status(u16::try_from(output["statusCode"].as_u64().unwrap()).unwrap());
    for (name, value) in output["headers"].as_object().unwrap() {
        answer = answer.header(name, value.as_str().unwrap());
    }
    answer.body(output["body"].as_str().unwrap().to_owned().into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_events_passes_the_check() {
    for form in [Form::FunctionGraph, Form::RestApi, Form::HttpApi, Form::LoadBalancer] {
        for profile in [Protocol::SaasV2, Protocol::SaasV1] {
            let ledger = Arc::new(MemoryLedger::new());
            let shop = AcceptAll::new().with_description(Description::new(AccessInfo::new("https://app.example.com")));
            let service = CallbackService::builder(keys(), TokioRuntime).subscription(shop, ledger.clone()).build();
            let function = move |request: Request<Bytes>| {
                let service = service.clone();
                async move { answer_of(&event::handle(&service, &event_of(form, &request)).await) }
            };
            let checker = Checker::new(function, keys()).with_profile(profile).with_probe(LedgerProbe::new(ledger));
            let report = checker.run().await.unwrap();
            // Its events hold each parameter once.
            let expected: &[&str] = if form == Form::FunctionGraph { &["X5"] } else { &[] };
            assert_eq!(report.failed_ids(), expected, "{form:?}: {}", report.to_text(false));
            assert!(report.passed() > 40, "{form:?}: {}", report.to_text(false));
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let service = CallbackService::builder(keys(), TokioRuntime).subscription(AcceptAll::new(), MemoryLedger::new());
    let service = service.build();
    for event in [
        json!(null),
        json!([]),
        json!({ "Records": [] }),
        json!({ "httpMethod": "POST" }),
        json!({ "httpMethod": "PO ST", "path": "/" }),
        json!({ "httpMethod": "POST", "path": "/", "body": "no Base64", "isBase64Encoded": true }),
        json!({ "httpMethod": "POST", "path": "/", "headers": { "a b": "c" } }),
        json!({ "httpMethod": "POST", "path": "/", "headers": { "a": "b\r\nc: d" } }),
        json!({ "version": "2.0", "rawPath": "/" }),
    ] {
        assert_eq!(event::handle(&service, &event).await["statusCode"], 400, "{event}");
    }
    let unsigned = json!({ "httpMethod": "POST", "path": "/saasproduce", "headers": {}, "body": "{}" });
    let answer = event::handle(&service, &unsigned).await;
    assert_eq!(answer["statusCode"], 200);
    assert!(answer["body"].as_str().unwrap().contains(r#""resultCode":"000001""#), "{answer}");
}
