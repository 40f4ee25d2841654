//! The main job on one page: a seller's server on a free port, and the life of what it sells played against it over the
//! socket: one instance of each protocol generation, an enterprise that is bound and logs in, and a License of each family.
//! Exits 0 only if every answer was right.
//!
//! `cargo run --features serve,axum-0_8,sqlite-bundled,reqwest-0_13,rsa --example quickstart`

#[path = "../isv_server/app.rs"]
mod app;
#[path = "../isv_server/books.rs"]
mod books;
mod desk;
mod licenses;
mod marketplace;
#[path = "../license_server/office.rs"]
mod office;
#[path = "../isv_server/shop.rs"]
mod shop;
#[path = "../isv_server/sso.rs"]
mod sso;
mod tenant;

use std::error::Error;
use std::time::Duration;

use desk::Desk;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::cipher::client_secret::PrivateKey;
use koogallery::cipher::field::EncryptType;
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType};
use koogallery::open_api::{Client, ReqwestTransport};
use koogallery::random::OsRandom;
use koogallery::saas::{InstanceIds, v1, v2};
use koogallery::site::Site;
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use marketplace::Marketplace;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// One key per interface type, as the seller console has it.
struct Keys {
    basic: AccessKey,
    kit: AccessKey,
    license: AccessKey,
    general: AccessKey,
}

#[tokio::main]
async fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    let database = Database::open(folder.path().join("quickstart.db"))?;
    let key = |interface: &str| AccessKey::new(format!("a-key-for-{interface}-and-this-run-only"));
    let keys = Keys { basic: key("basic")?, kit: key("kit")?, license: key("license")?, general: key("general")? };
    let private_key = PrivateKey::generate(PrivateKey::MIN_BITS, &OsRandom)?;
    let desk = Desk::default();
    let open_apis = desk.open().await?;
    let open_api = Client::builder(Site::China, ReqwestTransport::new()?, TokioRuntime)
        .credentials(Credentials::new("AK", "SK")?)
        .base_url(format!("http://{open_apis}").parse()?)
        .build();
    let settings = app::Settings {
        keys: AccessKeys::new()
            .with(InterfaceType::Basic, keys.basic.clone())?
            .with(InterfaceType::Kit, keys.kit.clone())?
            .with(InterfaceType::License, keys.license.clone())?
            .with(InterfaceType::General, keys.general.clone())?,
        encrypt_type: EncryptType::Aes256,
        opening_time: Duration::from_millis(20),
        private_keys: vec![private_key.clone()],
        open_api: Some(open_api),
        app_id: tenant::APP_ID.to_owned(),
        allows_http: true,
    };
    let app = app::App::new(settings, &database).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("A seller's server answers on http://{address}, with SQLite in a temporary file.");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(Server::new().serve(listener, app.router, async {
        let _ = stopped.await;
    }));

    let mut marketplace = Marketplace::new(address, keys.basic.clone());
    life_of_a_v2_instance(&mut marketplace).await?;
    life_of_a_v1_instance(&mut marketplace).await?;
    tenant::binds_and_logs_in(&mut marketplace, &keys.kit, &private_key, open_apis).await?;
    licenses::of_each_family(&mut marketplace, &keys, &desk).await?;
    println!("\nWhat the server remembers");
    marketplace.expect_instance("biz-v2-1", "CS2511210001", "released", 6).await?;
    marketplace.expect_instance("biz-v1-1", "CS2511210009", "released", 6).await?;

    let _ = stop.send(());
    server.await?;
    app.service.idle().await;
    marketplace.verdict()
}

