//! A client: signs, sends, tries again, and changes to the fallback host.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::response::Parts;
use http::{Request, StatusCode};

use super::{Api, ApiError, ApiErrorKind, Authentication, CallObserver, EndedCall, FailedAttempt, LimitError, upload};
use crate::backoff;
use crate::clock::{Clock, SystemClock};
use crate::key::{AccessKey, Credentials};
use crate::random::{self, OsRandom, Random, RandomError};
use crate::runtime::Runtime;
use crate::signature::aksk::{self, Payload, SignError, Signer};
use crate::signature::usage_push;
use crate::site::Site;
use crate::timestamp::Timestamp;
use crate::transport::{BaseUrl, StreamedBody, Transport, TransportError};

/// Calls the open APIs. Clones share everything.
///
/// ```
/// # async fn example(
/// #     transport: impl koogallery::transport::Transport,
/// #     runtime: impl koogallery::runtime::Runtime,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery::key::Credentials;
/// use koogallery::open_api::{Client, query_order};
/// use koogallery::site::Site;
///
/// let client = Client::builder(Site::China, transport, runtime).credentials(Credentials::new("AK", "SK")?).build()?;
/// let order = client.call(&query_order::Request::new("MOCKPERIODYEARNEW")).await?;
/// println!("{} has {} lines", order.order_id, order.order_lines.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Box<dyn Transport>,
    runtime: Box<dyn Runtime>,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    base: BaseUrl,
    fallback: Option<BaseUrl>,
    credentials: Option<Credentials>,
    access_key: Option<AccessKey>,
    policy: RetryPolicy,
    observer: Option<Box<dyn CallObserver>>,
    lock: Mutex<AccessLock>,
}

/// Number and pace of the tries of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Tries in all; at least 1.
    pub attempts: u32,
    /// The longest first pause. Every further one may be twice as long; each is drawn between half of its longest and
    /// all.
    pub first_pause: Duration,
    /// No pause is longer, and no answer's `Retry-After` is waited for longer.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// Four tries with pauses of at most 0.5, 1 and 2 seconds, and at most 30 seconds where the answer asks for it.
    fn default() -> Self {
        Self { attempts: 4, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30) }
    }
}

/// The gateway locks a key for five minutes after five failed authentications in a row, also for correctly signed
/// calls. So the client stops before that.
#[derive(Debug, Default)]
struct AccessLock {
    failures_in_a_row: u32,
    paused_until: Option<Timestamp>,
}

const FAILURES_BEFORE_PAUSE: u32 = 3;
const PAUSE_AFTER_FAILURES: Duration = Duration::from_secs(5 * 60);

/// A request as the transport takes it.
enum Outgoing {
    Whole(Request<Bytes>),
    Streamed(Request<StreamedBody>),
}

/// Settings of a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// use koogallery::key::{AccessKey, Credentials};
/// use koogallery::open_api::{CallObserver, Client, ClientBuildError, RetryPolicy};
/// use koogallery::site::Site;
/// use koogallery::{runtime::Runtime, transport::Transport};
///
/// fn client(
///     transport: impl Transport,
///     runtime: impl Runtime,
///     observer: impl CallObserver,
/// ) -> Result<Client, Box<dyn std::error::Error>> {
///     let mut policy = RetryPolicy::default();
///     policy.attempts = 2;
///     policy.longest_pause = Duration::from_secs(5);
///     let client = Client::builder(Site::China, transport, runtime)
///         .credentials(Credentials::new("AK", "SK")?)
///         .access_key(AccessKey::new("key of the basic interface")?) // for usage
///         .base_url("http://127.0.0.1:9000".parse()?) // a mock marketplace
///         .fallback_url(None)
///         .retry_policy(policy)
///         .observer(observer)
///         .build()?;
///     Ok(client)
/// }
/// ```
pub struct ClientBuilder {
    inner: Inner,
}

