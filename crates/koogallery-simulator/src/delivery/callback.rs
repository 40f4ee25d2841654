//! Callbacks: content, signature and schedule.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};

use super::{DeliveryOutcome, Schedule, sign, time_stamp};
use crate::SeededRandom;
use crate::message::Message;
use koogallery::activity::Activity;
use koogallery::key::AccessKeys;
use koogallery::kit::{Version, sub_path};
use koogallery::protocol::{Protocol, SignatureScheme, UnfinishedCreation};
use koogallery::query;
use koogallery::timestamp::Timestamp;

/// Address and keys of a seller's endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(crate) address: Uri,
    pub(crate) keys: AccessKeys,
}

impl Endpoint {
    /// Creates an endpoint from the production address, without a query, and the keys of its interfaces; the first key
    /// of each signs.
    pub fn new(address: Uri, keys: AccessKeys) -> Self {
        Self { address, keys }
    }
}

/// Values that change with every call of a callback.
pub(super) struct Call {
    pub(super) at: Timestamp,
    pub(super) business_id: String,
    /// `yyyyMMddHHmmssSSS`, in the protocol's time zone.
    pub(super) time_stamp: String,
}

impl Call {
    pub(super) fn at(protocol: Protocol, at: Timestamp, random: &SeededRandom) -> Self {
        Self { at, business_id: random.hex(32), time_stamp: time_stamp(protocol.scheme(), at) }
    }
}

type Render = dyn Fn(&Call) -> String + Send + Sync;

/// A callback (webhook) of the marketplace, repeated as its schedule requires.
#[doc(alias = "webhook")]
#[derive(Clone)]
pub struct Callback {
    protocol: Protocol,
    activity: Activity,
    /// The body, or the query without its token.
    render: Arc<Render>,
}

/// A planned call.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// Number of the attempt, counted from 1.
    pub attempt: u32,
    /// Time at which the call is due; the request is signed for this time.
    pub due_at: Timestamp,
    /// The request.
    pub request: Request<Bytes>,
}

/// Reason why a call cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The endpoint has no key for the interface.
    #[error("the endpoint has no access key for {0}")]
    NoKey(Protocol),
    /// The message cannot be signed.
    #[error("the message of {0} cannot be signed")]
    Unsignable(Protocol),
    /// The address and the message do not form a valid URL.
    #[error("invalid production address: it has a query, or is not a URL")]
    Address,
}

impl Callback {
    pub(super) fn new(
        protocol: Protocol,
        activity: Activity,
        render: impl Fn(&Call) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { protocol, activity, render: Arc::new(render) }
    }

    /// Creates a callback whose message is the same at every call: a JSON body, or a V1.0 query without `timeStamp` and
    /// `authToken`, which are added. Use it for messages that no other constructor creates.
    pub fn message(protocol: Protocol, activity: Activity, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(protocol, activity, move |call| match protocol {
            Protocol::SaasV1 | Protocol::LicenseV1 => format!("{message}&timeStamp={}", call.time_stamp),
            // Kit V1.0 identifies members by name, so the timestamp may come first.
            Protocol::KitV1 => message.replacen('{', &format!("{{\"timeStamp\":\"{}\",", call.time_stamp), 1),
            _ => message.clone(),
        })
    }

    pub(super) fn fixed(protocol: Protocol, activity: Activity, body: String) -> Self {
        Self::new(protocol, activity, move |_| body.clone())
    }

    /// Returns the content as fields. The timestamp is left to the signer.
    pub(crate) fn fields(&self, business_id: String, at: Timestamp) -> Message {
        let call = Call { at, business_id, time_stamp: String::new() };
        let text = (self.render)(&call);
        match *self.protocol.method() == Method::GET {
            true => Message::from_query(self.activity.as_str(), &text),
            false => Message::from_body(self.activity.as_str(), &text),
        }
    }

    /// Returns the instance that the call is about, if it names one.
    pub(crate) fn instance_id(&self) -> Option<String> {
        let fields = self.fields(String::new(), Timestamp::from_unix_millis(0));
        fields.get("instanceId").map(str::to_owned)
    }

