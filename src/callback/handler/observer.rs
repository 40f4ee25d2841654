//! The events of a service, for the seller's log and metrics.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::activity::Activity;
use crate::callback::CallbackError;
use crate::callback::handler::ids::ShownIds;
use crate::key::InterfaceType;
use crate::protocol::Protocol;
use crate::result_code::ResultCode;
use crate::text::chain::Chain;
use crate::wire::{FieldWarning, Members};

/// Receives the events of a service, for logs and metrics.
///
/// Called before the answer is sent, so it must not block. Events hold no keys, no signatures and no personal data.
///
/// ```
/// use koogallery::callback::{CallbackEvent, Observer};
///
/// struct Log;
///
/// impl Observer for Log {
///     fn on_event(&self, event: &CallbackEvent<'_>) {
///         match event {
///             CallbackEvent::Exchange(exchange) if exchange.error.is_none() => {}
///             other => eprintln!("{other}"),
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Receives an event.
    fn on_event(&self, event: &CallbackEvent<'_>);
}

/// An event of a service. `Display` writes it as one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallbackEvent<'a> {
    /// A call was answered.
    Exchange(Exchange<'a>),
    /// Informational fields could not be read, or differ from the documents. The call, or the order, was accepted all the
    /// same. Comes before the call's [`Exchange`](CallbackEvent::Exchange).
    FieldWarnings(FieldWarnings<'a>),
    /// Work failed after its call had been answered as still processing.
    BackgroundFailure(BackgroundFailure<'a>),
    /// The replay guard did not keep a successful answer, which was given nevertheless. Comes before the call's
    /// [`Exchange`](CallbackEvent::Exchange).
    AnswerNotKept(AnswerNotKept<'a>),
    /// Something changed an answer on its way out of the server, so that the marketplace cannot read or verify it. Only with
    /// `AnswerCheck` of `adapter::tower` or `adapter::actix`.
    AnswerChanged(AnswerChanged<'a>),
    /// A service was built with a handler whose calls no key can verify: all of them will be refused.
    MissingKey(MissingKey<'a>),
}

impl fmt::Display for CallbackEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(event) => event.fmt(f),
            Self::FieldWarnings(event) => event.fmt(f),
            Self::BackgroundFailure(event) => event.fmt(f),
            Self::AnswerNotKept(event) => event.fmt(f),
            Self::AnswerChanged(event) => event.fmt(f),
            Self::MissingKey(event) => event.fmt(f),
        }
    }
}

/// One call and its answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// Protocol; `None` for a method that no protocol uses.
    pub protocol: Option<Protocol>,
    /// Activity, if the call is verified and names one, also where the rest of it could not be read.
    pub activity: Option<Activity>,
    /// The verified call's.
    pub(in crate::callback) members: Option<&'a Members<'a>>,
    /// Whether it was a debugging or dial-test call.
    pub test_call: bool,
    /// Whether the answer to an earlier copy was repeated.
    pub repeated: bool,
    /// Result code of the answer.
    pub result_code: ResultCode,
    /// Cause of a result code other than success.
    pub error: Option<&'a CallbackError>,
    /// Time from request to answer, by the service's clock.
    pub duration: Duration,
}

impl<'a> Exchange<'a> {
    /// Returns an exchange with a result code; for tests of observers.
    pub fn new(result_code: ResultCode) -> Self {
        Self {
            protocol: None,
            activity: None,
            members: None,
            test_call: false,
            repeated: false,
            result_code,
            error: None,
            duration: Duration::ZERO,
        }
    }

    /// Returns the order id in the verified call, also where the rest of it could not be read.
    pub fn order_id(&self) -> Option<Cow<'a, str>> {
        self.members?.text("orderId")
    }

    /// Returns the order line id in the verified call.
    pub fn order_line_id(&self) -> Option<Cow<'a, str>> {
        self.members?.text("orderLineId")
    }

    /// Returns the instance id in the verified call; a list, joined with commas, if several are queried.
    pub fn instance_id(&self) -> Option<Cow<'a, str>> {
        self.members?.text("instanceId")
    }

    /// Returns the tenant id in a verified Kit call.
    ///
    /// ```
    /// use koogallery::callback::{CallbackEvent, Observer};
    ///
    /// struct KitLog;
    ///
    /// impl Observer for KitLog {
    ///     fn on_event(&self, event: &CallbackEvent<'_>) {
    ///         if let CallbackEvent::Exchange(exchange) = event {
    ///             eprintln!("{:?} of tenant {:?}", exchange.activity, exchange.tenant_id());
    ///         }
    ///     }
    /// }
    /// ```
    pub fn tenant_id(&self) -> Option<Cow<'a, str>> {
        self.members?.text("tenantId")
    }
}

