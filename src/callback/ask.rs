//! Waiting for the seller's code, not for ever.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, poll_immediate, select};

use super::{CallbackError, HandlerError, Runtime};

/// Waits for a handler, and drops it when the time is over.
pub(super) async fn ask<T>(
    runtime: &dyn Runtime,
    answer: impl Future<Output = Result<T, HandlerError>> + Send,
    patience: Duration,
) -> Result<T, CallbackError> {
    let mut answer = pin!(AssertUnwindSafe(answer).catch_unwind());
    let answer = match poll_immediate(&mut answer).await {
        Some(answer) => answer,
        // Only who does not answer at once is timed.
        None => match select(answer, runtime.sleep(patience)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => return Err(CallbackError::Deadline(patience)),
        },
    };
    Ok(answer.map_err(|_panic| CallbackError::Aborted)??)
}
