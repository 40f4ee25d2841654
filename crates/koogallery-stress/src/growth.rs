//! What a creation and a push of usage cost beside many instances and records, against the same on empty tables.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::clock::{Clock as _, ManualClock, SystemClock};
use koogallery::key::AccessKey;
use koogallery::metering::{Meter, Pusher, Usage};
use koogallery::open_api::Client;
use koogallery::site::Site;
use koogallery::transport::{Transport, TransportError};

use crate::Outcome;
use crate::database::Database;
use crate::orders::percentile;
use crate::place::{Engine, Place};
use crate::report::Row;
use crate::speed;

/// By how much a median may grow.
const GROWTH: f64 = 1.2;

const PART: &str = "growth";

/// How much is filled in, and measured.
#[derive(Clone, Copy)]
pub struct Size {
    pub instances: usize,
    /// Records of usage that are delivered.
    pub records: usize,
    pub creations: usize,
    pub pushes: usize,
}

/// Records of one push.
const BATCH: usize = 100;

/// Times that empty and filled tables take turns, so that the load of the machine disturbs both.
const TURNS: usize = 10;

pub async fn run(empty: &Place, filled: &Place, size: Size) -> Outcome<Row> {
    let [mut before, mut after] = [Stage::new(empty).await?, Stage::new(filled).await?];
    let began = Instant::now();
    fill(filled, size).await?;
    let filling = began.elapsed();
    for _ in 0..TURNS {
        for stage in [&mut before, &mut after] {
            stage.measure(size).await?;
        }
    }
    let [before, after] = [before, after].map(Stage::medians);
    let [creation, push] = [after[0] / before[0], after[1] / before[1]];
    let figures = format!(
        "{} instances, {} usage records (filled in {:.0} s): p50 of a creation {:.2} ms, {creation:.2} times {:.2} ms; of a push of {BATCH} \
         records {:.2} ms, {push:.2} times {:.2} ms",
        size.instances,
        size.records,
        filling.as_secs_f64(),
        after[0],
        before[0],
        after[1],
        before[1],
    );
    let is_met = creation < GROWTH && push < GROWTH;
    Ok(Row::speed(PART, empty.engine.name(), figures, "less than 1.2 times", Some(is_met)))
}

/// Stores, and the times that were measured on them.
struct Stage {
    service: CallbackService,
    clock: Arc<ManualClock>,
    meter: Meter,
    pusher: Pusher,
    next: usize,
    creations: Vec<Duration>,
    pushes: Vec<Duration>,
}

impl Stage {
    async fn new(place: &Place) -> Outcome<Self> {
        let database = Database::open(&place.url).await?;
        let service = speed::service(database.ledger().await?, database.replay_guard().await?)?;
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let meter = Meter::new(database.usage_store().await?).with_clock(Arc::clone(&clock));
        let client = Client::builder(Site::China, Intake, TokioRuntime)
            .access_key(AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")?)
            .clock(Arc::clone(&clock))
            .build()?;
        let pusher = Pusher::new(meter.clone(), client, TokioRuntime);
        Ok(Self { service, clock, meter, pusher, next: 0, creations: Vec::new(), pushes: Vec::new() })
    }

    async fn measure(&mut self, size: Size) -> Outcome {
        for _ in 0..size.creations / TURNS {
            self.next += 1;
            let body = speed::creation(self.next);
            let began = Instant::now();
            speed::call(&self.service, self.next, body).await?;
            self.creations.push(began.elapsed());
        }
        for _ in 0..size.pushes / TURNS {
            let usages = (0..BATCH).map(|instance| Usage::new(format!("instance-{instance}"), 1.into()));
            self.meter.record_all(usages).await?;
            self.clock.advance(Duration::from_secs(2 * 3600));
            let began = Instant::now();
            let pushed = self.pusher.run_once().await?;
            self.pushes.push(began.elapsed());
            if pushed.delivered != BATCH {
                return Err(format!("a push delivered {} of {BATCH} records", pushed.delivered).into());
            }
        }
        Ok(())
    }

    /// Returns the medians in milliseconds.
    fn medians(self) -> [f64; 2] {
        [self.creations, self.pushes].map(|mut times| {
            times.sort_unstable();
            percentile(&times, 50) * 1000.0
        })
    }
}

/// Takes all usage.
struct Intake;

impl Transport for Intake {
    fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        ready(Ok(Response::new(Bytes::from_static(br#"{"error_code":"MKT.0000","error_msg":"Success"}"#)))).boxed()
    }
}

/// Fills the tables by statements, as years of calls would.
async fn fill(place: &Place, size: Size) -> Outcome {
    let Size { instances, records, .. } = size;
    let now = SystemClock.now().as_unix_millis();
    let (numbers, digits): (fn(usize) -> String, _) = match place.engine {
        Engine::Sqlite => (
            |count| {
                format!(
                    "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})"
                )
            },
            "printf('%09d', n",
        ),
        _ => (|count| format!("WITH numbers (n) AS (SELECT generate_series(0, {count} - 1))"), "to_char(n"),
    };
    let end = if place.engine == Engine::Sqlite { ")" } else { ", 'FM000000000')" };
    let id = |divided: &str| format!("'old-' || {digits}{divided}{end}");
    let statements = [
        format!(
            "INSERT INTO koogallery_instance (instance_id, order_id, order_line_id, order_product_id, product_id, state, \
             handler_runs, created_at) {} SELECT {id}, {id}, '', '', 'product', 'active', 1, {now} FROM numbers",
            numbers(instances),
            id = id("")
        ),
        format!(
            "INSERT INTO koogallery_step (instance_id, step_key, done_at) {} SELECT {}, 'purchase', {now} FROM numbers",
            numbers(instances),
            id("")
        ),
        // A hundred hours of each instance.
        format!(
            "INSERT INTO koogallery_usage_record (metering_sn, instance_id, package, begin_time, end_time, record_time, \
             amount, state, attempts, due_at, settled_at) {} SELECT {}, {}, '', {now} - (100 - n % 100) * 3600000, \
             {now} - (99 - n % 100) * 3600000, {now}, 10000, 'delivered', 1, {now}, {now} FROM numbers",
            numbers(records),
            id(""),
            id(" / 100")
        ),
    ];
    for statement in statements {
        place.run(&statement).await?;
    }
    if place.engine == Engine::Sqlite {
        // What was filled in is not to be read out of the write-ahead log.
        place.run("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    if place.engine == Engine::Postgres {
        for table in ["koogallery_instance", "koogallery_step", "koogallery_usage_record"] {
            place.run(&format!("VACUUM ANALYZE {table}")).await?;
        }
    }
    Ok(())
}
