//! Versions of the tables of stores.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{Database, DatabaseError, Schema, Work, int, text};
use crate::schema::{Dialect, Found};

/// The advisory lock under which tables are created and updated: "koogalle" in ASCII.
const SCHEMA_LOCK: i64 = i64::from_be_bytes(*b"koogalle");

/// Timeout of an update, including the wait for another replica that makes it.
const UPDATE: Duration = Duration::from_secs(60);

const VERSIONS: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_schema (
    store   TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);
"#;

static DIALECT: Dialect = Dialect {
    begin: || format!("BEGIN;\nSELECT pg_advisory_xact_lock({SCHEMA_LOCK});\n{VERSIONS}"),
    replace_version: "ON CONFLICT (store) DO UPDATE SET version = excluded.version",
    commit: "COMMIT;\n",
};

impl Schema {
    /// Returns the tables of a store, given the statements to each version.
    pub(crate) fn postgres(store: impl Into<String>, table: impl Into<String>, migrations: &[&str]) -> Self {
        Self::new(&DIALECT, store, table, migrations)
    }
}

impl Database {
    /// Makes the tables of a store, or updates them.
    pub(crate) async fn migrate(&self, schema: &Schema) -> Result<(), DatabaseError> {
        // A role that finds the tables up to date needs no right to create some.
        let found = self.run(async |work| find(work, schema).await).await?;
        if schema.update(found)?.is_none() {
            return Ok(());
        }
        let patient = Self { timeout: UPDATE, ..self.clone() };
        let updated = patient
            .run(async |work| {
                // Of two connections that create the same table at once, one would fail, in spite of IF NOT EXISTS.
                work.query("SELECT pg_advisory_xact_lock($1)", &[int(&SCHEMA_LOCK)]).await?;
                let found = find(work, schema).await?;
                let Some(statements) = schema.update(found)? else { return Ok(()) };
                // Everybody else waits behind a statement that waits for a table.
                let lock_timeout = "SET LOCAL lock_timeout = '4s';";
                let has_versions = is_table(work, "koogallery_schema").await?;
                let versions = if has_versions { "" } else { VERSIONS };
                work.batch(&format!("{lock_timeout}\n{versions}{statements}")).await
            })
            .await;
        match updated {
            // Only the record of the version is missing, and an administrator has made the tables.
            Err(DatabaseError::Postgres(error))
                if found.version == schema.version() && error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                Ok(())
            }
            updated => updated,
        }
    }
}

async fn find(work: &Work<'_>, schema: &Schema) -> Result<Found, DatabaseError> {
    if is_table(work, "koogallery_schema").await? {
        let statement = "SELECT version FROM koogallery_schema WHERE store = $1";
        if let Some(row) = work.query_opt(statement, &[text(&schema.store())]).await? {
            let version = u32::try_from(row.try_get::<_, i64>(0)?);
            let table = "koogallery_schema";
            let version = version.map_err(|_| DatabaseError::Unreadable { table, column: "version" })?;
            return Ok(Found { version, is_recorded: true });
        }
    }
    let version = u32::from(is_table(work, schema.table()).await?);
    Ok(Found { version, is_recorded: false })
}

/// The catalog is read as a table: what another session has made while this one waited is seen only by a statement that
/// locks a table.
async fn is_table(work: &Work<'_>, name: &str) -> Result<bool, DatabaseError> {
    let found = "SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass($1)";
    Ok(work.query_opt(found, &[text(&name)]).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(migrations: &[&str]) -> Schema {
        Schema::postgres("shop", "koogallery_shop", migrations)
    }

    const FIRST: &str = "CREATE TABLE IF NOT EXISTS koogallery_shop (id BIGINT);\n";
    const SECOND: &str = "ALTER TABLE koogallery_shop ADD COLUMN name TEXT;\n";

    #[tokio::test]
    async fn tables_of_the_first_version_are_updated_by_several_replicas_at_once() {
        let Some(url) = std::env::var("KOOGALLERY_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty()) else {
            return;
        };
        let admin = Database::connect(&url).await.unwrap();
        let name = format!("koogallery_test_schema_{}", std::process::id());
        let run = async |statement: &str| admin.run(async |work| work.batch(statement).await).await.unwrap();
        run(&format!("CREATE SCHEMA {name}")).await;
        let sign = if url.contains('?') { '&' } else { '?' };
        let database = Database::connect(&format!("{url}{sign}options=-c%20search_path%3D{name}")).await.unwrap();

        // As the releases without versions made it.
        database.run(async |work| work.batch(FIRST).await).await.unwrap();
        let both = shop(&[FIRST, SECOND]);
        let migrations = (0..4).map(|_| database.migrate(&both));
        for migration in futures_util::future::join_all(migrations).await {
            migration.unwrap();
        }
        database.execute("INSERT INTO koogallery_shop (id, name) VALUES (1, 'a')", &[]).await.unwrap();
        let version = database.rows("SELECT version FROM koogallery_schema WHERE store = 'shop'", &[]).await.unwrap();
        assert_eq!(version[0].get::<_, i64>(0), 2);
        assert!(matches!(database.migrate(&shop(&[FIRST])).await, Err(DatabaseError::NewerSchema { .. })));
        run(&format!("DROP SCHEMA {name} CASCADE")).await;
    }
}
