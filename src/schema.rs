//! Versions of the tables of stores, for the engines that record them.

use std::fmt;

/// The tables of a store, and the statements that make them and bring them from version to version. Every store has a
/// function that returns it.
///
#[cfg_attr(feature = "deadpool-postgres-0_14", doc = "```")]
#[cfg_attr(not(feature = "deadpool-postgres-0_14"), doc = "```ignore")]
/// use koogallery::ledger::PostgresLedger;
///
/// let schema = PostgresLedger::schema();
/// assert!(schema.statements(0).contains("CREATE TABLE IF NOT EXISTS koogallery_instance"));
/// ```
#[derive(Clone)]
pub struct Schema {
    dialect: &'static Dialect,
    store: String,
    /// A table of the first version. Earlier releases recorded no version.
    table: String,
    /// The statements to version 1, to version 2, and so on.
    migrations: Vec<String>,
}

/// What the statements of an engine are made of, besides the tables.
pub(crate) struct Dialect {
    /// Returns what is printed before the statements.
    pub(crate) begin: fn() -> String,
    /// The end of an insertion that replaces the version of a store.
    pub(crate) replace_version: &'static str,
    /// What is printed after the statements.
    pub(crate) commit: &'static str,
}

/// The version of tables that were found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) version: u32,
    pub(crate) is_recorded: bool,
}

/// The tables of a store were made by a newer version of this crate.
#[derive(Debug)]
pub(crate) struct Newer {
    pub(crate) store: String,
    pub(crate) found: u32,
    pub(crate) supported: u32,
}

impl Schema {
    pub(crate) fn new(
        dialect: &'static Dialect,
        store: impl Into<String>,
        table: impl Into<String>,
        migrations: &[&str],
    ) -> Self {
        let migrations = migrations.iter().map(|migration| (*migration).to_owned()).collect();
        Self { dialect, store: store.into(), table: table.into(), migrations }
    }

    /// Returns the name of the store in the table `koogallery_schema`.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Returns the version that this program needs.
    pub fn version(&self) -> u32 {
        u32::try_from(self.migrations.len()).unwrap_or(u32::MAX)
    }

    /// Returns the statements that bring tables of a version to the current one, to be run one after the other; those of
    /// version 0 are missing. Tables without a row in `koogallery_schema` have version 1. In PostgreSQL they are one
    /// transaction.
    pub fn statements(&self, since: u32) -> String {
        format!("{}{}{}", (self.dialect.begin)(), self.migrations_since(since), self.dialect.commit)
    }

    /// Returns the table whose presence shows the first version.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// Records each version after its statements, since not every engine undoes all of them if one fails.
    fn migrations_since(&self, since: u32) -> String {
        let missing = (1..).zip(&self.migrations).filter(|(version, _)| *version > since);
        let statements: String =
            missing.map(|(version, migration)| migration.clone() + &self.record(version)).collect();
        if statements.is_empty() { self.record(self.version()) } else { statements }
    }

    fn record(&self, version: u32) -> String {
        format!(
            "INSERT INTO koogallery_schema (store, version) VALUES ('{}', {version}) {};\n",
            self.store, self.dialect.replace_version
        )
    }

    /// Returns what is to be done about tables of a version, or `None` if they are up to date.
    pub(crate) fn update(&self, found: Found) -> Result<Option<String>, Newer> {
        if found.version > self.version() {
            return Err(Newer { store: self.store.clone(), found: found.version, supported: self.version() });
        }
        let is_current = found.version == self.version() && found.is_recorded;
        Ok((!is_current).then(|| self.migrations_since(found.version)))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("store", &self.store).field("version", &self.version()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static DIALECT: Dialect = Dialect { begin: || "BEGIN;\n".to_owned(), replace_version: "REPLACE", commit: "END;\n" };
    const FIRST: &str = "CREATE TABLE IF NOT EXISTS koogallery_shop (id BIGINT);\n";
    const SECOND: &str = "ALTER TABLE koogallery_shop ADD COLUMN name TEXT;\n";

    #[test]
    fn only_missing_versions_are_made() {
        let both = Schema::new(&DIALECT, "shop", "koogallery_shop", &[FIRST, SECOND]);
        let recorded = |version| both.update(Found { version, is_recorded: true });
        let made = |version| recorded(version).unwrap().unwrap_or_default();
        assert!(made(0).contains(FIRST) && made(0).contains(SECOND) && made(0).contains("('shop', 2)"));
        assert!(made(0).find("('shop', 1)") < made(0).find(SECOND), "each version is recorded once it is made");
        assert!(!made(1).contains(FIRST) && made(1).contains(SECOND));
        assert_eq!(recorded(2).unwrap(), None);
        assert!(matches!(recorded(3), Err(Newer { found: 3, supported: 2, .. })));
        let unrecorded = both.update(Found { version: 2, is_recorded: false }).unwrap().unwrap();
        assert!(!unrecorded.contains(SECOND) && unrecorded.contains("('shop', 2)"));
        assert!(both.statements(1).contains(SECOND) && !both.statements(1).contains(FIRST));
        assert!(both.statements(0).starts_with("BEGIN;\n") && both.statements(0).ends_with("END;\n"));
    }
}
