//! The directory in SQLite.

use std::fmt;
use std::iter;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, ToSql, Transaction, params, params_from_iter};

use super::policy::{Effect, Mark, Plan, Query, Reach, Row, best_of_each};
use super::record::{Entry, Kind, Record};
use super::{Application, Change, Department, DepartmentSync, DirectoryStore, DirectoryStoreError, Tenant, User};
use crate::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

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

const GIVES_WAY: &str = Mark::GIVES_WAY;

impl Kind {
    fn table(self) -> &'static str {
        match self {
            Self::Tenant => "koogallery_tenant",
            Self::Application => "koogallery_application",
            Self::User => "koogallery_user",
            Self::Department => "koogallery_department",
        }
    }

    /// The columns of the ids.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tenant => &[],
            Self::Application => &["app_id"],
            Self::User => &["app_id", "user_name"],
            Self::Department => &["org_code"],
        }
    }
}

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

    fn read<T: Entry>(&self, query: Query) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        let work = self.database.transaction(move |transaction| read(transaction, &query));
        async move { work.await.map_err(DirectoryStoreError::new) }.boxed()
    }

    fn one<T: Entry>(&self, tenant_id: &str, ids: &[&str]) -> BoxFuture<'_, Result<Option<T>, DirectoryStoreError>> {
        let found = self.read(Query::one(T::KIND, tenant_id, ids));
        async move { Ok(found.await?.pop()) }.boxed()
    }

    fn page<T: Entry>(
        &self,
        tenant_id: &str,
        ids: &[&str],
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        self.read(Query::page(T::KIND, tenant_id, ids, after, limit))
    }
}

impl DirectoryStore for SqliteDirectory {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>> {
        let list = self.department_sync;
        let work = self.database.transaction(move |transaction| apply(transaction, Plan::new(change, list)));
        async move { work.await.map_err(DirectoryStoreError::new) }.boxed()
    }

    fn tenant<'a>(&'a self, tenant_id: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, DirectoryStoreError>> {
        self.one(tenant_id, &[])
    }

    fn application<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Application>, DirectoryStoreError>> {
        let found = self.one::<Application>(tenant_id, &[app_id]);
        async move {
            let Some(mut application) = found.await? else { return Ok(None) };
            let secret = &mut application.client_secret;
            secret.plain = self.decryptor.decrypt(secret.encrypted.expose()).map_err(|source| {
                let (tenant_id, app_id) = (tenant_id.to_owned(), app_id.to_owned());
                DirectoryStoreError::new(SecretError { tenant_id, app_id, source })
            })?;
            Ok(Some(application))
        }
        .boxed()
    }

    fn user<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
        user_name: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, DirectoryStoreError>> {
        self.one(tenant_id, &[app_id, user_name])
    }

    fn department<'a>(
        &'a self,
        tenant_id: &'a str,
        org_code: &'a str,
    ) -> BoxFuture<'a, Result<Option<Department>, DirectoryStoreError>> {
        self.one(tenant_id, &[org_code])
    }

    fn users<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<User>, DirectoryStoreError>> {
        self.page(tenant_id, &[app_id], after, limit)
    }

    fn departments<'a>(
        &'a self,
        tenant_id: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Department>, DirectoryStoreError>> {
        self.page(tenant_id, &[], after, limit)
    }
}

impl fmt::Debug for SqliteDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDirectory").field("department_sync", &self.department_sync).finish_non_exhaustive()
    }
}

/// A stored secret was made for a key that is no longer available.
#[derive(Debug, thiserror::Error)]
#[error("the stored secret of application {app_id:?} for enterprise {tenant_id:?} cannot be opened")]
struct SecretError {
    tenant_id: String,
    app_id: String,
    source: ClientSecretError,
}

