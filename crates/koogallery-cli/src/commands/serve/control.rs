//! Control of the marketplace by people and scripts: everything below `/_marketplace`. Other paths are the open APIs.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use http::header::{ACCEPT, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Attempt, LifecycleError, Marketplace, OpenApiCall, OpenApiServer, OpenApiService};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::action::Action;
use super::events::{self, Place};
use super::form::Form;
use super::reply::{self, BoxBody, Outcome, Refused};
use super::tenants::{self, Tenants, Wanted};
use super::{detail, fault, page, view};
use crate::support::order_line::{self, ORDER_FIELDS};

pub const HOME: &str = "/_marketplace";

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
    /// Scheme, host and port of the seller, if one is called.
    seller: String,
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
            seller: String::new(),
        }
    }

    /// Sets the production address of the seller.
    pub fn with_seller(mut self, url: &str) -> Self {
        let address = url.parse::<Uri>().ok();
        let host = address.and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
        self.seller = host.unwrap_or_default();
        self
    }

    async fn steer(&self, path: &str, head: &Parts, body: &[u8]) -> Result<Outcome, Refused> {
        let Parts { method, headers, uri, .. } = head;
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
            (true, ["calls", number]) => {
                let calls = |after| self.marketplace.as_ref().map(|it| it.log_after(after)).unwrap_or_default();
                let call = numbered(number, calls, |call: &Attempt| call.sequence)?;
                Outcome::Detail("Callback", detail::call(&call, &self.seller))
            }
            (true, ["requests", number]) => {
                let call = numbered(number, |after| open_api.log_after(after), |call: &OpenApiCall| call.sequence)?;
                Outcome::Detail("Open API request", detail::request(&call))
            }
            (true, ["events"]) => {
                let id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
                let place = Place::read(uri.query(), id);
                Outcome::Events(events::follow(open_api.clone(), self.marketplace.clone(), place).boxed())
            }
            (true, ["console.js"]) => Outcome::Asset("text/javascript; charset=utf-8", include_str!("console.js")),
            (true, ["console.css"]) => Outcome::Asset("text/css; charset=utf-8", include_str!("console.css")),
            (false, ["orders"]) => Outcome::Done(self.sell(body)?),
            (false, ["subscriptions", instance_id, what]) => {
                Outcome::Done(self.change(&decoded(instance_id), what, body).await?)
            }
            (false, ["instances"]) => Outcome::Done(self.open(body)?),
            (false, ["tenants"]) => {
                let form = Form::parse(body, &tenants::FIELDS)?;
                let wanted = Wanted::read(&form, &self.kits, &self.address, self.marketplace.is_some())?;
                Outcome::Done(self.tenants.bind(open_api, self.marketplace.as_ref(), wanted).await?)
            }
            (false, ["tenants", tenant_id, "unbind"]) => {
                Form::parse(body, &[])?;
                let tenant_id = decoded(tenant_id);
                let unbound = self.tenants.unbind(open_api, self.marketplace.as_ref(), &tenant_id).await?;
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
            (false, ["calls" | "requests", _] | ["events" | "console.js" | "console.css"])
            | (true, ["orders"] | ["subscriptions", _, _] | ["tenants", _, "login" | "unbind"] | ["faults", "clear"])
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

    /// Logs a user in, and returns where the login leads.
    fn log_in(&self, tenant_id: &str, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &["user"])?;
        let user = form.get("user").ok_or_else(|| "user is missing".to_owned())?;
        let is_known = self.open_api.log_in(tenant_id, user);
        let url = self.open_api.login_callback(tenant_id, user).filter(|_| is_known);
        url.map(Outcome::Login).ok_or_else(|| unknown(format!("tenant {tenant_id:?} has no user {user:?}")))
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

/// Returns the entry of a log with this number.
fn numbered<T>(
    number: &str,
    after: impl FnOnce(u64) -> Vec<T>,
    sequence: impl FnOnce(&T) -> u64,
) -> Result<T, Refused> {
    let wanted = number.parse::<u64>().ok().filter(|wanted| *wanted > 0);
    // The first that is left may be a later one.
    let found = wanted.and_then(|wanted| after(wanted - 1).into_iter().next());
    let gone = || unknown(format!("the log has no {number}: it holds the latest 10,000"));
    found.and_then(|entry| (Some(sequence(&entry)) == wanted).then_some(entry)).ok_or_else(gone)
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

impl<B> tower_service::Service<Request<B>> for Control
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<BoxBody>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path().strip_prefix(HOME).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(path) = path.map(str::to_owned) else {
            let answer = OpenApiService::new(self.open_api.clone()).call(request);
            return async move { Ok(answer.await?.map(BoxBody::new)) }.boxed();
        };
        let control = self.clone();
        async move {
            let (parts, body) = request.into_parts();
            let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let is_browser = accept.is_some_and(|accept| accept.contains("text/html"));
            let outcome = match Limited::new(body, MAX_FORM).collect().await {
                Ok(body) => control.steer(&path, &parts, &body.to_bytes()).await,
                Err(_) => Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long".to_owned())),
            };
            Ok(reply::response(outcome, is_browser))
        }
        .boxed()
    }
}
