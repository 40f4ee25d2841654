//! A small service that bills per call: `POST /render/INSTANCE` costs one unit.
//!
//! `cargo run --features axum-0_8,reqwest-0_13,rustls,sqlite-bundled,tokio --example metered_service -- --listen 127.0.0.1:8090`
//!
//! A call is answered when its usage is on the disk. A client that does not know whether its call was billed repeats it with
//! the same `Idempotency-Key`. `GET /metrics` shows the state of reporting. `/saasproduce` takes the marketplace's calls, where
//! there is a key; queries are answered with the running totals of usage, which begin at zero on the first of each month.
//!
//! | setting | default |
//! |---|---|
//! | `--listen` | `127.0.0.1:8090` |
//! | `--database`, `KOOGALLERY_DATABASE_URL` | `sqlite://koogallery.db` |
//! | `--period` (seconds that one record covers, all pauses shrunk along; for trying out) | by the hour |
//! | `KOOGALLERY_BASIC_KEY` | none: usage is kept until there is a key, and no call is taken |
//! | `KOOGALLERY_SITE`, `KOOGALLERY_OPEN_API_URL` | `china`, the site's host |

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use koogallery::adapter::axum::route;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::{
    AccessInfo, Description, Freeze, InstanceQuery, Purchase, Release, Renewal, SubscriptionHandler, Unfreeze,
};
use koogallery::callback::{CallbackService, HandlerError};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::ledger::SqliteLedger;
use koogallery::metering::{Cycle, Meter, MeteringError, Period, Pusher, SqliteUsageStore, Usage};
use koogallery::open_api::Client;
use koogallery::replay::SqliteReplayGuard;
use koogallery::sqlite::Database;
use koogallery::timestamp::CHINA;
use koogallery::transport::ReqwestTransport;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let database = Database::open_url(&settings.database)?;
    let cycle = Cycle::Monthly { day: 1, zone: CHINA };
    let meter = Meter::new(SqliteUsageStore::new(&database).await?).with_cycle(cycle);
    let client = Client::from_env(ReqwestTransport::new()?, TokioRuntime)?.build()?;
    let (meter, pusher) = match settings.period {
        None => (meter.clone(), Pusher::new(meter, client, TokioRuntime)),
        Some(period) => {
            let meter = meter.with_period(Period::Every(period));
            let pusher = Pusher::new(meter.clone(), client, TokioRuntime)
                .with_grace(period / 5)
                .with_interval(period / 5)
                .with_lease(period * 2)
                .with_longest_pause(period);
            (meter, pusher)
        }
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let pushing = tokio::spawn(async move {
        pusher.run(async { stopped.await.unwrap_or_default() }).await;
    });

    let mut router = Router::new().route("/render/{instance}", post(render)).route("/metrics", get(metrics));
    let keys = settings.keys;
    if keys.get(InterfaceType::V1).is_some() {
        let service = CallbackService::builder(keys, TokioRuntime)
            .subscription(Renderer(meter.clone()), SqliteLedger::new(&database).await?)
            .replay_guard(SqliteReplayGuard::new(&database).await?)
            .build();
        router = router.route("/saasproduce", route(service));
    }
    let router = router.with_state(meter);
    let listener = TcpListener::bind(&settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, router).with_graceful_shutdown(interrupted).await?;
    // What is not sent by now is sent after the next start.
    let _ = stop.send(());
    pushing.await?;
    Ok(())
}

/// What the marketplace asks for. A customer needs no account: the address has the instance's id.
struct Renderer(Meter);

impl SubscriptionHandler for Renderer {
    async fn create(&self, _: Purchase) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn renew(&self, _: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn freeze(&self, _: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn unfreeze(&self, _: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }

    /// What was used until now is reported as used until now.
    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        let closed = self.0.close_instance(&release.instance_id, SystemClock.now()).await;
        closed.map(drop).map_err(HandlerError::failed)
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let url = format!("https://render.example.com/render/{}", query.instance_id);
        let mut description = Description::new(AccessInfo::new(url));
        description.usage = self.0.usage_info(&query.instance_id).await.map_err(HandlerError::failed)?;
        Ok(description)
    }
}

/// Does the customer's work and bills it.
async fn render(
    State(meter): State<Meter>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<&'static str, (StatusCode, String)> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.ok_or_else(|| (StatusCode::BAD_REQUEST, "Idempotency-Key is missing".to_owned()))?;
    let drawing = "a drawing\n";
    let usage = Usage::new(&instance, 1.into()).with_id(format!("{instance} {key}"));
    match meter.record(usage).await {
        Ok(_) => Ok(drawing),
        Err(MeteringError::Usage(error)) => Err((StatusCode::BAD_REQUEST, error.to_string())),
        // Work that cannot be billed is not given away; the customer tries again.
        Err(error) => {
            eprintln!("usage was not recorded: {error}");
            Err((StatusCode::SERVICE_UNAVAILABLE, "try again".to_owned()))
        }
    }
}

async fn metrics(State(meter): State<Meter>) -> Result<String, StatusCode> {
    let status = meter.status().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(status.to_string())
}

struct Settings {
    listen: String,
    database: String,
    period: Option<Duration>,
    keys: AccessKeys,
}

impl Settings {
    fn read() -> Result<Self, Box<dyn Error>> {
        let database = std::env::var("KOOGALLERY_DATABASE_URL").ok().filter(|url| !url.is_empty());
        let mut settings = Self {
            listen: "127.0.0.1:8090".to_owned(),
            database: database.unwrap_or_else(|| "sqlite://koogallery.db".to_owned()),
            period: None,
            keys: AccessKeys::from_env()?,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--listen" => settings.listen = value,
                "--database" => settings.database = value,
                "--period" => settings.period = Some(Duration::try_from_secs_f64(value.parse()?)?),
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(settings)
    }
}