impl Client {
    /// Returns a builder with the site, the transport, and a runtime to wait on.
    pub fn builder(site: Site, transport: impl Transport, runtime: impl Runtime) -> ClientBuilder {
        ClientBuilder {
            inner: Inner {
                transport: Box::new(transport),
                runtime: Box::new(runtime),
                clock: Box::new(SystemClock),
                random: Box::new(OsRandom),
                base: site.into(),
                fallback: BaseUrl::fallback_of(site),
                credentials: None,
                access_key: None,
                policy: RetryPolicy::default(),
                observer: None,
                lock: Mutex::default(),
            },
        }
    }

    /// Calls one API, with retries where the answer or its absence allows them.
    ///
    /// # Errors
    ///
    /// The last try failed, or a field breaks a documented limit and nothing was sent. Every try is signed again.
    pub async fn call<A: Api>(&self, api: &A) -> Result<A::Response, CallError> {
        self.call_with::<A>(api.check(), |base| Outgoing::Whole(api.to_http(base))).await
    }

    /// Uploads a file that is read while it is sent, once more at every try.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn upload(&self, file: &upload::Streamed) -> Result<(), CallError> {
        self.call_with::<upload::Request>(file.check(), |base| Outgoing::Streamed(file.to_http(base))).await
    }

    async fn call_with<A: Api>(
        &self,
        checked: Result<(), LimitError>,
        request: impl Fn(&BaseUrl) -> Outgoing,
    ) -> Result<A::Response, CallError> {
        let inner = &*self.inner;
        let began = inner.clock.now();
        let mut observed = inner.observer.as_ref().map(|observer| observer.begin(A::NAME));
        let mut base = &inner.base;
        let mut attempt = 1;
        let (outcome, head) = loop {
            let (outcome, head) = match &checked {
                Ok(()) => inner.attempt::<A>(request(base)).await,
                Err(limit) => (Err(CallError::Limit { api: A::NAME, limit: limit.clone() }), None),
            };
            let Err(error) = &outcome else { break (outcome, head) };
            if let CallError::Transport { source: TransportError::Connect(_), .. } = error {
                // The other host, if there is one, and then back again.
                base = inner.fallback.as_ref().filter(|fallback| *fallback != base).unwrap_or(&inner.base);
            }
            let Some(pause) = inner.pause_after(attempt, error) else { break (outcome, head) };
            if let Some(observed) = &mut observed {
                observed.retry(&FailedAttempt { attempt, error, pause });
            }
            inner.runtime.sleep(pause).await;
            attempt += 1;
        };
        if let Some(observed) = &mut observed {
            let error = outcome.as_ref().err();
            observed.end(&EndedCall {
                attempts: attempt,
                status: head.as_ref().map(|head| head.status),
                request_id: error.and_then(CallError::request_id).or_else(|| request_id(head.as_ref()?)),
                error,
                duration: inner.clock.now().abs_diff(began),
            });
        }
        outcome
    }
}

impl Inner {
    /// One try: what came of it, and the head of the answer if there was one.
    async fn attempt<A: Api>(&self, request: Outgoing) -> (Result<A::Response, CallError>, Option<Parts>) {
        let now = self.clock.now();
        let sent = match self.check_lock::<A>(now).and_then(|()| self.sign::<A>(request, now)) {
            Ok(Outgoing::Whole(request)) => self.transport.send(request).await,
            Ok(Outgoing::Streamed(request)) => self.transport.send_streamed(request).await,
            Err(error) => return (Err(error), None),
        };
        let response = match sent {
            Ok(response) => response,
            Err(source) => return (Err(CallError::Transport { api: A::NAME, source }), None),
        };
        let outcome = A::from_http(&response);
        self.note_authentication::<A>(outcome.as_ref().err(), now);
        let outcome = outcome.map_err(|mut error| {
            error.measure_clock(now, self.clock.now());
            CallError::Api(error)
        });
        (outcome, Some(response.into_parts().0))
    }

