//! A small service that bills per call, after use or from packages: `POST /render/INSTANCE` costs one unit.
//!
//! `cargo run --features axum-0_8,reqwest-0_13,rustls,sqlite-bundled,tokio --example metered_service -- --listen 127.0.0.1:8090`
//!
//! A call is answered when its usage is on the disk. A client that does not know whether its call was billed repeats it with
//! the same `Idempotency-Key`. `POST /job/INSTANCE` reserves three units and costs two. Usage is deducted from the packages
//! of the customer, the one that expires first before the others; what they cannot bear is paid per use or answered with
//! 402, as set. When a package is used to 80 and 100 percent, there is an alarm at `GET /alarms`. `GET /usage/INSTANCE` shows what was used and what is left, `GET /statement/2026-11` what was reported in a
//! month, and `GET /metrics` the state of reporting.
//!
//! `/saasproduce` takes the marketplace's calls, V1.0 and V2.0, where there is a key. A purchase of the pay-per-use product
//! opens the account of a customer, and one of a package adds 10 units for each of its quantity. V2.0 names neither, so that
//! packages of V2.0 need `KOOGALLERY_AK` and `KOOGALLERY_SK`, with which the order is asked for. Queries are answered with
//! running totals, which begin at zero on the first of each month.
//!
//! | setting | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8090` |
//! | `--database`, `KOOGALLERY_DATABASE_URL` | `sqlite://koogallery.db` |
//! | `--period` (seconds that one record covers, all pauses shrunk along; for trying out) | by the hour |
//! | `--when-used-up` (`pay-per-use` or `stop`) | `pay-per-use` |
//! | `KOOGALLERY_BASIC_KEY` | none: usage is kept until there is a key, and no call is taken |
//! | `KOOGALLERY_AK`, `KOOGALLERY_SK` | none: orders are not asked for |
//! | `KOOGALLERY_SITE`, `KOOGALLERY_OPEN_API_URL` | `china`, the site's host |

mod accounts;
mod alarms;
mod api;
mod renderer;

use std::error::Error;
use std::time::Duration;

use koogallery::adapter::axum::route;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKeys, Credentials, InterfaceType};
use koogallery::ledger::SqliteLedger;
use koogallery::metering::package::{PackageBook, SqlitePackageStore, WhenUsedUp};
use koogallery::metering::{Cycle, Meter, Period, Pusher, SqliteUsageStore};
use koogallery::open_api::Client;
use koogallery::replay::SqliteReplayGuard;
use koogallery::sqlite::Database;
use koogallery::timestamp::CHINA;
use koogallery::transport::ReqwestTransport;
use tokio::net::TcpListener;

use accounts::Accounts;
use alarms::Alarms;
use api::Api;
use renderer::Renderer;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let settings = Settings::read()?;
    let database = Database::open_url(&settings.database)?;
    let cycle = Cycle::Monthly { day: 1, zone: CHINA };
    let usage = SqliteUsageStore::new(&database).await?;
    let packages = SqlitePackageStore::new(&usage).await?;
    let alarms = Alarms::default();
    let meter = Meter::new(usage).with_cycle(cycle).with_observer(alarms.clone());
    let client = Client::from_env(ReqwestTransport::new()?, TokioRuntime)?.build()?;
    let (meter, pusher) = match settings.period {
        None => (meter.clone(), Pusher::new(meter, client.clone(), TokioRuntime)),
        Some(period) => {
            let meter = meter.with_period(Period::Every(period));
            let pusher = Pusher::new(meter.clone(), client.clone(), TokioRuntime)
                .with_grace(period / 5)
                .with_interval(period / 5)
                .with_lease(period * 2)
                .with_longest_pause(period);
            (meter, pusher)
        }
    };
    let book = PackageBook::new(meter.clone(), packages).when_used_up(settings.when_used_up);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let pushing = tokio::spawn(async move {
        pusher.run(async { stopped.await.unwrap_or_default() }).await;
    });

    let mut router = Api { meter: meter.clone(), book: book.clone(), alarms }.router();
    let keys = settings.keys;
    if keys.get(InterfaceType::V1).is_some() {
        let renderer = Renderer::new(meter, book, Accounts::open(&database).await?);
        let mut service = CallbackService::builder(keys, TokioRuntime)
            .subscription(renderer, SqliteLedger::new(&database).await?)
            .replay_guard(SqliteReplayGuard::new(&database).await?);
        if Credentials::from_env()?.is_some() {
            service = service.open_api(client);
        }
        router = router.route("/saasproduce", route(service.build()));
    }
    let listener = TcpListener::bind(&settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, router).with_graceful_shutdown(interrupted).await?;
    // What is not sent by now is sent after the next start.
    let _ = stop.send(());
    pushing.await?;
    Ok(())
}

struct Settings {
    listen: String,
    database: String,
    period: Option<Duration>,
    when_used_up: WhenUsedUp,
    keys: AccessKeys,
}

impl Settings {
    fn read() -> Outcome<Self> {
        let database = std::env::var("KOOGALLERY_DATABASE_URL").ok().filter(|url| !url.is_empty());
        let mut settings = Self {
            listen: "127.0.0.1:8090".to_owned(),
            database: database.unwrap_or_else(|| "sqlite://koogallery.db".to_owned()),
            period: None,
            when_used_up: WhenUsedUp::PayPerUse,
            keys: AccessKeys::from_env()?,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--listen" => settings.listen = value,
                "--database" => settings.database = value,
                "--period" => settings.period = Some(Duration::try_from_secs_f64(value.parse()?)?),
                "--when-used-up" => {
                    settings.when_used_up = match value.as_str() {
                        "pay-per-use" => WhenUsedUp::PayPerUse,
                        "stop" => WhenUsedUp::Stop,
                        _ => return Err("--when-used-up is pay-per-use or stop".into()),
                    }
                }
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(settings)
    }
}