    /// Returns the protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns the activity.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// Returns the documented retry schedule.
    pub fn schedule(&self) -> Schedule {
        self.protocol.retries(self.activity).into()
    }

    /// Signs one call for a time.
    ///
    /// # Errors
    ///
    /// The address is not valid for the call, or there is no key for it.
    pub fn request(
        &self,
        endpoint: &Endpoint,
        at: Timestamp,
        random: &SeededRandom,
    ) -> Result<Request<Bytes>, DeliveryError> {
        let (_, ring) = self.protocol.keys(&endpoint.keys).ok_or(DeliveryError::NoKey(self.protocol))?;
        let unsignable = || DeliveryError::Unsignable(self.protocol);
        let message = (self.render)(&Call::at(self.protocol, at, random));
        let (scheme, is_get) = (self.protocol.scheme(), *self.protocol.method() == Method::GET);
        let (nonce, timestamp) = (random.hex(32), at.as_unix_millis().to_string());
        let proof =
            sign(scheme, ring.signing_key(), &nonce, &timestamp, message.as_bytes()).map_err(|_| unsignable())?;
        let (mut query, body) = if is_get { (message, Bytes::new()) } else { (String::new(), message.into()) };
        let mut request = Request::new(body);
        *request.method_mut() = if is_get { Method::GET } else { Method::POST };
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !is_get {
            let json = HeaderValue::from_static("application/json;charset=utf8");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        for (name, value) in proof {
            if scheme.is_in_query() {
                query::push_pair(&mut query, name, &value);
            } else {
                let name = HeaderName::try_from(name).map_err(|_| unsignable())?;
                request.headers_mut().insert(name, HeaderValue::try_from(value).map_err(|_| unsignable())?);
            }
        }
        *request.uri_mut() = address(&endpoint.address, &self.sub_path()?, &query).ok_or(DeliveryError::Address)?;
        Ok(request)
    }

    /// Returns the suffix of the Kit's paths; empty for other protocols.
    pub(crate) fn sub_path(&self) -> Result<String, DeliveryError> {
        let version = match self.protocol.scheme() {
            SignatureScheme::AuthTokenBody => Version::V1,
            SignatureScheme::KitV2 => Version::V2,
            SignatureScheme::AuthToken | SignatureScheme::CallbackV2 => return Ok(String::new()),
        };
        sub_path(version, self.activity).ok_or(DeliveryError::Unsignable(self.protocol))
    }

    /// Returns the calls of a schedule. They are made one after the other until an answer is
    /// [final](DeliveryOutcome::is_final).
    pub fn deliveries<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        schedule: Schedule,
        first: Timestamp,
        random: &'a SeededRandom,
    ) -> impl Iterator<Item = Result<Delivery, DeliveryError>> + 'a {
        (1..).zip(schedule.due(first)).map(move |(attempt, due_at)| {
            let request = self.request(endpoint, due_at, random)?;
            Ok(Delivery { attempt, due_at, request })
        })
    }

    /// Interprets an answer; the signature of the answer is not verified here.
    pub fn judge(&self, response: &Response<Bytes>) -> DeliveryOutcome {
        self.judge_answer(response.status().as_u16(), response.body())
    }

    pub(crate) fn judge_answer(&self, status: u16, body: &[u8]) -> DeliveryOutcome {
        let creates = matches!(self.activity, Activity::NewInstance | Activity::GetLicenseAsync);
        let takes_processing = self.protocol.unfinished_creation() == UnfinishedCreation::ProcessingCode && creates;
        DeliveryOutcome::of(status, body, takes_processing)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, activity, .. } = self;
        f.debug_struct("Callback").field("protocol", protocol).field("activity", activity).finish_non_exhaustive()
    }
}

fn address(base: &Uri, path: &str, query: &str) -> Option<Uri> {
    if base.query().is_some() {
        return None;
    }
    let mut parts = base.clone().into_parts();
    let before = if path.is_empty() { base.path() } else { base.path().trim_end_matches('/') };
    let separator = if query.is_empty() { "" } else { "?" };
    parts.path_and_query = Some(format!("{before}{path}{separator}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}
