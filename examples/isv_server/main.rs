//! A seller's server, to be copied: `--listen ADDR --database URL`, keys from the environment.
//!
//! `cargo run --features serve,axum-0_8,sqlite-bundled --example isv_server -- --listen 127.0.0.1:8080`
//!
//! | setting | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8080` |
//! | `--database`, `KOOGALLERY_DATABASE_URL` | `sqlite://koogallery.db` |
//! | `--opening-time` (milliseconds that opening an account takes) | `0` |
//! | `KOOGALLERY_BASIC_KEY`, `KOOGALLERY_V1_KEY` | development keys, made and printed |
//! | `KOOGALLERY_SITE` (`europe`: keys in their Base64 form) | `china` |
//! | `KOOGALLERY_ENCRYPT_TYPE` (`1`: AES-256, `2`: AES-128) | `1` |

mod app;
mod shop;

use std::error::Error;
use std::time::Duration;

use koogallery::adapter::serve::Server;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::random::{OsRandom, Random as _};
use koogallery::sqlite::Database;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let database = Database::open_url(&settings.database)?;
    let encrypt_type = setting("KOOGALLERY_ENCRYPT_TYPE").map_or(Ok(Default::default()), |text| text.parse())?;
    let app = app::App::new(keys()?, encrypt_type, &database, settings.opening_time).await?;

    let listener = TcpListener::bind(&settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Server::new().serve(listener, app.router, stop_signal()).await;
    app.service.idle().await;
    Ok(())
}

struct Settings {
    listen: String,
    database: String,
    opening_time: Duration,
}

impl Settings {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut settings = Self {
            listen: "127.0.0.1:8080".to_owned(),
            database: setting("KOOGALLERY_DATABASE_URL").unwrap_or_else(|| "sqlite://koogallery.db".to_owned()),
            opening_time: Duration::ZERO,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--listen" => settings.listen = value,
                "--database" => settings.database = value,
                "--opening-time" => settings.opening_time = Duration::from_millis(value.parse()?),
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(settings)
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The keys in the environment, or keys for development where it has none.
fn keys() -> Result<AccessKeys, Box<dyn Error>> {
    let keys = AccessKeys::from_env()?;
    if keys.get(InterfaceType::V1).is_some() {
        return Ok(keys);
    }
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("no keys in the environment; for development: KOOGALLERY_BASIC_KEY={text}");
    Ok(keys.with(InterfaceType::Basic, AccessKey::new(text)?)?)
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