/// Informational fields that could not be read, or differ from the documents.
#[derive(Debug)]
#[non_exhaustive]
pub struct FieldWarnings<'a> {
    /// Message that they were read from.
    pub source: FieldSource,
    /// Order id.
    pub order_id: Option<Cow<'a, str>>,
    /// Instance id.
    pub instance_id: Option<Cow<'a, str>>,
    /// Tenant id.
    pub tenant_id: Option<Cow<'a, str>>,
    /// Fields.
    pub fields: &'a [FieldWarning],
}

impl<'a> FieldWarnings<'a> {
    /// Returns the warnings of a message; for tests of observers.
    pub fn new(source: FieldSource, fields: &'a [FieldWarning]) -> Self {
        Self { source, order_id: None, instance_id: None, tenant_id: None, fields }
    }

    pub(in crate::callback) fn of_call(source: FieldSource, call: &'a Members<'_>, fields: &'a [FieldWarning]) -> Self {
        let [order_id, instance_id, tenant_id] = ["orderId", "instanceId", "tenantId"].map(|name| call.text(name));
        Self { source, order_id, instance_id, tenant_id, fields }
    }
}

/// Message that fields were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldSource {
    /// A call of the marketplace.
    Call {
        /// Protocol.
        protocol: Protocol,
        /// Activity.
        activity: Activity,
    },
    /// The answer to the order query that completes an event.
    OrderQuery,
}

/// A failure after the answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct BackgroundFailure<'a> {
    /// Action that failed.
    pub action: &'a str,
    /// Order or instance concerned.
    pub subject: &'a str,
    /// Cause. A retry of the marketplace will run the handler again.
    pub error: &'a CallbackError,
}

impl<'a> BackgroundFailure<'a> {
    /// Returns a failure; for tests of observers.
    pub fn new(action: &'a str, subject: &'a str, error: &'a CallbackError) -> Self {
        Self { action, subject, error }
    }
}

/// A successful answer that the replay guard did not keep: a repeat of the call is answered by the ledger.
#[derive(Debug)]
#[non_exhaustive]
pub struct AnswerNotKept<'a> {
    /// Protocol.
    pub protocol: Protocol,
    /// Activity.
    pub activity: Activity,
    /// Order id.
    pub order_id: Option<Cow<'a, str>>,
    /// Instance id.
    pub instance_id: Option<Cow<'a, str>>,
    /// Cause.
    pub error: &'a CallbackError,
}

impl<'a> AnswerNotKept<'a> {
    /// Returns the event without ids; for tests of observers.
    pub fn new(protocol: Protocol, activity: Activity, error: &'a CallbackError) -> Self {
        Self { protocol, activity, order_id: None, instance_id: None, error }
    }
}

/// An answer that was changed after it was made.
#[derive(Debug)]
#[non_exhaustive]
pub struct AnswerChanged<'a> {
    /// What was changed, as a sentence about the answer.
    pub change: &'a str,
}

impl<'a> AnswerChanged<'a> {
    /// Returns the event for a change; for tests of observers.
    pub fn new(change: &'a str) -> Self {
        Self { change }
    }
}

/// A handler without a key.
#[derive(Debug)]
#[non_exhaustive]
pub struct MissingKey<'a> {
    /// Protocols of the handler.
    pub protocols: &'a [Protocol],
}

