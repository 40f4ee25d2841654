//! The marketplace's desk for License codes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use koogallery::clock::Clock;
use koogallery::key::Credentials;
use koogallery::signature::aksk;
use koogallery::transport::{Transport, TransportError};
use serde_json::{Value, json};

pub const LICENSE: &str = "PL0000000000DEMO01";
pub const ACCESS: &str = "DEMOAK0000000001";
pub const SECRET: &str = "DEMOSK0000000001demosk";

type Reply = Result<Response<Bytes>, TransportError>;

/// What happens to one call.
pub enum Fate {
    /// Nobody is there.
    NoConnection,
    /// It never arrives.
    Lost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It is answered with this and not looked at.
    Answered(u16, &'static str),
}

/// What the desk knows of the License.
pub struct Book {
    /// `None` until it is activated.
    pub status: Option<&'static str>,
    pub expire_time: Option<&'static str>,
    /// The refusal of every call.
    pub refusal: Option<&'static str>,
    pub activations: usize,
    /// Clients counted, and how often each was reported.
    pub clients: BTreeMap<String, usize>,
    pub counts_clients: bool,
    /// The calls that arrived, in order.
    pub calls: Vec<&'static str>,
    pub fates: VecDeque<Fate>,
    pub delay: Duration,
}

/// Checks every signature, and answers as the documents say.
#[derive(Clone)]
pub struct Desk {
    pub book: Arc<Mutex<Book>>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    pub fn new(clock: impl Clock) -> Self {
        let book = Book {
            status: None,
            expire_time: Some("20260101155959"),
            refusal: None,
            activations: 0,
            clients: BTreeMap::new(),
            counts_clients: true,
            calls: Vec::new(),
            fates: VecDeque::new(),
            delay: Duration::ZERO,
        };
        Self { book: Arc::new(Mutex::new(book)), clock: Arc::new(clock) }
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.book.lock().unwrap())
    }

    pub fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.change(|book| book.fates.extend(fates));
    }

    /// The calls since this was asked last.
    pub fn calls(&self) -> Vec<&'static str> {
        self.change(|book| std::mem::take(&mut book.calls))
    }

    pub fn receive(&self, request: Request<Bytes>) -> Reply {
        let (parts, body) = request.into_parts();
        let credentials = Credentials::new(ACCESS, SECRET).unwrap();
        assert_eq!(aksk::verify(&parts, &body, &credentials, self.clock.now()), Ok(()));
        let body: Value = serde_json::from_slice(&body).unwrap();
        let call = match parts.uri.path().strip_prefix("/api/mkp-openapi-public/global/").unwrap() {
            "v1/license/heartbeat" => "query",
            "v1/license/activate" => "activate",
            "v2/license/software-usage-info" => "report",
            other => panic!("{other}"),
        };
        self.change(|book| {
            let fate = book.fates.pop_front();
            match fate {
                Some(Fate::NoConnection) => return Err(TransportError::Connect("no route".into())),
                Some(Fate::Lost) => return Err(TransportError::Timeout),
                _ => book.calls.push(call),
            }
            let answer = || Response::builder().header("content-type", "application/json");
            match fate {
                Some(Fate::Answered(status, text)) => {
                    Ok(answer().status(status).body(Bytes::from_static(text.as_bytes())).unwrap())
                }
                Some(Fate::AnswerLost) => {
                    book.answer(call, &body);
                    Err(TransportError::Broken("reset".into()))
                }
                _ => Ok(answer().body(Bytes::from(book.answer(call, &body).to_string())).unwrap()),
            }
        })
    }
}

impl Book {
    fn answer(&mut self, call: &str, body: &Value) -> Value {
        let ok = |data: Value| json!({"error_code": "92020000", "error_msg": "success", "data": data});
        let refused = |code: &str| json!({"error_code": code, "error_msg": "refused"});
        if let Some(code) = self.refusal {
            return refused(code);
        }
        match (call, self.status) {
            ("activate", None) => {
                assert_eq!(body, &json!({"license": LICENSE}));
                self.status = Some("ALIVE");
                self.activations += 1;
                // An estimate, and a bad one.
                ok(json!({"license_code_info": r#"{"status":"ALIVE","expire_time":"20250102030406","amount":2}"#}))
            }
            ("activate", Some(_)) => refused("92020003"),
            (_, None) => refused("92020011"),
            ("query", Some(status)) => {
                assert_eq!(body, &json!({"license": LICENSE}));
                ok(json!({
                    "license_code": LICENSE, "status": status, "activate_time": "20250102030405",
                    "expire_time": self.expire_time, "product_id": "OFFI000001", "amount": "25",
                }))
            }
            ("report", Some(_)) if !self.counts_clients => ok(json!({"check_fail_list": [LICENSE]})),
            ("report", Some(_)) => {
                let usage = body["usage_info"].as_array().unwrap();
                assert_eq!((usage.len(), &usage[0]["license"]), (1, &json!(LICENSE)));
                let reports = usage[0]["software_usage_Info"].as_array().unwrap();
                assert!((1..=100).contains(&reports.len()), "{}", reports.len());
                for report in reports {
                    *self.clients.entry(report["id"].as_str().unwrap().to_owned()).or_default() += 1;
                }
                ok(Value::Null)
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Transport for Desk {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Reply> {
        let delay = self.change(|book| book.delay);
        async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            self.receive(request)
        }
        .boxed()
    }
}
