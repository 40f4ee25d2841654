//! The async runtime, as far as the crate needs one.

use std::time::Duration;

use futures_util::future::BoxFuture;

/// Runs work in the background and provides timers.
///
/// A handler runs as a task of its own: it goes on when the marketplace hangs up, and when the answer "still
/// processing" had to be given before it was done. `TokioRuntime` (feature `tokio`) serves axum, actix-web and
/// everything else on tokio.
///
/// ```
/// use std::time::Duration;
///
/// use futures_util::future::BoxFuture;
/// use koogallery::callback::Runtime;
///
/// /// Keeps handlers off the threads that answer calls: they run on a runtime of their own.
/// struct Separate(tokio::runtime::Handle);
///
/// impl Runtime for Separate {
///     fn spawn(&self, task: BoxFuture<'static, ()>) {
///         self.0.spawn(task);
///     }
///
///     fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
///         Box::pin(async move { tokio::time::sleep(duration).await })
///     }
/// }
/// ```
pub trait Runtime: Send + Sync + 'static {
    /// Runs a task to its end, also if the caller is dropped.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
