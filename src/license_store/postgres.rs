//! The License store in PostgreSQL.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join};
use tokio::time::Instant;

use super::row::{
    COLUMNS, INSERT, KEEP, KEEP_KNOWN, SET_PROGRESS, SETTLE, find as find_sql, id_columns, license_columns,
    progress_columns, read,
};
use super::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError,
    StoredApplication,
};
use crate::batch::{Batch, Batches};
use crate::lease::Lease;
use crate::postgres::{
    Database, DatabaseError, Schema, Work, binary, int, ints, is_due, lease_end, limit as rows, shared, text, texts,
};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// A store for any number of replicas, in a table of its own (`koogallery_license`). Devices and Licenses are stored in
/// clear text. Leases that are to be extended at the same time are extended by one statement, on a connection that is kept
/// for it.
///
/// ```no_run
/// use koogallery::license_store::PostgresLicenseStore;
/// use koogallery::postgres::Database;
///
/// # async fn example() -> Result<(), koogallery::postgres::DatabaseError> {
/// let database = Database::connect("postgres://shop:secret@127.0.0.1/shop").await?;
/// let store = PostgresLicenseStore::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresLicenseStore {
    database: Database,
    renewals: Batches<Renewals>,
}

impl fmt::Debug for PostgresLicenseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLicenseStore").field("database", &self.database).finish_non_exhaustive()
    }
}

const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_license (
    kind           TEXT COLLATE "C" NOT NULL CHECK (kind IN ('event', 'order')),
    id             TEXT COLLATE "C" NOT NULL,
    instance_id    TEXT COLLATE "C" NOT NULL,
    device         TEXT,
    effective_time BIGINT,
    expire_time    BIGINT,
    progress       TEXT NOT NULL CHECK (progress IN ('due', 'delivered', 'given_up')),
    due_at         BIGINT NOT NULL,
    holder         TEXT,
    form           TEXT CHECK (form IN ('text', 'file', 'elsewhere')),
    name           TEXT,
    content        BYTEA,
    PRIMARY KEY (kind, id)
);
CREATE INDEX IF NOT EXISTS koogallery_license_due ON koogallery_license (due_at) WHERE progress = 'due';
"#;

/// Since version 2 a run of the handler has a number.
const ATTEMPTS: &str = "ALTER TABLE koogallery_license ADD COLUMN IF NOT EXISTS attempts BIGINT NOT NULL DEFAULT 0;\n";

impl PostgresLicenseStore {
    /// Returns the table that [`PostgresLicenseStore::new`] makes, for applications that manage their schema
    /// themselves.
    pub fn schema() -> Schema {
        Schema::postgres("license", "koogallery_license", &[TABLES, ATTEMPTS])
    }

    /// Opens the store, creating its table if there is none, or updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created, or is of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        let renewals = Batches::new(Renewals { database: database.reserved() });
        Ok(Self { database: database.clone(), renewals })
    }

    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&Work<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, LicenseStoreError> {
        self.database.run(work).await.map_err(LicenseStoreError::new)
    }
}

impl LicenseStore for PostgresLicenseStore {
    fn apply(
        &self,
        application: LicenseApplication,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Applied, LicenseStoreError>> {
        self.run(async move |work| {
            let applied = StoredApplication::apply(None, application.clone(), now);
            let Applied::Accepted(first) = &applied else { return Ok(applied) };
            // Of two that apply for the first time, the second waits for the first, and then finds its row.
            let (inserted, known) =
                try_join(insert(work, first, KEEP_KNOWN), find(work, &application.id, "FOR UPDATE")).await?;
            if inserted == 1 {
                return Ok(applied);
            }
            let applied = StoredApplication::apply(known, application, now);
            if let Applied::Accepted(stored) = &applied {
                work.last(insert(work, stored, SET_PROGRESS)).await?;
            }
            Ok(applied)
        })
        .boxed()
    }

    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        async move {
            let claim = format!(
                "UPDATE koogallery_license SET holder = $4, due_at = {}, attempts = attempts + 1 \
                 WHERE kind = $1 AND id = $2 AND progress = 'due' AND {} RETURNING {COLUMNS}",
                lease_end("$5"),
                is_due("$3"),
            );
            let ((kind, id), now) = (id_columns(id), now.as_unix_millis());
            let (holder, duration) = (lease.holder_text(), lease.duration_millis());
            let parameters = [text(&kind), text(&id), int(&now), text(&holder), int(&duration)];
            let claimed = self.database.rows(&claim, &parameters).await;
            claimed.and_then(|rows| rows.first().map(read).transpose()).map_err(LicenseStoreError::new)
        }
        .boxed()
    }

    fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>> {
        async move {
            // Those that another replica is taking just now are left to it. By the places of the rows, since by their keys
            // the whole table might be read.
            let claim = format!(
                "UPDATE koogallery_license SET holder = $3, due_at = {}, attempts = attempts + 1 \
                 WHERE ctid = ANY (ARRAY(SELECT ctid FROM koogallery_license WHERE progress = 'due' AND {} \
                 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING {COLUMNS}",
                lease_end("$4"),
                is_due("$1"),
            );
            let (now, limit) = (now.as_unix_millis(), rows(limit));
            let (holder, duration) = (lease.holder_text(), lease.duration_millis());
            let claimed = self.database.rows(&claim, &[int(&now), int(&limit), text(&holder), int(&duration)]).await;
            claimed.and_then(|rows| rows.iter().map(read).collect()).map_err(LicenseStoreError::new)
        }
        .boxed()
    }

