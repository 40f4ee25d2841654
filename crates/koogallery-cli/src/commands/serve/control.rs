//! Control of the marketplace by people and scripts: everything below `/_marketplace`. Other paths are the open APIs.

use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use koogallery::key::{AccessKeys, Credentials};
use koogallery::protocol::Protocol;
use koogallery_simulator::{Marketplace, OpenApiServer, OpenApiService};

use super::access::{Access, TOKEN_COOKIE};
use super::checking::{Run, Seller};
use super::events::{Changes, Place};
use super::jobs::Jobs;
use super::lang::{self, Lang};
use super::recorder::Recorder;
use super::reply::{self, BoxBody, Reader, Refused};
use super::scripting::ScenarioRun;
use super::tenants::Tenants;

pub const HOME: &str = "/_marketplace";

/// A message with all users of an enterprise fits, and an exported state.
const MAX_FORM: usize = 8 * 1024 * 1024;

/// The open APIs, and control of the marketplace behind them.
#[derive(Clone)]
pub struct Control {
    pub open_api: OpenApiServer,
    /// `None` if no seller is called.
    pub marketplace: Option<Marketplace>,
    pub keys: AccessKeys,
    /// The access key pair of the seller's account, if it is known.
    pub credentials: Option<Credentials>,
    /// The protocols of orders whose keys are known.
    pub sold: Vec<Protocol>,
    /// The protocols of the Kit whose keys are known.
    pub kits: Vec<Protocol>,
    pub tenants: Tenants,
    pub changes: Changes,
    pub access: Access,
    /// The address of this server.
    pub address: String,
    /// The seller, if one is called.
    pub seller: Option<Seller>,
    pub checks: Jobs<Run>,
    pub scenarios: Jobs<ScenarioRun>,
    pub recorder: Recorder,
}

impl Control {
    /// Creates the control; without a marketplace nothing is sold, and no seller is called.
    pub fn new(open_api: OpenApiServer, marketplace: Option<Marketplace>, keys: &AccessKeys, address: &str) -> Self {
        let has_key = |protocol: &Protocol| protocol.keys(keys).is_some();
        let offered = |protocols: &[Protocol]| protocols.iter().copied().filter(has_key).collect();
        Self {
            open_api,
            marketplace,
            keys: keys.clone(),
            credentials: None,
            sold: offered(&[
                Protocol::SaasV2,
                Protocol::SaasV1,
                Protocol::LicenseOnline,
                Protocol::LicenseCode,
                Protocol::LicenseV1,
            ]),
            kits: offered(&[Protocol::KitV2, Protocol::KitV1]),
            tenants: Tenants::default(),
            changes: Changes::default(),
            access: Access::default(),
            address: address.to_owned(),
            seller: None,
            checks: Jobs::default(),
            scenarios: Jobs::default(),
            recorder: Recorder::default(),
        }
    }

    /// Sets the access key pair of the seller's account.
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets the seller.
    pub fn with_seller(mut self, seller: Option<Seller>) -> Self {
        self.seller = seller;
        self
    }

    /// Returns scheme, host and port of the seller, if one is called.
    pub fn seller_host(&self) -> String {
        let address = self.seller.as_ref().and_then(|seller| seller.url.parse::<Uri>().ok());
        let host = address.and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
        host.unwrap_or_default()
    }

    /// Sets who may use the pages.
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.open_api.clear_faults();
        self.marketplace.iter().for_each(Marketplace::clear_faults);
    }

    /// Returns the numbers of the latest call, request and change.
    pub fn place(&self) -> Place {
        let calls =
            self.marketplace.as_ref().and_then(|it| it.log_where(1, |_| true).first().map(|call| call.sequence));
        let requests = self.open_api.log_where(1, |_| true).first().map(|call| call.sequence);
        Place {
            calls: calls.unwrap_or_default(),
            requests: requests.unwrap_or_default(),
            changes: self.changes.count(),
        }
    }

    pub fn marketplace(&self) -> Result<&Marketplace, Refused> {
        let why = "no seller is called: start with --target";
        self.marketplace.as_ref().ok_or_else(|| Refused(StatusCode::CONFLICT, why.to_owned()))
    }

    async fn respond<B>(self, path: String, request: Request<B>) -> Response<BoxBody>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
        B::Data: Send,
    {
        let (head, body) = request.into_parts();
        let accept = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let is_browser = accept.is_some_and(|accept| accept.contains("text/html"));
        let reader = Reader { is_browser, lang: Lang::of(&head) };
        if let Err(refused) = self.access.check(&head) {
            return reply::response(Err(refused), reader);
        }
        // The token stays neither in the address bar nor in the history.
        if let Some(token) = self.access.brought(&head).filter(|_| is_browser && head.method == Method::GET) {
            return with_cookie(redirected(head.uri.path()), TOKEN_COOKIE, token);
        }
        let outcome = match Limited::new(body, MAX_FORM).collect().await {
            Ok(body) => self.steer(&path, &head, &body.to_bytes(), reader).await,
            Err(_) => Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long".to_owned())),
        };
        if head.method == Method::POST && outcome.is_ok() {
            self.changes.note();
        }
        let response = reply::response(outcome, reader);
        match Lang::chosen(&head) {
            Some(lang) => with_cookie(response, lang::COOKIE_NAME, lang.tag()),
            None => response,
        }
    }
}

fn redirected(path: &str) -> Response<BoxBody> {
    let path = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static(HOME));
    let mut response = reply::empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, path);
    response
}

fn with_cookie(mut response: Response<BoxBody>, name: &str, value: &str) -> Response<BoxBody> {
    let cookie = format!("{name}={value}; Path={HOME}; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
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
        async move { Ok(control.respond(path, request).await) }.boxed()
    }
}
