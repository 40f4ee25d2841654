//! Telling the application how its calls went.

use std::time::Duration;

use http::StatusCode;

use super::CallError;

/// Observes the calls of a [`Client`](super::Client).
///
/// Its events hold no keys, no signatures, no addresses and no bodies; of the answers only code and request id,
/// and what [`CallError`] says.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
///
/// use koogallery::open_api::{CallObserver, EndedCall, FailedAttempt, ObservedCall};
///
/// /// Counts the tries that failed and were made again.
/// #[derive(Clone, Default)]
/// struct Retries(Arc<AtomicU32>);
///
/// impl CallObserver for Retries {
///     fn begin(&self, _api: &'static str) -> Box<dyn ObservedCall> {
///         Box::new(self.clone())
///     }
/// }
///
/// impl ObservedCall for Retries {
///     fn retry(&mut self, attempt: &FailedAttempt<'_>) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///         eprintln!("try {} failed: {}; next in {:?}", attempt.attempt, attempt.error, attempt.pause);
///     }
///
///     fn end(&mut self, call: &EndedCall<'_>) {
///         if let Some(error) = call.error {
///             eprintln!("{} after {} tries ({:?})", error.summary(), call.attempts, error.request_id());
///         }
///     }
/// }
/// ```
pub trait CallObserver: Send + Sync + 'static {
    /// Observes the begin of a call. The value returned observes the rest of it, and is dropped with the call.
    fn begin(&self, api: &'static str) -> Box<dyn ObservedCall>;
}

/// A call that is watched. One that its caller gives up on is dropped without an end.
pub trait ObservedCall: Send {
    /// A try failed, and the next begins after a pause.
    fn retry(&mut self, attempt: &FailedAttempt<'_>);

    /// The call ended.
    fn end(&mut self, call: &EndedCall<'_>);
}

/// A try that failed and is made again.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// Its number, counted from 1.
    pub attempt: u32,
    /// The error.
    pub error: &'a CallError,
    /// The pause before the next try.
    pub pause: Duration,
}

impl<'a> FailedAttempt<'a> {
    /// Returns the failure of a try.
    pub fn new(attempt: u32, error: &'a CallError, pause: Duration) -> Self {
        Self { attempt, error, pause }
    }
}

/// A call that ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct EndedCall<'a> {
    /// Tries made.
    pub attempts: u32,
    /// The HTTP status of the last answer, if one came.
    pub status: Option<StatusCode>,
    /// The gateway's id of the last request, where it gave one.
    pub request_id: Option<&'a str>,
    /// The error, if the call failed.
    pub error: Option<&'a CallError>,
    /// Duration of the call with all tries and pauses, by the client's clock.
    pub duration: Duration,
}

impl EndedCall<'_> {
    /// Returns the end of a call with nothing else set.
    pub fn new(attempts: u32, duration: Duration) -> Self {
        Self { attempts, status: None, request_id: None, error: None, duration }
    }
}
