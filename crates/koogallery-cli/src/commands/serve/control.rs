//! Control of the marketplace by people and scripts: everything below `/_marketplace`. Other paths are the open APIs.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::{LifecycleError, Marketplace, OpenApiService, Subscription};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::action::{Action, UnknownAction};
use super::form::Form;
use super::{page, view};
use crate::support::order_line::{self, ORDER_FIELDS};

const HOME: &str = "/_marketplace";

const MAX_FORM: usize = 64 * 1024;

/// The open APIs, and control of the marketplace behind them.
#[derive(Clone)]
pub struct Control {
    marketplace: Marketplace,
    /// The protocols whose keys are known.
    offered: Vec<Protocol>,
}

/// Result of a request to the marketplace.
enum Outcome {
    Page(String),
    Json(Value),
    /// Done, or begun.
    Done(Value),
}

/// Reason for a rejection.
struct Refused(StatusCode, String);

impl From<String> for Refused {
    /// The form is invalid.
    fn from(why: String) -> Self {
        Self(StatusCode::BAD_REQUEST, why)
    }
}

impl From<UnknownAction> for Refused {
    fn from(error: UnknownAction) -> Self {
        unknown(error.to_string())
    }
}

impl From<LifecycleError> for Refused {
    fn from(error: LifecycleError) -> Self {
        let status = match error {
            LifecycleError::Unknown(_) => StatusCode::NOT_FOUND,
            LifecycleError::GivenUp { .. } => StatusCode::BAD_GATEWAY,
            _ => StatusCode::CONFLICT,
        };
        Self(status, error.to_string())
    }
}

impl Control {
    pub fn new(marketplace: Marketplace, keys: AccessKeys) -> Self {
        let sold =
            [Protocol::SaasV2, Protocol::SaasV1, Protocol::LicenseOnline, Protocol::LicenseCode, Protocol::LicenseV1];
        let is_offered = |protocol: &Protocol| protocol.keys(&keys).is_some();
        Self { marketplace, offered: sold.into_iter().filter(is_offered).collect() }
    }