    fn sign<A: Api>(&self, request: Outgoing, now: Timestamp) -> Result<Outgoing, CallError> {
        match (request, A::AUTHENTICATION) {
            (Outgoing::Whole(request), Authentication::AkSk) => {
                let signed = aksk::sign(request, self.credentials::<A>()?, now);
                signed.map(Outgoing::Whole).map_err(|source| CallError::Sign { api: A::NAME, source })
            }
            (Outgoing::Streamed(request), _) => {
                let (mut head, body) = request.into_parts();
                let signed = Signer::new(self.credentials::<A>()?).sign(&mut head, Payload::Unsigned, now);
                signed.map_err(|source| CallError::Sign { api: A::NAME, source })?;
                Ok(Outgoing::Streamed(Request::from_parts(head, body)))
            }
            (Outgoing::Whole(mut request), Authentication::AccessKey) => {
                let key = self.access_key.as_ref().ok_or(CallError::NoAccessKey(A::NAME))?;
                let (nonce, ts) = (random::hex(&*self.random)?, now.as_unix_millis().to_string());
                let signature = usage_push::sign(key, &ts, &nonce, request.body());
                for (name, value) in [("signature", signature), ("ts", ts), ("nonce", nonce)] {
                    // Hex, digits and Base64 are always header text.
                    let value = HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static(""));
                    request.headers_mut().insert(HeaderName::from_static(name), value);
                }
                Ok(Outgoing::Whole(request))
            }
        }
    }

    fn credentials<A: Api>(&self) -> Result<&Credentials, CallError> {
        self.credentials.as_ref().ok_or(CallError::NoCredentials(A::NAME))
    }

    fn check_lock<A: Api>(&self, now: Timestamp) -> Result<(), CallError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        match lock.paused_until {
            Some(until) if A::AUTHENTICATION == Authentication::AkSk && now < until => {
                Err(CallError::Paused { api: A::NAME, until })
            }
            Some(until) if now >= until => {
                *lock = AccessLock::default();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn note_authentication<A: Api>(&self, error: Option<&ApiError>, now: Timestamp) {
        if A::AUTHENTICATION != Authentication::AkSk {
            return;
        }
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) if error.status == StatusCode::UNAUTHORIZED => {
                lock.failures_in_a_row += 1;
                if lock.failures_in_a_row >= FAILURES_BEFORE_PAUSE {
                    lock.paused_until = Some(now.saturating_add(PAUSE_AFTER_FAILURES));
                }
            }
            _ => *lock = AccessLock::default(),
        }
    }

    /// Returns the pause before the next try, if there is one: as long as the answer asks, and at least the drawn
    /// pause.
    fn pause_after(&self, attempt: u32, error: &CallError) -> Option<Duration> {
        if !error.is_retryable() || attempt >= self.policy.attempts {
            return None;
        }
        let RetryPolicy { first_pause, longest_pause, .. } = self.policy;
        let drawn = backoff::pause(first_pause, longest_pause, attempt - 1, &*self.random);
        let CallError::Api(error) = error else { return Some(drawn) };
        match error.pause(self.clock.now()) {
            Some(asked) if asked > longest_pause => None,
            asked => Some(drawn.max(asked.unwrap_or_default())),
        }
    }
}

fn request_id(head: &Parts) -> Option<&str> {
    head.headers.get("x-request-id")?.to_str().ok()
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.inner.base).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Sets the AK/SK of the seller's account, for all APIs but the newer usage push.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.inner.credentials = Some(credentials);
        self
    }

    /// Sets the access key of the basic interface, for the newer usage push.
    #[must_use]
    pub fn access_key(mut self, key: AccessKey) -> Self {
        self.inner.access_key = Some(key);
        self
    }

    /// Sets another address than the site's, for instance a simulator's; there is no fallback then.
    #[must_use]
    pub fn base_url(mut self, base: BaseUrl) -> Self {
        self.inner.base = base;
        self.inner.fallback = None;
        self
    }

    /// Sets the address to try when the first cannot be reached (default: the site's documented one).
    #[must_use]
    pub fn fallback_url(mut self, fallback: Option<BaseUrl>) -> Self {
        self.inner.fallback = fallback;
        self
    }

    /// Sets number and pace of the tries of a call.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.inner.policy = policy;
        self
    }

    /// Sets the clock (default: the system's).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.inner.clock = Box::new(clock);
        self
    }

    /// Sets the source of randomness for nonces and pauses (default: the operating system's).
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.inner.random = Box::new(random);
        self
    }

    /// Sets the observer of the calls (default: none).
    #[must_use]
    pub fn observer(mut self, observer: impl CallObserver) -> Self {
        self.inner.observer = Some(Box::new(observer));
        self
    }

    /// Returns the client.
    ///
    /// # Errors
    ///
    /// An address is `https`, and the transport speaks no TLS.
    pub fn build(self) -> Result<Client, ClientBuildError> {
        let Inner { transport, base, fallback, .. } = &self.inner;
        let needs_tls = std::iter::once(base).chain(fallback).find(|address| address.is_https());
        if let Some(address) = needs_tls
            && !transport.has_tls()
        {
            return Err(ClientBuildError::NoTls(address.clone()));
        }
        Ok(Client { inner: Arc::new(self.inner) })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

/// A client that cannot be built.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientBuildError {
    /// The address is `https`, and the transport speaks no TLS.
    #[error(
        "{0} needs TLS, and the HTTP client was built without: turn on the feature `rustls`, or a TLS feature of its own"
    )]
    NoTls(BaseUrl),
}

