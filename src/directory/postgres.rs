//! The directory in PostgreSQL.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join_all, try_join3};

use super::policy::{Effect, Ids, Plan, Query};
use super::reads::{Reads, reads};
use super::record::{Entry, Kind};
use super::tables::{FIND_CLEARED, clear, decrypt, entry, note_cleared, put, read_mark, read_row, rows};
use super::{Application, Change, Department, DepartmentSync, DirectoryStore, DirectoryStoreError, Tenant, User};
use crate::cipher::client_secret::ClientSecretDecryptor;
use crate::lock_key::lock_key;
use crate::postgres::{Database, DatabaseError, Parameter, Schema, flag, int, limit, shared, text, texts};

/// A directory for any number of replicas, in tables of its own (`koogallery_tenant`, `_application`, `_user`,
/// `_department`, `_directory_cleared`). Clones share everything.
///
/// A client secret is stored as the marketplace encrypted it, never in clear, and is decrypted at every look-up, which
/// computes for some milliseconds. So the private key must stay configured as long as secrets made for it are in use.
///
/// **Personal data stands in clear in the database**: names of users, their mobile numbers and e-mail addresses as far
/// as the buyers share them, and names of enterprises. Protect it and its backups as such. Of what was removed only ids
/// remain, account names among them; an unbound enterprise leaves its own id alone.
///
#[cfg_attr(feature = "rsa", doc = "```no_run")]
#[cfg_attr(not(feature = "rsa"), doc = "```ignore")]
/// use koogallery::cipher::client_secret::{OaepDecryptor, PrivateKey};
/// use koogallery::directory::PostgresDirectory;
/// use koogallery::postgres::Database;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let database = Database::connect("postgres://shop:secret@127.0.0.1/shop").await?;
/// let decryptor = OaepDecryptor::new(PrivateKey::from_env()?)?;
/// let directory = PostgresDirectory::new(&database, decryptor).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresDirectory {
    database: Database,
    decryptor: Arc<dyn ClientSecretDecryptor>,
    department_sync: DepartmentSync,
}

/// An empty instance stands for a missing one, since no two NULLs of a key are equal.
const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_tenant (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, instance_id)
);
CREATE TABLE IF NOT EXISTS koogallery_application (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    app_id      TEXT COLLATE "C" NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, app_id, instance_id)
);
CREATE TABLE IF NOT EXISTS koogallery_user (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    app_id      TEXT COLLATE "C" NOT NULL,
    user_name   TEXT COLLATE "C" NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'revoked', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, app_id, user_name, instance_id)
);
CREATE TABLE IF NOT EXISTS koogallery_department (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    org_code    TEXT COLLATE "C" NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    record      TEXT CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, org_code, instance_id)
);
CREATE TABLE IF NOT EXISTS koogallery_directory_cleared (
    cleared     TEXT COLLATE "C" NOT NULL,
    tenant_id   TEXT COLLATE "C" NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    PRIMARY KEY (cleared, tenant_id, instance_id)
);
"#;

impl PostgresDirectory {
    /// Returns the tables that [`PostgresDirectory::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::postgres("directory", "koogallery_directory_cleared", &[TABLES])
    }

    /// Opens the directory, creating its tables if there are none, or updating those of an earlier version. The
    /// decryptor is for client secrets.
    ///
    /// # Errors
    ///
    /// The tables cannot be created, or are of a newer version.
    pub async fn new(database: &Database, decryptor: impl ClientSecretDecryptor) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
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

impl Reads for PostgresDirectory {
    fn read<T: Entry>(&self, query: Query) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        async move { read(&self.database, &query).await.map_err(DirectoryStoreError::new) }.boxed()
    }

    fn decrypted(&self, application: Application) -> Result<Application, DirectoryStoreError> {
        decrypt(application, &*self.decryptor)
    }
}

impl DirectoryStore for PostgresDirectory {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>> {
        let plan = Plan::new(change, self.department_sync);
        async move { apply(&self.database, plan).await.map_err(DirectoryStoreError::new) }.boxed()
    }

    reads!();
}

