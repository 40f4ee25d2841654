//! A connection lent by the pool, and what becomes of it where its work does not end well.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Client, ClientWrapper, Object};
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{CancelToken, Error};

use super::DatabaseError;
use super::builder::CHECK_TIMEOUT;

/// Sends a cancel request.
pub(super) type Cancel = dyn Fn(CancelToken) -> BoxFuture<'static, Result<(), Error>> + Send + Sync;

/// Time in which a connection with unfinished work usually answers, before it gets a cancel request.
const GRACE: Duration = Duration::from_millis(200);

/// Time after which a connection is given up that does not answer even to a cancel request. The server may hang, and
/// for as long the connection counts as one of the pool.
const HELD: Duration = Duration::from_secs(30);

/// Time in which a cancel request arrives, so that it does not hit what the connection is used for next.
const CANCEL_ARRIVES: Duration = Duration::from_millis(500);

/// A connection lent by the pool. Unless it is given back, it is seen to that its work ends, and it counts as one of
/// the pool until then: also where a caller no longer waits.
pub(super) struct Lent {
    /// `None` once it is given back.
    client: Option<Client>,
    cancel: Option<Arc<Cancel>>,
}

impl Lent {
    pub(super) fn new(client: Client, cancel: Option<Arc<Cancel>>) -> Self {
        Self { client: Some(client), cancel }
    }

    /// Returns the connection to the pool; no statement is running on it, and no transaction is open.
    pub(super) fn give_back(mut self) {
        drop(self.client.take());
    }

    /// Gives the connection back if its work ended well.
    pub(super) fn finish<T>(self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        let value = outcome?;
        self.give_back();
        Ok(value)
    }
}

impl Deref for Lent {
    type Target = ClientWrapper;

    #[allow(clippy::expect_used, reason = "only `give_back` and `drop` take it, and both end the use")]
    fn deref(&self) -> &ClientWrapper {
        self.client.as_ref().expect("a connection in use")
    }
}

impl DerefMut for Lent {
    #[allow(clippy::expect_used, reason = "only `give_back` and `drop` take it, and both end the use")]
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        self.client.as_mut().expect("a connection in use")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(recover(client, self.cancel.take()))),
            Err(_) => drop(Object::take(client)),
        }
    }
}

/// Ends the work on a connection and returns it to the pool, or closes it.
async fn recover(client: Client, cancel: Option<Arc<Cancel>>) {
    if is_settled(&client, GRACE).await {
        return;
    }
    if let Some(cancel) = cancel {
        // Where it fails, the server's own time limit remains.
        let _ = timeout(CHECK_TIMEOUT, cancel(client.cancel_token())).await;
    }
    if is_settled(&client, HELD).await {
        sleep(CANCEL_ARRIVES).await;
        if is_settled(&client, CHECK_TIMEOUT).await {
            return;
        }
    }
    drop(Object::take(client));
}

/// Returns whether the connection has answered everything and has no transaction open.
async fn is_settled(client: &Client, within: Duration) -> bool {
    matches!(timeout(within, client.batch_execute("ROLLBACK")).await, Ok(Ok(())))
}
