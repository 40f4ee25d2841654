//! Tables, rows and statements of a directory, as far as SQL engines share them.

use super::policy::{Mark, Query, Reach, Row};
use super::record::{Entry, Kind, Record};
use super::{Application, DirectoryStoreError};
use crate::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use crate::columns::Columns;

impl Kind {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Tenant => "koogallery_tenant",
            Self::Application => "koogallery_application",
            Self::User => "koogallery_user",
            Self::Department => "koogallery_department",
        }
    }

    /// The columns of the ids.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tenant => &[],
            Self::Application => &["app_id"],
            Self::User => &["app_id", "user_name"],
            Self::Department => &["org_code"],
        }
    }

    /// The column in whose order rows are looked up.
    pub(super) fn last_column(self) -> &'static str {
        self.columns().last().unwrap_or(&"tenant_id")
    }
}

/// Parameters: time, test flag, enterprise, instance.
pub(super) fn clear(kind: Kind) -> String {
    let (table, gives_way) = (kind.table(), Mark::gives_way(kind.table()));
    format!("DELETE FROM {table} WHERE tenant_id = ?3 AND instance_id = ?4 AND {gives_way}")
}

/// Parameters: time, test flag, table, enterprise, instance.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlite"))]
pub(super) fn note_cleared() -> String {
    format!(
        "INSERT INTO koogallery_directory_cleared (sent_at, test_call, cleared, tenant_id, instance_id) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (cleared, tenant_id, instance_id) DO UPDATE \
         SET sent_at = excluded.sent_at, test_call = excluded.test_call WHERE {}",
        Mark::gives_way("koogallery_directory_cleared")
    )
}

/// Parameters: table, enterprise, instance.
pub(super) const FIND_CLEARED: &str = "SELECT sent_at, test_call FROM koogallery_directory_cleared \
                                       WHERE cleared = ?1 AND tenant_id = ?2 AND instance_id = ?3";

/// Sets rows with the columns time, test flag, enterprise, instance, state, record and ids, which `source` gives.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlite"))]
pub(super) fn put(kind: Kind, source: &str) -> String {
    let table = kind.table();
    let columns: String = kind.columns().iter().map(|column| format!(", {column}")).collect();
    let key: String = kind.columns().iter().map(|column| format!("{column}, ")).collect();
    format!(
        "INSERT INTO {table} (sent_at, test_call, tenant_id, instance_id, state, record{columns}) {source} \
         ON CONFLICT (tenant_id, {key}instance_id) DO UPDATE \
         SET sent_at = excluded.sent_at, test_call = excluded.test_call, state = excluded.state, \
         record = CASE WHEN excluded.state = 'revoked' THEN {table}.record ELSE excluded.record END WHERE {}",
        Mark::gives_way(table)
    )
}

/// The rows of a look-up. Parameters: enterprise, ids.
pub(super) fn rows(query: &Query) -> String {
    format!(
        "{} AS last_id, instance_id, sent_at, test_call, record FROM {} WHERE {}",
        query.kind.last_column(),
        query.kind.table(),
        condition(query)
    )
}

/// The condition for the rows of a look-up. Parameters: enterprise, ids.
pub(super) fn condition(query: &Query) -> String {
    let columns = query.kind.columns();
    let mut condition = "tenant_id = ?1 AND state = 'present'".to_owned();
    for (index, column) in columns.iter().enumerate() {
        let operator = match query.reach {
            Reach::From if index + 1 == columns.len() => ">=",
            Reach::After if index + 1 == columns.len() => ">",
            _ => "=",
        };
        condition += &format!(" AND {column} {operator} ?{}", index + 2);
    }
    condition
}

pub(super) fn read_row<R: Columns>(row: &R) -> Result<Row<String>, R::Error> {
    let (last_id, instance_id, record) = (row.text("last_id")?, row.text("instance_id")?, row.text("record")?);
    Ok(Row { last_id, instance_id, mark: read_mark(row)?, record })
}

pub(super) fn read_mark<R: Columns>(row: &R) -> Result<Mark, R::Error> {
    Ok(Mark { sent_at: row.time("sent_at")?, test_call: row.flag("test_call")? })
}

/// The answer made of a row, or `None` if it was not written by this version.
pub(super) fn entry<T: Entry>(query: &Query, row: &Row<String>) -> Option<T> {
    let record = Record::from_json(query.kind, &row.record).ok()?;
    T::assemble(row.meta(&query.tenant_id), record)
}

/// Decrypts the secret of an application that was looked up.
pub(super) fn decrypt(
    mut application: Application,
    decryptor: &dyn ClientSecretDecryptor,
) -> Result<Application, DirectoryStoreError> {
    let secret = &mut application.client_secret;
    match decryptor.decrypt(secret.encrypted.expose()) {
        Ok(plain) => secret.plain = plain,
        Err(source) => {
            let (tenant_id, app_id) = (application.meta.tenant_id, application.app_id);
            return Err(DirectoryStoreError::new(SecretError { tenant_id, app_id, source }));
        }
    }
    Ok(application)
}

/// A stored secret was made for a key that is no longer available.
#[derive(Debug, thiserror::Error)]
#[error("the stored secret of application {app_id:?} for enterprise {tenant_id:?} cannot be opened")]
struct SecretError {
    tenant_id: String,
    app_id: String,
    source: ClientSecretError,
}
