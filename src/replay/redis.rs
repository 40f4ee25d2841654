//! The replay guard in Redis.

mod check;

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

pub use check::RedisWarning;

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::timestamp::Timestamp;

/// A replay guard for any number of replicas, in Redis 6.0 or later or a compatible server.
///
/// Redis deletes calls by itself, five minutes after their window. It must not evict any earlier, so set
/// `maxmemory-policy noeviction`: with a full Redis, calls are refused. Calls that Redis loses, at a restart without
/// an append-only file (`appendonly yes`) or in a failover, can be replayed within their window. Both settings are
/// [checked](Self::check) at the start. The ledger still keeps their effects from happening
/// twice: a replayed purchase, renewal or upgrade is known to it, and a replayed change of the status is older than the
/// last one.
///
/// An operation times out after three seconds, whatever it waits for. Requires a tokio runtime.
#[derive(Clone)]
pub struct RedisReplayGuard {
    connection: ConnectionManager,
    prefix: String,
}

/// Timeout of an operation, including the wait for a new connection.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Idle time of the connection before the kernel probes the server.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Time for which a claim that is over is kept: the clock of the replica that made it may be ahead.
const KEPT_LONGER: Duration = Duration::from_secs(300);

/// First bytes of the values of claimed calls. Earlier versions know those without content, which are the values of
/// V1.0, and take a value of another kind for a claim without an answer.
const CLAIMED: &[u8] = b"-";
const ANSWERED: &[u8] = b"+";
const CLAIMED_CONTENT: &[u8] = b"c";
const ANSWERED_CONTENT: &[u8] = b"a";

impl RedisReplayGuard {
    /// Connects to the server of a URL of the form `redis://user:password@host:port/database`, and writes a line to
    /// standard error for each [warning](RedisWarning) about its settings.
    ///
    /// # Errors
    ///
    /// The URL is invalid, or the server cannot be connected to.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        Self::connect_with_report(url, |warning| eprintln!("koogallery: {warning}")).await
    }

    /// Connects as [`connect`](Self::connect) does, and reports each warning about the server's settings.
    ///
    /// # Errors
    ///
    /// As of [`connect`](Self::connect). A warning is no error.
    pub async fn connect_with_report(url: &str, report: impl FnMut(RedisWarning)) -> Result<Self, RedisError> {
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
        // Where this cannot be set, it takes minutes to notice that the server is gone.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(TIMEOUT);
        let client = Client::open(url.into_connection_info()?.set_tcp_settings(tcp))?;
        // The next call tries again anyway.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(1);
        let guard = Self::new(within_timeout(ConnectionManager::new_with_config(client, config)).await?);
        guard.check().await.into_iter().for_each(report);
        Ok(guard)
    }

    /// Uses the application's connection. [`check`](Self::check) returns what is wrong with the settings of its server.
    pub fn new(connection: ConnectionManager) -> Self {
        Self { connection, prefix: "koogallery:".to_owned() }
    }

    /// Sets the prefix of every key (default: `koogallery:`).
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, id: CallId<'_>) -> String {
        format!("{}{}", self.prefix, id.to_key())
    }

    async fn claim(
        &self,
        id: CallId<'_>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<ClaimOutcome, ReplayError> {
        let key = self.key(id);
        let left = until.as_unix_millis().saturating_sub(now.as_unix_millis()).max(0);
        // Redis refuses what would end after its range.
        let time = left.saturating_add(KEPT_LONGER.as_millis() as i64).min(1 << 53);
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(&key).arg(value(content, None)).arg("NX").arg("PX").arg(time);
        commands.cmd("GET").arg(&key);
        let (is_first, kept): (bool, Option<Vec<u8>>) = self.send(&commands).await?;
        if is_first {
            return Ok(ClaimOutcome::First);
        }
        let kept = kept.unwrap_or_default();
        let claimed = value(content, None);
        Ok(if kept == claimed {
            ClaimOutcome::Repeated(None)
        } else if let Some(answer) = kept.strip_prefix(&value(content, Some(b""))[..]) {
            ClaimOutcome::Repeated(Some(Bytes::copy_from_slice(answer)))
        } else {
            ClaimOutcome::OtherContent
        })
    }

    async fn send<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, ReplayError> {
        let mut connection = self.connection.clone();
        let answer = async {
            match commands.query_async(&mut connection).await {
                // The server was restarted, for example. The command may have been executed, so a first claim may look
                // like a repeat; without the retry it would have failed for certain.
                Err(error) if error.is_connection_dropped() => commands.query_async(&mut connection).await,
                answer => answer,
            }
        };
        within_timeout(answer).await.map_err(ReplayError::store)
    }
}

impl ReplayGuard for RedisReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        self.claim(id, content, until, now).boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        async move {
            let mut commands = redis::pipe();
            let kept = value(content, Some(&answer));
            commands.cmd("SET").arg(self.key(id)).arg(kept).arg("XX").arg("KEEPTTL").ignore();
            self.send(&commands).await
        }
        .boxed()
    }
}

/// Returns the value of a claimed call.
fn value(content: Option<ContentDigest>, answer: Option<&[u8]>) -> Vec<u8> {
    let kind = match (&content, answer) {
        (None, None) => CLAIMED,
        (None, Some(_)) => ANSWERED,
        (Some(_), None) => CLAIMED_CONTENT,
        (Some(_), Some(_)) => ANSWERED_CONTENT,
    };
    let content = content.as_ref().map_or(&[][..], |content| content.as_bytes());
    [kind, content, answer.unwrap_or_default()].concat()
}

impl fmt::Debug for RedisReplayGuard {
    /// Leaves out the connection, which holds the address and more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayGuard").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

async fn within_timeout<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("Redis did not answer within {TIMEOUT:?}"));
    timeout(TIMEOUT, work).await.map_err(late)?
}
