//! The directory in MySQL or MariaDB.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::policy::{Effect, Ids, Mark, Plan, Query, Reach, best_of_each};
use super::reads::{Reads, reads};
use super::record::{Entry, Kind};
use super::tables::{FIND_CLEARED, clear, condition, decrypt, entry, read_mark, read_row, rows};
use super::{Application, Change, Department, DepartmentSync, DirectoryStore, DirectoryStoreError, Tenant, User};
use crate::cipher::client_secret::ClientSecretDecryptor;
use crate::columns::Columns as _;
use crate::mysql::mysql_async::Value;
use crate::mysql::{Database, DatabaseError, Schema, Session as _, Work, id, lock, lock_table, values};

/// A directory for any number of replicas, in tables of its own (`koogallery_tenant`, `_application`, `_user`,
/// `_department`, `_directory_cleared`, `_directory_lock`). Clones share everything.
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
/// use koogallery::directory::MysqlDirectory;
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let database = Database::connect("mysql://shop:secret@127.0.0.1/shop").await?;
/// let decryptor = OaepDecryptor::new(PrivateKey::from_env()?)?;
/// let directory = MysqlDirectory::new(&database, decryptor).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MysqlDirectory {
    database: Database,
    decryptor: Arc<dyn ClientSecretDecryptor>,
    department_sync: DepartmentSync,
}

