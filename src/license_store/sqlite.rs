//! The License store in SQLite.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, Row, Transaction, named_params, params};

use super::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError, Progress,
    StoredApplication,
};
use crate::lease::Lease;
use crate::redact::Sensitive;
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

/// A store that survives restarts, in a table of its own (`koogallery_license`). Devices and Licenses are stored in
/// clear text.
#[derive(Clone, Debug)]
pub struct SqliteLicenseStore {
    database: Database,
}

const COLUMNS: &str =
    "kind, id, instance_id, device, effective_time, expire_time, progress, due_at, form, name, content";

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
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_license_due ON koogallery_license (due_at) WHERE progress = 'due';
";

    /// Opens the store, creating its table if there is none.
    ///
    /// # Errors
    ///
    /// The table cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(|transaction| transaction.execute_batch(Self::SCHEMA)).await?;
        Ok(Self { database: database.clone() })
    }

    fn run<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, LicenseStoreError>>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
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
            let applied = StoredApplication::apply(known, application, now);
            if let Applied::Accepted(stored) = &applied {
                let (kind, id) = columns_of(&stored.application.id);
                let (progress, due_at) = progress_columns(stored.progress);
                transaction.execute(
                    "INSERT INTO koogallery_license \
                     (kind, id, instance_id, device, effective_time, expire_time, progress, due_at) VALUES \
                     (:kind, :id, :instance_id, :device, :effective_time, :expire_time, :progress, :due_at) \
                     ON CONFLICT DO UPDATE SET progress = excluded.progress, due_at = excluded.due_at",
                    named_params! {
                        ":kind": kind,
                        ":id": id,
                        ":instance_id": stored.application.instance_id,
                        ":device": stored.application.device.as_ref().map(Sensitive::expose),
                        ":effective_time": stored.application.effective_time.map(Timestamp::as_unix_millis),
                        ":expire_time": stored.application.expire_time.map(Timestamp::as_unix_millis),
                        ":progress": progress,
                        ":due_at": due_at,
                    },
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
            hold(transaction, &id, lease)?;
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
            let due: Vec<StoredApplication> = transaction
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM koogallery_license WHERE progress = 'due' AND due_at <= ?1 \
                     ORDER BY due_at LIMIT ?2"
                ))?
                .query_map(params![now.as_unix_millis(), limit], read)?
                .collect::<Result<_, _>>()?;
            due.iter().try_for_each(|stored| hold(transaction, &stored.application.id, lease))?;
            Ok(due)
        })
    }

    fn extend<'a>(&'a self, id: &'a ApplicationId, lease: Lease) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let id = id.clone();
        self.run(move |transaction| {
            let (kind, key) = columns_of(&id);
            transaction.execute(
                "UPDATE koogallery_license SET due_at = ?3 WHERE kind = ?1 AND id = ?2 AND holder = ?4",
                params![kind, key, lease.until.as_unix_millis(), lease.holder_text()],
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
            let (kind, key) = columns_of(&id);
            let (form, name, content): (_, Option<&str>, Option<&[u8]>) = match &license {
                License::Text(text) => ("text", None, Some(text.expose().as_bytes())),
                License::File { name, content } => ("file", Some(name), Some(content)),
                License::DeliveredElsewhere => ("elsewhere", None, None),
            };
            transaction.execute(
                "UPDATE koogallery_license SET form = ?3, name = ?4, content = ?5 \
                 WHERE kind = ?1 AND id = ?2 AND form IS NULL",
                params![kind, key, form, name, content],
            )?;
            Ok(find(transaction, &id)?.and_then(|stored| stored.license).unwrap_or(license))
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
            let (kind, key) = columns_of(&id);
            let (progress, due_at) = progress_columns(outcome.into());
            transaction.execute(
                "UPDATE koogallery_license SET progress = ?3, due_at = ?4, holder = NULL \
                 WHERE kind = ?1 AND id = ?2 AND holder = ?5",
                params![kind, key, progress, due_at, lease.holder_text()],
            )?;
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

fn columns_of(id: &ApplicationId) -> (&'static str, &str) {
    (id.kind(), id.value())
}

fn progress_columns(progress: Progress) -> (&'static str, i64) {
    match progress {
        Progress::Due(at) => ("due", at.as_unix_millis()),
        Progress::Delivered => ("delivered", 0),
        Progress::GivenUp => ("given_up", 0),
    }
}

fn find(transaction: &Transaction<'_>, id: &ApplicationId) -> rusqlite::Result<Option<StoredApplication>> {
    let (kind, id) = columns_of(id);
    transaction
        .prepare_cached(&format!("SELECT {COLUMNS} FROM koogallery_license WHERE kind = ?1 AND id = ?2"))?
        .query_row([kind, id], read)
        .optional()
}

fn hold(transaction: &Transaction<'_>, id: &ApplicationId, lease: Lease) -> rusqlite::Result<()> {
    let (kind, id) = columns_of(id);
    transaction.execute(
        "UPDATE koogallery_license SET holder = ?3, due_at = ?4 WHERE kind = ?1 AND id = ?2",
        params![kind, id, lease.holder_text(), lease.until.as_unix_millis()],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredApplication> {
    let time = |column: &str| row.get(column).map(|millis: Option<i64>| millis.map(Timestamp::from_unix_millis));
    let (kind, progress): (String, String) = (row.get("kind")?, row.get("progress")?);
    let (form, content): (Option<String>, Option<Vec<u8>>) = (row.get("form")?, row.get("content")?);
    let content = content.unwrap_or_default();
    let id: String = row.get("id")?;
    Ok(StoredApplication {
        application: LicenseApplication {
            id: ApplicationId::from_parts(&kind, id).ok_or(rusqlite::Error::InvalidQuery)?,
            instance_id: row.get("instance_id")?,
            device: row.get::<_, Option<String>>("device")?.map(Sensitive::from),
            effective_time: time("effective_time")?,
            expire_time: time("expire_time")?,
        },
        license: match form.as_deref() {
            None => None,
            Some("text") => Some(License::text(String::from_utf8(content).map_err(|_| rusqlite::Error::InvalidQuery)?)),
            Some("file") => Some(License::File { name: row.get("name")?, content: Bytes::from(content) }),
            Some(_) => Some(License::DeliveredElsewhere),
        },
        progress: match &*progress {
            "delivered" => Progress::Delivered,
            "given_up" => Progress::GivenUp,
            _ => Progress::Due(Timestamp::from_unix_millis(row.get("due_at")?)),
        },
    })
}
