//! A mock of the marketplace's open APIs.

mod deployed;
mod exchange;
mod explain;
mod fault;
mod gateway;
mod instance;
mod licenses;
mod log;
mod login;
mod not_admitted;
mod operation;
mod orders;
mod packages;
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

pub use self::deployed::Deployment;
pub use self::fault::{Fault, FaultRule};
pub use self::instance::{Instance, InstanceState, Quota};
pub use self::licenses::LicenseCode;
pub use self::log::{OpenApiCall, SentRecord};
pub use self::login::{Tenant, User};
pub use self::operation::Operation;
pub(super) use self::orders::end_of_period;
pub use self::orders::{Buyer, LineSpec, OrderSpec, PlacedOrder, ProductSpec};
pub use self::packages::PackageProblem;
pub use self::refusal_form::RefusalForm;
pub use self::seed::SeededRandom;
pub use self::transport::{OpenApiService, serve_open_api};
pub use self::uploads::Upload;
pub use self::usage::{AcceptedUsage, UsageTotal};

use self::deployed::Deployments;
use self::exchange::{Answer, Received};
use self::fault::{Drawn, Faults};
use self::gateway::{Gateway, MAX_BODY};
use self::licenses::Licenses;
use self::login::{LoginServer, Scene};
use self::not_admitted::NotAdmitted;
use self::orders::Orders;
use self::refusal::Refusal;
use self::uploads::Uploads;
use self::usage::{PushFaults, Usage};
use super::ring::Ring;
use super::saved::SavedOpenApi;
use koogallery::clock::{Clock, SystemClock};
use koogallery::key::{Credentials, KeyRing};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;

/// A mock server of all open APIs, and of an authentication center. Clones share everything.
///
/// It follows the documents strictly: a wrong signature is refused and [explained](OpenApiCall::explanation), and five in a
/// row lock the key. Behavior that the documents leave open is noted where it matters.
///
/// It does no IO: [`OpenApiServer::answer`] takes a request and gives the response. It is also a
/// [`Transport`](koogallery::transport::Transport), which spares the socket, and [`serve_open_api`] puts it on one.
///
/// ```
/// # async fn example(runtime: impl koogallery::runtime::Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery::key::Credentials;
/// use koogallery::open_api::{Client, query_order};
/// use koogallery::site::Site;
/// use koogallery_simulator::{LineSpec, OpenApiServer, OrderSpec};
///
/// let credentials = Credentials::new("AK", "SK")?;
/// let open_api = OpenApiServer::builder().credentials(credentials.clone()).build();
/// let order = open_api.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")));
///
/// let client = Client::builder(Site::China, open_api.clone(), runtime).credentials(credentials).build()?;
/// client.call(&query_order::Request::new(&order.order_id)).await?;
/// assert_eq!(open_api.log()[0].about, order.order_id);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mock")]
#[doc(alias = "mock server")]
#[doc(alias = "fake")]
#[doc(alias = "test double")]
#[derive(Clone)]
pub struct OpenApiServer {
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
    login: LoginServer,
    log: Ring<OpenApiCall>,
}

/// Settings of an [`OpenApiServer`].
pub struct OpenApiServerBuilder {
    clock: Box<dyn Clock>,
    site: Site,
    credentials: Vec<Credentials>,
    keys: Option<KeyRing>,
    strict_packages: bool,
    seed: u64,
}

/// The result of a request, including faults.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// Delay before the answer.
    pub delay: Duration,
    /// The answer, or the fault that prevents it.
    pub answer: Result<Response<Bytes>, ConnectionFault>,
}

/// Reason why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// No connection was made.
    #[error("the server could not be reached")]
    NoConnection,
    /// The connection broke before the request took effect.
    #[error("the connection broke before the request took effect")]
    LostRequest,
    /// The connection broke after the request took effect.
    #[error("the connection broke after the request took effect")]
    LostAnswer,
}

impl OpenApiServer {
    /// Creates a builder, with China's site, the system clock, seed 0 and no admitted callers.
    pub fn builder() -> OpenApiServerBuilder {
        OpenApiServerBuilder {
            clock: Box::new(SystemClock),
            site: Site::China,
            credentials: Vec::new(),
            keys: None,
            strict_packages: false,
            seed: 0,
        }
    }

