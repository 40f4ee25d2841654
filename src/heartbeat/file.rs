//! State in files.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{StateError, StateStore};

/// The longest state that is saved or read.
const LONGEST: usize = 8 * 1024 * 1024;

/// A store in a directory of the application, with a file `KEY.license` per License.
///
/// A file is written under another name, synced to disk, and then renamed, so that a crash leaves the old state or the
/// new one. Files are accessed from short-lived threads, so that no executor is blocked.
#[derive(Clone, Debug)]
pub struct FileStateStore {
    folder: PathBuf,
}

impl FileStateStore {
    /// Creates a store in this directory, which is created by the first save.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Accesses the file of a key, in a thread of its own.
    fn with_file<'a, T: Send + 'static>(
        &'a self,
        key: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, StateError>> {
        let path = self.folder.join(format!("{key}.license"));
        let (answer, answered) = oneshot::channel();
        let thread = std::thread::Builder::new().name("koogallery-license".to_owned());
        let spawned = thread.spawn(move || {
            let outcome = work(&path).map_err(|source| Unusable { path, source });
            // The caller may have been dropped; the work is done nevertheless.
            let _ = answer.send(outcome);
        });
        async move {
            let failed = |source| Unusable { path: self.folder.clone(), source };
            spawned.map_err(failed)?;
            Ok(answered.await.map_err(|_| failed(io::ErrorKind::Interrupted.into()))??)
        }
        .boxed()
    }
}

impl StateStore for FileStateStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        self.with_file(key, read)
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        self.with_file(key, move |path| replace(path, &state))
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut state = Vec::new();
    file.take(LONGEST as u64).read_to_end(&mut state)?;
    Ok(Some(state))
}

fn replace(path: &Path, state: &[u8]) -> io::Result<()> {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    if state.len() > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unique = format!("{}-{}.new", std::process::id(), SAVES.fetch_add(1, Ordering::Relaxed));
    let new = path.with_extension(unique);
    let written = write(&new, state).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
        return written;
    }
    // Puts the new name on disk as well; where directories cannot be opened, the system does it.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn write(path: &Path, state: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(state)?;
    file.sync_all()
}

/// A file that cannot be accessed.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
struct Unusable {
    path: PathBuf,
    source: io::Error,
}

impl From<Unusable> for StateError {
    fn from(unusable: Unusable) -> Self {
        Self::Store(Arc::new(unusable))
    }
}
