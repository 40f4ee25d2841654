//! The License store in MySQL or MariaDB.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::row::{COLUMNS, KEEP, SETTLE, find as find_sql, id_columns, license_columns, progress_columns, read};
use super::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, LicenseStoreError,
    StoredApplication,
};
use crate::lease::Lease;
use crate::mysql::mysql_async::Value;
use crate::mysql::{
    CLOCK, Database, DatabaseError, Schema, Session as _, Work, clock, end_of_lease, id, is_due, lease_end, values,
};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// A store for any number of replicas, in a table of its own (`koogallery_license`). Devices and Licenses are stored in
/// clear text.
///
/// ```no_run
/// use koogallery::license_store::MysqlLicenseStore;
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let database = Database::connect("mysql://shop:secret@127.0.0.1/shop").await?;
/// let store = MysqlLicenseStore::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MysqlLicenseStore {
    database: Database,
}

const TABLES: &str = "CREATE TABLE IF NOT EXISTS koogallery_license (
    kind           VARBINARY(16) NOT NULL CHECK (kind IN ('event', 'order')),
    id             VARBINARY(512) NOT NULL,
    instance_id    VARBINARY(512) NOT NULL,
    device         LONGTEXT,
    effective_time BIGINT,
    expire_time    BIGINT,
    progress       VARBINARY(16) NOT NULL CHECK (progress IN ('due', 'delivered', 'given_up')),
    due_at         BIGINT NOT NULL,
    holder         VARBINARY(32),
    attempts       BIGINT NOT NULL DEFAULT 0,
    form           VARBINARY(16) CHECK (form IN ('text', 'file', 'elsewhere')),
    name           LONGTEXT,
    content        LONGBLOB,
    PRIMARY KEY (kind, id),
    KEY koogallery_license_due (progress, due_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
";

const INSERT: &str = "INSERT INTO koogallery_license \
    (kind, id, instance_id, device, effective_time, expire_time, progress, due_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

impl MysqlLicenseStore {
    /// Returns the table that [`MysqlLicenseStore::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("license", "koogallery_license", &[TABLES])
    }

    /// Opens the store, creating its table if there is none, or updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created, or is of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        Ok(Self { database: database.clone() })
    }

    async fn run<T, F>(&self, work: impl Fn(Work) -> F) -> Result<T, LicenseStoreError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        self.database.run(work).await.map_err(LicenseStoreError::new)
    }
}

impl LicenseStore for MysqlLicenseStore {
    fn apply(
        &self,
        application: LicenseApplication,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Applied, LicenseStoreError>> {
        async move {
            let application = &application;
            self.run(|work| async move {
                let known = find(&work, &application.id, "FOR UPDATE").await?;
                let is_known = known.is_some();
                let applied = StoredApplication::apply(known, application.clone(), now);
                if let Applied::Accepted(stored) = &applied {
                    let key = key(&application.id)?;
                    let (progress, due_at) = progress_columns(stored.progress);
                    if is_known {
                        let set =
                            "UPDATE koogallery_license SET progress = ?3, due_at = ?4 WHERE kind = ?1 AND id = ?2";
                        work.execute(set, &[&key[..], &values![progress, due_at]].concat()).await?;
                    } else {
                        let LicenseApplication { instance_id, device, effective_time, expire_time, .. } = application;
                        let [effective_time, expire_time] =
                            [effective_time, expire_time].map(|time| time.map(Timestamp::as_unix_millis));
                        let device = device.as_ref().map(Sensitive::expose);
                        let own = [id("instance_id", instance_id)?, device.into()];
                        let own = [&own[..], &values![effective_time, expire_time, progress, due_at]].concat();
                        work.insert_missing(INSERT, &[&key[..], &own].concat()).await?;
                    }
                }
                Ok(applied)
            })
            .await
        }
        .boxed()
    }

    fn claim<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        let claim = move |work: Work| async move {
            let parameters = [&key(id)?[..], &values![now.as_unix_millis()]].concat();
            let is_due = is_due("?3", CLOCK);
            let find_due = format!("{} AND progress = 'due' AND {is_due}", find_sql());
            // Those who wait for a License ask again and again, and must lock nothing. After a lock the row is read again.
            for lock in ["", " FOR UPDATE"] {
                if work.query_opt(&format!("{find_due}{lock}"), &parameters).await?.is_none() {
                    return Ok(None);
                }
            }
            hold(&work, id, lease, end_of_lease(&work, lease).await?).await?;
            find(&work, id, "").await
        };
        self.run(claim).boxed()
    }

    fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredApplication>, LicenseStoreError>> {
        let claim = move |work: Work| async move {
            // Those that another replica is taking just now are left to it. In the order of the index, since all rows that
            // are sorted would be locked.
            let due = format!(
                "SELECT {COLUMNS} FROM koogallery_license FORCE INDEX (koogallery_license_due) \
                 WHERE progress = 'due' AND {} ORDER BY due_at LIMIT ?3 FOR UPDATE SKIP LOCKED",
                is_due("?1", "?2")
            );
            let parameters = values![now.as_unix_millis(), clock(&work).await?, limit];
            let mut claimed = vec![];
            let due = work.query(&due, &parameters).await?;
            let end = end_of_lease(&work, lease).await?;
            for row in &due {
                let id = read(row)?.application.id;
                hold(&work, &id, lease, end).await?;
                claimed.extend(find(&work, &id, "").await?);
            }
            Ok(claimed)
        };
        self.run(claim).boxed()
    }

    fn extend<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let extend = move |work: Work| async move {
            let extend = format!(
                "UPDATE koogallery_license SET due_at = {} WHERE kind = ?1 AND id = ?2 AND holder = ?3",
                lease_end("?4")
            );
            let holder = values![lease.holder_text(), lease.duration_millis()];
            work.execute(&extend, &[&key(id)?[..], &holder].concat()).await.map(drop)
        };
        self.run(extend).boxed()
    }

    fn keep<'a>(
        &'a self,
        id: &'a ApplicationId,
        license: License,
    ) -> BoxFuture<'a, Result<License, LicenseStoreError>> {
        async move {
            let kept = &license;
            let keep = |work: Work| async move {
                let (form, name, content) = license_columns(kept);
                let parameters = [&key(id)?[..], &values![form, name, content]].concat();
                work.execute(KEEP, &parameters).await?;
                find(&work, id, "").await
            };
            let stored = self.run(keep).await?;
            Ok(stored.and_then(|stored| stored.license).unwrap_or(license))
        }
        .boxed()
    }

    fn settle<'a>(
        &'a self,
        id: &'a ApplicationId,
        lease: Lease,
        outcome: ApplicationOutcome,
    ) -> BoxFuture<'a, Result<(), LicenseStoreError>> {
        let settle = move |work: Work| async move {
            let (progress, due_at) = progress_columns(outcome.into());
            let parameters = [&key(id)?[..], &values![progress, due_at, lease.holder_text()]].concat();
            work.execute(SETTLE, &parameters).await.map(drop)
        };
        self.run(settle).boxed()
    }

    fn application<'a>(
        &'a self,
        id: &'a ApplicationId,
    ) -> BoxFuture<'a, Result<Option<StoredApplication>, LicenseStoreError>> {
        self.run(move |work| async move { find(&work, id, "").await }).boxed()
    }
}

/// The columns `kind` and `id`.
fn key(application: &ApplicationId) -> Result<[Value; 2], DatabaseError> {
    let (kind, value) = id_columns(application);
    Ok([kind.into(), id("id", value)?])
}

/// Leases an application whose row is locked.
async fn hold(work: &Work, id: &ApplicationId, lease: Lease, end: i64) -> Result<(), DatabaseError> {
    let hold = "UPDATE koogallery_license SET holder = ?3, due_at = ?4, attempts = attempts + 1 \
                WHERE kind = ?1 AND id = ?2";
    work.execute(hold, &[&key(id)?[..], &values![lease.holder_text(), end]].concat()).await.map(drop)
}

async fn find(work: &Work, id: &ApplicationId, lock: &str) -> Result<Option<StoredApplication>, DatabaseError> {
    let row = work.query_opt(&format!("{} {lock}", find_sql()), &key(id)?).await?;
    row.as_ref().map(read).transpose()
}
