//! Bad receivers, one mistake each: a good one, spoiled on its way in or out.

#![allow(clippy::result_large_err)] // whoever spoils a call may answer it in place of the good one

mod answers;
mod console;
mod crowded;
mod effects;
mod kit;
mod slow;
pub mod usage;

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

use super::good::{Good, KEY};

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
        let mut told = fields(&request);
        if when(&told) && is_proved(&request, Window::default()) {
            retell(&mut told);
            return Ok(signed(request.method(), &told));
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
            let mut told = fields(&request);
            let is_genuine =
                callback_v2::verify(&ring(), query_of(&request), request.body(), SystemClock.now(), Window::default())
                    .is_ok();
            let asked: Vec<String> = text(&told, "instanceId").split(',').map(str::to_owned).collect();
            let known = |id: &String| real.lock().unwrap().get(id).cloned();
            let ids: Vec<String> = asked.iter().map(|id| known(id).unwrap_or_else(|| id.clone())).collect();
            let request = match is_genuine && ids != asked {
                true => {
                    told.insert("instanceId".into(), ids.join(",").into());
                    signed(request.method(), &told)
                }
                false => request,
            };
            let response = service.call(request).await;
            if text(&told, "activity") == "queryInstance" {
                return edited(response, |json| {
                    for (info, asked) in infos(json).zip(&asked) {
                        info["instanceId"] = asked.clone().into();
                    }
                });
            }
            edited(response, |json| {
                if let Some(id) = json.get("instanceId").and_then(Value::as_str) {
                    let new = rename(&told, id);
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
    let plain = [FAMILY, answers::FAMILY, effects::FAMILY, kit::FAMILY].into_iter().flatten();
    let plain = plain.map(|bad| Case { bad, good: Good::of, setting: |checker| checker });
    plain.chain(slow::cases()).chain(usage::cases()).chain(crowded::cases()).chain(console::cases())
}

const FAMILY: &[Bad] = &[
    // Who may call.
    Bad {
        mistake: "verifies nothing",
        profile: Of(SaasV2),
        fails: &["X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X12", "X13", "X16", "X19"],
        has_probe: true,
        handler: |good| judging(good, |_| true),
    },
    Bad {
        mistake: "looks whether there is a signature, and no further",
        profile: Of(SaasV2),
        fails: &["X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X12", "X13", "X16", "X19"],
        has_probe: true,
        handler: |good| {
            judging(good, |request| {
                pairs(query_of(request)).iter().any(|(name, value)| name == "signature" && !value.is_empty())
            })
        },
    },
    Bad {
        mistake: "knows no time window",
        profile: Of(SaasV2),
        fails: &["X7", "X8"],
        has_probe: true,
        handler: |good| within(good, ANY_TIME),
    },
    Bad {
        mistake: "looks for old calls only, as the sample project does",
        profile: Of(SaasV2),
        fails: &["X8"],
        has_probe: true,
        handler: |good| within(good, Window::new(Duration::from_secs(60), Duration::from_secs(1 << 40))),
    },
    Bad {
        mistake: "remembers no nonce",
        profile: Of(SaasV2),
        fails: &["X10", "X12"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match is_proved(&request, Window::default()) {
                true => Ok(signed_body(request.body().to_vec())),
                false => Ok(request),
            })
        },
    },
    Bad {
        mistake: "tells repeats by their URL",
        profile: Of(SaasV2),
        fails: &["X11", "X12"],
        has_probe: true,
        handler: |good| {
            let urls = Mutex::new(HashSet::new());
            before(good, move |request| {
                match (is_proved(&request, Window::default()), urls.lock().unwrap().insert(request.uri().to_string())) {
                    (true, true) => Ok(signed_body(request.body().to_vec())),
                    (true, false) => Err(refusal("000001")),
                    (false, _) => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "verifies what it has written anew",
        profile: Of(SaasV2),
        fails: &["A7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let compact = serde_json::from_slice::<Value>(request.body()).map(|json| json.to_string());
                match compact {
                    Ok(compact) if compact.as_bytes() != &request.body()[..] => Err(refusal("000001")),
                    _ => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "compares hex as text",
        profile: Of(SaasV2),
        fails: &["A9"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_capital = |(name, value): &(String, String)| {
                    name == "signature" && value.bytes().any(|byte| byte.is_ascii_uppercase())
                };
                match pairs(query_of(&request)).iter().any(is_capital) {
                    true => Err(refusal("000001")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "lets the last of two members count",
        profile: Of(SaasV2),
        fails: &["X16"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let parsed: Fields = serde_json::from_slice(request.body()).unwrap_or_default();
                let query = query_of(&request);
                let named = |name: &str| {
                    pairs(query)
                        .into_iter()
                        .find(|(found, _)| found == name)
                        .map(|(_, value)| value)
                        .unwrap_or_default()
                };
                let signature = callback_v2::sign(&key(), &named("nonce"), &named("timestamp"), request.body());
                let body = serde_json::to_vec(&parsed).unwrap();
                match named("signature") == signature
                    && body.len() < request.body().len()
                    && !request.body().contains(&b' ')
                    && parsed.len() > 3
                    && !parsed.contains_key("remark")
                {
                    true => Ok(signed_body(body)),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "allows clocks to differ by 20 s only",
        profile: Of(SaasV2),
        fails: &["A14"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let window = Window::symmetric(Duration::from_secs(20));
                match is_proved(&request, window) || !is_proved(&request, Window::default()) {
                    true => Ok(request),
                    false => Err(refusal("000002")),
                }
            })
        },
    },
    Bad {
        mistake: "refuses what no table has",
        profile: Of(SaasV2),
        fails: &["A2", "A4", "A6", "A7", "A8"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let known = [
                    "activity",
                    "orderId",
                    "orderLineId",
                    "businessId",
                    "instanceId",
                    "productId",
                    "scene",
                    "status",
                    "expireTime",
                    "testFlag",
                ];
                match fields(&request).keys().all(|name| known.contains(&&**name))
                    || !is_proved(&request, Window::default())
                {
                    true => Ok(request),
                    false => Err(refusal("000002")),
                }
            })
        },
    },
    // What it answers.
    Bad {
        mistake: "answers errors with HTTP 500",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                if !is_success(&response) {
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
                response
            })
        },
    },
    Bad {
        mistake: "answers the code as a number",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                let code: u32 = code_of(&response).parse().unwrap();
                edited(response, |json| json["resultCode"] = code.into())
            })
        },
    },
    Bad {
        mistake: "leaves resultMsg out",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| edited(response, |json| drop(json.as_object_mut().unwrap().remove("resultMsg"))))
        },
    },
    Bad {
        mistake: "answers an error page",
        profile: Of(SaasV2),
        fails: &["F1", "F2"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match is_success(&response) {
                true => response,
                false => {
                    let mut page = Response::new(Bytes::from_static(b"<h1>error</h1>"));
                    page.headers_mut().insert("content-type", HeaderValue::from_static("text/html"));
                    page
                }
            })
        },
    },
    Bad {
        mistake: "answers as text/html",
        profile: Of(SaasV2),
        fails: &["F2"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().insert("content-type", HeaderValue::from_static("text/html;charset=utf-8"));
                response
            })
        },
    },
    Bad {
        mistake: "writes seven digits, as one document does",
        profile: Of(SaasV2),
        fails: &["F7"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                match text(fields, "activity") == "newInstance"
                    && is_success(&response)
                    && text(fields, "testFlag") != "1"
                {
                    true => edited(response, |json| json["resultCode"] = "0000004".into()),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "uses codes of its own",
        profile: Of(SaasV2),
        fails: &["L2", "L5", "Q1", "F7", "L16"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match &*code_of(&response) {
                "000003" => edited(response, |json| json["resultCode"] = "404040".into()),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "leaves frontEndUrl out",
        profile: Of(SaasV2),
        fails: &["F8"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_access(json, &|access| drop(access.as_object_mut().unwrap().remove("frontEndUrl")))
                })
            })
        },
    },
    Bad {
        mistake: "answers an address that is too long",
        profile: Of(SaasV2),
        fails: &["F9"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_access(json, &|access| access["adminUrl"] = format!("https://{:x<505}", "").into())
                })
            })
        },
    },
    Bad {
        mistake: "writes memo in UTF-8",
        profile: Of(SaasV2),
        fails: &["F10"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                let json: Value = serde_json::from_slice(response.body()).unwrap();
                with_body(response, json.to_string())
            })
        },
    },
    Bad {
        mistake: "compresses for callers that can unpack",
        profile: Of(SaasV2),
        fails: &["R8"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let (service, unpacks) = (service.clone(), request.headers().contains_key("accept-encoding"));
                async move {
                    let mut response = service.call(request).await;
                    if unpacks {
                        response.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
                    }
                    response
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "stands behind an allow-list",
        profile: Of(SaasV2),
        fails: &["R9", "A1", "F1", "F2"],
        has_probe: true,
        handler: |good| {
            before(good, |_| Err(Response::builder().status(403).body(Bytes::from_static(b"Forbidden")).unwrap()))
        },
    },
    Bad {
        mistake: "tells its key in error texts",
        profile: Of(SaasV2),
        fails: &["X17"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match is_success(&response) {
                true => response,
                false => edited(response, |json| json["resultMsg"] = format!("not signed with {KEY}").into()),
            })
        },
    },
    Bad {
        mistake: "tells the right signature in error texts",
        profile: Of(SaasV2),
        fails: &["X17"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let named = |name: &str| {
                    pairs(query_of(&request)).into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
                };
                let (Some(nonce), Some(time), Some(sent)) = (named("nonce"), named("timestamp"), named("signature"))
                else {
                    return Ok(request);
                };
                let right = callback_v2::sign(&key(), &nonce, &time, request.body());
                match sent.eq_ignore_ascii_case(&right) {
                    true => Ok(request),
                    false => Err(answer(&json!({ "resultCode": "000001", "resultMsg": format!("expected {right}") }))),
                }
            })
        },
    },
    // What it does.
    Bad {
        mistake: "takes businessId for the instance id",
        profile: Of(SaasV2),
        fails: &["I1"],
        has_probe: false,
        handler: |good| renaming(good, |fields, _| text(fields, "businessId").to_owned()),
    },
    Bad {
        mistake: "makes a new id in every try",
        profile: Of(SaasV2),
        fails: &["I1"],
        has_probe: false,
        handler: |good| renaming(good, |_, _| random_id()),
    },
    Bad {
        mistake: "brings copies at once not together",
        profile: Of(SaasV2),
        fails: &["I3"],
        has_probe: false,
        handler: |good| {
            let (service, in_flight) = (good.service.clone(), Arc::new(Mutex::new(HashSet::new())));
            Box::new(move |request| {
                let (service, in_flight) = (service.clone(), Arc::clone(&in_flight));
                async move {
                    let told = fields(&request);
                    let order = text(&told, "orderId").to_owned();
                    let (is_first, _flight) = Flight::begin(in_flight, order);
                    tokio::task::yield_now().await;
                    let response = service.call(request).await;
                    match text(&told, "activity") == "newInstance" && !is_first && is_success(&response) {
                        true => edited(response, |json| json["instanceId"] = random_id().into()),
                        false => response,
                    }
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "takes the order alone for the key",
        profile: Of(SaasV2),
        fails: &["I6"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |told| text(told, "orderLineId").ends_with("-000002"),
                |told| {
                    told.insert("orderLineId".into(), format!("{}-000001", text(told, "orderId")).into());
                },
            )
        },
    },
    Bad {
        mistake: "remembers failures",
        profile: Of(SaasV2),
        fails: &["I5"],
        has_probe: true,
        handler: |good| {
            let failed = Mutex::new(HashSet::new());
            before(good, move |request| {
                let told = fields(&request);
                let order = text(&told, "orderId").to_owned();
                if text(&told, "activity") != "newInstance"
                    || order.is_empty()
                    || !is_proved(&request, Window::default())
                {
                    return Ok(request);
                }
                let mut failed = failed.lock().unwrap();
                if !told.contains_key("businessId") {
                    failed.insert(order.clone());
                }
                if failed.contains(&order) { Err(refusal("000002")) } else { Ok(request) }
            })
        },
    },
    Bad {
        mistake: "ignores renewals",
        profile: Of(SaasV2),
        fails: &["L4", "L15"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let service = service.clone();
                async move {
                    let told = fields(&request);
                    if text(&told, "activity") != "refreshInstance" || !is_proved(&request, Window::default()) {
                        return service.call(request).await;
                    }
                    let mut query = Fields::new();
                    query.insert("activity".into(), "queryInstance".into());
                    for name in ["instanceId", "testFlag"] {
                        query.extend(told.get(name).map(|value| (name.to_owned(), value.clone())));
                    }
                    let known = service.call(signed(&Method::POST, &query)).await;
                    refusal(&code_of(&known))
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "adds a year in place of setting the expiry",
        profile: Of(SaasV2),
        fails: &["L4", "L15"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut told = fields(&request);
                let year: Result<u32, _> = text(&told, "expireTime").get(..4).unwrap_or_default().parse();
                if let (Ok(year), true) = (year, is_proved(&request, Window::default())) {
                    let later = format!("{}{}", year + 1, &text(&told, "expireTime")[4..]).replace("0229", "0228");
                    told.insert("expireTime".into(), later.into());
                    return Ok(signed(request.method(), &told));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "releases once only",
        profile: Of(SaasV2),
        fails: &["I9"],
        has_probe: true,
        handler: |good| {
            let released = Mutex::new(HashSet::new());
            before(good, move |request| {
                let told = fields(&request);
                let id = text(&told, "instanceId").to_owned();
                let is_release = text(&told, "activity") == "releaseInstance" && text(&told, "testFlag") != "1";
                match is_release && is_proved(&request, Window::default()) && !released.lock().unwrap().insert(id) {
                    true => Err(refusal("000003")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "swallows errors about instances",
        profile: Of(SaasV2),
        fails: &["L2", "L5"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match &*code_of(&response) {
                "000003" => refusal("000000"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "reads a list of instances as one",
        profile: Of(SaasV2),
        fails: &["Q1"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut told = fields(&request);
                if let (Some((first, _)), true) =
                    (text(&told, "instanceId").split_once(','), is_proved(&request, Window::default()))
                {
                    let first = first.to_owned();
                    told.insert("instanceId".into(), first.into());
                    return Ok(signed(request.method(), &told));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "takes tests for real calls",
        profile: Of(SaasV2),
        fails: &["L10"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |told| text(told, "testFlag") == "1",
                |told| {
                    told.remove("testFlag");
                },
            )
        },
    },
    Bad {
        mistake: "crashes at an unknown activity",
        profile: Of(SaasV2),
        fails: &["L7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_unknown =
                    text(&fields(&request), "activity") == "makeCoffee" && is_proved(&request, Window::default());
                assert!(!is_unknown, "the seller's code panicked");
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "does not look for mandatory fields",
        profile: Of(SaasV2),
        fails: &["L8"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                let lacks = text(fields, "activity") == "newInstance"
                    && fields.contains_key("businessId")
                    && !fields.contains_key("orderLineId");
                match lacks && code_of(&response) == "000002" {
                    true => answer(&json!({ "resultCode": "000000", "resultMsg": "", "instanceId": "i" })),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "wants one spelling of the content type",
        profile: Of(SaasV2),
        fails: &["A13"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                match request.headers().get("content-type").is_none_or(|kind| kind == "application/json;charset=utf8") {
                    true => Ok(request),
                    false => Err(refusal("000002")),
                }
            })
        },
    },
    Bad {
        mistake: "takes every method",
        profile: Of(SaasV2),
        fails: &["R4"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |mut request| {
                if *request.method() == Method::PUT {
                    *request.method_mut() = Method::POST;
                }
                let service = service.clone();
                async move { service.call(request).await }.boxed()
            })
        },
    },
    Bad {
        mistake: "has no room for ids of more than 40 characters",
        profile: Of(SaasV2),
        fails: &["A12"],
        has_probe: true,
        handler: |good| {
            refusing(good, "000005", |told| {
                ["orderId", "orderLineId"].iter().any(|name| (41..=64).contains(&text(told, name).len()))
            })
        },
    },
    Bad {
        mistake: "forgets an order after five tries",
        profile: Of(SaasV2),
        fails: &["I2", "I3"],
        has_probe: false,
        handler: |good| {
            let tries = Mutex::new(HashMap::<String, u32>::new());
            renaming(good, move |fields, id| {
                let mut tries = tries.lock().unwrap();
                let tries = tries.entry(text(fields, "orderId").to_owned()).or_default();
                *tries += 1;
                if *tries > 5 { format!("{id}-again") } else { id.to_owned() }
            })
        },
    },
    Bad {
        mistake: "cannot freeze",
        profile: Of(SaasV2),
        fails: &["X10", "I9", "L1", "L2", "L10"],
        has_probe: true,
        handler: |good| refusing(good, "000005", |told| text(told, "status") == "FREEZE"),
    },
    Bad {
        mistake: "acknowledges freezes and does nothing",
        profile: Of(SaasV2),
        fails: &["L1"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |told| text(told, "status") == "FREEZE",
                |told| {
                    told.insert("status".into(), "UNFREEZE".into());
                },
            )
        },
    },
    Bad {
        mistake: "fails at a list of instances",
        profile: Of(SaasV2),
        fails: &["Q1"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| match text(fields, "instanceId").contains(',') && is_success(&response) {
                true => refusal("000005"),
                false => response,
            })
        },
    },
    Bad {
        mistake: "wants a timestamp in milliseconds",
        profile: Of(SaasV2),
        fails: &["A10"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_short = |(name, value): &(String, String)| name == "timestamp" && value.len() == 10;
                match pairs(query_of(&request)).iter().any(is_short) {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
    // V1.0.
    Bad {
        mistake: "signs good answers only",
        profile: Of(SaasV1),
        fails: &["F3"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                if !is_success(&response) {
                    response.headers_mut().remove("body-sign");
                }
                response
            })
        },
    },
    Bad {
        mistake: "writes Body-Sign without quotes",
        profile: Of(SaasV1),
        fails: &["F5"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                let sign = response.headers()["body-sign"].to_str().unwrap().replace('"', "");
                response.headers_mut().insert("body-sign", sign.try_into().unwrap());
                response
            })
        },
    },
    Bad {
        mistake: "sends a newline after signing",
        profile: Of(SaasV1),
        fails: &["F6"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                *response.body_mut() = [&response.body()[..], b"\n"].concat().into();
                response
            })
        },
    },
    Bad {
        mistake: "encrypts with AES-128 and says AES-256",
        profile: Of(SaasV1),
        fails: &["F11"],
        has_probe: true,
        handler: |good| sealing(good, |text| seal(text, EncryptType::Aes128)),
    },
    Bad {
        mistake: "writes encryptType as a number",
        profile: Of(SaasV1),
        fails: &["F11"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    if json.get("encryptType").is_some() {
                        json["encryptType"] = 1.into();
                    }
                })
            })
        },
    },
    Bad {
        mistake: "sends the IV alone",
        profile: Of(SaasV1),
        fails: &["F12"],
        has_probe: true,
        handler: |good| sealing(good, |text| seal(text, EncryptType::Aes256)[..16].to_owned()),
    },
    Bad {
        mistake: "drops the last block of the ciphertext",
        profile: Of(SaasV1),
        fails: &["F12"],
        has_probe: true,
        handler: |good| {
            sealing(good, |text| seal(&format!("{text}, and so on and on"), EncryptType::Aes256)[..16 + 24].to_owned())
        },
    },
    Bad {
        mistake: "sends account and password in plain text",
        profile: Of(SaasV1),
        fails: &["F12"],
        has_probe: true,
        handler: |good| sealing(good, str::to_owned),
    },
    Bad {
        mistake: "encrypts under one IV",
        profile: Of(SaasV1),
        fails: &["F13"],
        has_probe: true,
        handler: |good| {
            sealing(good, |text| {
                FieldCipher::new(&key(), EncryptType::Aes256)
                    .encrypt_with_iv(text, "A1b2C3d4E5f6G7h8")
                    .unwrap()
                    .as_str()
                    .to_owned()
            })
        },
    },
    Bad {
        mistake: "signs the first of two values, as the sample does",
        profile: Of(SaasV1),
        fails: &["X5"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                Ok(misread(request, |query| {
                    let mut seen = HashSet::new();
                    let first = query
                        .split('&')
                        .filter(|pair| seen.insert(pair.split('=').next().unwrap_or_default().to_owned()));
                    first.take(200).collect::<Vec<_>>().join("&")
                }))
            })
        },
    },
    Bad {
        mistake: "takes + for itself",
        profile: Of(SaasV1),
        fails: &["A3"],
        has_probe: true,
        handler: |good| before(good, |request| Ok(misread(request, |query| query.replace('+', "%2B")))),
    },
    Bad {
        mistake: "tries a second decoding",
        profile: Of(SaasV1),
        fails: &["X14"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match is_proved(&request, HOURS) {
                true => Ok(request),
                false => Ok(misread(request, |query| query.replace("%25", "%"))),
            })
        },
    },
    Bad {
        mistake: "leaves empty values out of what is signed",
        profile: Of(SaasV1),
        fails: &["A6", "L7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                Ok(misread(request, |query| {
                    query.split('&').filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("&")
                }))
            })
        },
    },
    Bad {
        mistake: "knows no bound of age",
        profile: Of(SaasV1),
        fails: &["X7", "X8"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut told = fields(&request);
                let is_apart = is_proved(&request, ANY_TIME) && !is_proved(&request, HOURS);
                if is_apart {
                    told.insert("timeStamp".into(), SystemClock.now().to_compact_millis().into());
                    return Ok(signed(request.method(), &told));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "takes the order alone for the key of pay-per-use",
        profile: Of(SaasV1),
        fails: &["I7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut told = fields(&request);
                if text(&told, "chargingMode") == "0" && is_proved(&request, HOURS) {
                    told.insert("productId".into(), "OFFI".into());
                    return Ok(signed(request.method(), &told));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "crashes without a token",
        profile: Of(SaasV1),
        fails: &["X1"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                assert!(query_of(&request).contains("authToken="), "the seller's code panicked");
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "refuses orders without a customer's name",
        profile: Of(SaasV1),
        fails: &["A5"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let told = fields(&request);
                match text(&told, "activity") == "newInstance"
                    && !told.contains_key("customerName")
                    && is_proved(&request, HOURS)
                {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "takes yearly and monthly purchases only",
        profile: Of(SaasV1),
        fails: &["A1"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let told = fields(&request);
                match text(&told, "activity") == "newInstance"
                    && text(&told, "chargingMode") != "1"
                    && is_proved(&request, HOURS)
                {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "knows no pay-per-use packages",
        profile: Of(SaasV1),
        fails: &["L9"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match text(&fields(&request), "chargingMode") == "5" && is_proved(&request, HOURS) {
                true => Err(refusal("000002")),
                false => Ok(request),
            })
        },
    },
    Bad {
        mistake: "cannot decrypt a phone number",
        profile: Of(SaasV1),
        fails: &["L13"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match fields(&request).contains_key("mobilePhone") && is_proved(&request, HOURS) {
                true => Err(refusal("000005")),
                false => Ok(request),
            })
        },
    },
    Bad {
        mistake: "cannot read extension parameters",
        profile: Of(SaasV1),
        fails: &["L12"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                match fields(&request).contains_key("saasExtendParams") && is_proved(&request, HOURS) {
                    true => Err(refusal("000005")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "writes its JSON anew after signing",
        profile: Of(SaasV1),
        fails: &["F6"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                let spaced = str::from_utf8(response.body()).unwrap().replace("\":", "\": ");
                *response.body_mut() = spaced.into();
                response
            })
        },
    },
    // Other families.
    Bad {
        mistake: "refuses a second notice",
        profile: Of(OrderNotify),
        fails: &["I9"],
        has_probe: false,
        handler: |good| refusing_repeats(good, &["orderId"], None),
    },
    Bad {
        mistake: "refuses a second call about a code",
        profile: Of(LicenseCode),
        fails: &["I9"],
        has_probe: false,
        handler: |good| refusing_repeats(good, &["license"], None),
    },
    Bad {
        mistake: "signs no answer",
        profile: Of(LicenseV1),
        fails: &["F3"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().remove("body-sign");
                response
            })
        },
    },
    Bad {
        mistake: "swallows errors about instances",
        profile: Of(LicenseOnline),
        fails: &["L2", "L5"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match &*code_of(&response) {
                "000003" => refusal("000000"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "refuses to issue a License again",
        profile: Of(LicenseOnline),
        fails: &["L1"],
        has_probe: true,
        handler: |good| refusing_repeats(good, &["eventId"], None),
    },
    Bad {
        mistake: "issues Licenses for unknown instances",
        profile: Of(LicenseOnline),
        fails: &["L2"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| match (text(fields, "activity"), &*code_of(&response)) {
                ("getLicenseAsync", "000003") => refusal("000004"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "issues Licenses without an application's id",
        profile: Of(LicenseOnline),
        fails: &["L8"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                let is_meant = text(fields, "activity") == "getLicenseAsync" && !fields.contains_key("eventId");
                match is_meant && code_of(&response) == "000002" {
                    true => refusal("000000"),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "takes businessId for the instance id",
        profile: Of(LicenseOnline),
        fails: &["I1"],
        has_probe: false,
        handler: |good| renaming(good, |fields, _| text(fields, "businessId").to_owned()),
    },
];

/// An order that is worked on, also if the caller hangs up.
struct Flight(Arc<Mutex<HashSet<String>>>, String);

impl Flight {
    fn begin(in_flight: Arc<Mutex<HashSet<String>>>, order: String) -> (bool, Self) {
        let is_first = in_flight.lock().unwrap().insert(order.clone());
        (is_first, Self(in_flight, order))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}

/// Refuses what succeeded once already, told by some fields, if the call has this flag.
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
