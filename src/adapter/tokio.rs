//! Handlers on tokio.

use std::time::Duration;

use ::tokio::runtime::Handle;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::runtime::Runtime;

/// Runs handlers as tasks of the tokio runtime in which the call is answered; its time driver must be enabled.
///
/// Outside of tokio nothing can run: calls are then answered `000005`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(task);
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match Handle::try_current() {
            Ok(_) => ::tokio::time::sleep(duration).boxed(),
            Err(_) => ready(()).boxed(),
        }
    }
}
