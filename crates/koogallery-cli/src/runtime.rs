//! What commands run on that wait for something.

use crate::Failure;

/// One thread is enough for whoever waits on sockets.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::of("the runtime", &error))?.block_on(work)
}
