//! Bad receivers, one mistake each: a good one, spoiled on its way in or out.

#![allow(clippy::result_large_err)] // a receiver that changes a call may answer it in place of the good one

mod actions;
mod answer_form;
mod answers;
mod callers;
mod console;
mod crowded;
mod effects;
mod forms;
mod kit;
pub mod notices;
mod other_families;
mod slow;
pub mod usage;
mod v1;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKey, KeyRing};
use koogallery::protocol::Protocol::{LicenseCode, LicenseOnline, LicenseV1, OrderNotify, SaasV1, SaasV2};
use koogallery::random::{self, OsRandom};
use koogallery::signature::{Window, auth_token, body_sign, callback_v2};
use koogallery_simulator::Checker;
use koogallery_simulator::Profile::{self, Protocol as Of};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::good::{Good, KEY};

pub type Handler = Box<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;
type Fields = Map<String, Value>;

/// A mistake, where it shows, and the checks that must find it.
pub struct Bad {
    pub mistake: &'static str,
    pub profile: Profile,
    pub fails: &'static [&'static str],
    /// Whether the seller lets his instances be seen; not where the mistake gives them other ids.
    pub has_probe: bool,
    pub handler: fn(&Good) -> Handler,
}

const ANY_TIME: Window = Window::symmetric(Duration::from_secs(1 << 40));

fn key() -> AccessKey {
    AccessKey::new(KEY).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(key())
}

fn random_id() -> String {
    random::hex(&OsRandom).unwrap()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn query_of(request: &Request<Bytes>) -> &str {
    request.uri().query().unwrap_or_default()
}

/// What a call says.
fn fields(request: &Request<Bytes>) -> Fields {
    match *request.method() {
        Method::GET => pairs(query_of(request)).into_iter().map(|(name, value)| (name, value.into())).collect(),
        _ => serde_json::from_slice(request.body()).unwrap_or_default(),
    }
}

fn text<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A call that the good receiver will take for genuine.
fn signed(method: &Method, fields: &Fields) -> Request<Bytes> {
    if *method == Method::GET {
        let mut query = String::new();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "authToken") {
            let value = value.as_str().unwrap_or_default();
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            query.push_str(&format!("{}{name}={value}", if query.is_empty() { "" } else { "&" }));
        }
        let query = auth_token::signed_query(&key(), &query).unwrap_or(query);
        return Request::get(format!("/saasproduce?{query}")).body(Bytes::new()).unwrap();
    }
    signed_body(serde_json::to_vec(fields).unwrap())
}

fn signed_body(body: Vec<u8>) -> Request<Bytes> {
    let query = callback_v2::signed_query(&key(), &random_id(), SystemClock.now(), &body);
    Request::post(format!("/saasproduce?{query}")).body(body.into()).unwrap()
}

fn code_of(response: &Response<Bytes>) -> String {
    let json: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    json["resultCode"].as_str().unwrap_or_default().to_owned()
}

fn answer(body: &Value) -> Response<Bytes> {
    with_body(Response::new(Bytes::new()), body.to_string())
}

fn refusal(code: &str) -> Response<Bytes> {
    answer(&json!({ "resultCode": code, "resultMsg": "no" }))
}

/// The answer with another body, signed as V1.0 asks for it.
fn with_body(mut response: Response<Bytes>, body: impl Into<Bytes>) -> Response<Bytes> {
    *response.body_mut() = body.into();
    let sign = body_sign::sign(&key(), response.body());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response.headers_mut().insert("body-sign", sign.try_into().unwrap());
    response
}

fn edited(response: Response<Bytes>, edit: impl FnOnce(&mut Value)) -> Response<Bytes> {
    let mut json: Value = serde_json::from_slice(response.body()).unwrap();
    edit(&mut json);
    with_body(response, ascii(&json))
}

