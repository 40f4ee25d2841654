//! The replay guard in Redis.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, FromRedisValue, IntoConnectionInfo as _, Pipeline, RedisError};
use tokio::time::timeout;

use super::{CallId, Claim, ReplayError, ReplayGuard};
use crate::timestamp::Timestamp;

/// A replay guard for any number of replicas, in Redis 6.0 or later or what speaks like it.
///
/// Redis drops what is past its window by itself. It must not drop anything earlier, so set `maxmemory-policy noeviction`:
/// a full Redis then makes calls be refused. What Redis forgets, at a restart without persistence or in a failover, can be
/// replayed within its window; the ledger still keeps its effect from happening twice.
///
/// An operation fails after three seconds, whatever it waits for. Must be used on tokio.
#[derive(Clone)]
pub struct RedisReplayGuard {
    connection: ConnectionManager,
    prefix: String,
}

/// How long an operation may take, the wait for a new connection included.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the connection may be silent before the kernel asks whether the server is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What a claimed call is kept as: without an answer, or with one behind the mark.
const CLAIMED: &[u8] = b"-";
const ANSWERED: &[u8] = b"+";

impl RedisReplayGuard {
    /// Connects to what a URL of the form `redis://user:password@host:port/database` names.
    ///
    /// # Errors
    ///
    /// The URL is not understood, or there is no such server that lets us in.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
        // Where the kernel cannot be told, it takes minutes to notice that nobody is at the other end any more.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(PATIENCE);
        let client = Client::open(url.into_connection_info()?.set_tcp_settings(tcp))?;
        // The next call tries again anyway.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        within_patience(ConnectionManager::new_with_config(client, config)).await.map(Self::new)
    }

    /// Uses the application's connection.
    pub fn new(connection: ConnectionManager) -> Self {
        Self { connection, prefix: "koogallery:".to_owned() }
    }

    /// Puts something else than `koogallery:` before every key.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, id: CallId<'_>) -> String {
        format!("{}{}", self.prefix, id.to_text())
    }

    async fn send<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, ReplayError> {
        let mut connection = self.connection.clone();
        let answer = async {
            match commands.query_async(&mut connection).await {
                // The server was restarted, say. What was sent may have been done, so a first claim may be taken for a
                // repeat; otherwise it would have failed for certain.
                Err(error) if error.is_connection_dropped() => commands.query_async(&mut connection).await,
                answer => answer,
            }
        };
        within_patience(answer).await.map_err(|error| ReplayError::Store(error.into()))
    }
}

impl ReplayGuard for RedisReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Claim, ReplayError>> {
        async move {
            let key = self.key(id);
            // Still claimed at its last moment, and for a moment if that is over; Redis takes no less.
            let time = until.as_unix_millis().saturating_sub(now.as_unix_millis()).saturating_add(1).max(1);
            let mut commands = redis::pipe();
            commands.cmd("SET").arg(&key).arg(CLAIMED).arg("NX").arg("PX").arg(time);
            commands.cmd("GET").arg(&key);
            let (is_first, kept): (bool, Option<Vec<u8>>) = self.send(&commands).await?;
            if is_first {
                return Ok(Claim::First);
            }
            let answer = kept.and_then(|kept| kept.strip_prefix(ANSWERED).map(Bytes::copy_from_slice));
            Ok(Claim::Repeated(answer))
        }
        .boxed()
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        async move {
            let mut commands = redis::pipe();
            let kept = [ANSWERED, &answer[..]].concat();
            commands.cmd("SET").arg(self.key(id)).arg(kept).arg("XX").arg("KEEPTTL").ignore();
            self.send(&commands).await
        }
        .boxed()
    }
}

impl fmt::Debug for RedisReplayGuard {
    /// The connection would tell where Redis is, and more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayGuard").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

async fn within_patience<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("Redis did not answer within {PATIENCE:?}"));
    timeout(PATIENCE, work).await.map_err(late)?
}