async fn life_of_a_v2_instance(marketplace: &mut Marketplace) -> Outcome {
    println!("\nSaaS V2.0: POST, signed in the query");
    let purchase = |business_id| v2::new_instance::Request::new("CS2511210001", "CS2511210001-000001", business_id);
    let query = v2::query_instance::Request::new(InstanceIds::from("biz-v2-1")).to_body();
    let renewal = v2::refresh_instance::Request::new(
        v2::refresh_instance::Scene::Renewal,
        "CS2511210002",
        "CS2511210002-000001",
        "biz-v2-1",
        "20270101000000".parse::<Timestamp>()?,
    );
    let status = |status| v2::update_instance_status::Request::new("biz-v2-1", status).to_body();
    let upgrade = v2::upgrade_instance::Request::new("biz-v2-1", "CS2511210003", "CS2511210003-000001");
    let release = v2::release_instance::Request::new("biz-v2-1").to_body();

    let created = marketplace.post("buy", &purchase("biz-v2-1").to_body(), "000000").await?;
    marketplace.check("the instance has its id", created["instanceId"] == "biz-v2-1");
    let again = marketplace.post("the same purchase again", &purchase("biz-v2-2").to_body(), "000000").await?;
    marketplace.check("the same id again", again["instanceId"] == "biz-v2-1");
    let described = marketplace.post("ask for access data", &query, "000000").await?;
    marketplace.check("access data in plain text", described["info"][0]["appInfo"]["userName"] == "admin");
    marketplace.post("renew", &renewal.to_body(), "000000").await?;
    marketplace.post("freeze", &status(v2::update_instance_status::Status::Freeze), "000000").await?;
    marketplace.post("unfreeze", &status(v2::update_instance_status::Status::Unfreeze), "000000").await?;
    marketplace.post("upgrade", &upgrade.to_body(), "000000").await?;
    marketplace.post_forged("a forged release", &release, "000001").await?;
    marketplace.post_replayed("a captured query, replayed", &query, "000002").await?;
    marketplace.post("release", &release, "000000").await?;
    marketplace.post("ask for it once more", &query, "000003").await?;
    Ok(())
}

async fn life_of_a_v1_instance(marketplace: &mut Marketplace) -> Outcome {
    println!("\nSaaS V1.0: GET, proved by authToken, answered with Body-Sign");
    let now = || marketplace::now().to_compact_millis();
    let purchase =
        |business_id| v1::new_instance::Request::new(now(), "customer-1", business_id, "CS2511210009", "OFFI01");
    let renewal = v1::refresh_instance::Request::new(
        now(),
        "CS2511210010",
        "biz-v1-1",
        v1::CompactTime::from("20270101000000".parse::<Timestamp>()?),
    );
    let status = |status| v1::instance_status::Request::new(now(), "biz-v1-1", status).to_query();
    let upgrade = v1::upgrade::Request::new(now(), "biz-v1-1", "CS2511210011", "sku-2", "OFFI02");
    let release = v1::release_instance::Request::new(now(), "biz-v1-1").to_query();

    let created = marketplace.get("buy", &purchase("biz-v1-1").to_query(), "000000").await?;
    marketplace.check("the instance has its id", created["instanceId"] == "biz-v1-1");
    marketplace.check("the password decrypts", marketplace.decrypts(&created["appInfo"]["password"]));
    let again = marketplace.get("the same purchase again", &purchase("biz-v1-2").to_query(), "000000").await?;
    marketplace.check("the same id again", again["instanceId"] == "biz-v1-1");
    let query = v1::query_instance::Request::new(now(), InstanceIds::from("biz-v1-1")).to_query();
    marketplace.get("ask for access data", &query, "000000").await?;
    marketplace.get("renew", &renewal.to_query(), "000000").await?;
    marketplace.get("freeze", &status(v1::instance_status::InstanceStatus::Freeze), "000000").await?;
    marketplace.get("unfreeze", &status(v1::instance_status::InstanceStatus::Normal), "000000").await?;
    marketplace.get("upgrade", &upgrade.to_query(), "000000").await?;
    marketplace.get_forged("a forged release", &release, "000001").await?;
    marketplace.get_replayed("a captured purchase, replayed", &purchase("biz-v1-3").to_query()).await?;
    marketplace.get("release", &release, "000000").await?;
    marketplace.get("ask for it once more", &query, "000003").await?;
    Ok(())
}
