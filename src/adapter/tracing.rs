//! Exchanges and background work as `tracing` events, calls of open APIs as spans.

use std::time::Duration;

use ::tracing::field::Empty;
use ::tracing::{Span, info_span};

use crate::activity::Activity;
#[cfg(feature = "serve-tls")]
use crate::adapter::serve::tls::{self, TlsEvent};
use crate::callback::{CallbackEvent, Exchange, FieldSource, FieldWarnings, Observer};
use crate::heartbeat::{self, HeartbeatEvent};
use crate::housekeeping::{self, HousekeepingEvent};
use crate::metering::{self, MeteringEvent};
use crate::open_api::{CallError, CallObserver, EndedCall, FailedAttempt, ObservedCall};

/// Emits one event per exchange: `INFO` for success, `WARN` for everything else, `ERROR` for failures after the answer
/// and for a handler without a key. Its fields are `protocol`, `activity`, `order_id`, `order_line_id`, `instance_id`
/// and `tenant_id` (as far as the call is verified and names them), `result_code`, `duration_ms`, `repeated` and
/// `test_call`. Fields of a call that could not be read are one `WARN` event.
///
/// Every call of an open API is an `INFO` span `open_api.call` with the field `api`, and at its end `outcome`,
/// `attempts`, `status`, `code` (of a failure), `request_id` and `duration_ms`. A try that is made again is a `WARN`
/// event in it. Nothing of the request and nothing else of the answer is recorded.
///
/// Events of TLS (feature `serve-tls`) are `INFO` for a valid certificate, `WARN` for one that ends soon and for failed
/// handshakes, `ERROR` for one that callers refuse or that cannot be loaded.
///
/// Events of [`metering`], of [`housekeeping`] and of the [`heartbeat`] are `INFO` for success, `WARN` for failures that
/// are retried, and
/// `ERROR` where an operator has to act or data is not saved.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn on_event(&self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::Exchange(exchange) => emit_exchange(exchange),
            CallbackEvent::FieldWarnings(warnings) => emit_field_warnings(warnings),
            failure => ::tracing::error!("{failure}"),
        }
    }
}

fn emit_exchange(exchange: &Exchange<'_>) {
    // One macro call per level, because a level is part of an event's static data.
    macro_rules! emit {
        ($level:ident) => {
            ::tracing::$level!(
                protocol = exchange.protocol.map(::tracing::field::display),
                activity = exchange.activity.map(Activity::as_str),
                order_id = exchange.order_id().as_deref(),
                order_line_id = exchange.order_line_id().as_deref(),
                instance_id = exchange.instance_id().as_deref(),
                tenant_id = exchange.tenant_id().as_deref(),
                result_code = exchange.result_code.as_str(),
                duration_ms = millis(exchange.duration),
                repeated = exchange.repeated,
                test_call = exchange.test_call,
                "{exchange}"
            )
        };
    }
    if exchange.error.is_some() { emit!(warn) } else { emit!(info) }
}

fn emit_field_warnings(warnings: &FieldWarnings<'_>) {
    let (protocol, activity) = match warnings.source {
        FieldSource::Call { protocol, activity } => (Some(protocol), Some(activity)),
        FieldSource::OrderQuery => (None, None),
    };
    ::tracing::warn!(
        protocol = protocol.map(::tracing::field::display),
        activity = activity.map(Activity::as_str),
        order_id = warnings.order_id.as_deref(),
        instance_id = warnings.instance_id.as_deref(),
        tenant_id = warnings.tenant_id.as_deref(),
        fields = warnings.fields.len(),
        "{warnings}"
    );
}

impl metering::Observer for TracingObserver {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        match event {
            MeteringEvent::Delivered(records) => ::tracing::info!(records = records.len(), "usage delivered"),
            MeteringEvent::Held(hold) => ::tracing::error!(records = hold.records.len(), "{hold}"),
            MeteringEvent::AtRisk(at_risk) => ::tracing::error!(records = at_risk.total.records, "{at_risk}"),
            MeteringEvent::StoreFailed(_) | MeteringEvent::ClockTurnedBack(_) => ::tracing::error!("{event}"),
            MeteringEvent::ThresholdReached(reached) => ::tracing::warn!(
                instance_id = reached.instance_id,
                package_instance_id = reached.package_instance_id,
                percent = reached.percent,
                "{reached}"
            ),
            MeteringEvent::Rejected(_) | MeteringEvent::PushFailed(_) => ::tracing::warn!("{event}"),
        }
    }
}

impl heartbeat::Observer for TracingObserver {
    fn on_event(&self, event: &HeartbeatEvent<'_>) {
        match event {
            HeartbeatEvent::Activated => ::tracing::info!("{event}"),
            HeartbeatEvent::ClientsRefused { clients } => ::tracing::warn!(clients, "{event}"),
            HeartbeatEvent::CallFailed(_) => ::tracing::warn!("{event}"),
            HeartbeatEvent::SaveFailed(_) => ::tracing::error!("{event}"),
        }
    }
}

#[cfg(feature = "serve-tls")]
impl tls::Observer for TracingObserver {
    fn on_event(&self, event: &TlsEvent<'_>) {
        match event {
            TlsEvent::CertificateLoaded(validity) if validity.is_valid() => ::tracing::info!("{event}"),
            TlsEvent::CertificateExpiring(validity) if validity.is_valid() => ::tracing::warn!("{event}"),
            TlsEvent::HandshakeFailed { .. } => ::tracing::warn!("{event}"),
            TlsEvent::CertificateLoaded(_) | TlsEvent::CertificateExpiring(_) | TlsEvent::ReloadFailed(_) => {
                ::tracing::error!("{event}");
            }
        }
    }
}

impl housekeeping::Observer for TracingObserver {
    fn on_event(&self, event: &HousekeepingEvent<'_>) {
        match event {
            HousekeepingEvent::Pruned(pruned) => {
                ::tracing::info!(instances = pruned.instances, steps = pruned.steps, "{event}");
            }
            HousekeepingEvent::Failed(_) => ::tracing::warn!("{event}"),
        }
    }
}

impl CallObserver for TracingObserver {
    fn begin(&self, api: &'static str) -> Box<dyn ObservedCall> {
        Box::new(CallSpan(info_span!(
            "open_api.call",
            api,
            outcome = Empty,
            attempts = Empty,
            status = Empty,
            code = Empty,
            request_id = Empty,
            duration_ms = Empty,
        )))
    }
}

struct CallSpan(Span);

impl ObservedCall for CallSpan {
    fn retry(&mut self, failed: &FailedAttempt<'_>) {
        let FailedAttempt { attempt, error, pause } = failed;
        let (outcome, code, pause_ms) = (error.summary(), error.code(), millis(*pause));
        ::tracing::warn!(parent: &self.0, attempt, outcome, code, pause_ms, "tried again");
    }

    fn end(&mut self, call: &EndedCall<'_>) {
        let span = &self.0;
        span.record("outcome", call.error.map_or("success", CallError::summary));
        span.record("attempts", call.attempts);
        span.record("status", call.status.map(|status| status.as_u16()));
        span.record("code", call.error.and_then(CallError::code));
        span.record("request_id", call.request_id);
        span.record("duration_ms", millis(call.duration));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