impl<'a> MissingKey<'a> {
    /// Returns the event for the protocols of a handler.
    pub fn new(protocols: &'a [Protocol]) -> Self {
        Self { protocols }
    }

    /// Returns the interface types of which one key is needed.
    ///
    /// ```
    /// use koogallery::callback::MissingKey;
    /// use koogallery::key::InterfaceType;
    /// use koogallery::protocol::Protocol;
    ///
    /// let missing = MissingKey::new(&[Protocol::SaasV2]);
    /// assert_eq!(missing.interfaces().next().map(InterfaceType::env_name), Some("KOOGALLERY_BASIC_KEY"));
    /// ```
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceType> + use<'a> {
        let mut interfaces: Vec<_> =
            self.protocols.iter().flat_map(|protocol| protocol.interfaces()).copied().collect();
        interfaces.dedup();
        interfaces.into_iter()
    }
}

impl fmt::Display for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Some(protocol) => write!(f, "{protocol} ")?,
            None => f.write_str("unknown protocol ")?,
        }
        f.write_str(self.activity.map_or("call", Activity::as_str))?;
        let ids = [self.order_id(), self.order_line_id(), self.instance_id(), self.tenant_id()];
        let [order, line, instance, tenant] = ids.each_ref().map(Option::as_deref);
        ShownIds([("order", order), ("line", line), ("instance", instance), ("tenant", tenant)]).fmt(f)?;
        write!(f, " answered {} in {} ms", self.result_code, self.duration.as_millis())?;
        if self.test_call {
            f.write_str(" (test call)")?;
        }
        if self.repeated {
            f.write_str(" (repeated)")?;
        }
        self.error.map_or(Ok(()), |error| write!(f, ": {}", Chain(error)))
    }
}

/// Warnings that one line names; a list of thousands of users may have as many.
const SHOWN_WARNINGS: usize = 20;

impl fmt::Display for FieldWarnings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            FieldSource::Call { protocol, activity } => write!(f, "{protocol} {activity}")?,
            FieldSource::OrderQuery => f.write_str("order query")?,
        }
        let ids = [("order", &self.order_id), ("instance", &self.instance_id), ("tenant", &self.tenant_id)];
        ShownIds(ids.map(|(name, id)| (name, id.as_deref()))).fmt(f)?;
        for (index, warning) in self.fields.iter().take(SHOWN_WARNINGS).enumerate() {
            write!(f, "{} {warning}", if index > 0 { ";" } else { ":" })?;
        }
        match self.fields.len().saturating_sub(SHOWN_WARNINGS) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for BackgroundFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {} {} after the answer: {}", self.action, self.subject, Chain(self.error))
    }
}

impl fmt::Display for AnswerNotKept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.activity)?;
        ShownIds([("order", self.order_id.as_deref()), ("instance", self.instance_id.as_deref())]).fmt(f)?;
        write!(f, " succeeded, but its answer could not be kept for repeats of the call: {}", Chain(self.error))
    }
}

impl fmt::Display for AnswerChanged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an answer was changed before it left the server: {}; leave the callbacks out of layers that compress or rewrite",
            self.change
        )
    }
}

impl fmt::Display for MissingKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no key to verify")?;
        for (index, protocol) in self.protocols.iter().enumerate() {
            write!(f, "{} {protocol}", if index > 0 { "," } else { "" })?;
        }
        f.write_str(" calls, so all of them will be refused; missing:")?;
        for (index, interface) in self.interfaces().enumerate() {
            write!(f, "{} {}", if index > 0 { " or" } else { "" }, interface.env_name())?;
        }
        Ok(())
    }
}

/// Writes a line to standard error for each event but successful exchanges. The default observer.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn on_event(&self, event: &CallbackEvent<'_>) {
        if !matches!(event, CallbackEvent::Exchange(exchange) if exchange.error.is_none()) {
            eprintln!("koogallery: {event}");
        }
    }
}
