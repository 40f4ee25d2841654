//! What the servers in `examples` share, so that each of them shows its framework alone: a shop with its ledger, and the
//! arguments.
//!
//! | argument | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8080` |
//! | `--database` (`sqlite://`; `postgres://` and `mysql://` with the features of these) | `sqlite://koogallery.db` |
//! | `--opening-time` (milliseconds that opening an account takes) | `0` |
//!
//! Keys come from the environment, `KOOGALLERY_BASIC_KEY` and so on.

#[path = "../../../examples/isv_server/database.rs"]
#[allow(dead_code, reason = "the server that it is from has more stores")]
mod database;
#[path = "../../../examples/isv_server/shop.rs"]
mod shop;

use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::{CallbackService, CallbackServiceBuilder};
use koogallery::key::AccessKeys;
use tokio::sync::OnceCell;

use database::Database;
use shop::Shop;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Returns the value of an argument.
pub fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next()
}

/// Returns the database's URL.
pub fn database_url() -> String {
    argument("--database").unwrap_or_else(|| "sqlite://koogallery.db".to_owned())
}

/// Returns how long opening an account takes.
///
/// # Errors
///
/// The argument is no number.
pub fn opening_time() -> Result<Duration, BoxError> {
    Ok(Duration::from_millis(argument("--opening-time").map_or(Ok(0), |millis| millis.parse())?))
}

/// Returns a service with the shop, its ledger and its replay guard.
///
/// # Errors
///
/// An argument, a key or the database cannot be used.
pub async fn service() -> Result<CallbackService, BoxError> {
    Ok(builder(AccessKeys::from_env()?).await?.build())
}

/// Returns what [`service`] builds, with these keys. All services of the process have one database.
///
/// # Errors
///
/// An argument or the database cannot be used.
pub async fn builder(keys: AccessKeys) -> Result<CallbackServiceBuilder, BoxError> {
    static DATABASE: OnceCell<Database> = OnceCell::const_new();
    let database = DATABASE.get_or_try_init(async || Database::open(&database_url()).await).await?;
    let shop = Shop::new(database, opening_time()?).await?;
    Ok(CallbackService::builder(keys, TokioRuntime)
        .subscription(shop, database.ledger().await?)
        .replay_guard(database.replay_guard().await?))
}

/// Returns the listener, non-blocking, and prints where it listens.
///
/// # Errors
///
/// The address cannot be listened on.
pub fn listener() -> Result<TcpListener, BoxError> {
    let listener = TcpListener::bind(listen_address())?;
    listener.set_nonblocking(true)?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// Returns the address to listen on.
pub fn listen_address() -> String {
    argument("--listen").unwrap_or_else(|| "127.0.0.1:8080".to_owned())
}

/// Waits for Ctrl-C.
pub async fn interrupt() {
    tokio::signal::ctrl_c().await.unwrap_or_default();
}