    async fn steer(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Outcome, Refused> {
        if !is_from_here(headers) {
            let why = "the request comes from a page of another site, or uses a name that is not this machine's";
            return Err(Refused(StatusCode::FORBIDDEN, why.to_owned()));
        }
        let marketplace = &self.marketplace;
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        Ok(match (method, &parts[..]) {
            (&Method::GET, []) => Outcome::Page(page::render(marketplace, &self.offered)),
            (&Method::GET, ["subscriptions"]) => {
                let shown = |sold: &Subscription| view::subscription(marketplace.open_api(), sold);
                Outcome::Json(marketplace.subscriptions().iter().map(shown).collect())
            }
            (&Method::GET, ["log"]) => Outcome::Json(view::log(marketplace)),
            (&Method::POST, ["orders"]) => Outcome::Done(self.sell(body)?),
            (&Method::POST, ["subscriptions", instance_id, what]) => {
                let instance_id = percent_decode_str(instance_id).decode_utf8_lossy();
                Outcome::Done(self.change(&instance_id, what, body).await?)
            }
            (_, [] | ["subscriptions" | "log" | "orders"] | ["subscriptions", _, _]) => {
                return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed".to_owned()));
            }
            _ => return Err(unknown(format!("there is no /_marketplace/{}", parts.join("/")))),
        })
    }

    /// Places an order; the seller is called in the background, which may take hours.
    fn sell(&self, body: &[u8]) -> Result<Value, String> {
        let form = Form::parse(body, &[&["profile"], &ORDER_FIELDS[..]].concat())?;
        let protocol = match form.get("profile") {
            Some(name) => name.parse().map_err(|error| format!("profile: {error}"))?,
            None => *self.offered.first().ok_or("no access key is in the environment")?,
        };
        if !self.offered.contains(&protocol) {
            return Err(format!("{} has no orders, or its key is not in the environment", protocol.id()));
        }
        let order = self.marketplace.place_order(form.order_line()?.order()?);
        let lines: Vec<_> = (0..order.spec.lines.len()).map(|line| order.order_line_id(line)).collect();
        let sold = json!({"orderId": order.order_id, "orderLineIds": lines, "profile": protocol.id()});
        let marketplace = self.marketplace.clone();
        // Errors are in the log.
        tokio::spawn(async move { marketplace.buy_all(protocol, &order).await.map(drop) });
        Ok(sold)
    }

    async fn change(&self, instance_id: &str, what: &str, body: &[u8]) -> Result<Value, Refused> {
        let action = Action::named(what)?;
        let form = Form::parse(body, action.fields())?;
        let marketplace = &self.marketplace;
        let period = || order_line::period(form.get("period").unwrap_or("1 month"));
        let sold = match action {
            Action::Renew => {
                let (unit, periods) = period()?;
                marketplace.renew(instance_id, unit, periods).await?
            }
            Action::ConvertTrial => {
                let (unit, periods) = period()?;
                marketplace.convert_trial(instance_id, unit, periods).await?
            }
            Action::Upgrade => marketplace.upgrade(instance_id, form.order_line()?.line()?).await?,
            Action::CancelRenewal => marketplace.cancel_renewal(instance_id).await?,
            Action::Freeze => marketplace.freeze(instance_id).await?,
            Action::Unfreeze => marketplace.unfreeze(instance_id).await?,
            Action::Release => marketplace.release(instance_id).await?,
            Action::Query => {
                marketplace.query(instance_id).await?;
                let sold = marketplace.subscription(instance_id);
                sold.ok_or_else(|| LifecycleError::Unknown(instance_id.to_owned()))?
            }
            Action::Apply => {
                let event = marketplace.apply_for_license(instance_id).await?;
                return Ok(json!({"instanceId": instance_id, "eventId": event}));
            }
        };
        Ok(view::subscription(marketplace.open_api(), &sold))
    }
}

fn unknown(why: String) -> Refused {
    Refused(StatusCode::NOT_FOUND, why)
}

/// Pages of other sites could make a browser send forms here, or use another name for this machine.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text(HOST).and_then(|host| host.parse::<Uri>().ok()) else { return false };
    let name = host.host().unwrap_or_default();
    let is_local = name == "localhost" || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let is_own =
        headers.get(ORIGIN).is_none() || text(ORIGIN).and_then(|origin| origin.strip_prefix("http://")) == text(HOST);
    is_local && is_own
}

/// A browser is redirected back to the page; a script gets JSON.
fn response(outcome: Result<Outcome, Refused>, is_browser: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let (status, content_type, text) = match outcome {
        Ok(Outcome::Done(_)) if is_browser => {
            response.headers_mut().insert(LOCATION, HeaderValue::from_static(HOME));
            (StatusCode::SEE_OTHER, "text/plain", String::new())
        }
        Ok(Outcome::Page(page)) => (StatusCode::OK, "text/html; charset=utf-8", page),
        Ok(Outcome::Json(json)) => (StatusCode::OK, "application/json", format!("{json}\n")),
        Ok(Outcome::Done(json)) => (StatusCode::ACCEPTED, "application/json", format!("{json}\n")),
        Err(Refused(status, why)) => (status, "text/plain; charset=utf-8", format!("{why}\n")),
    };
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = Full::from(text);
    response
}

impl<B> tower_service::Service<Request<B>> for Control
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path().strip_prefix(HOME).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(path) = path.map(str::to_owned) else {
            let answer = OpenApiService::new(self.marketplace.open_api().clone()).call(request);
            return async move { answer.await.map_err(Into::into) }.boxed();
        };
        let control = self.clone();
        async move {
            let (parts, body) = request.into_parts();
            let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let is_browser = accept.is_some_and(|accept| accept.contains("text/html"));
            let outcome = match Limited::new(body, MAX_FORM).collect().await {
                Ok(body) => control.steer(&parts.method, &path, &parts.headers, &body.to_bytes()).await,
                Err(_) => Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long".to_owned())),
            };
            Ok(response(outcome, is_browser))
        }
        .boxed()
    }
}