impl fmt::Debug for ClientBuildError {
    /// As its text, which a program shows that ends with this error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An error of a call, after the last try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The marketplace answered, and not with success.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// No answer came.
    #[error("{api}: no answer")]
    Transport {
        /// The API called.
        api: &'static str,
        /// The cause.
        source: TransportError,
    },
    /// A field breaks a documented limit. Nothing was sent.
    #[error("{api}: {limit}")]
    Limit {
        /// The API to be called.
        api: &'static str,
        /// The field and its limit.
        limit: LimitError,
    },
    /// The API needs AK/SK, and the client has none.
    #[error("{0}: the client has no AK/SK")]
    NoCredentials(&'static str),
    /// The request could not be signed. Nothing was sent.
    #[error("{api}: the request could not be signed")]
    Sign {
        /// The API to be called.
        api: &'static str,
        /// The cause.
        source: SignError,
    },
    /// The API needs the access key of the basic interface, and the client has none.
    #[error("{0}: the client has no access key")]
    NoAccessKey(&'static str),
    /// Authentication failed several times in a row. The client sends nothing for five minutes, because two more
    /// failures would lock the key. Check AK/SK, the seller account and the clock.
    #[error("{api}: paused until {until} after failed authentications")]
    Paused {
        /// The API called.
        api: &'static str,
        /// Time of the next call.
        until: Timestamp,
    },
    /// No randomness for the nonce.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl CallError {
    /// Returns whether the same call may succeed later without a repair.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.is_retryable(),
            Self::Transport { source, .. } => !matches!(source, TransportError::NoTls),
            _ => false,
        }
    }

    /// Returns the error in a few fixed words that hold nothing of the request or the answer.
    pub fn summary(&self) -> &'static str {
        match self {
            Self::Api(error) => match error.kind {
                ApiErrorKind::Refused { .. } => "refused by the marketplace",
                ApiErrorKind::Gateway { .. } => "refused by the gateway",
                ApiErrorKind::UnexpectedContent { .. } => "unexpected content",
                ApiErrorKind::Redirected { .. } => "redirected",
                ApiErrorKind::Malformed(_) => "malformed success",
            },
            Self::Transport { source: TransportError::Connect(_), .. } => "host not reached",
            Self::Transport { source: TransportError::NoTls, .. } => "no TLS",
            Self::Transport { source: TransportError::Timeout, .. } => "no answer in time",
            Self::Transport { source: TransportError::Broken(_), .. } => "connection broke",
            Self::Limit { .. } => "a limit of the API is broken",
            Self::NoCredentials(_) => "no AK/SK",
            Self::Sign { .. } => "request not signed",
            Self::NoAccessKey(_) => "no access key",
            Self::Paused { .. } => "paused after failed authentications",
            Self::Random(_) => "no randomness",
        }
    }

    /// Returns the code of the marketplace or its gateway, if an answer had one.
    pub fn code(&self) -> Option<&str> {
        if let Self::Api(error) = self { error.code() } else { None }
    }

    /// Returns the gateway's id of the request, where it gave one.
    pub fn request_id(&self) -> Option<&str> {
        if let Self::Api(error) = self { error.request_id.as_deref() } else { None }
    }
}
