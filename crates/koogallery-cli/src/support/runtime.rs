//! The runtime of commands that wait for I/O.

use crate::Failure;

/// Runs on one thread, which is enough for waiting on sockets.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::of("the runtime", &error))?.block_on(work)
}
