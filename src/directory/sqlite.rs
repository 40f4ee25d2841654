//! The directory in SQLite.

use std::fmt;
use std::iter;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, ToSql, Transaction, params, params_from_iter};

use super::policy::{Effect, Plan, Query, best_of_each};
use super::reads::{Reads, reads};
use super::record::Entry;
use super::tables::{FIND_CLEARED, clear, decrypt, entry, note_cleared, put, read_mark, read_row, rows};
use super::{Application, Change, Department, DepartmentSync, DirectoryStore, DirectoryStoreError, Tenant, User};
use crate::cipher::client_secret::ClientSecretDecryptor;
use crate::sqlite::{Database, DatabaseError};

/// A directory that survives restarts, in tables of its own (`koogallery_tenant`, `_application`, `_user`,
/// `_department`, `_directory_cleared`). Several processes may use the same file. Clones share everything.
///
/// A client secret is stored as the marketplace encrypted it, never in clear, and is decrypted at every look-up, which
/// computes for some milliseconds. So the private key must stay configured as long as secrets made for it are in use.
///
/// **Personal data stands in clear in the file**: names of users, their mobile numbers and e-mail addresses as far as
/// the buyers share them, and names of enterprises. Protect the file and its copies as such. Of what was removed only
/// ids remain, account names among them; an unbound enterprise leaves its own id alone.
///
#[cfg_attr(feature = "rsa", doc = "```no_run")]
#[cfg_attr(not(feature = "rsa"), doc = "```ignore")]
/// use koogallery::cipher::client_secret::{OaepDecryptor, PrivateKey};
/// use koogallery::directory::SqliteDirectory;
/// use koogallery::sqlite::Database;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let decryptor = OaepDecryptor::new(PrivateKey::from_env()?)?;
/// let directory = SqliteDirectory::new(&Database::open("koogallery.db")?, decryptor).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteDirectory {
    database: Database,
    decryptor: Arc<dyn ClientSecretDecryptor>,
    department_sync: DepartmentSync,
}

/// An empty instance stands for a missing one, since SQLite takes every NULL of a key for another one.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_tenant (
    tenant_id   TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    sent_at     INTEGER NOT NULL,
    test_call   INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, instance_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS koogallery_application (
    tenant_id   TEXT NOT NULL,
    app_id      TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    sent_at     INTEGER NOT NULL,
    test_call   INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, app_id, instance_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS koogallery_user (
    tenant_id   TEXT NOT NULL,
    app_id      TEXT NOT NULL,
    user_name   TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    sent_at     INTEGER NOT NULL,
    test_call   INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'revoked', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, app_id, user_name, instance_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS koogallery_department (
    tenant_id   TEXT NOT NULL,
    org_code    TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    sent_at     INTEGER NOT NULL,
    test_call   INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, org_code, instance_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS koogallery_directory_cleared (
    cleared     TEXT NOT NULL,
    tenant_id   TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    sent_at     INTEGER NOT NULL,
    test_call   INTEGER NOT NULL,
    PRIMARY KEY (cleared, tenant_id, instance_id)
) WITHOUT ROWID;
";

impl SqliteDirectory {
    /// Opens the directory, and creates its tables if they are missing. The decryptor is for client secrets.
    ///
    /// # Errors
    ///
    /// The tables cannot be made.
    pub async fn new(database: &Database, decryptor: impl ClientSecretDecryptor) -> Result<Self, DatabaseError> {
        database.transaction(|transaction| transaction.execute_batch(SCHEMA)).await?;
        let decryptor = Arc::new(decryptor);
        Ok(Self { database: database.clone(), decryptor, department_sync: DepartmentSync::default() })
    }

    /// Sets what a list of all departments does to the others.
    #[must_use]
    pub fn with_department_sync(mut self, list: DepartmentSync) -> Self {
        self.department_sync = list;
        self
    }
}

impl Reads for SqliteDirectory {
    fn read<T: Entry>(&self, query: Query) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        self.database.read(DirectoryStoreError::new, move |transaction| read(transaction, &query))
    }

    fn decrypted(&self, application: Application) -> Result<Application, DirectoryStoreError> {
        decrypt(application, &*self.decryptor)
    }
}

impl DirectoryStore for SqliteDirectory {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>> {
        let plan = Plan::new(change, self.department_sync);
        self.database.run(DirectoryStoreError::new, move |transaction| apply(transaction, &plan))
    }

    reads!();
}

impl fmt::Debug for SqliteDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDirectory").field("department_sync", &self.department_sync).finish_non_exhaustive()
    }
}

fn apply(transaction: &Transaction<'_>, plan: &Plan) -> rusqlite::Result<()> {
    let Plan { tenant_id, instance_id, mark, clears, kind, rows } = plan;
    let sent_at = mark.sent_at.as_unix_millis();
    for kind in *clears {
        transaction.execute(&clear(*kind), params![sent_at, mark.test_call, tenant_id, instance_id])?;
        let cleared = params![sent_at, mark.test_call, kind.table(), tenant_id, instance_id];
        transaction.execute(&note_cleared(), cleared)?;
    }
    let cleared = transaction
        .prepare_cached(FIND_CLEARED)?
        .query_row(params![kind.table(), tenant_id, instance_id], |row| read_mark(row))
        .optional()?;
    if cleared.is_some_and(|cleared| cleared.keeps_out(*mark)) {
        return Ok(());
    }
    let places = ", ?".repeat(kind.columns().len());
    let mut put = transaction.prepare_cached(&put(*kind, &format!("VALUES (?1, ?2, ?3, ?4, ?5, ?6{places})")))?;
    for (ids, effect) in rows {
        let json = match effect {
            Effect::Put(record) => Some(record.to_json().map_err(unwritable)?),
            Effect::Revoke | Effect::Remove => None,
        };
        let state = effect.state();
        let own: [&dyn ToSql; 6] = [&sent_at, &mark.test_call, &tenant_id, &instance_id, &state, &json];
        put.execute(params_from_iter(own.into_iter().chain(ids.iter().map(|id| id as &dyn ToSql))))?;
    }
    Ok(())
}

fn read<T: Entry>(transaction: &Transaction<'_>, query: &Query) -> rusqlite::Result<Vec<T>> {
    let select = format!("SELECT {} ORDER BY {}, instance_id", rows(query), query.kind.last_column());
    let mut statement = transaction.prepare_cached(&select)?;
    let parameters = params_from_iter(iter::once(&query.tenant_id).chain(&query.ids));
    let rows = statement.query_map(parameters, |row| read_row(row))?;
    let best = best_of_each(rows, query.limit)?;
    best.iter().map(|row| entry(query, row).ok_or(rusqlite::Error::InvalidQuery)).collect()
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
