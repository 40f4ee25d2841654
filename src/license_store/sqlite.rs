//! The License store in SQLite.

use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::row::{
    COLUMNS, INSERT, KEEP, SET_PROGRESS, SETTLE, find as find_sql, id_columns, license_columns, progress_columns, read,
};
use super::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError,
    StoredApplication,
};
use crate::lease::Lease;
use crate::redact::Sensitive;
use crate::sqlite::{Database, DatabaseError, add_column};
use crate::timestamp::Timestamp;

/// A store that survives restarts, in a table of its own (`koogallery_license`). Devices and Licenses are stored in
/// clear text.
#[derive(Clone, Debug)]
pub struct SqliteLicenseStore {
    database: Database,
}

impl SqliteLicenseStore {
    /// The statements that [`SqliteLicenseStore::new`] runs, for applications that manage their schema themselves.
    pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_license (
    kind           TEXT NOT NULL CHECK (kind IN ('event', 'order')),
    id             TEXT NOT NULL,
    instance_id    TEXT NOT NULL,
    device         TEXT,
    effective_time INTEGER,
    expire_time    INTEGER,
    progress       TEXT NOT NULL CHECK (progress IN ('due', 'delivered', 'given_up')),
    due_at         INTEGER NOT NULL,
    holder         TEXT,
    form           TEXT CHECK (form IN ('text', 'file', 'elsewhere')),
    name           TEXT,
    content        BLOB,
    attempts       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_license_due ON koogallery_license (due_at) WHERE progress = 'due';
";

    /// Opens the store, creating its table if there is none, and updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        let make_table = |transaction: &Transaction<'_>| {
            add_column(transaction, "koogallery_license", "attempts", "INTEGER NOT NULL DEFAULT 0")?;
            transaction.execute_batch(Self::SCHEMA)
        };
        database.transaction(make_table).await?;
        Ok(Self { database: database.clone() })
    }

    fn run<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, LicenseStoreError>>
    where
        T: Send + 'static,
        F: Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.database.run(LicenseStoreError::new, work)
    }
}

impl LicenseStore for SqliteLicenseStore {
    fn apply(
        &self,
        application: LicenseApplication,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Applied, LicenseStoreError>> {
        self.run(move |transaction| {
            let known = find(transaction, &application.id)?;
            let applied = StoredApplication::apply(known, application.clone(), now);
            if let Applied::Accepted(stored) = &applied {
                let LicenseApplication { id, instance_id, device, effective_time, expire_time, .. } =
                    &stored.application;
                let (kind, id) = id_columns(id);
                let (progress, due_at) = progress_columns(stored.progress);
                let [effective_time, expire_time] =
                    [effective_time, expire_time].map(|time| time.map(Timestamp::as_unix_millis));
                let device = device.as_ref().map(Sensitive::expose);
                transaction.execute(
                    &format!("{INSERT}{SET_PROGRESS}"),
                    params![kind, id, instance_id, device, effective_time, expire_time, progress, due_at],
                )?;
            }
            Ok(applied)
        })
    }

    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        let id = id.clone();
        self.run(move |transaction| {
            let Some(mut stored) = find(transaction, &id)? else { return Ok(None) };
            if !stored.claim(lease, now) {
                return Ok(None);
            }
            hold(transaction, &id, lease, now)?;
            Ok(Some(stored))
        })
    }

    fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>> {
        self.run(move |transaction| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut due: Vec<StoredApplication> = transaction
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM koogallery_license WHERE progress = 'due' AND due_at <= ?1 \
                     ORDER BY due_at LIMIT ?2"
                ))?
                .query_map(params![now.as_unix_millis(), limit], |row| read(row))?
                .collect::<Result<_, _>>()?;
            for stored in &mut due {
                stored.claim(lease, now);
                hold(transaction, &stored.application.id, lease, now)?;
            }
            Ok(due)
        })
    }

    fn extend<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let id = id.clone();
        self.run(move |transaction| {
            let (kind, key) = id_columns(&id);
            transaction.execute(
                "UPDATE koogallery_license SET due_at = ?3 WHERE kind = ?1 AND id = ?2 AND holder = ?4",
                params![kind, key, lease.end(now).as_unix_millis(), lease.holder_text()],
            )?;
            Ok(())
        })
    }

    fn keep<'a>(
        &'a self,
        id: &'a ApplicationId,
        license: License,
    ) -> BoxFuture<'a, Result<License, LicenseStoreError>> {
        let id = id.clone();
        self.run(move |transaction| {
            let (kind, key) = id_columns(&id);
            let (form, name, content) = license_columns(&license);
            transaction.execute(KEEP, params![kind, key, form, name, content])?;
            Ok(find(transaction, &id)?.and_then(|stored| stored.license).unwrap_or_else(|| license.clone()))
        })
    }

    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        outcome: ApplicationOutcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let id = id.clone();
        self.run(move |transaction| {
            let (kind, key) = id_columns(&id);
            let (progress, due_at) = progress_columns(outcome.into());
            transaction.execute(SETTLE, params![kind, key, progress, due_at, lease.holder_text()])?;
            Ok(())
        })
    }

    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        let id = id.clone();
        self.run(move |transaction| find(transaction, &id))
    }
}

fn find(transaction: &Transaction<'_>, id: &ApplicationId) -> rusqlite::Result<Option<StoredApplication>> {
    let (kind, id) = id_columns(id);
    transaction.prepare_cached(&find_sql())?.query_row([kind, id], |row| read(row)).optional()
}

fn hold(transaction: &Transaction<'_>, id: &ApplicationId, lease: Lease, now: Timestamp) -> rusqlite::Result<()> {
    let (kind, id) = id_columns(id);
    transaction.execute(
        "UPDATE koogallery_license SET holder = ?3, due_at = ?4, attempts = attempts + 1 WHERE kind = ?1 AND id = ?2",
        params![kind, id, lease.holder_text(), lease.end(now).as_unix_millis()],
    )?;
    Ok(())
}
