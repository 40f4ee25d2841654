//! Settings of a pool.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    BuildError, ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use super::lent::Connect;
use super::{Database, DatabaseError};

/// Timeout of an operation, including the wait for a connection and for locks.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of the check whether a pooled connection is alive.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Time without use after which a connection is checked: something on the way may have forgotten it.
const CHECKED_AFTER: Duration = Duration::from_secs(10);

/// Idle time of a connection before the kernel probes the server.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A few, since the servers' limit (100 unless raised) is shared by all replicas.
const CONNECTIONS: usize = 8;

/// Settings of a [`Database`].
///
/// ```no_run
/// use koogallery::postgres::Database;
/// use koogallery::postgres::tokio_postgres::NoTls;
///
/// # async fn example() -> Result<(), koogallery::postgres::DatabaseError> {
/// let config = "postgres://shop:secret@127.0.0.1/shop".parse()?;
/// let database = Database::builder(config).connections(4).connect(NoTls).await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct DatabaseBuilder {
    config: Config,
    connections: usize,
    timeout: Duration,
}

impl DatabaseBuilder {
    pub(super) fn new(config: Config) -> Self {
        Self { config, connections: CONNECTIONS, timeout: TIMEOUT }
    }

    /// Sets the number of connections that the pool has at most (default: 8). One more is opened to extend leases; see
    /// [the module](super).
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Sets the time limit of an operation, including the wait for a connection and for locks (default: 5 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects, with the application's TLS connector or with [`NoTls`](tokio_postgres::NoTls).
    ///
    /// # Errors
    ///
    /// The database cannot be connected to.
    pub async fn connect<T>(self, tls: T) -> Result<Database, DatabaseError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let Self { mut config, connections, timeout } = self;
        // A server that disappeared is to be noticed before the next call comes. Linux takes the one setting for both,
        // unanswered data and unanswered probes.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TIMEOUT).keepalives_idle(KEEPALIVE);
        }
        let (own_config, own_tls) = (config.clone(), tls.clone());
        let another = move || {
            let (config, tls) = (own_config.clone(), own_tls.clone());
            async move {
                let (client, connection) = config.connect(tls).await?;
                drop(tokio::spawn(connection));
                Ok(client)
            }
            .boxed()
        };
        let pool = |size| pool(Manager::from_config(config.clone(), tls.clone(), RECYCLING), size);
        let (pool, reserved) = (pool(connections)?, pool(1)?);
        let connect = Some(Arc::new(another) as Arc<Connect>);
        let database = Database { reserved, timeout, connect, ..Database::from_pool(pool) };
        database.lend(Instant::now() + timeout).await?.give_back();
        Ok(database)
    }
}

/// Shows no settings: there may be a password among them.
impl fmt::Debug for DatabaseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseBuilder")
            .field("connections", &self.connections)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

const RECYCLING: ManagerConfig = ManagerConfig { recycling_method: RecyclingMethod::Fast };

fn pool(manager: Manager, size: usize) -> Result<Pool, PoolError> {
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .pre_recycle(Hook::async_fn(|client, metrics| {
            let is_checked = metrics.last_used() >= CHECKED_AFTER;
            async move { if is_checked { check(client).await } else { Ok(()) } }.boxed()
        }))
        .build()
        .map_err(|BuildError::NoRuntimeSpecified| PoolError::NoRuntimeSpecified)
}

async fn check(client: &ClientWrapper) -> Result<(), HookError> {
    match timeout(CHECK_TIMEOUT, client.batch_execute("")).await {
        Ok(answer) => answer.map_err(HookError::Backend),
        Err(_) => Err(HookError::message("the connection does not answer")),
    }
}
