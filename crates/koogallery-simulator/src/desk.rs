//! The marketplace as a seller's calls meet it.

mod centre;
mod deployed;
mod exchange;
mod explain;
mod fault;
mod gateway;
mod licenses;
mod log;
mod operation;
mod orders;
mod push_signature;
mod refusal;
mod refusal_form;
mod seed;
mod transport;
mod uploads;
mod usage;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};

pub use self::centre::{Tenant, User};
pub use self::deployed::Deployment;
pub use self::fault::{Fault, FaultRule};
pub use self::licenses::LicenseCode;
pub use self::log::{Call, SentRecord};
pub use self::operation::Operation;
pub(super) use self::orders::end_of_period;
pub use self::orders::{Buyer, LineSpec, OrderSpec, PlacedOrder, ProductSpec};
pub use self::refusal_form::RefusalForm;
pub use self::seed::SeededRandom;
pub use self::transport::{DeskService, serve_desk};
pub use self::uploads::Upload;
pub use self::usage::{Instance, InstanceState, UsageTaken};

use self::centre::{Centre, Scene};
use self::deployed::Deployments;
use self::exchange::{Answer, Received};
use self::fault::{Drawn, Faults};
use self::gateway::{Gateway, MAX_BODY, NotAdmitted};
use self::licenses::Licenses;
use self::orders::Orders;
use self::refusal::Refusal;
use self::uploads::Uploads;
use self::usage::{PushManner, Usage};
use koogallery::clock::{Clock, SystemClock};
use koogallery::key::{Credentials, KeyRing};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;

/// The marketplace as a seller's calls meet it: all open APIs, and an authentication centre. Clones share everything.
///
/// It keeps to the documents and is strict where they are: a signature that is wrong is refused and
/// [explained](Call::explanation), five in a row lock the key. What the documents leave open is said where it matters.
///
/// It does no IO: [`Desk::answer`] takes a request and gives the response. It is also a
/// [`Transport`](koogallery::transport::Transport), which spares the socket, and [`serve_desk`] puts it on one.
///
/// ```
/// # async fn example(runtime: impl koogallery::runtime::Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery::key::Credentials;
/// use koogallery::open_api::{Client, query_order};
/// use koogallery_simulator::{Desk, LineSpec, OrderSpec};
/// use koogallery::site::Site;
///
/// let credentials = Credentials::new("AK", "SK")?;
/// let desk = Desk::builder().credentials(credentials.clone()).build();
/// let order = desk.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")));
///
/// let client = Client::builder(Site::China, desk.clone(), runtime).credentials(credentials).build()?;
/// client.call(&query_order::Request::new(&order.order_id)).await?;
/// assert_eq!(desk.log()[0].about, order.order_id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Box<dyn Clock>,
    site: Site,
    credentials: Vec<Credentials>,
    keys: Option<KeyRing>,
    random: SeededRandom,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    gateway: Gateway,
    faults: Faults,
    orders: Orders,
    usage: Usage,
    licenses: Licenses,
    uploads: Uploads,
    deployments: Deployments,
    centre: Centre,
    log: Vec<Call>,
}

/// Settings of a [`Desk`].
pub struct DeskBuilder {
    clock: Box<dyn Clock>,
    site: Site,
    credentials: Vec<Credentials>,
    keys: Option<KeyRing>,
    seed: u64,
}

/// What comes of a request, faults included.
#[derive(Debug)]
pub struct Reply {
    /// How long the answer is held back.
    pub delay: Duration,
    /// The answer, if one comes.
    pub answer: Result<Response<Bytes>, Lost>,
}

/// Why no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Nobody was reached.
    #[error("nobody could be reached")]
    NoConnection,
    /// The connection broke before the request took effect.
    #[error("the connection broke before the request took effect")]
    Request,
    /// The connection broke after the request took effect.
    #[error("the connection broke after the request took effect")]
    Answer,
}

impl Desk {
    /// Begins with China's site, the system's clock, seed 0, and nobody who may call.
    pub fn builder() -> DeskBuilder {
        DeskBuilder { clock: Box::new(SystemClock), site: Site::China, credentials: Vec::new(), keys: None, seed: 0 }
    }

