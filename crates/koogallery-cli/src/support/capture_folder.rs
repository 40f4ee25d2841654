//! The folder of captured exchanges: `ID.request.txt`, `ID.answer.txt`, and a line of `captures.jsonl` for each.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::support::http_message::Capture;

#[derive(Args)]
pub struct CaptureFolder {
    /// Folder of the captured exchanges.
    #[arg(long = "captures", value_name = "DIR", default_value = "koogallery-captures")]
    path: PathBuf,
}

/// One exchange, in `captures.jsonl`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub id: String,
    /// Time of the request, in UTC.
    pub time: String,
    pub method: String,
    pub path: String,
    pub activity: String,
    /// HTTP status of the answer.
    pub status: u16,
    pub result_code: Option<String>,
    pub duration_ms: u64,
    /// Finding about the request's signature, before masking.
    pub signature: String,
    /// Finding about the answer's `Body-Sign`, if one is required.
    pub body_sign: Option<String>,
    /// The error, if the seller did not answer.
    pub error: Option<String>,
}

const INDEX: &str = "captures.jsonl";
const REQUEST: &str = ".request.txt";
const ANSWER: &str = ".answer.txt";

impl CaptureFolder {
    pub fn display(&self) -> impl std::fmt::Display + '_ {
        self.path.display()
    }

    /// Creates the folder if necessary, and continues its numbers.
    pub fn open(self) -> Result<Recording, Failure> {
        let failed = |error| Failure::of(self.display(), &error);
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(failed)?;
        let last = self.names().map_err(failed)?.iter().filter_map(|name| number(name)).max().unwrap_or_default();
        Ok(Recording { folder: self.path, last: AtomicU32::new(last) })
    }

    /// Returns a captured request, by its id or its number.
    pub fn request(&self, id: &str) -> Result<(String, Capture), Failure> {
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_id {
            return Err(Failure::new(format!("{id:?} is not the id of a capture, such as 0001-newInstance")));
        }
        let names = self.names().map_err(|error| Failure::of(self.display(), &error))?;
        let mut ids: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(REQUEST)).collect();
        ids.sort_by_key(|known| number(known));
        let is_meant = |known: &&str| *known == id || (id.parse::<u32>().is_ok() && number(known) == id.parse().ok());
        let Some(found) = ids.iter().copied().find(is_meant) else {
            return Err(self.unknown(id, &ids));
        };
        Ok((found.to_owned(), Capture::read(&self.path.join([found, REQUEST].concat()))?))
    }

    /// Returns the captured answer to a request.
    pub fn answer(&self, id: &str) -> Result<Capture, Failure> {
        Capture::read(&self.path.join([id, ANSWER].concat()))
    }

    /// Returns the index entry of an exchange.
    pub fn entry(&self, id: &str) -> Option<Entry> {
        let lines = fs::read_to_string(self.path.join(INDEX)).ok()?;
        lines.lines().rev().filter_map(|line| serde_json::from_str::<Entry>(line).ok()).find(|entry| entry.id == id)
    }

    fn unknown(&self, id: &str, ids: &[&str]) -> Failure {
        const SHOWN: usize = 5;
        let activity = id.rsplit('-').next().unwrap_or(id).to_ascii_lowercase();
        let alike: Vec<_> =
            ids.iter().copied().filter(|known| known.to_ascii_lowercase().contains(&activity)).collect();
        let (what, shown) = match (&alike[..], ids) {
            ([], []) => return Failure::new(format!("{} has no captures; create some with `record`", self.display())),
            ([], ids) => ("the last ones are", ids),
            (alike, _) => ("there are", alike),
        };
        let shown = shown[shown.len().saturating_sub(SHOWN)..].join(", ");
        Failure::new(format!("{} has no capture {id}; {what} {shown}", self.display()))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }
}

/// Returns the number at the beginning of an id.
fn number(name: &str) -> Option<u32> {
    name.split_once('-')?.0.parse().ok()
}

/// A folder open for writing.
pub struct Recording {
    folder: PathBuf,
    last: AtomicU32,
}

impl Recording {
    /// Returns the number of the next exchange.
    pub fn next_number(&self) -> u32 {
        self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    pub fn id(number: u32, activity: &str) -> String {
        format!("{number:04}-{activity}")
    }

    pub fn write(&self, entry: &Entry, request: &[u8], answer: &[u8]) -> io::Result<()> {
        self.write_whole(&[&entry.id, REQUEST].concat(), request)?;
        self.write_whole(&[&entry.id, ANSWER].concat(), answer)?;
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        private(OpenOptions::new().append(true).create(true)).open(self.folder.join(INDEX))?.write_all(&line)
    }

    /// Writes a file atomically, so that no reader sees a part of it.
    fn write_whole(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let (unfinished, finished) = (self.folder.join([name, ".part"].concat()), self.folder.join(name));
        let written = |path: &Path| -> io::Result<()> {
            let mut file: File = private(OpenOptions::new().write(true).create(true).truncate(true)).open(path)?;
            file.write_all(content)?;
            file.sync_all()
        };
        let outcome = written(&unfinished).and_then(|()| fs::rename(&unfinished, finished));
        if outcome.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        outcome
    }
}

/// Makes files readable by their owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
