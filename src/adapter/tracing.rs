//! Exchanges as `tracing` events.

use crate::callback::{Exchange, LateFailure, Observer};

/// Emits one event per exchange: `INFO` for success, `WARN` for everything else, `ERROR` for failures after the answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn exchange(&self, exchange: &Exchange<'_>) {
        let code = exchange.result_code.as_str();
        if exchange.error.is_some() {
            ::tracing::warn!(result_code = code, "{exchange}");
        } else {
            ::tracing::info!(result_code = code, "{exchange}");
        }
    }

    fn late_failure(&self, failure: &LateFailure<'_>) {
        ::tracing::error!("{failure}");
    }
}
