//! A seller's server, to be copied: `--listen ADDR --database URL`, keys from the environment.
//!
//! `cargo run --features rustls --example isv_server -- --listen 127.0.0.1:8080`
//!
//! | setting | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8080` |
//! | `--database`, `KOOGALLERY_DATABASE_URL` (also `postgres://...` and `mysql://...`, with `--features deadpool-postgres-0_14` or `mysql_async-0_37`) | `sqlite://koogallery.db` |
//! | `--tls-cert`, `--tls-key` (PEM files; both, for HTTPS without a proxy) | none: plain HTTP |
//! | `--opening-time` (milliseconds that opening an account takes) | `0` |
//! | `--app-id` (the application's id in the marketplace, for `/login` and `/sso`) | `app-1`, as `koogallery serve` and `fire` have it |
//! | `--allow-http true` (authentication centers without TLS, for trying out) | `false` |
//! | `KOOGALLERY_BASIC_KEY`, `KOOGALLERY_V1_KEY` | development keys, made and printed |
//! | `KOOGALLERY_KIT_KEY`, `KOOGALLERY_LICENSE_KEY`, `KOOGALLERY_GENERAL_KEY` | none: their calls are refused |
//! | `KOOGALLERY_RSA_PRIVATE_KEY_FILE` | a key for development, made when `KOOGALLERY_KIT_KEY` is set |
//! | `KOOGALLERY_AK`, `KOOGALLERY_SK` | none: orders are not asked for, Licenses not uploaded |
//! | `KOOGALLERY_SITE` (`europe`: keys in their Base64 form) | `china` |
//! | `KOOGALLERY_OPEN_API_URL` | the site's host |
//! | `KOOGALLERY_ENCRYPT_TYPE` (`1`: AES-256, `2`: AES-128) | `1` |
//!
//! Exits with 2 if an argument is wrong, with 1 if it cannot start for another reason; standard error has the reason.

mod app;
mod books;
mod database;
#[path = "../license_server/office.rs"]
mod office;
mod shop;
mod sso;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use database::Database;
use koogallery::adapter::serve::Server;
use koogallery::adapter::serve::tls::Tls;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::cipher::client_secret::PrivateKey;
use koogallery::housekeeping::Housekeeper;
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType};
use koogallery::open_api::Client;
use koogallery::random::{self, OsRandom};
use koogallery::transport::ReqwestTransport;
use tokio::net::TcpListener;

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => return failed(2, &*error),
    };
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(1, &*error),
    }
}

/// Prints an error with its causes.
fn failed(code: u8, error: &(dyn Error + 'static)) -> ExitCode {
    let (mut text, mut cause) = (format!("isv_server: {error}"), error.source());
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    eprintln!("{text}");
    ExitCode::from(code)
}

async fn serve(arguments: Arguments) -> Result<(), BoxError> {
    let tls = arguments.tls.map(|(certificate, key)| Tls::from_files(certificate, key)).transpose()?;
    let database = Database::open(&arguments.database).await?;
    let keys = keys()?;
    let open_api = match Credentials::from_env()? {
        Some(_) => Some(Client::from_env(ReqwestTransport::new()?, TokioRuntime)?.build()?),
        None => None,
    };
    let encrypt_type = setting("KOOGALLERY_ENCRYPT_TYPE").map_or(Ok(Default::default()), |text| text.parse());
    let settings = app::Settings {
        private_keys: private_keys(&keys)?,
        keys,
        encrypt_type: encrypt_type.map_err(|error| format!("KOOGALLERY_ENCRYPT_TYPE: {error}"))?,
        opening_time: arguments.opening_time,
        open_api,
        app_id: arguments.app_id,
        allows_http: arguments.allows_http,
    };
    let app = app::App::new(settings, &database).await?;
    let delivering = app.service.clone();
    tokio::spawn(async move { delivering.deliver_licenses(std::future::pending()).await });
    let housekeeper = Housekeeper::new(database.ledger().await?, TokioRuntime);
    tokio::spawn(async move { housekeeper.run(std::future::pending()).await });

    let listener = TcpListener::bind(&arguments.listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    println!("listening on {scheme}://{}", listener.local_addr()?);
    match tls {
        Some(tls) => Server::new().serve_tls(listener, tls, app.router, stop_signal()).await,
        None => Server::new().serve(listener, app.router, stop_signal()).await,
    }
    app.service.wait_idle().await;
    Ok(())
}

struct Arguments {
    listen: String,
    /// Files of the certificate and its key.
    tls: Option<(String, String)>,
    database: String,
    opening_time: Duration,
    app_id: String,
    allows_http: bool,
}

impl Arguments {
    fn read() -> Result<Self, BoxError> {
        let mut read = Self {
            listen: "127.0.0.1:8080".to_owned(),
            tls: None,
            database: setting("KOOGALLERY_DATABASE_URL").unwrap_or_else(|| "sqlite://koogallery.db".to_owned()),
            opening_time: Duration::ZERO,
            app_id: "app-1".to_owned(),
            allows_http: false,
        };
        let (mut certificate, mut key) = (None, None);
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--listen" => read.listen = value,
                "--tls-cert" => certificate = Some(value),
                "--tls-key" => key = Some(value),
                "--database" => read.database = value,
                "--opening-time" => {
                    let millis = value.parse().map_err(|_| format!("{name} wants milliseconds, not {value}"))?;
                    read.opening_time = Duration::from_millis(millis);
                }
                "--app-id" => read.app_id = value,
                "--allow-http" => {
                    read.allows_http = value.parse().map_err(|_| format!("{name} wants true or false, not {value}"))?;
                }
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        read.tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("--tls-cert and --tls-key go together".into()),
        };
        Ok(read)
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The keys in the environment, or keys for development where it has none.
fn keys() -> Result<AccessKeys, BoxError> {
    let keys = AccessKeys::from_env()?;
    if keys.get(InterfaceType::V1).is_some() {
        return Ok(keys);
    }
    let text = random::hex(&OsRandom)?;
    println!("no keys in the environment; for development: KOOGALLERY_BASIC_KEY={text}");
    Ok(keys.with(InterfaceType::Basic, AccessKey::new(text)?)?)
}

/// The private keys in the environment, or one for development where the Kit is served and there is none.
fn private_keys(keys: &AccessKeys) -> Result<Vec<PrivateKey>, BoxError> {
    let private_keys = PrivateKey::from_env()?;
    if !private_keys.is_empty() || keys.get(InterfaceType::Kit).is_none() {
        return Ok(private_keys);
    }
    let key = PrivateKey::generate(PrivateKey::MIN_BITS, &OsRandom)?;
    println!("no RSA key in the environment; for development, the public key is {}", key.public_key());
    Ok(vec![key])
}

/// Ctrl-C, or the signal by which containers are stopped.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
