//! What customers call, and what the seller looks at.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use koogallery::metering::package::{PackageBook, PackageError};
use koogallery::metering::{Meter, MeteringError, StatementLine, StatementMonth, Usage};

use crate::alarms::Alarms;

/// Time for which a reservation outlasts a crash of this program.
const LEASE: Duration = Duration::from_secs(600);

#[derive(Clone)]
pub struct Api {
    pub meter: Meter,
    pub book: PackageBook,
    pub alarms: Alarms,
}

type Refused = (StatusCode, String);

impl Api {
    pub fn router(self) -> Router {
        Router::new()
            .route("/render/{instance}", post(render))
            .route("/job/{instance}", post(job))
            .route("/usage/{instance}", get(usage))
            .route("/statement/{month}", get(statement))
            .route("/alarms", get(|State(api): State<Self>| async move { api.alarms.lines() }))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

/// Does the customer's work and bills it.
async fn render(
    State(api): State<Api>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    let drawing = "a drawing\n";
    let usage = Usage::new(&instance, 1.into()).with_id(usage_id(&instance, &headers)?);
    api.book.record(usage).await.map_err(refused)?;
    Ok(drawing)
}

/// Does work whose amount is known only at its end: three units are reserved, and two are used.
async fn job(
    State(api): State<Api>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    let film = "a film\n";
    let most = Usage::new(&instance, 3.into()).with_id(usage_id(&instance, &headers)?);
    let reservation = match api.book.reserve(most, LEASE).await {
        Ok(reservation) => reservation,
        Err(PackageError::AlreadyRecorded(_)) => return Ok(film),
        Err(error) => return Err(refused(error)),
    };
    reservation.commit(2.into()).await.map_err(refused)?;
    Ok(film)
}

/// The request's id, so that a request that is repeated is billed once.
fn usage_id(instance: &str, headers: &HeaderMap) -> Result<String, Refused> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.ok_or_else(|| (StatusCode::BAD_REQUEST, "Idempotency-Key is missing".to_owned()))?;
    Ok(format!("{instance} {key}"))
}

fn refused(error: PackageError) -> Refused {
    let status = match error {
        PackageError::UsedUp { .. } | PackageError::NoPackage(_) => StatusCode::PAYMENT_REQUIRED,
        PackageError::Metering(MeteringError::Usage(_)) | PackageError::Id(_) => StatusCode::BAD_REQUEST,
        // Work that cannot be billed is not given away; the customer tries again.
        error => {
            eprintln!("usage was not recorded: {error}");
            return (StatusCode::SERVICE_UNAVAILABLE, "try again".to_owned());
        }
    };
    (status, error.to_string())
}

/// What the customer has used, and what each package has left.
async fn usage(State(api): State<Api>, Path(instance): Path<String>) -> Result<String, Refused> {
    let mut text = String::new();
    for total in api.meter.usage_info(&instance).await.map_err(|error| refused(error.into()))? {
        let _ = writeln!(text, "total {}", total.usage_value);
    }
    for stored in api.book.packages(&instance).await.map_err(refused)? {
        let (id, until) = (&stored.package.instance_id, stored.valid_until);
        let _ =
            writeln!(text, "{id} used {} reserved {} of {} until {until}", stored.used, stored.reserved, stored.quota);
    }
    Ok(text)
}

/// The statement of a month such as `2026-11`, to be compared with the marketplace's.
async fn statement(State(api): State<Api>, Path(month): Path<String>) -> Result<String, Refused> {
    let month: StatementMonth = month.parse().map_err(|_| (StatusCode::BAD_REQUEST, "no month".to_owned()))?;
    let mut text = "instance,package,delivered,waiting,refused\n".to_owned();
    let mut last: Option<StatementLine> = None;
    loop {
        let page = api.meter.statement(month, last.as_ref(), 1000).await.map_err(|error| refused(error.into()))?;
        for line in &page {
            let package = line.package_instance_id.as_deref().unwrap_or_default();
            let StatementLine { instance_id, delivered_usage, waiting_usage, refused_usage, .. } = line;
            let _ = writeln!(text, "{instance_id},{package},{delivered_usage},{waiting_usage},{refused_usage}");
        }
        match page.last() {
            Some(line) => last = Some(line.clone()),
            None => return Ok(text),
        }
    }
}

/// The figures of reporting, and those of packages.
async fn metrics(State(api): State<Api>) -> Result<String, StatusCode> {
    let status = api.meter.status().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let packages = api.book.status().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(format!("{status}{packages}"))
}