    /// Answers one request, ignoring faults.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (request, mut state) = (received(request), self.state());
        let (operation, answer) = self.decide(&mut state, &request, PushFaults::default());
        let call = self.noted(&request, operation, Some(&answer), None, &Drawn::default());
        state.log.push(|sequence| OpenApiCall { sequence, ..call });
        answer.response
    }

    /// Answers one request, subject to the active faults.
    pub fn receive(&self, request: Request<Bytes>) -> Reply {
        let (request, mut state) = (received(request), self.state());
        let operation = Operation::route(&request.parts.method, request.parts.uri.path()).ok().map(|found| found.0);
        let drawn = state.faults.draw(operation, &self.inner.random);
        let (answer, lost) = self.disturbed(&mut state, &request, operation, &drawn);
        let call = self.noted(&request, operation, answer.as_ref(), lost, &drawn);
        state.log.push(|sequence| OpenApiCall { sequence, ..call });
        let answer = answer.filter(|_| lost.is_none()).map(|answer| answer.response);
        Reply { delay: drawn.delay, answer: answer.ok_or(lost.unwrap_or(ConnectionFault::LostRequest)) }
    }

    /// Returns the latest requests, at most 10,000.
    pub fn log(&self) -> Vec<OpenApiCall> {
        self.log_after(0)
    }

    /// Returns the requests of the [log](Self::log) after the one with this [number](OpenApiCall::sequence).
    pub fn log_after(&self, sequence: u64) -> Vec<OpenApiCall> {
        self.state().log.after(sequence)
    }

    /// Returns the latest requests of the [log](Self::log) that are wanted, at most so many, the latest first.
    pub fn log_where(&self, limit: usize, is_wanted: impl Fn(&OpenApiCall) -> bool) -> Vec<OpenApiCall> {
        self.state().log.latest_where(limit, is_wanted)
    }

    /// Returns the request of the [log](Self::log) with this [number](OpenApiCall::sequence).
    pub fn logged(&self, sequence: u64) -> Option<OpenApiCall> {
        self.state().log.get(sequence)
    }

    /// Returns the requests since the last `take_log`.
    pub fn take_log(&self) -> Vec<OpenApiCall> {
        self.state().log.take()
    }

    /// Activates a fault.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state().faults.add(rule);
    }

    /// Returns the active faults in the order of their activation.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.state().faults.active().to_vec()
    }

    /// Deactivates all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Places an order, which the order query then returns. The nine documented mock orders always exist.
    pub fn place_order(&self, spec: OrderSpec) -> PlacedOrder {
        self.place_order_at(spec, self.now())
    }

    pub(super) fn place_order_at(&self, spec: OrderSpec, now: Timestamp) -> PlacedOrder {
        self.state().orders.place(spec, now, &self.inner.random)
    }

    /// Returns an order.
    pub fn order(&self, order_id: &str) -> Option<PlacedOrder> {
        self.state().orders.get(order_id).cloned()
    }

    /// Registers an instance that the seller reported, or replaces it. Usage is checked against it.
    pub fn put_instance(&self, instance: Instance) {
        self.state().usage.put(instance);
    }

    /// Registers an instance that the seller created for an order line, counted from 0, and that is open from now on.
    pub fn open_instance(&self, order: &PlacedOrder, line: usize, instance_id: &str) {
        let Some(line) = order.spec.lines.get(line) else { return };
        let product_id = line.products.first().map(|product| product.product_id.as_str()).unwrap_or_default();
        let instance = Instance::new(instance_id, product_id, line.charging_mode.clone(), self.now());
        let customer_id = Some(order.spec.buyer.customer_id.clone());
        let (quotas, needs_package) = (line.quotas.clone(), line.needs_package);
        self.put_instance(Instance { customer_id, quotas, needs_package, ..instance });
    }

    /// Changes an instance, if it is registered.
    pub(crate) fn change_instance(&self, instance_id: &str, change: impl FnOnce(&mut Instance)) {
        self.state().usage.change(instance_id, change);
    }

    /// Returns an instance.
    pub fn instance(&self, instance_id: &str) -> Option<Instance> {
        self.state().usage.instance(instance_id).cloned()
    }

    /// Returns all instances, ordered by id.
    pub fn instances(&self) -> Vec<Instance> {
        self.state().usage.instances().cloned().collect()
    }

    /// Returns the accepted usage in order of arrival, without duplicates.
    pub fn usage(&self) -> Vec<AcceptedUsage> {
        self.state().usage.taken().to_vec()
    }

    /// Returns the sums of accepted usage: of a pay-per-use instance one, of a package one for each pay-per-use instance
    /// whose usage was deducted from it. Nothing if there was none.
    pub fn usage_totals(&self, instance_id: &str) -> Vec<UsageTotal> {
        self.state().usage.totals(instance_id)
    }

    /// Invents an authorization code.
    pub fn new_license(&self) -> LicenseCode {
        LicenseCode::new(Licenses::new_code(&self.inner.random), self.now())
    }

    /// Registers a code, or replaces it.
    pub fn put_license(&self, license: LicenseCode) {
        self.state().licenses.put(license);
    }

    /// Returns a code in its current state.
    pub fn license(&self, license: &str) -> Option<LicenseCode> {
        self.state().licenses.get(license).cloned()
    }

    /// Registers an application for a License (`eventId`), whose upload is then accepted.
    pub fn open_license_application(&self, event_id: impl Into<String>) {
        self.state().uploads.open(event_id.into());
    }

    /// Denies an application for a License.
    pub fn deny_license_application(&self, event_id: impl Into<String>) {
        self.state().uploads.deny(event_id.into());
    }

    /// Returns the upload for an application.
    pub fn upload(&self, event_id: &str) -> Option<Upload> {
        self.state().uploads.delivered(event_id).cloned()
    }

    /// Registers a deployed object; the latest of an asset comes last.
    pub fn add_deployment(&self, deployment: Deployment) {
        self.state().deployments.add(deployment);
    }

    /// Registers a tenant with the authentication center, or replaces it.
    pub fn put_tenant(&self, tenant: Tenant) {
        self.state().login.put(tenant);
    }

    /// Removes a tenant from the authentication center, with all logins of its users.
    pub fn remove_tenant(&self, tenant_id: &str) {
        self.state().login.remove(tenant_id);
    }

    /// Returns the tenants of the authentication center.
    pub fn tenants(&self) -> Vec<Tenant> {
        self.state().login.tenants().to_vec()
    }

    /// Logs a user in at the browser, which then receives codes and tickets. Returns `false`, and logs no user in, if
    /// the tenant or the user is unknown.
    pub fn log_in(&self, tenant_id: &str, user_name: &str) -> bool {
        self.state().login.log_in(tenant_id, user_name)
    }

    /// Returns the URL to which the unified login page or the workbench redirects the browser after login: the callback
    /// address with `code` and `tenant`. `None` if the tenant or the user is unknown.
    pub fn login_callback(&self, tenant_id: &str, user_name: &str) -> Option<String> {
        let scene = Scene { now: self.now(), random: &self.inner.random };
        self.state().login.callback(tenant_id, user_name, &scene)
    }

    pub(super) fn saved(&self) -> SavedOpenApi {
        let state = self.state();
        SavedOpenApi {
            orders: state.orders.all().cloned().collect(),
            instances: state.usage.instances().cloned().collect(),
            usage: state.usage.taken().to_vec(),
            licenses: state.licenses.all().cloned().collect(),
        }
    }

    pub(super) fn put_saved(&self, saved: SavedOpenApi) {
        let SavedOpenApi { orders, instances, usage, licenses } = saved;
        let mut state = self.state();
        orders.into_iter().for_each(|order| state.orders.put(order));
        instances.into_iter().for_each(|instance| state.usage.put(instance));
        usage.into_iter().for_each(|usage| state.usage.restore(usage));
        licenses.into_iter().for_each(|license| state.licenses.put(license));
    }

    /// Returns the server's time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the answer, if any, and the connection fault, if any.
    fn disturbed(
        &self,
        state: &mut State,
        request: &Received,
        operation: Option<Operation>,
        drawn: &Drawn,
    ) -> (Option<Answer>, Option<ConnectionFault>) {
        let fault = drawn.fault.as_ref();
        let options = PushFaults { partial: None, form: drawn.form.unwrap_or_default() };
        let refused = |code: &str, why: &str| Answer::refused(operation, &Refusal::new(code, why), &self.inner.random);
        let answer = match fault {
            Some(Fault::NoConnection) => return (None, Some(ConnectionFault::NoConnection)),
            Some(Fault::LostRequest) => return (None, Some(ConnectionFault::LostRequest)),
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
                let _ = self.decide(state, request, options);
                self.decide(state, request, options).1
            }
            Some(Fault::PartialFailure(code)) => {
                self.decide(state, request, PushFaults { partial: Some(code), ..options }).1
            }
            Some(Fault::TruncatedAnswer) => self.decide(state, request, options).1.truncated(),
            Some(Fault::Slow(_) | Fault::RefusalForm(_) | Fault::LostAnswer) | None => {
                self.decide(state, request, options).1
            }
        };
        (Some(answer), matches!(fault, Some(Fault::LostAnswer)).then_some(ConnectionFault::LostAnswer))
    }

    /// Routes, authenticates and answers a request.
    fn decide(&self, state: &mut State, request: &Received, options: PushFaults<'_>) -> (Option<Operation>, Answer) {
        let random = &self.inner.random;
        let (operation, event) = match Operation::route(&request.parts.method, request.parts.uri.path()) {
            Ok(found) if found.0.is_offered_by(self.inner.site) || found.0.is_of_login() => found,
            Ok(_) => {
                let refusal = Refusal::new("APIGW.0101", "the site does not offer the API");
                return (None, Answer::refused(None, &refusal, random));
            }
            Err(refusal) => {
                // The only codes that do not come from the gateway use the envelope of the License APIs.
                return (None, Answer::refused(Some(Operation::QueryLicense), &refusal, random));
            }
        };
        let refused = |refusal: &Refusal| Answer::refused(Some(operation), refusal, random);
        let answer = if request.body.len() > MAX_BODY {
            Err(Refusal::new("APIGW.0201", "the body has more than 12 MB"))
        } else {
            match self.admit(state, request, operation) {
                Ok(()) => self.perform(state, request, operation, event, options),
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
        options: PushFaults<'_>,
    ) -> Result<Answer, Refusal> {
        let (now, random) = (self.now(), &self.inner.random);
        match operation {
            Operation::QueryOrder => state.orders.query(request, now, self.inner.site),
            Operation::PushUsage => state.usage.push(request, options, now, random),
            Operation::PushUsageOld => state.usage.push_old(request, now),
            Operation::ActivateLicense => state.licenses.activate(request, now),
            Operation::ActivateLicenses => state.licenses.activate_all(request, now),
            Operation::QueryLicense => state.licenses.query(request, now),
            Operation::ReportSoftwareUsage => state.licenses.report(request),
            Operation::Upload => state.uploads.take(request, event),
            Operation::QueryDeployedObjects => state.deployments.query(request),
            of_login => Ok(state.login.answer(request, of_login, &Scene { now, random })),
        }
    }

    fn noted(
        &self,
        request: &Received,
        operation: Option<Operation>,
        answer: Option<&Answer>,
        lost: Option<ConnectionFault>,
        drawn: &Drawn,
    ) -> OpenApiCall {
        OpenApiCall {
            sequence: 0,
            at: self.now(),
            operation,
            request: format!("{} {}", request.parts.method, request.parts.uri.path()),
            about: answer.map(|answer| answer.about.clone()).unwrap_or_default(),
            status: answer.filter(|_| lost.is_none()).map(|answer| answer.response.status()),
            code: answer.map(|answer| answer.code.clone()).unwrap_or_default(),
            explanation: answer.map(|answer| answer.explanation.clone()).unwrap_or_default(),
            remarks: answer.map(|answer| answer.remarks.clone()).unwrap_or_default(),
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

impl fmt::Debug for OpenApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenApiServer").field("site", &self.inner.site).finish_non_exhaustive()
    }
}

impl OpenApiServerBuilder {
    /// Sets the clock (default: system clock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Sets the site (default: China). International has no License APIs; Europe has only the order query, with seven
    /// mock orders.
    #[must_use]
    pub fn site(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    /// Adds an AK/SK of the seller that may call.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials.push(credentials);
        self
    }

    /// Sets the access keys of the basic interface, for the newer usage push.
    #[must_use]
    pub fn access_keys(mut self, keys: impl Into<KeyRing>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// Refuses usage (018) also where a package has expired, was released, was opened later or has less left than the
    /// usage. Default: such records are accepted, and their [problem](AcceptedUsage::package_problem) is noted, since the
    /// documents do not say what the marketplace does with them.
    #[must_use]
    pub fn strict_packages(mut self) -> Self {
        self.strict_packages = true;
        self
    }

    /// Sets the seed for ids, codes and faults (default: 0): the same seed, clock and calls give the same answers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the server.
    pub fn build(self) -> OpenApiServer {
        let Self { clock, site, credentials, keys, strict_packages, seed } = self;
        let usage = Usage::new(strict_packages);
        let (random, state) = (SeededRandom::new(seed), Mutex::new(State { usage, ..State::default() }));
        OpenApiServer { inner: Arc::new(Inner { clock, site, credentials, keys, random, state }) }
    }
}

impl fmt::Debug for OpenApiServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskBuilder").field("site", &self.site).field("seed", &self.seed).finish_non_exhaustive()
    }
}