fn apply(transaction: &Transaction<'_>, plan: Plan) -> rusqlite::Result<()> {
    let Plan { tenant_id, instance_id, mark, clears, kind, rows } = plan;
    let sent_at = mark.sent_at.as_unix_millis();
    for kind in clears {
        let table = kind.table();
        transaction.execute(
            &format!("DELETE FROM {table} WHERE tenant_id = ?3 AND instance_id = ?4 AND {GIVES_WAY}"),
            params![sent_at, mark.test_call, tenant_id, instance_id],
        )?;
        transaction.execute(
            &format!(
                "INSERT INTO koogallery_directory_cleared (sent_at, test_call, cleared, tenant_id, instance_id) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE \
                 SET sent_at = excluded.sent_at, test_call = excluded.test_call WHERE {GIVES_WAY}"
            ),
            params![sent_at, mark.test_call, table, tenant_id, instance_id],
        )?;
    }
    if cleared(transaction, kind, &tenant_id, &instance_id)?.is_some_and(|cleared| cleared.keeps_out(mark)) {
        return Ok(());
    }
    let columns: String = kind.columns().iter().map(|column| format!(", {column}")).collect();
    let places = ", ?".repeat(kind.columns().len());
    let mut put = transaction.prepare_cached(&format!(
        "INSERT INTO {table} (sent_at, test_call, state, record, tenant_id, instance_id{columns}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6{places}) ON CONFLICT DO UPDATE \
         SET sent_at = excluded.sent_at, test_call = excluded.test_call, state = excluded.state, \
         record = iif(excluded.state = 'revoked', record, excluded.record) WHERE {GIVES_WAY}",
        table = kind.table(),
    ))?;
    for (ids, effect) in rows {
        let json = match &effect {
            Effect::Put(record) => Some(record.to_json().map_err(unwritable)?),
            Effect::Revoke | Effect::Remove => None,
        };
        let state = effect.state();
        let own: [&dyn ToSql; 6] = [&sent_at, &mark.test_call, &state, &json, &tenant_id, &instance_id];
        put.execute(params_from_iter(own.into_iter().chain(ids.iter().map(|id| id as &dyn ToSql))))?;
    }
    Ok(())
}

fn cleared(
    transaction: &Transaction<'_>,
    kind: Kind,
    tenant_id: &str,
    instance_id: &str,
) -> rusqlite::Result<Option<Mark>> {
    transaction
        .prepare_cached(
            "SELECT sent_at, test_call FROM koogallery_directory_cleared \
             WHERE cleared = ?1 AND tenant_id = ?2 AND instance_id = ?3",
        )?
        .query_row(params![kind.table(), tenant_id, instance_id], mark)
        .optional()
}

fn read<T: Entry>(transaction: &Transaction<'_>, query: &Query) -> rusqlite::Result<Vec<T>> {
    let Query { kind, tenant_id, ids, reach, limit } = query;
    let columns = kind.columns();
    let mut conditions = String::new();
    for (index, column) in columns.iter().enumerate() {
        let operator = match reach {
            Reach::From if index + 1 == columns.len() => ">=",
            Reach::After if index + 1 == columns.len() => ">",
            _ => "=",
        };
        conditions += &format!(" AND {column} {operator} ?");
    }
    let last_id = columns.last().unwrap_or(&"''");
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {last_id} AS last_id, instance_id, sent_at, test_call, record FROM {} \
         WHERE tenant_id = ?1{conditions} AND state = 'present' ORDER BY {last_id}, instance_id",
        kind.table(),
    ))?;
    let rows = statement.query_map(params_from_iter(iter::once(tenant_id).chain(ids)), |row| {
        Ok(Row {
            last_id: row.get("last_id")?,
            instance_id: row.get("instance_id")?,
            mark: mark(row)?,
            record: row.get::<_, String>("record")?,
        })
    })?;
    let entry = |row: Row<String>| {
        let record = Record::from_json(*kind, &row.record).map_err(unreadable)?;
        T::assemble(row.meta(tenant_id), record).ok_or(rusqlite::Error::InvalidQuery)
    };
    best_of_each(rows, *limit)?.into_iter().map(entry).collect()
}

fn mark(row: &rusqlite::Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark { sent_at: Timestamp::from_unix_millis(row.get("sent_at")?), test_call: row.get("test_call")? })
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

fn unreadable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into())
}
