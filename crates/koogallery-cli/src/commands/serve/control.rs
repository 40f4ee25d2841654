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
use koogallery_simulator::{LifecycleError, Marketplace, OpenApiServer, OpenApiService};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::action::{Action, UnknownAction};
use super::form::Form;
use super::tenants::{self, Tenants, Wanted};
use super::{fault, page, view};
use crate::support::order_line::{self, ORDER_FIELDS};

const HOME: &str = "/_marketplace";

const MAX_FORM: usize = 64 * 1024;

/// The open APIs, and control of the marketplace behind them.
#[derive(Clone)]
pub struct Control {
    pub open_api: OpenApiServer,
    /// `None` if no seller is called.
    pub marketplace: Option<Marketplace>,
    /// The protocols of orders whose keys are known.
    pub sold: Vec<Protocol>,
    /// The protocols of the Kit whose keys are known.
    pub kits: Vec<Protocol>,
    tenants: Tenants,
    /// The address of this server.
    address: String,
}

/// Result of a request to the marketplace.
enum Outcome {
    Page(String),
    Json(Value),
    /// Done, or begun.
    Done(Value),
    /// Where the browser is sent.
    Redirect(String),
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
    /// Creates the control; without a marketplace nothing is sold, and no seller is called.
    pub fn new(open_api: OpenApiServer, marketplace: Option<Marketplace>, keys: &AccessKeys, address: &str) -> Self {
        let has_key = |protocol: &Protocol| protocol.keys(keys).is_some();
        let offered = |protocols: &[Protocol]| protocols.iter().copied().filter(has_key).collect();
        Self {
            open_api,
            marketplace,
            sold: offered(&[
                Protocol::SaasV2,
                Protocol::SaasV1,
                Protocol::LicenseOnline,
                Protocol::LicenseCode,
                Protocol::LicenseV1,
            ]),
            kits: offered(&[Protocol::KitV2, Protocol::KitV1]),
            tenants: Tenants::default(),
            address: address.to_owned(),
        }
    }