    /// Answers one request as the marketplace does when nothing goes wrong on the way; faults are left aside.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (request, mut state) = (received(request), self.state());
        let (operation, answer) = self.decide(&mut state, &request, PushManner::default());
        state.log.push(self.noted(&request, operation, Some(&answer), None, &Drawn::default()));
        answer.response
    }

    /// Answers one request, or does not, as the faults that are switched on will have it.
    pub fn receive(&self, request: Request<Bytes>) -> Reply {
        let (request, mut state) = (received(request), self.state());
        let operation = Operation::route(&request.parts.method, request.parts.uri.path()).ok().map(|found| found.0);
        let drawn = state.faults.draw(operation, &self.inner.random);
        let (answer, lost) = self.disturbed(&mut state, &request, operation, &drawn);
        state.log.push(self.noted(&request, operation, answer.as_ref(), lost, &drawn));
        let answer = answer.filter(|_| lost.is_none()).map(|answer| answer.response);
        Reply { delay: drawn.delay, answer: answer.ok_or(lost.unwrap_or(Lost::Request)) }
    }

    /// Everything that was asked so far.
    pub fn log(&self) -> Vec<Call> {
        self.state().log.clone()
    }

    /// What was asked since this was called last.
    pub fn take_log(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().log)
    }

    /// Switches a fault on.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state().faults.add(rule);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Places an order, which the order query then knows. The nine documented mock orders are always known.
    pub fn place_order(&self, spec: OrderSpec) -> PlacedOrder {
        self.place_order_at(spec, self.now())
    }

    pub(super) fn place_order_at(&self, spec: OrderSpec, now: Timestamp) -> PlacedOrder {
        self.state().orders.place(spec, now, &self.inner.random)
    }

    /// An order that was placed.
    pub fn order(&self, order_id: &str) -> Option<PlacedOrder> {
        self.state().orders.get(order_id).cloned()
    }

    /// Makes an instance known that the seller reported, or replaces it. Usage is checked against it.
    pub fn put_instance(&self, instance: Instance) {
        self.state().usage.put(instance);
    }

    /// Makes an instance known that the seller gave for a line of an order, counted from 0, and that is open from now on.
    pub fn open_instance(&self, order: &PlacedOrder, line: usize, instance_id: &str) {
        let Some(line) = order.spec.lines.get(line) else { return };
        let product_id = line.products.first().map(|product| product.product_id.as_str()).unwrap_or_default();
        self.put_instance(Instance::new(instance_id, product_id, line.charging_mode.clone(), self.now()));
    }

    /// An instance that is known.
    pub fn instance(&self, instance_id: &str) -> Option<Instance> {
        self.state().usage.instance(instance_id).cloned()
    }

    /// The usage that was taken, in the order in which it came; nothing twice.
    pub fn usage(&self) -> Vec<UsageTaken> {
        self.state().usage.taken().to_vec()
    }

    /// Makes up an authorization code.
    pub fn new_license(&self) -> LicenseCode {
        LicenseCode::new(Licenses::new_code(&self.inner.random), self.now())
    }

    /// Makes a code known, or replaces it.
    pub fn put_license(&self, license: LicenseCode) {
        self.state().licenses.put(license);
    }

    /// A code that is known, as it is now.
    pub fn license(&self, license: &str) -> Option<LicenseCode> {
        self.state().licenses.get(license).cloned()
    }

    /// Makes an application for a License known, whose delivery is then taken.
    pub fn open_event(&self, event_id: impl Into<String>) {
        self.state().uploads.open(event_id.into());
    }

    /// Denies an application.
    pub fn deny_event(&self, event_id: impl Into<String>) {
        self.state().uploads.deny(event_id.into());
    }

    /// What was delivered for an application.
    pub fn upload(&self, event_id: &str) -> Option<Upload> {
        self.state().uploads.delivered(event_id).cloned()
    }

    /// Makes a deployed object known; the latest of an asset comes last.
    pub fn add_deployment(&self, deployment: Deployment) {
        self.state().deployments.add(deployment);
    }

    /// Makes a tenant known to the authentication centre, or replaces it.
    pub fn put_tenant(&self, tenant: Tenant) {
        self.state().centre.put(tenant);
    }

    /// Logs a user in at the browser, which then gets codes and tickets. `false`, and nobody logged in, where the tenant or
    /// the user is unknown.
    pub fn log_in(&self, tenant_id: &str, user_name: &str) -> bool {
        self.state().centre.log_in(tenant_id, user_name)
    }

    /// Where the unified login page, or the workbench, sends a browser when a user has logged in: the callback address with
    /// `code` and `tenant`. `None` where the tenant or the user is unknown.
    pub fn login_callback(&self, tenant_id: &str, user_name: &str) -> Option<String> {
        let scene = Scene { now: self.now(), random: &self.inner.random };
        self.state().centre.callback(tenant_id, user_name, &scene)
    }

    /// The desk's time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer, if there was one, and how it is lost, if it is.
    fn disturbed(
        &self,
        state: &mut State,
        request: &Received,
        operation: Option<Operation>,
        drawn: &Drawn,
    ) -> (Option<Answer>, Option<Lost>) {
        let fault = drawn.fault.as_ref();
        let manner = PushManner { partial: None, form: drawn.form.unwrap_or_default() };
        let refused = |code: &str, why: &str| Answer::refused(operation, &Refusal::new(code, why), &self.inner.random);
        let answer = match fault {
            Some(Fault::NoConnection) => return (None, Some(Lost::NoConnection)),
            Some(Fault::LostRequest) => return (None, Some(Lost::Request)),
            Some(Fault::ServerError(status)) => {
                let code = match status {
                    502 => "APIGW.0202",
                    503 => "APIGW.0613",
                    504 => "APIGW.0203",
                    _ => "APIGW.0601",
                };
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                refused(code, "").with_status(status)
            }
            Some(Fault::Throttled { retry_after }) => {
                let answer = refused("APIGW.0308", "policy user over ratelimit,limit:1");
                match retry_after {
                    Some(after) => answer.with_header(RETRY_AFTER, &after.as_secs().to_string()),
                    None => answer,
                }
            }
            Some(Fault::Refused(code)) => refused(code, ""),
            Some(Fault::HtmlPage) => {
                let page = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>".to_owned();
                Answer::text(StatusCode::BAD_GATEWAY, "text/html", "", page)
            }
            Some(Fault::Duplicate) => {
                let _ = self.decide(state, request, manner);
                self.decide(state, request, manner).1
            }
            Some(Fault::PartialFailure(code)) => {
                self.decide(state, request, PushManner { partial: Some(code), ..manner }).1
            }
            Some(Fault::TruncatedAnswer) => self.decide(state, request, manner).1.truncated(),
            Some(Fault::Slow(_) | Fault::RefusalForm(_) | Fault::LostAnswer) | None => {
                self.decide(state, request, manner).1
            }
        };
        (Some(answer), matches!(fault, Some(Fault::LostAnswer)).then_some(Lost::Answer))
    }

    /// Routes, checks who asks, and has the request answered.
    fn decide(&self, state: &mut State, request: &Received, manner: PushManner<'_>) -> (Option<Operation>, Answer) {
        let random = &self.inner.random;
        let (operation, event) = match Operation::route(&request.parts.method, request.parts.uri.path()) {
            Ok(found) if found.0.is_offered_by(self.inner.site) || found.0.is_of_login() => found,
            Ok(_) => {
                let refusal = Refusal::new("APIGW.0101", "the site does not offer the API");
                return (None, Answer::refused(None, &refusal, random));
            }
            Err(refusal) => {
                // The envelope of the only codes that are not the gateway's is that of the Licenses.
                return (None, Answer::refused(Some(Operation::QueryLicense), &refusal, random));
            }
        };
        let refused = |refusal: &Refusal| Answer::refused(Some(operation), refusal, random);
        let answer = if request.body.len() > MAX_BODY {
            Err(Refusal::new("APIGW.0201", "the body has more than 12 MB"))
        } else {
            match self.admit(state, request, operation) {
                Ok(()) => self.perform(state, request, operation, event, manner),
                Err(NotAdmitted { refusal, explanation }) if explanation.is_empty() => Err(refusal),
                Err(NotAdmitted { refusal, explanation }) => {
                    let mut answer = refused(&refusal);
                    answer.explanation = explanation;
                    Ok(answer)
                }
            }
        };
        (Some(operation), answer.unwrap_or_else(|refusal| refused(&refusal)))
    }

    fn admit(&self, state: &mut State, request: &Received, operation: Operation) -> Result<(), NotAdmitted> {
        let Inner { credentials, keys, .. } = &*self.inner;
        match operation {
            _ if operation.is_of_login() => Ok(()),
            Operation::PushUsage => push_signature::admit(request, credentials, keys.as_ref()),
            _ => state.gateway.admit(request, credentials, keys.as_ref(), self.now()),
        }
    }

    fn perform(
        &self,
        state: &mut State,
        request: &Received,
        operation: Operation,
        event: &str,
        manner: PushManner<'_>,
    ) -> Result<Answer, Refusal> {
        let (now, random) = (self.now(), &self.inner.random);
        match operation {
            Operation::QueryOrder => state.orders.query(request, now, self.inner.site),
            Operation::PushUsage => state.usage.push(request, manner, now, random),
            Operation::PushUsageOld => state.usage.push_old(request, now),
            Operation::ActivateLicense => state.licenses.activate(request, now),
            Operation::ActivateLicenses => state.licenses.activate_all(request, now),
            Operation::QueryLicense => state.licenses.query(request, now),
            Operation::ReportSoftwareUsage => state.licenses.report(request),
            Operation::Upload => state.uploads.take(request, event),
            Operation::QueryDeployedObjects => state.deployments.query(request),
            of_login => Ok(state.centre.answer(request, of_login, &Scene { now, random })),
        }
    }

    fn noted(
        &self,
        request: &Received,
        operation: Option<Operation>,
        answer: Option<&Answer>,
        lost: Option<Lost>,
        drawn: &Drawn,
    ) -> Call {
        Call {
            at: self.now(),
            operation,
            request: format!("{} {}", request.parts.method, request.parts.uri.path()),
            about: answer.map(|answer| answer.about.clone()).unwrap_or_default(),
            status: answer.filter(|_| lost.is_none()).map(|answer| answer.response.status()),
            code: answer.map(|answer| answer.code.clone()).unwrap_or_default(),
            explanation: answer.map(|answer| answer.explanation.clone()).unwrap_or_default(),
            faults: drawn.names(),
            delay: drawn.delay,
            records: match operation {
                Some(Operation::PushUsage) if request.body.len() <= MAX_BODY => {
                    SentRecord::all(&request.body, answer.map_or(&[], |answer| &answer.refused))
                }
                _ => Vec::new(),
            },
        }
    }
}

fn received(request: Request<Bytes>) -> Received {
    let (parts, body) = request.into_parts();
    Received { parts, body }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("site", &self.inner.site).finish_non_exhaustive()
    }
}

impl DeskBuilder {
    /// Tells the time.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Another site. International has no License APIs, Europe the order query alone, with seven mock orders.
    #[must_use]
    pub fn site(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    /// An AK/SK of the seller's that may call; one more each time.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials.push(credentials);
        self
    }

    /// The access keys of the basic interface, for the newer usage push.
    #[must_use]
    pub fn access_keys(mut self, keys: impl Into<KeyRing>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// What ids, codes and faults are drawn from: the same seed, clock and calls give the same answers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The desk.
    pub fn build(self) -> Desk {
        let Self { clock, site, credentials, keys, seed } = self;
        let (random, state) = (SeededRandom::new(seed), Mutex::default());
        Desk { inner: Arc::new(Inner { clock, site, credentials, keys, random, state }) }
    }
}

impl fmt::Debug for DeskBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskBuilder").field("site", &self.site).field("seed", &self.seed).finish_non_exhaustive()
    }
}
