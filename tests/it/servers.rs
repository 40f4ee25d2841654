//! PostgreSQL, MySQL and Redis for tests: a place of its own for each, and a wire to cut.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use koogallery::mysql;
use koogallery::postgres::Database;
use koogallery::replay::RedisReplayGuard;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// What a variable names; past the harness, which hides what a passing test says, if it names nothing.
fn server(name: &str, variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let warning = format!("\n*** NOT TESTED on {name}, since {variable} is not set: {test}\n");
        let _ = std::io::stderr().write_all(warning.as_bytes());
    }
    url
}

/// A name that no other test has, in this run or another.
fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    format!("koogallery_test_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A schema in the PostgreSQL server at `KOOGALLERY_TEST_POSTGRES_URL`, dropped in the end.
pub struct Schema {
    url: String,
    pub name: String,
}

impl Schema {
    /// `None` if there is no server.
    pub async fn new() -> Option<Self> {
        let schema = Self { url: server("PostgreSQL", "KOOGALLERY_TEST_POSTGRES_URL")?, name: unique_name() };
        let create = format!("CREATE SCHEMA {}", schema.name);
        schema.client().await.batch_execute(&create).await.unwrap();
        Some(schema)
    }

    /// Where the schema is, for those who connect by URL.
    pub fn url(&self) -> String {
        let sign = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{sign}options=-c%20search_path%3D{name}&application_name={name}", self.url, name = self.name)
    }

    pub fn config(&self) -> Config {
        self.url().parse().unwrap()
    }

    pub async fn database(&self) -> Database {
        Database::connect(&self.url()).await.unwrap()
    }

    /// A wire to the server, and how to connect through it.
    pub async fn wire(&self) -> (Wire, Config) {
        let config = self.config();
        let [Host::Tcp(host)] = config.get_hosts() else { panic!("no TCP: {config:?}") };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let server = tokio::net::lookup_host((host.as_str(), port)).await.unwrap().next().unwrap();
        let wire = Wire::to(server).await;
        let mut through = Config::new();
        through.host("127.0.0.1").port(wire.address.port()).user(config.get_user().unwrap());
        through.dbname(config.get_dbname().unwrap()).options(config.get_options().unwrap());
        through.password(config.get_password().unwrap_or_default());
        (wire, through)
    }

    /// A connection beside those of the stores, under another name.
    pub async fn client(&self) -> Client {
        client(&self.url, &self.name).await
    }
}

async fn client(url: &str, schema: &str) -> Client {
    let mut config: Config = url.parse().unwrap();
    config.options(format!("-c search_path={schema} -c lock_timeout=10s"));
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Drop for Schema {
    /// Also after a failure, and before the runtime of the test is gone.
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let drop = format!("DROP SCHEMA {name} CASCADE");
            runtime.block_on(async { client(&url, &name).await.batch_execute(&drop).await.unwrap() });
        });
        if cleaner.join().is_err() && !std::thread::panicking() {
            panic!("schema {} stays behind", self.name);
        }
    }
}

/// A database in the MySQL or MariaDB server at `KOOGALLERY_TEST_MYSQL_URL`, dropped in the end.
pub struct Mysql {
    url: String,
    pub name: String,
}

impl Mysql {
    /// `None` if there is no server.
    pub async fn new() -> Option<Self> {
        let place = Self { url: server("MySQL", "KOOGALLERY_TEST_MYSQL_URL")?, name: unique_name() };
        let mut admin = Conn::new(place.opts().db_name(None::<String>)).await.unwrap();
        admin.query_drop(format!("CREATE DATABASE {}", place.name)).await.unwrap();
        admin.disconnect().await.unwrap();
        Some(place)
    }

    /// Where the database is, for those who connect by URL.
    pub fn url(&self) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    pub fn opts(&self) -> OptsBuilder {
        let opts = Opts::from_url(&self.url).unwrap();
        OptsBuilder::from_opts(opts).db_name(Some(&self.name)).prefer_socket(false)
    }

    /// A wire to the server, and how to connect through it.
    pub async fn wire(&self) -> (Wire, OptsBuilder) {
        let opts: Opts = self.opts().into();
        let server = (opts.ip_or_hostname().to_owned(), opts.tcp_port());
        let server = tokio::net::lookup_host(server).await.unwrap().next().unwrap();
        let wire = Wire::to(server).await;
        let through = self.opts().ip_or_hostname("127.0.0.1").tcp_port(wire.address.port());
        (wire, through)
    }

    pub async fn database(&self) -> mysql::Database {
        mysql::Database::builder(self.opts()).connect().await.unwrap()
    }

    /// A connection beside those of the stores.
    pub async fn client(&self) -> Conn {
        Conn::new(self.opts()).await.unwrap()
    }
}

impl Drop for Mysql {
    /// Also after a failure, and before the runtime of the test is gone.
    fn drop(&mut self) {
        let (opts, name) = (self.opts().db_name(None::<String>), self.name.clone());
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut admin = Conn::new(opts).await.unwrap();
                admin.query_drop(format!("DROP DATABASE {name}")).await.unwrap();
                admin.disconnect().await.unwrap();
            });
        });
        if cleaner.join().is_err() && !std::thread::panicking() {
            panic!("database {} stays behind", self.name);
        }
    }
}

/// Keys of their own in the Redis server at `KOOGALLERY_TEST_REDIS_URL`. Their times clear them away within minutes.
pub struct Keys {
    pub url: String,
    pub prefix: String,
}

impl Keys {
    /// `None` if there is no server.
    pub fn new() -> Option<Self> {
        Some(Self { url: server("Redis", "KOOGALLERY_TEST_REDIS_URL")?, prefix: format!("{}:", unique_name()) })
    }

    pub async fn guard(&self) -> RedisReplayGuard {
        RedisReplayGuard::connect(&self.url).await.unwrap().with_prefix(&*self.prefix)
    }
}

/// A wire to a server that can go dead.
pub struct Wire {
    pub address: SocketAddr,
    state: watch::Sender<WireState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WireState {
    Whole,
    /// Nothing is closed, nothing arrives.
    Silent,
    /// As if there were no server.
    Closed,
}

impl Wire {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, changes) = watch::channel(WireState::Whole);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut changes = changes.clone();
                tokio::spawn(async move {
                    let copy = async {
                        let mut far = TcpStream::connect(server).await?;
                        tokio::io::copy_bidirectional(&mut near, &mut far).await
                    };
                    let state = tokio::select! {
                        biased;
                        Ok(state) = changes.wait_for(|state| *state != WireState::Whole) => *state,
                        _ = copy => return,
                    };
                    if state == WireState::Silent {
                        // Held open, whatever becomes of later connections.
                        std::future::pending::<()>().await;
                    }
                    drop(near);
                });
            }
        });
        Self { address, state }
    }

    /// Silences the connections that there are, and those to come until `repair`.
    pub fn cut(&self) {
        self.state.send_replace(WireState::Silent);
    }

    /// Closes the connections that there are, and those to come until `repair`.
    pub fn close(&self) {
        self.state.send_replace(WireState::Closed);
    }

    /// Lets new connections through.
    pub fn repair(&self) {
        self.state.send_replace(WireState::Whole);
    }
}
