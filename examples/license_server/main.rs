//! A seller's server for License products: authorization codes, online Licenses and License V1.
//!
//! `cargo run --features reqwest-0_13,rustls,serve,sqlite-bundled --example license_server -- --listen 127.0.0.1:8081`
//!
//! Its Licenses are lines of text, signed with `LICENSE_SIGNING_KEY`, that the licensed software can check by itself. A
//! License is kept in the database before it is delivered, so that a crash in between neither loses nor doubles it.
//!
//! | setting | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8081` |
//! | `--database`, `KOOGALLERY_DATABASE_URL` | `sqlite://koogallery.db` |
//! | `--issuing-time` (milliseconds that making a License takes) | `0` |
//! | `KOOGALLERY_BASIC_KEY`, `KOOGALLERY_LICENSE_KEY`, `KOOGALLERY_V1_KEY` | none: their calls are refused |
//! | `KOOGALLERY_AK`, `KOOGALLERY_SK` | none: online Licenses are kept and cannot be uploaded |
//! | `KOOGALLERY_SITE`, `KOOGALLERY_OPEN_API_URL` | `china`, the site's host |
//! | `LICENSE_SIGNING_KEY` | a key for development |

mod office;

use std::error::Error;
use std::time::Duration;

use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::CallbackService;
use koogallery::key::AccessKeys;
use koogallery::ledger::SqliteLedger;
use koogallery::license_store::SqliteLicenseStore;
use koogallery::open_api::Client;
use koogallery::sqlite::Database;
use koogallery::transport::ReqwestTransport;
use office::Office;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let database = Database::open_url(&settings.database)?;
    let office = Office { signing_key: settings.signing_key, issuing_time: settings.issuing_time };
    let client = Client::from_env(ReqwestTransport::new()?, TokioRuntime)?.build()?;
    let (ledger, licenses) = (SqliteLedger::new(&database).await?, SqliteLicenseStore::new(&database).await?);
    let service = CallbackService::builder(AccessKeys::from_env()?, TokioRuntime)
        .licensing(office, ledger, licenses)
        .open_api(client)
        .build();

    let delivering = service.clone();
    tokio::spawn(async move { delivering.deliver_licenses(std::future::pending()).await });
    let listener = TcpListener::bind(&settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    Server::new().serve(listener, Endpoint::new(service.clone()), interrupted).await;
    service.wait_idle().await;
    Ok(())
}

struct Settings {
    listen: String,
    database: String,
    issuing_time: Duration,
    signing_key: String,
}

impl Settings {
    fn read() -> Result<Self, Box<dyn Error>> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut settings = Self {
            listen: "127.0.0.1:8081".to_owned(),
            database: set("KOOGALLERY_DATABASE_URL").unwrap_or_else(|| "sqlite://koogallery.db".to_owned()),
            issuing_time: Duration::ZERO,
            signing_key: set("LICENSE_SIGNING_KEY").unwrap_or_else(|| "for development only".to_owned()),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--listen" => settings.listen = value,
                "--database" => settings.database = value,
                "--issuing-time" => settings.issuing_time = Duration::from_millis(value.parse()?),
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(settings)
    }
}