fn ascii(json: &Value) -> String {
    let escape = |character: char| match character.is_ascii() {
        true => character.to_string(),
        false => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    json.to_string().chars().map(escape).collect()
}

/// The instances in the answer to a query.
fn infos(json: &mut Value) -> impl Iterator<Item = &mut Value> {
    json.get_mut("info").and_then(Value::as_array_mut).into_iter().flatten()
}

/// Every access data in an answer.
fn edit_access(json: &mut Value, edit: &dyn Fn(&mut Value)) {
    infos(json).filter_map(|info| info.get_mut("appInfo")).for_each(edit);
    json.get_mut("appInfo").into_iter().for_each(edit);
}

/// Spoils answers.
fn after(good: &Good, spoil: impl Fn(&Fields, Response<Bytes>) -> Response<Bytes> + Send + Sync + 'static) -> Handler {
    let (service, spoil) = (good.service.clone(), Arc::new(spoil));
    Box::new(move |request| {
        let (service, spoil) = (service.clone(), Arc::clone(&spoil));
        async move {
            if !matches!(*request.method(), Method::GET | Method::POST) {
                return service.call(request).await;
            }
            let fields = fields(&request);
            spoil(&fields, service.call(request).await)
        }
        .boxed()
    })
}

/// Spoils calls, or answers them by itself.
fn before(
    good: &Good,
    spoil: impl Fn(Request<Bytes>) -> Result<Request<Bytes>, Response<Bytes>> + Send + Sync + 'static,
) -> Handler {
    let (service, spoil) = (good.service.clone(), Arc::new(spoil));
    Box::new(move |request| {
        let (service, spoil) = (service.clone(), Arc::clone(&spoil));
        async move {
            if !matches!(*request.method(), Method::GET | Method::POST) {
                return service.call(request).await;
            }
            match spoil(request) {
                Ok(request) => service.call(request).await,
                Err(response) => response,
            }
        }
        .boxed()
    })
}

/// Takes calls of this window, each once.
fn within(good: &Good, window: Window) -> Handler {
    let nonces = Mutex::new(HashSet::new());
    before(good, move |request| {
        match callback_v2::verify(&ring(), query_of(&request), request.body(), SystemClock.now(), window) {
            Ok(verified) if nonces.lock().unwrap().insert(verified.nonce().to_owned()) => {
                Ok(signed_body(request.body().to_vec()))
            }
            Ok(_) => Err(refusal("000001")),
            Err(_) => Ok(request),
        }
    })
}

/// Refuses right calls of which this is true.
fn refusing(good: &Good, code: &'static str, when: impl Fn(&Fields) -> bool + Send + Sync + 'static) -> Handler {
    before(good, move |request| match when(&fields(&request)) && is_proved(&request, Window::default()) {
        true => Err(refusal(code)),
        false => Ok(request),
    })
}

/// Takes right calls of which this is true for others.
fn retelling(
    good: &Good,
    when: impl Fn(&Fields) -> bool + Send + Sync + 'static,
    retell: impl Fn(&mut Fields) + Send + Sync + 'static,
) -> Handler {
    before(good, move |request| {
        let mut reported = fields(&request);
        if when(&reported) && is_proved(&request, Window::default()) {
            retell(&mut reported);
            return Ok(signed(request.method(), &reported));
        }
        Ok(request)
    })
}

/// Gives instances other ids than the good receiver does.
fn renaming(good: &Good, rename: impl Fn(&Fields, &str) -> String + Send + Sync + 'static) -> Handler {
    let (service, rename) = (good.service.clone(), Arc::new(rename));
    let real = Arc::new(Mutex::new(HashMap::<String, String>::new()));
    Box::new(move |request| {
        let (service, rename, real) = (service.clone(), Arc::clone(&rename), Arc::clone(&real));
        async move {
            let mut reported = fields(&request);
            let is_genuine =
                callback_v2::verify(&ring(), query_of(&request), request.body(), SystemClock.now(), Window::default())
                    .is_ok();
            let asked: Vec<String> = text(&reported, "instanceId").split(',').map(str::to_owned).collect();
            let known = |id: &String| real.lock().unwrap().get(id).cloned();
            let ids: Vec<String> = asked.iter().map(|id| known(id).unwrap_or_else(|| id.clone())).collect();
            let request = match is_genuine && ids != asked {
                true => {
                    reported.insert("instanceId".into(), ids.join(",").into());
                    signed(request.method(), &reported)
                }
                false => request,
            };
            let response = service.call(request).await;
            if text(&reported, "activity") == "queryInstance" {
                return edited(response, |json| {
                    for (info, asked) in infos(json).zip(&asked) {
                        info["instanceId"] = asked.clone().into();
                    }
                });
            }
            edited(response, |json| {
                if let Some(id) = json.get("instanceId").and_then(Value::as_str) {
                    let new = rename(&reported, id);
                    real.lock().unwrap().insert(new.clone(), id.to_owned());
                    json["instanceId"] = new.into();
                }
            })
        }
        .boxed()
    })
}

/// Takes for genuine what another judge does.
fn judging(good: &Good, judge: fn(&Request<Bytes>) -> bool) -> Handler {
    before(good, move |request| match judge(&request) {
        true => Ok(signed(request.method(), &fields(&request))),
        // The good receiver refuses it with the right code.
        false => Ok(request),
    })
}

fn is_proved(request: &Request<Bytes>, window: Window) -> bool {
    let (query, now) = (query_of(request), SystemClock.now());
    match *request.method() {
        Method::GET => auth_token::verify(&ring(), query, now, window).is_ok(),
        _ => callback_v2::verify(&ring(), query, request.body(), now, window).is_ok(),
    }
}

/// A call of V1.0 whose query is what the mistaken reading makes of it.
fn misread(request: Request<Bytes>, read: impl Fn(&str) -> String) -> Request<Bytes> {
    let query = read(query_of(&request));
    Request::get(format!("/saasproduce?{query}")).body(Bytes::new()).unwrap()
}

fn encrypted(value: &mut Value, encrypt: &dyn Fn(&str) -> String) {
    for name in ["userName", "password"] {
        let Some(sealed) = value.get(name).and_then(Value::as_str).map(str::to_owned) else { continue };
        let cipher = FieldCipher::new(&key(), EncryptType::Aes256);
        let plain = cipher.decrypt(&sealed.as_str().into()).unwrap();
        value[name] = encrypt(plain.expose()).into();
    }
}

fn sealing(good: &Good, encrypt: fn(&str) -> String) -> Handler {
    after(good, move |_, response| edited(response, |json| edit_access(json, &|access| encrypted(access, &encrypt))))
}

fn seal(text: &str, size: EncryptType) -> String {
    FieldCipher::new(&key(), size).encrypt(text).unwrap().as_str().to_owned()
}

/// As the good receiver has it.
const HOURS: Window = Window::symmetric(Duration::from_secs(43200));

const SUCCESS: [&str; 2] = ["000000", "000004"];

fn is_success(response: &Response<Bytes>) -> bool {
    SUCCESS.contains(&&*code_of(response))
}

/// A bad receiver and what has to be set for its mistake to show.
pub struct Case {
    pub bad: &'static Bad,
    pub good: fn(Profile) -> Good,
    pub setting: fn(Checker) -> Checker,
}

/// All of them.
pub fn cases() -> impl Iterator<Item = Case> {
    let plain = [
        callers::FAMILY,
        answer_form::FAMILY,
        actions::FAMILY,
        v1::FAMILY,
        other_families::FAMILY,
        answers::FAMILY,
        effects::FAMILY,
        kit::FAMILY,
    ]
    .into_iter()
    .flatten();
    let plain = plain.map(|bad| Case { bad, good: Good::of, setting: |checker| checker });
    plain
        .chain(slow::cases())
        .chain(usage::cases())
        .chain(crowded::cases())
        .chain(console::cases())
        .chain(notices::cases())
        .chain(forms::cases())
}

/// Refuses a call that succeeded before, compared by some fields, if it has this flag.
fn refusing_repeats(good: &Good, names: &'static [&'static str], flag: Option<u8>) -> Handler {
    let counts = Arc::new(Mutex::new(HashMap::<String, u32>::new()));
    after(good, move |fields, response| {
        let id: String = names.iter().filter_map(|name| fields.get(*name)).map(Value::to_string).collect();
        let is_meant = flag.is_none_or(|flag| fields.get("flag").is_some_and(|found| *found == flag));
        if !is_meant || id.is_empty() || !is_success(&response) {
            return response;
        }
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(id).or_default();
        *count += 1;
        if *count > 1 { refusal("000005") } else { response }
    })
}