/// An empty instance stands for a missing one, since no column of a primary key may be NULL.
const TABLES: &str = concat!(
    "CREATE TABLE IF NOT EXISTS koogallery_tenant (
    tenant_id   VARBINARY(512) NOT NULL,
    instance_id VARBINARY(512) NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       VARBINARY(16) NOT NULL CHECK (state IN ('present', 'removed')),
    record      LONGTEXT,
    CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, instance_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS koogallery_application (
    tenant_id   VARBINARY(512) NOT NULL,
    app_id      VARBINARY(512) NOT NULL,
    instance_id VARBINARY(512) NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       VARBINARY(16) NOT NULL CHECK (state IN ('present', 'removed')),
    record      LONGTEXT,
    CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, app_id, instance_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS koogallery_user (
    tenant_id   VARBINARY(512) NOT NULL,
    app_id      VARBINARY(512) NOT NULL,
    user_name   VARBINARY(512) NOT NULL,
    instance_id VARBINARY(512) NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       VARBINARY(16) NOT NULL CHECK (state IN ('present', 'revoked', 'removed')),
    record      LONGTEXT,
    CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, app_id, user_name, instance_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS koogallery_department (
    tenant_id   VARBINARY(512) NOT NULL,
    org_code    VARBINARY(512) NOT NULL,
    instance_id VARBINARY(512) NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    state       VARBINARY(16) NOT NULL CHECK (state IN ('present', 'removed')),
    record      LONGTEXT,
    CHECK (state <> 'present' OR record IS NOT NULL),
    PRIMARY KEY (tenant_id, org_code, instance_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS koogallery_directory_cleared (
    cleared     VARBINARY(64) NOT NULL,
    tenant_id   VARBINARY(512) NOT NULL,
    instance_id VARBINARY(512) NOT NULL,
    sent_at     BIGINT NOT NULL,
    test_call   BOOLEAN NOT NULL,
    PRIMARY KEY (cleared, tenant_id, instance_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
",
    lock_table!("koogallery_directory_lock")
);

impl MysqlDirectory {
    /// Returns the tables that [`MysqlDirectory::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("directory", "koogallery_directory_lock", &[TABLES])
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

impl Reads for MysqlDirectory {
    fn read<T: Entry>(&self, query: Query) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        async move { read(&self.database, &query).await.map_err(DirectoryStoreError::new) }.boxed()
    }

    fn decrypted(&self, application: Application) -> Result<Application, DirectoryStoreError> {
        decrypt(application, &*self.decryptor)
    }
}

impl DirectoryStore for MysqlDirectory {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>> {
        let plan = Plan::new(change, self.department_sync);
        async move { apply(&self.database, plan).await.map_err(DirectoryStoreError::new) }.boxed()
    }

    reads!();
}

impl fmt::Debug for MysqlDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlDirectory").field("department_sync", &self.department_sync).finish_non_exhaustive()
    }
}

async fn apply(database: &Database, plan: Plan) -> Result<(), DatabaseError> {
    let Plan { tenant_id, instance_id, mark, clears, kind, rows } = &plan;
    let purchase = [id("tenant_id", tenant_id)?, id("instance_id", instance_id)?];
    let now = values![mark.sent_at.as_unix_millis(), mark.test_call];
    let rows = values_of(&purchase, &now, rows)?;
    let (purchase, now, rows) = (&purchase, &now, &rows[..]);
    let apply = |work: Work| async move {
        // A change that clears, and one that looks whether it is kept out, must not overlap.
        lock(&work, "koogallery_directory_lock", &[&[tenant_id, instance_id]]).await?;
        for kind in *clears {
            work.execute(&clear(*kind), &[&now[..], purchase].concat()).await?;
            let cleared = [&now[..], &values![kind.table()], purchase].concat();
            work.execute(&note_cleared(), &cleared).await?;
        }
        let place = [&values![kind.table()], &purchase[..]].concat();
        let cleared = work.query_opt(FIND_CLEARED, &place).await?;
        let cleared = cleared.as_ref().map(read_mark).transpose()?;
        if cleared.is_some_and(|cleared| cleared.keeps_out(*mark)) {
            return Ok(());
        }
        work.execute_rows(|places| put(*kind, places), now, rows).await.map(drop)
    };
    database.run(apply).await
}

/// Returns the values of rows, in the order of the columns that [`put`] has.
fn values_of(purchase: &[Value], now: &[Value], rows: &[(Ids, Effect)]) -> Result<Vec<Vec<Value>>, DatabaseError> {
    // The last of those with the same ids counts, as if they came one after the other. In order, so that two
    // transactions never wait for each other.
    let rows: BTreeMap<&Ids, &Effect> = rows.iter().map(|(ids, effect)| (ids, effect)).collect();
    let row = |(ids, effect): (&Ids, &Effect)| {
        let record = match effect {
            Effect::Put(record) => Some(record.to_json()?),
            Effect::Revoke | Effect::Remove => None,
        };
        let mut row = [now, purchase, &values![effect.state(), record]].concat();
        for own in ids {
            row.push(id("id", own)?);
        }
        Ok(row)
    };
    rows.into_iter().map(row).collect()
}

/// Sets rows. Parameters: time and test flag, as also in the rows.
fn put(kind: Kind, places: &str) -> String {
    let table = kind.table();
    let columns: String = kind.columns().iter().map(|column| format!(", {column}")).collect();
    let gives_way = Mark::gives_way(table);
    // Assignments see those before them. The condition stays what it is when the time is set, and then the test flag.
    let set: Vec<String> = ["state", "sent_at", "test_call"]
        .iter()
        .map(|column| format!("{column} = IF({gives_way}, VALUES({column}), {table}.{column})"))
        .collect();
    format!(
        "INSERT INTO {table} (sent_at, test_call, tenant_id, instance_id, state, record{columns}) VALUES {places} \
         ON DUPLICATE KEY UPDATE \
         record = IF({gives_way} AND VALUES(state) <> 'revoked', VALUES(record), {table}.record), {}",
        set.join(", ")
    )
}

/// Parameters: time, test flag, table, enterprise, instance.
fn note_cleared() -> String {
    let table = "koogallery_directory_cleared";
    let gives_way = Mark::gives_way(table);
    let set: Vec<String> = ["sent_at", "test_call"]
        .iter()
        .map(|column| format!("{column} = IF({gives_way}, VALUES({column}), {table}.{column})"))
        .collect();
    format!(
        "INSERT INTO {table} (sent_at, test_call, cleared, tenant_id, instance_id) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON DUPLICATE KEY UPDATE {}",
        set.join(", ")
    )
}

async fn read<T: Entry>(database: &Database, query: &Query) -> Result<Vec<T>, DatabaseError> {
    if query.limit == 0 {
        return Ok(vec![]);
    }
    let (last_id, table, condition) = (query.kind.last_column(), query.kind.table(), condition(query));
    let mut parameters = vec![id("tenant_id", &query.tenant_id)?];
    for own in &query.ids {
        parameters.push(id("id", own)?);
    }
    let next = parameters.len() + 1;
    let last = &format!(
        "SELECT DISTINCT {last_id} AS last_id FROM {table} WHERE {condition} ORDER BY {last_id} LIMIT ?{next}, 1"
    );
    let (select, order) = (&rows(query), &format!(" ORDER BY {last_id}, instance_id"));
    let (up_to, parameters) = (&format!(" AND {last_id} <= ?{next}"), &parameters);
    let found = database.run(|work: Work| async move {
        // The rows of as many ids as there may be in the answer, however many each has.
        let skipped = [&parameters[..], &values![query.limit - 1]].concat();
        let last = match query.reach {
            Reach::Exactly => None,
            Reach::From | Reach::After => work.query_opt(last, &skipped).await?,
        };
        match last {
            Some(last) => {
                let parameters = [&parameters[..], &values![last.text("last_id")?]].concat();
                work.query(&format!("SELECT {select}{up_to}{order}"), &parameters).await
            }
            None => work.query(&format!("SELECT {select}{order}"), parameters).await,
        }
    });
    let found = found.await?;
    let best = best_of_each(found.iter().map(read_row), query.limit)?;
    let unreadable = || DatabaseError::Unreadable { table, column: "record" };
    best.iter().map(|row| entry(query, row).ok_or_else(unreadable)).collect()
}
