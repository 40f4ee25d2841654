//! Usage in the seller's database.

use std::sync::Arc;

use koogallery::metering::{Meter, RecordState, StatementLine, StatementMonth, StoredRecord, UsageStore};

use crate::Failure;

/// Lines or records that are read at once.
const PAGE: usize = 1000;

/// Opens a SQLite file, or the database of a URL.
pub async fn open(database: &str) -> Result<Meter, Failure> {
    Ok(Meter::new(store(database).await?))
}

/// Returns the whole statement of a month.
pub async fn statement(meter: &Meter, month: StatementMonth) -> Result<Vec<StatementLine>, Failure> {
    let mut lines: Vec<StatementLine> = Vec::new();
    loop {
        let page = meter.statement(month, lines.last(), PAGE).await;
        let page = page.map_err(|error| Failure::of("the statement", &error))?;
        if page.is_empty() {
            return Ok(lines);
        }
        lines.extend(page);
    }
}

/// Returns all records that are stored.
pub async fn records(meter: &Meter) -> Result<Vec<StoredRecord>, Failure> {
    let states = [RecordState::Pending, RecordState::Delivered, RecordState::Held, RecordState::Fix, RecordState::Dead];
    let mut records = Vec::new();
    for state in states {
        let mut last: Option<String> = None;
        loop {
            let page = meter.records(state, last.as_deref(), PAGE).await;
            let page = page.map_err(|error| Failure::of("the records", &error))?;
            let Some(end) = page.last() else { break };
            last = Some(end.record.metering_sn.clone());
            records.extend(page);
        }
    }
    Ok(records)
}

async fn store(database: &str) -> Result<Arc<dyn UsageStore>, Failure> {
    match database.split_once("://") {
        None => sqlite(database).await,
        Some(("sqlite", path)) => sqlite(path).await,
        Some(("postgres" | "postgresql", _)) => postgres(database).await,
        Some(("mysql", _)) => mysql(database).await,
        Some((scheme, _)) => Err(Failure::new(format!("--database: {scheme}:// is no database that is known"))),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(path: &str) -> Result<Arc<dyn UsageStore>, Failure> {
    let failure = |error: koogallery::sqlite::DatabaseError| Failure::of(path, &error);
    // A name with a typing error would become a new file.
    if !std::path::Path::new(path).is_file() {
        return Err(Failure::new(format!("{path} is not a file")));
    }
    let database = koogallery::sqlite::Database::open(path).map_err(failure)?;
    Ok(Arc::new(koogallery::metering::SqliteUsageStore::new(&database).await.map_err(failure)?))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn UsageStore>, Failure> {
    let failure = |error: koogallery::postgres::DatabaseError| Failure::of("the database", &error);
    let database = koogallery::postgres::Database::connect(url).await.map_err(failure)?;
    Ok(Arc::new(koogallery::metering::PostgresUsageStore::new(&database).await.map_err(failure)?))
}

#[cfg(feature = "mysql")]
async fn mysql(url: &str) -> Result<Arc<dyn UsageStore>, Failure> {
    let failure = |error: koogallery::mysql::DatabaseError| Failure::of("the database", &error);
    let database = koogallery::mysql::Database::connect(url).await.map_err(failure)?;
    Ok(Arc::new(koogallery::metering::MysqlUsageStore::new(&database).await.map_err(failure)?))
}

/// Declares what opens a database that this program was built without.
macro_rules! left_out {
    ($feature:literal, $open:ident) => {
        #[cfg(not(feature = $feature))]
        async fn $open(_: &str) -> Result<Arc<dyn UsageStore>, Failure> {
            Err(Failure::new(concat!("--database: this program was built without the feature ", $feature)))
        }
    };
}

left_out!("sqlite", sqlite);
left_out!("postgres", postgres);
left_out!("mysql", mysql);