    async fn steer(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Outcome, Refused> {
        if !is_from_here(headers) {
            let why = "the request comes from a page of another site, or uses a name that is not this machine's";
            return Err(Refused(StatusCode::FORBIDDEN, why.to_owned()));
        }
        let open_api = &self.open_api;
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        let is_get = *method == Method::GET;
        if !is_get && *method != Method::POST {
            return Err(not_allowed());
        }
        Ok(match (is_get, &parts[..]) {
            (true, []) => Outcome::Page(page::render(self)),
            (true, ["subscriptions"]) => Outcome::Json(view::subscriptions(self.marketplace.as_ref())),
            (true, ["instances"]) => Outcome::Json(view::instances(open_api)),
            (true, ["tenants"]) => Outcome::Json(tenants::list(open_api)),
            (true, ["faults"]) => Outcome::Json(view::faults(open_api)),
            (true, ["log"]) => Outcome::Json(view::log(self.marketplace.as_ref(), open_api)),
            (false, ["orders"]) => Outcome::Done(self.sell(body)?),
            (false, ["subscriptions", instance_id, what]) => {
                Outcome::Done(self.change(&decoded(instance_id), what, body).await?)
            }
            (false, ["instances"]) => Outcome::Done(self.open(body)?),
            (false, ["tenants"]) => {
                let form = Form::parse(body, &tenants::FIELDS)?;
                let wanted = Wanted::read(&form, &self.kits, &self.address)?;
                Outcome::Done(self.tenants.bind(self.marketplace()?, wanted).await?)
            }
            (false, ["tenants", tenant_id, "unbind"]) => {
                Form::parse(body, &[])?;
                let tenant_id = decoded(tenant_id);
                let unbound = self.tenants.unbind(self.marketplace()?, &tenant_id).await?;
                Outcome::Done(unbound.ok_or_else(|| unknown(format!("no tenant {tenant_id:?} is bound")))?)
            }
            (false, ["tenants", tenant_id, "login"]) => self.log_in(&decoded(tenant_id), body)?,
            (false, ["faults"]) => {
                let rule = fault::rule(&Form::parse(body, &fault::FIELDS)?)?;
                let shown = json!({"fault": rule.to_string()});
                open_api.add_fault(rule);
                Outcome::Done(shown)
            }
            (false, ["faults", "clear"]) => {
                Form::parse(body, &[])?;
                open_api.clear_faults();
                Outcome::Done(json!({}))
            }
            (true, ["orders"] | ["subscriptions", _, _] | ["tenants", _, "login" | "unbind"] | ["faults", "clear"])
            | (false, [] | ["subscriptions" | "log"]) => return Err(not_allowed()),
            _ => return Err(unknown(format!("there is no /_marketplace/{}", parts.join("/")))),
        })
    }

    fn marketplace(&self) -> Result<&Marketplace, Refused> {
        let why = "no seller is called: start with --target";
        self.marketplace.as_ref().ok_or_else(|| Refused(StatusCode::CONFLICT, why.to_owned()))
    }

    /// Places an order; the seller is called in the background, which may take hours. Without a seller the order can only
    /// be queried.
    fn sell(&self, body: &[u8]) -> Result<Value, Refused> {
        let form = Form::parse(body, &[&["profile"], &ORDER_FIELDS[..]].concat())?;
        let Some(marketplace) = &self.marketplace else {
            if form.get("profile").is_some() {
                return Err(Refused::from(
                    "profile is for calls, and no seller is called: start with --target".to_owned(),
                ));
            }
            return Ok(view::order(&self.open_api.place_order(form.order_line()?.order()?)));
        };
        let protocol = match form.get("profile") {
            Some(name) => name.parse().map_err(|error| format!("profile: {error}"))?,
            None => *self.sold.first().ok_or_else(|| "no access key is in the environment".to_owned())?,
        };
        if !self.sold.contains(&protocol) {
            let why = format!("{} has no orders, or its key is not in the environment", protocol.id());
            return Err(why.into());
        }
        let order = marketplace.place_order(form.order_line()?.order()?);
        let mut sold = view::order(&order);
        sold["profile"] = protocol.id().into();
        let marketplace = marketplace.clone();
        // Errors are in the log.
        tokio::spawn(async move { marketplace.buy_all(protocol, &order).await.map(drop) });
        Ok(sold)
    }

    /// Registers an instance as if the seller had created it for an order.
    fn open(&self, body: &[u8]) -> Result<Value, Refused> {
        let form = Form::parse(body, &[&["instance"], &ORDER_FIELDS[..]].concat())?;
        let instance_id = form.get("instance").ok_or_else(|| "instance is missing".to_owned())?;
        let mut line = form.order_line()?;
        line.mode.get_or_insert_with(|| "on-demand".to_owned());
        let order = self.open_api.place_order(line.order()?);
        self.open_api.open_instance(&order, 0, instance_id);
        Ok(json!({"instanceId": instance_id, "orderId": order.order_id}))
    }

    /// Logs a user in, and returns where the browser is sent.
    fn log_in(&self, tenant_id: &str, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &["user"])?;
        let user = form.get("user").ok_or_else(|| "user is missing".to_owned())?;
        let is_known = self.open_api.log_in(tenant_id, user);
        let url = self.open_api.login_callback(tenant_id, user).filter(|_| is_known);
        url.map(Outcome::Redirect).ok_or_else(|| unknown(format!("tenant {tenant_id:?} has no user {user:?}")))
    }

    async fn change(&self, instance_id: &str, what: &str, body: &[u8]) -> Result<Value, Refused> {
        let action = Action::named(what)?;
        let form = Form::parse(body, action.fields())?;
        let marketplace = self.marketplace()?;
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
        Ok(view::subscription(&self.open_api, &sold))
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn not_allowed() -> Refused {
    Refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed".to_owned())
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
        Ok(Outcome::Redirect(url)) if is_browser => match HeaderValue::from_str(&url) {
            Ok(url) => {
                response.headers_mut().insert(LOCATION, url);
                (StatusCode::SEE_OTHER, "text/plain", String::new())
            }
            Err(_) => (StatusCode::CONFLICT, "text/plain", "the callback address is no URL\n".to_owned()),
        },
        Ok(Outcome::Redirect(url)) => (StatusCode::ACCEPTED, "application/json", format!("{}\n", json!({"url": url}))),
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
            let answer = OpenApiService::new(self.open_api.clone()).call(request);
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
