//! The main job on one page: a seller's server on a free port, and a marketplace that sells for it over the socket. One
//! instance of each protocol is bought, renewed, left to expire and released, an enterprise is bound and logs in,
//! and a License of each family is made.
//! Exits 0 only if every answer was right.
//!
//! `cargo run --example quickstart`

#[path = "../isv_server/app.rs"]
mod app;
#[path = "../isv_server/books.rs"]
mod books;
#[path = "../isv_server/database.rs"]
mod database;
mod enterprise;
mod licenses;
mod lives;
#[path = "../license_server/office.rs"]
mod office;
#[path = "../isv_server/shop.rs"]
mod shop;
#[path = "../isv_server/sso.rs"]
mod sso;
mod story;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use database::Database;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::cipher::client_secret::PrivateKey;
use koogallery::cipher::field::EncryptType;
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType};
use koogallery::open_api::Client;
use koogallery::random::OsRandom;
use koogallery::site::Site;
use koogallery::transport::ReqwestTransport;
use koogallery_simulator::{HttpTarget, Marketplace, OpenApiServer, serve_open_api};
use story::Story;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const APP_ID: &str = "app-1";

/// A day passes in 20 milliseconds.
const COMPRESSION: u32 = 50 * 86_400;

#[tokio::main]
async fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    let database = Database::open(&format!("sqlite://{}", folder.path().join("quickstart.db").display())).await?;
    let private_key = PrivateKey::generate(PrivateKey::MIN_BITS, &OsRandom)?;
    let credentials = Credentials::new("AK", "SK")?;
    let mock = OpenApiServer::builder().credentials(credentials.clone()).build();
    let open_apis = opened(&mock).await?;
    let open_api = Client::builder(Site::China, ReqwestTransport::new()?, TokioRuntime)
        .credentials(credentials)
        .base_url(open_apis.parse()?)
        .build()?;
    let settings = app::Settings {
        keys: keys()?,
        encrypt_type: EncryptType::Aes256,
        opening_time: Duration::from_millis(20),
        private_keys: vec![private_key.clone()],
        open_api: Some(open_api),
        app_id: APP_ID.to_owned(),
        allows_http: true,
    };
    let app = app::App::new(settings, &database).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("A seller's server answers on http://{address}, with SQLite in a temporary file;");
    println!("a marketplace on {open_apis}, where 50 days pass in a second.");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(Server::new().serve(listener, app.router, async {
        let _ = stopped.await;
    }));

    let mut story = Story::new(marketplace(address, &mock, keys()?, 1)?);
    lives::of_each_generation(&mut story).await?;
    enterprise::binds_and_logs_in(&mut story, address, &open_apis, &private_key).await?;
    // On an address that serves both, online Licenses are distinguished from SaaS by their key.
    let online = AccessKeys::new().with(InterfaceType::Basic, key("license")?)?;
    licenses::of_each_family(&mut story, marketplace(address, &mock, online, 2)?).await?;

    let _ = stop.send(());
    server.await?;
    app.service.wait_idle().await;
    story.verdict()
}

/// Serves the open APIs on a free port.
async fn opened(mock: &OpenApiServer) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve_open_api(listener, mock.clone(), std::future::pending()));
    Ok(url)
}

/// No two may have one seed: a seller refuses a nonce that it has seen.
fn marketplace(server: SocketAddr, mock: &OpenApiServer, keys: AccessKeys, seed: u64) -> Outcome<Marketplace> {
    let target = HttpTarget::new(&format!("http://{server}/saasproduce"))?;
    Ok(Marketplace::builder(target, keys).open_api(mock.clone()).compressed(COMPRESSION).seed(seed).build())
}

/// One key per interface type, as the seller console has it.
fn keys() -> Outcome<AccessKeys> {
    let keys = AccessKeys::new()
        .with(InterfaceType::Basic, key("basic")?)?
        .with(InterfaceType::Kit, key("kit")?)?
        .with(InterfaceType::License, key("license")?)?
        .with(InterfaceType::General, key("general")?)?;
    Ok(keys)
}

fn key(interface: &str) -> Outcome<AccessKey> {
    Ok(AccessKey::new(format!("a-key-for-{interface}-and-this-run-only"))?)
}
