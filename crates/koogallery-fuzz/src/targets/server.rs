//! Requests to the mock server of the open APIs and of the authentication center, signed after mutation.

use bytes::Bytes;
use http::header::LOCATION;
use http::{Method, Request, Response};
use koogallery::clock::ManualClock;
use koogallery::key::{AccessKey, Credentials, KeyRing};
use koogallery::open_api::{ApiSpec, RequestForm};
use koogallery::query::raw_pairs;
use koogallery::signature::{aksk, usage_push};
use koogallery_simulator::{Deployment, Instance, LicenseCode, LineSpec, OpenApiServer, OrderSpec, Tenant, User};
use serde_json::Value;

use crate::seeds::{KEY, NOW};

/// Paths of the authentication center.
const LOGIN: [(Method, &str, &str); 6] = [
    (Method::GET, "/api/v1/oauth2/authorize", ""),
    (Method::POST, "/api/v1/oauth2/token", "application/x-www-form-urlencoded"),
    (Method::GET, "/api/v1/oauth2/userinfo", ""),
    (Method::GET, "/api/v1/logout", ""),
    (Method::GET, "/api/v1/cas/login", ""),
    (Method::GET, "/api/v1/cas/p3/serviceValidate", ""),
];

/// More than any sequence needs.
const MAX_REQUESTS: usize = 8;

/// Requests, divided by an empty line each. The first letter chooses the API, the rest is its query or its body, in which `{code}`,
/// `{ticket}` and `{token}` are what was issued last. Nothing makes the server fail, and after a small letter, where something is changed
/// after signing, nothing succeeds.
pub(super) fn requests(data: &[u8]) {
    let credentials = Credentials::new("AK", "SK").expect("they are credentials");
    let server = server(credentials.clone());
    let mut issued = Issued::default();
    for part in String::from_utf8_lossy(data).split("\n\n").take(MAX_REQUESTS) {
        let Some(request) = request(&issued.put_in(part), &issued.token) else { continue };
        let Ok(mut request) = aksk::sign(request, &credentials, NOW) else { continue };
        let is_forged = part.starts_with(|letter: char| letter.is_ascii_lowercase()) && is_signed(&request);
        if is_forged {
            forge(&mut request);
        }
        let response = server.answer(request);
        let answer = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
        // For what is wrong with a request, the documents have this status too.
        let code = ["error_code", "resultCode"].iter().find_map(|name| answer[name].as_str());
        let is_refusal = code.is_some_and(|code| code.contains(".9") || code.contains(".01"));
        assert!(response.status().as_u16() < 500 || is_refusal, "{response:?}");
        assert!(!is_forged || !response.status().is_success(), "{response:?}");
        issued.learn(&response, &answer);
    }
    for call in server.log() {
        assert!(call.to_string().len() < 256 * 1024);
    }
}

fn server(credentials: Credentials) -> OpenApiServer {
    let key = AccessKey::new(KEY).expect("it is a key");
    let server = OpenApiServer::builder()
        .clock(ManualClock::new(NOW))
        .credentials(credentials)
        .access_keys(KeyRing::new(key))
        .build();
    server.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")).with_order_id("CS1"));
    server.put_instance(Instance::on_demand("inst-1", NOW));
    server.put_license(LicenseCode::new("PL1", NOW));
    server.open_license_application("event-1");
    server.add_deployment(Deployment::new("asset-1", "software_package", "1.0", "cn-north-4"));
    server.put_tenant(
        Tenant::new("t-1", "c-1", "s-1", "https://isv.example.com/sso").with_user(User::new("lihua", "Li")),
    );
    server.log_in("t-1", "lihua");
    server
}

fn request(part: &str, token: &str) -> Option<Request<Bytes>> {
    let first = part.bytes().next()?;
    let (content, index) = (part.get(1..)?, usize::from(first.to_ascii_uppercase().wrapping_sub(b'A')));
    let apis = ApiSpec::ALL.map(|api| {
        let content_type = match api.request {
            RequestForm::Query(_) => "",
            RequestForm::Json(_) => "application/json",
            RequestForm::Upload { .. } => "multipart/form-data; boundary=b",
        };
        (api.method, api.path.replace("{event_id}", "event-1"), content_type)
    });
    let login = LOGIN.map(|(method, path, content_type)| (method, path.to_owned(), content_type));
    let routes: Vec<_> = apis.into_iter().chain(login).collect();
    let (method, path, content_type) = routes.get(index % routes.len())?.clone();
    let in_query = method == Method::GET;
    let target = if in_query { format!("{path}?{content}") } else { path };
    let body = if in_query { Bytes::new() } else { Bytes::copy_from_slice(content.as_bytes()) };
    let (key, time) = (AccessKey::new(KEY).ok()?, NOW.as_unix_millis().to_string());
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://mkt.myhuaweicloud.com{target}"))
        .header("signature", usage_push::sign(&key, &time, "nonce", &body))
        .header("ts", &time)
        .header("nonce", "nonce");
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body).ok()
}

/// The authentication center does not ask for a signature of the open APIs.
fn is_signed(request: &Request<Bytes>) -> bool {
    !LOGIN.iter().any(|(_, path, _)| *path == request.uri().path())
}

/// Changes the signed query, and the body by which the usage push is signed.
fn forge(request: &mut Request<Bytes>) {
    let separator = if request.uri().query().is_some() { '&' } else { '?' };
    if let Ok(changed) = format!("{}{separator}x=1", request.uri()).parse() {
        *request.uri_mut() = changed;
    }
    let body = [request.body(), &b" "[..]].concat();
    *request.body_mut() = body.into();
}

/// What the authentication center issued last.
#[derive(Default)]
struct Issued {
    code: String,
    ticket: String,
    token: String,
}

impl Issued {
    fn put_in(&self, part: &str) -> String {
        let Self { code, ticket, token } = self;
        [("{code}", code), ("{ticket}", ticket), ("{token}", token)]
            .iter()
            .fold(part.to_owned(), |part, (name, value)| part.replace(name, value))
    }

    fn learn(&mut self, response: &Response<Bytes>, answer: &Value) {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        for pair in raw_pairs(location.and_then(|location| location.split_once('?')).map_or("", |(_, query)| query)) {
            match pair.name {
                "code" => pair.value.clone_into(&mut self.code),
                "ticket" => pair.value.clone_into(&mut self.ticket),
                _ => {}
            }
        }
        if let Some(token) = answer["access_token"].as_str() {
            token.clone_into(&mut self.token);
        }
    }
}
