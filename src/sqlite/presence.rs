//! Whether a database file is still at its path.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::DatabaseError;

/// Time between two looks at the path.
const PAUSE: Duration = Duration::from_secs(1);

/// The file of a connection, by its path and its number in the file system.
pub(super) struct Presence {
    file: Option<(PathBuf, FileId)>,
    checked: Instant,
}

impl Presence {
    /// The file of a connection; there is none where the database is in memory.
    pub(super) fn of(connection: &Connection) -> io::Result<Self> {
        let path = connection.path().filter(|path| !path.is_empty()).map(PathBuf::from);
        let file = path.map(|path| look(&path).map(|id| (path, id))).transpose()?;
        Ok(Self { file, checked: Instant::now() })
    }

    /// Fails if the path is that of another file or of none. Looks again at once after a failure, since the file may be
    /// brought back.
    pub(super) fn check(&mut self) -> Result<(), DatabaseError> {
        let Some((path, id)) = &self.file else { return Ok(()) };
        if self.checked.elapsed() < PAUSE {
            return Ok(());
        }
        if !look(path).is_ok_and(|found| found == *id) {
            return Err(DatabaseError::FileGone(path.clone()));
        }
        self.checked = Instant::now();
        Ok(())
    }
}

/// Device and number of a file, which no other file has while this one is open.
type FileId = [u64; 2];

fn look(path: &Path) -> io::Result<FileId> {
    std::fs::metadata(path).map(|found| id_of(&found))
}

#[cfg(unix)]
fn id_of(found: &Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt as _;
    [found.dev(), found.ino()]
}

/// Not known, so only a missing file is noticed.
#[cfg(not(unix))]
fn id_of(_: &Metadata) -> FileId {
    [0; 2]
}