    fn extend<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        async move {
            let ends = self.database.ends();
            if self.renewals.ask(Renewal { id: id.clone(), lease }, ends).await.is_some() {
                return Ok(());
            }
            // Lost, or its row is locked: that is found out alone, so that the others do not wait.
            let extend = format!(
                "UPDATE koogallery_license SET due_at = {} WHERE kind = $1 AND id = $2 AND holder = $3",
                lease_end("$4")
            );
            let (kind, id) = id_columns(id);
            let (holder, duration) = (lease.holder_text(), lease.duration_millis());
            let parameters = [text(&kind), text(&id), text(&holder), int(&duration)];
            let extend = async |work: &Work<'_>| work.last(work.execute(&extend, &parameters)).await;
            self.database.run_until(ends, extend).await.map(drop).map_err(LicenseStoreError::new)
        }
        .boxed()
    }

    fn keep<'a>(
        &'a self,
        id: &'a ApplicationId,
        license: License,
    ) -> BoxFuture<'a, Result<License, LicenseStoreError>> {
        self.run(async move |work| {
            let (kind, key) = id_columns(id);
            let (form, name, content) = license_columns(&license);
            let parameters = [text(&kind), text(&key), text(&form), text(&name), binary(&content)];
            let keep = shared(KEEP);
            let kept = work.last(async { try_join(work.execute(&keep, &parameters), find(work, id, "")).await });
            let (_, stored) = kept.await?;
            Ok(stored.and_then(|stored| stored.license).unwrap_or(license))
        })
        .boxed()
    }

    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        outcome: ApplicationOutcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        async move {
            let (kind, id) = id_columns(id);
            let (progress, due_at) = progress_columns(outcome.into());
            let holder = lease.holder_text();
            let parameters = [text(&kind), text(&id), text(&progress), int(&due_at), text(&holder)];
            self.database.execute(&shared(SETTLE), &parameters).await.map(drop).map_err(LicenseStoreError::new)
        }
        .boxed()
    }

    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        self.run(async move |work| work.last(find(work, id, "")).await).boxed()
    }
}

/// A lease to extend.
struct Renewal {
    id: ApplicationId,
    lease: Lease,
}

/// Extends leases. One row that is locked for long must not end the leases of all others.
#[derive(Clone)]
struct Renewals {
    database: Database,
}

impl Batch for Renewals {
    type Item = Renewal;
    type Answer = ();
    type Error = DatabaseError;

    async fn run(&self, renewals: &[&Renewal], ends: Instant) -> Result<Vec<Option<()>>, DatabaseError> {
        let places: Vec<i64> = (0_i64..).zip(renewals).map(|(place, _)| place).collect();
        let (kinds, ids): (Vec<_>, Vec<_>) = renewals.iter().map(|renewal| id_columns(&renewal.id)).unzip();
        let holders: Vec<String> = renewals.iter().map(|renewal| renewal.lease.holder_text()).collect();
        let durations: Vec<i64> = renewals.iter().map(|renewal| renewal.lease.duration_millis()).collect();
        let extend = format!(
            "UPDATE koogallery_license AS license SET due_at = {} FROM (SELECT place, kind, id, duration \
             FROM koogallery_license JOIN unnest($1, $2, $3, $4, $5) AS renewal (place, kind, id, renewed_by, duration) \
             USING (kind, id) WHERE holder = renewed_by FOR UPDATE OF koogallery_license SKIP LOCKED) AS free \
             WHERE license.kind = free.kind AND license.id = free.id RETURNING free.place",
            lease_end("free.duration")
        );
        let parameters = [ints(&places), texts(&kinds), texts(&ids), texts(&holders), ints(&durations)];
        let extend = async |work: &Work<'_>| work.last(work.query(&extend, &parameters)).await;
        let rows = self.database.run_until(ends, extend).await?;
        let extended: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        Ok(places.iter().map(|place| extended.contains(place).then_some(())).collect())
    }
}

async fn insert(work: &Work<'_>, stored: &StoredApplication, otherwise: &str) -> Result<u64, DatabaseError> {
    let LicenseApplication { id, instance_id, device, effective_time, expire_time, .. } = &stored.application;
    let (kind, id) = id_columns(id);
    let (progress, due_at) = progress_columns(stored.progress);
    let [effective_time, expire_time] = [effective_time, expire_time].map(|time| time.map(Timestamp::as_unix_millis));
    let device = device.as_ref().map(Sensitive::expose);
    let application = [text(&kind), text(&id), text(instance_id), text(&device)];
    let progress = [int(&effective_time), int(&expire_time), text(&progress), int(&due_at)];
    work.execute(&shared(&format!("{INSERT}{otherwise}")), &[application, progress].concat()).await
}

async fn find(work: &Work<'_>, id: &ApplicationId, lock: &str) -> Result<Option<StoredApplication>, DatabaseError> {
    let (kind, id) = id_columns(id);
    let row = work.query_opt(&shared(&format!("{} {lock}", find_sql())), &[text(&kind), text(&id)]).await?;
    row.as_ref().map(read).transpose()
}
