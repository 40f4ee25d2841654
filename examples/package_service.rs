//! A small service whose customers pay in advance: `POST /render/INSTANCE` costs one unit of their packages.
//!
//! `cargo run --features deadpool-postgres-0_14,mysql_async-0_37 --example package_service -- --package pkg-1:inst-1:1000`
//!
//! `POST /job/INSTANCE` reserves three units, works for a while, and costs two. A call beyond the packages is answered with
//! 402. A client that does not know whether its call was billed repeats it with the same `Idempotency-Key`, also after the
//! service was killed. `GET /packages/INSTANCE` shows what is used, reserved and bought. The records are pushed as
//! `metered_service` shows, and in a real service the packages come from the purchases: see `koogallery::callback::packages`.
//!
//! | setting | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8090` |
//! | `--database`, `KOOGALLERY_DATABASE_URL` (`sqlite://FILE`, `postgres://…` or `mysql://…`) | `sqlite://koogallery.db` |
//! | `--package PACKAGE:INSTANCE:QUOTA` (as often as there are packages) | none |
//! | `--lease` (seconds that a reservation outlasts a crash) | 600 |

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::metering::package::{
    MysqlPackageStore, Package, PackageBook, PackageError, PackageStore, PostgresPackageStore, SqlitePackageStore,
    WhenUsedUp,
};
use koogallery::metering::{Meter, MysqlUsageStore, PostgresUsageStore, SqliteUsageStore, Usage, UsageStore};
use koogallery::timestamp::Timestamp;
use koogallery::{mysql, postgres, sqlite};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Service {
    meter: Meter,
    book: PackageBook,
    lease: Duration,
}

type Refused = (StatusCode, String);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let (meter, book) = open(&settings.database).await?;
    for package in settings.packages {
        // After a restart it is there already.
        book.add(package).await?;
    }
    let service = Service { meter, book: book.when_used_up(WhenUsedUp::Stop), lease: settings.lease };
    let router = Router::new()
        .route("/render/{instance}", post(render))
        .route("/job/{instance}", post(job))
        .route("/packages/{instance}", get(packages))
        .route("/recorded", get(recorded))
        .with_state(service);
    let listener = TcpListener::bind(&settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, router).with_graceful_shutdown(interrupted).await?;
    Ok(())
}

async fn open(url: &str) -> Result<(Meter, PackageBook), Box<dyn Error>> {
    if url.starts_with("postgres") {
        let usage = PostgresUsageStore::new(&postgres::Database::connect(url).await?).await?;
        let packages = PostgresPackageStore::new(&usage).await?;
        return Ok(book(usage, packages));
    }
    if url.starts_with("mysql") {
        let usage = MysqlUsageStore::new(&mysql::Database::connect(url).await?).await?;
        let packages = MysqlPackageStore::new(&usage).await?;
        return Ok(book(usage, packages));
    }
    let usage = SqliteUsageStore::new(&sqlite::Database::open_url(url)?).await?;
    let packages = SqlitePackageStore::new(&usage).await?;
    Ok(book(usage, packages))
}

fn book(usage: impl UsageStore, packages: impl PackageStore) -> (Meter, PackageBook) {
    let meter = Meter::new(usage);
    (meter.clone(), PackageBook::new(meter, packages))
}

/// Does the customer's work and bills it.
async fn render(
    State(service): State<Service>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    let usage = Usage::new(&instance, 1.into()).with_id(usage_id(&headers)?);
    service.book.record(usage).await.map_err(refused)?;
    Ok("a drawing\n")
}

/// Does work whose amount is known only at its end.
async fn job(
    State(service): State<Service>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    let most = Usage::new(&instance, 3.into()).with_id(usage_id(&headers)?);
    let reservation = match service.book.reserve(most, service.lease).await {
        Ok(reservation) => reservation,
        Err(PackageError::AlreadyRecorded(_)) => return Ok("a film\n"),
        Err(error) => return Err(refused(error)),
    };
    tokio::time::sleep(Duration::from_millis(10)).await;
    reservation.commit(2.into()).await.map_err(refused)?;
    Ok("a film\n")
}

fn usage_id(headers: &HeaderMap) -> Result<String, Refused> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    key.map(str::to_owned).ok_or_else(|| (StatusCode::BAD_REQUEST, "Idempotency-Key is missing".to_owned()))
}

fn refused(error: PackageError) -> Refused {
    match error {
        PackageError::UsedUp { .. } | PackageError::NoPackage(_) => (StatusCode::PAYMENT_REQUIRED, error.to_string()),
        error => {
            eprintln!("usage was not recorded: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "try again".to_owned())
        }
    }
}

async fn packages(State(service): State<Service>, Path(instance): Path<String>) -> Result<String, Refused> {
    let packages = service.book.packages(&instance).await.map_err(refused)?;
    let line = |stored: &koogallery::metering::package::StoredPackage| {
        format!("{} {} {} {}\n", stored.package.instance_id, stored.used, stored.reserved, stored.quota)
    };
    Ok(packages.iter().map(line).collect())
}

async fn recorded(State(service): State<Service>) -> Result<String, StatusCode> {
    let status = service.meter.status().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(status.open.usage.to_string())
}

struct Settings {
    listen: String,
    database: String,
    packages: Vec<Package>,
    lease: Duration,
}

impl Settings {
    fn read() -> Result<Self, Box<dyn Error>> {
        let database = std::env::var("KOOGALLERY_DATABASE_URL").ok().filter(|url| !url.is_empty());
        let mut settings = Self {
            listen: "127.0.0.1:8090".to_owned(),
            database: database.unwrap_or_else(|| "sqlite://koogallery.db".to_owned()),
            packages: Vec::new(),
            lease: Duration::from_secs(600),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--listen" => settings.listen = value,
                "--database" => settings.database = value,
                "--package" => settings.packages.push(package(&value).ok_or("expected PACKAGE:INSTANCE:QUOTA")?),
                "--lease" => settings.lease = Duration::try_from_secs_f64(value.parse()?)?,
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(settings)
    }
}

/// A package of this year, as the seller's shop would know it from the order.
fn package(text: &str) -> Option<Package> {
    let mut parts = text.split(':');
    let (id, instance, quota) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    let year = SystemClock.now().to_offset_date_time()?.year();
    let first_day = |year: i32| format!("{year}0101000000").parse::<Timestamp>().ok();
    Some(Package::new(id, instance, quota, first_day(year)?, first_day(year + 1)?))
}