impl fmt::Debug for PostgresDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDirectory").field("department_sync", &self.department_sync).finish_non_exhaustive()
    }
}

async fn apply(database: &Database, plan: Plan) -> Result<(), DatabaseError> {
    let Plan { tenant_id, instance_id, mark, clears, kind, rows } = plan;
    let columns = Rows::new(kind.columns().len(), rows)?;
    let (sent_at, table) = (mark.sent_at.as_unix_millis(), kind.table());
    let purchase = [text(&tenant_id), text(&instance_id)];
    let now = [int(&sent_at), flag(&mark.test_call)];
    let keys = [lock_key(&["directory", &tenant_id, &instance_id])];
    database
        .run(async |work| {
            // A change that clears, and one that looks whether it is kept out, must not overlap.
            let lock = work.lock(&keys);
            let clear = async |kind: Kind| {
                let table = kind.table();
                let cleared = [&now[..], &[text(&table)], &purchase].concat();
                let (clear, note) = (shared(&clear(kind)), shared(&note_cleared()));
                let rows = [&now[..], &purchase].concat();
                try_join(work.execute(&clear, &rows), work.execute(&note, &cleared)).await
            };
            let clearing = try_join_all(clears.iter().map(|kind| clear(*kind)));
            let (find, place) = (shared(FIND_CLEARED), [&[text(&table)], &purchase[..]].concat());
            let (_, _, cleared) = try_join3(lock, clearing, work.query_opt(&find, &place)).await?;
            let cleared = cleared.as_ref().map(read_mark).transpose()?;
            if columns.states.is_empty() || cleared.is_some_and(|cleared| cleared.keeps_out(mark)) {
                return Ok(());
            }
            let mut parameters = [&now[..], &purchase, &[texts(&columns.states), texts(&columns.records)]].concat();
            parameters.extend(columns.ids.iter().map(|ids| texts(ids) as Parameter<'_>));
            let arrays: Vec<String> = (5..=parameters.len()).map(|number| format!("?{number}")).collect();
            let source = format!("SELECT ?1, ?2, ?3, ?4, row.* FROM unnest({}) AS row", arrays.join(", "));
            work.last(work.execute(&shared(&put(kind, &source)), &parameters)).await?;
            Ok(())
        })
        .await
}

/// Rows to set, by columns, so that one statement sets them all.
struct Rows {
    states: Vec<&'static str>,
    records: Vec<Option<String>>,
    ids: Vec<Vec<String>>,
}

impl Rows {
    fn new(id_columns: usize, rows: Vec<(Ids, Effect)>) -> Result<Self, DatabaseError> {
        // One statement changes a row once: the last counts, as if they came one after the other.
        let rows: BTreeMap<Ids, Effect> = rows.into_iter().collect();
        let mut columns = Self { states: vec![], records: vec![], ids: vec![vec![]; id_columns] };
        for (ids, effect) in rows {
            columns.states.push(effect.state());
            columns.records.push(match &effect {
                Effect::Put(record) => Some(record.to_json()?),
                Effect::Revoke | Effect::Remove => None,
            });
            columns.ids.iter_mut().zip(ids).for_each(|(column, id)| column.push(id));
        }
        Ok(columns)
    }
}

async fn read<T: Entry>(database: &Database, query: &Query) -> Result<Vec<T>, DatabaseError> {
    let (last_id, limit) = (query.kind.last_column(), limit(query.limit));
    // As `best_of_each` chooses, without fetching more than it takes.
    let select = format!(
        "SELECT DISTINCT ON ({last_id}) {} ORDER BY {last_id}, test_call, sent_at DESC, instance_id DESC LIMIT ?{}",
        rows(query),
        query.ids.len() + 2
    );
    let mut parameters = vec![text(&query.tenant_id)];
    parameters.extend(query.ids.iter().map(|id| text(id) as Parameter<'_>));
    parameters.push(int(&limit));
    let found = database.rows(&shared(&select), &parameters).await?;
    let unreadable = || DatabaseError::Unreadable { table: query.kind.table(), column: "record" };
    found.iter().map(|row| entry(query, &read_row(row)?).ok_or_else(unreadable)).collect()
}
