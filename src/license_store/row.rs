//! The row of an application, and the statements that all SQL engines share.

use bytes::Bytes;

use super::{ApplicationId, License, LicenseApplication, Progress, StoredApplication};
use crate::columns::Columns;
use crate::lease::Fence;
use crate::redact::Sensitive;

pub(super) const COLUMNS: &str = "kind, id, instance_id, device, effective_time, expire_time, progress, due_at, attempts, form, name, \
     content";

/// Followed by what to do where there is a row: [`KEEP_KNOWN`] or [`SET_PROGRESS`].
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlite"))]
pub(super) const INSERT: &str = "INSERT INTO koogallery_license \
    (kind, id, instance_id, device, effective_time, expire_time, progress, due_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (kind, id) DO ";
#[cfg(feature = "deadpool-postgres-0_14")]
pub(super) const KEEP_KNOWN: &str = "NOTHING";
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlite"))]
pub(super) const SET_PROGRESS: &str = "UPDATE SET progress = excluded.progress, due_at = excluded.due_at";
pub(super) const KEEP: &str = "UPDATE koogallery_license SET form = ?3, name = ?4, content = ?5 \
    WHERE kind = ?1 AND id = ?2 AND form IS NULL";
pub(super) const SETTLE: &str = "UPDATE koogallery_license SET progress = ?3, due_at = ?4, holder = NULL \
    WHERE kind = ?1 AND id = ?2 AND holder = ?5";

pub(super) fn find() -> String {
    format!("SELECT {COLUMNS} FROM koogallery_license WHERE kind = ?1 AND id = ?2")
}

pub(super) fn id_columns(id: &ApplicationId) -> (&'static str, &str) {
    (id.kind(), id.value())
}

pub(super) fn progress_columns(progress: Progress) -> (&'static str, i64) {
    match progress {
        Progress::Due(at) => ("due", at.as_unix_millis()),
        Progress::Delivered => ("delivered", 0),
        Progress::GivenUp => ("given_up", 0),
    }
}

/// The columns `form`, `name` and `content`.
pub(super) fn license_columns(license: &License) -> (&'static str, Option<&str>, Option<&[u8]>) {
    match license {
        License::Text(text) => ("text", None, Some(text.expose().as_bytes())),
        License::File { name, content } => ("file", Some(name), Some(content)),
        License::DeliveredElsewhere => ("elsewhere", None, None),
    }
}

pub(super) fn read<R: Columns>(row: &R) -> Result<StoredApplication, R::Error> {
    let unreadable = |column| R::unreadable("koogallery_license", column);
    let content = row.bytes_or_null("content")?.unwrap_or_default();
    Ok(StoredApplication {
        application: LicenseApplication {
            id: ApplicationId::from_parts(&row.text("kind")?, row.text("id")?).ok_or_else(|| unreadable("kind"))?,
            instance_id: row.text("instance_id")?,
            device: row.text_or_null("device")?.map(Sensitive::from),
            effective_time: row.time_or_null("effective_time")?,
            expire_time: row.time_or_null("expire_time")?,
            fence: Fence::default(),
        },
        license: match row.text_or_null("form")?.as_deref() {
            None => None,
            Some("text") => Some(License::text(String::from_utf8(content).map_err(|_| unreadable("content"))?)),
            Some("file") => Some(License::File { name: row.text("name")?, content: Bytes::from(content) }),
            Some(_) => Some(License::DeliveredElsewhere),
        },
        progress: match &*row.text("progress")? {
            "delivered" => Progress::Delivered,
            "given_up" => Progress::GivenUp,
            _ => Progress::Due(row.time("due_at")?),
        },
        attempts: u32::try_from(row.int("attempts")?).map_err(|_| unreadable("attempts"))?,
    })
}
