//! What the service reports to the seller's log.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::activity::Activity;
use crate::callback::CallbackError;
use crate::callback::handler::ids::ShownIds;
use crate::protocol::Protocol;
use crate::result_code::ResultCode;
use crate::text::chain::Chain;
use crate::wire::{FieldWarning, Members};

/// Receives what happens in the service: every exchange, fields that could not be read, and failures that came too late for
/// their answer.
///
/// Called on the way of the answer: it must not block. What it is given holds no keys, no signatures and no personal
/// data.
pub trait Observer: Send + Sync + 'static {
    /// A call was answered.
    fn exchange(&self, exchange: &Exchange<'_>);

    /// Fields of information could not be read, or are not quite as documented. The call, or the order, was taken all the
    /// same; before [`Observer::exchange`] of the call.
    fn field_warnings(&self, warnings: &FieldWarnings<'_>);

    /// Work failed whose call had been answered before ("still processing").
    fn late_failure(&self, failure: &LateFailure<'_>);
}

/// One call and its answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// The protocol spoken, if the request spoke one.
    pub protocol: Option<Protocol>,
    /// What the call was about, if it is verified and says so, also where the rest of it could not be read.
    pub activity: Option<Activity>,
    /// What the verified call says.
    pub(in crate::callback) members: &'a Members<'a>,
    /// Whether it was a debugging or dial-test call.
    pub test_call: bool,
    /// Whether the answer to an earlier copy was given again.
    pub repeated: bool,
    /// The code answered.
    pub result_code: ResultCode,
    /// Why it is not success.
    pub error: Option<&'a CallbackError>,
    /// How long the answer took, by the service's clock.
    pub duration: Duration,
}

impl Exchange<'_> {
    /// Returns the order that the verified call names, also where the rest of it could not be read.
    pub fn order_id(&self) -> Option<Cow<'_, str>> {
        self.members.text("orderId")
    }

    /// Returns the line of that order.
    pub fn order_line_id(&self) -> Option<Cow<'_, str>> {
        self.members.text("orderLineId")
    }

    /// Returns the instance that the verified call names; a list, joined with commas, where several are asked for.
    pub fn instance_id(&self) -> Option<Cow<'_, str>> {
        self.members.text("instanceId")
    }

    /// Returns the buyer's enterprise that a Kit call names.
    pub fn tenant_id(&self) -> Option<Cow<'_, str>> {
        self.members.text("tenantId")
    }
}

/// Fields that decide nothing and could not be read, or are not quite as documented.
#[derive(Debug)]
#[non_exhaustive]
pub struct FieldWarnings<'a> {
    /// Where they stand.
    pub source: FieldSource,
    /// The order concerned.
    pub order_id: Option<Cow<'a, str>>,
    /// The instance concerned.
    pub instance_id: Option<Cow<'a, str>>,
    /// The buyer's enterprise concerned.
    pub tenant_id: Option<Cow<'a, str>>,
    /// The fields.
    pub fields: &'a [FieldWarning],
}

impl<'a> FieldWarnings<'a> {
    pub(in crate::callback) fn of_call(source: FieldSource, call: &'a Members<'_>, fields: &'a [FieldWarning]) -> Self {
        let [order_id, instance_id, tenant_id] = ["orderId", "instanceId", "tenantId"].map(|name| call.text(name));
        Self { source, order_id, instance_id, tenant_id, fields }
    }
}

/// Where fields stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldSource {
    /// In a call of the marketplace.
    Call {
        /// Its protocol.
        protocol: Protocol,
        /// What it is about.
        activity: Activity,
    },
    /// In the answer to the order query with which the service completes an event.
    OrderQuery,
}

/// A failure after the answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct LateFailure<'a> {
    /// What was to be done.
    pub action: &'a str,
    /// The order or instance concerned.
    pub subject: &'a str,
    /// What went wrong. A retry of the marketplace will run the handler again.
    pub error: &'a CallbackError,
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

impl fmt::Display for LateFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {} {} failed after the answer: {}", self.action, self.subject, Chain(self.error))
    }
}

/// Writes a line to standard error for every call that was not answered with success, and for fields that could not be read;
/// the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn exchange(&self, exchange: &Exchange<'_>) {
        if exchange.error.is_some() {
            eprintln!("koogallery: {exchange}");
        }
    }

    fn field_warnings(&self, warnings: &FieldWarnings<'_>) {
        eprintln!("koogallery: {warnings}");
    }

    fn late_failure(&self, failure: &LateFailure<'_>) {
        eprintln!("koogallery: {failure}");
    }
}
