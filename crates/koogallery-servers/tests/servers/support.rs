//! Servers of the examples, each with a database of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use koogallery::AccessKeys;
use koogallery::key::{AccessKey, InterfaceType};
use koogallery::ledger::SqliteLedger;
use koogallery::sqlite::Database;
use tempfile::TempDir;

use crate::process::{self, example};

pub const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";

pub fn key() -> AccessKey {
    AccessKey::new(KEY).unwrap()
}

pub fn keys() -> AccessKeys {
    AccessKeys::new().with(InterfaceType::Basic, key()).unwrap()
}

/// The servers, and whether they write `Body-Sign` in that letter case.
pub const SERVERS: [(&str, bool); 11] = [
    ("axum_existing_app", true),
    ("actix_existing_app", true),
    ("hyper", true),
    ("poem", true),
    ("salvo", true),
    ("warp", true),
    ("rocket", false),
    ("ntex", false),
    ("synchronous", true),
    ("queue_first", true),
    ("multi_product", true),
];

pub struct Example {
    pub server: process::Server,
    name: &'static str,
    folder: TempDir,
}

impl Example {
    pub fn start(name: &'static str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = process::Server::start(&mut command(name, &folder, arguments));
        Self { server, name, folder }
    }

    /// Kills the process, and starts another one on the same database.
    pub fn restart(self, arguments: &[&str]) -> Self {
        self.server.kill();
        let server = process::Server::start(&mut command(self.name, &self.folder, arguments));
        Self { server, ..self }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    pub fn database(&self) -> Database {
        Database::open(file(&self.folder)).unwrap()
    }

    /// The server's ledger, in its file.
    pub async fn ledger(&self) -> SqliteLedger {
        SqliteLedger::new(&self.database()).await.unwrap()
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("seller.db")
}

/// Where a program is. Each is built once, and not at every start.
fn program(name: &'static str) -> PathBuf {
    static BUILT: LazyLock<Mutex<HashMap<&str, PathBuf>>> = LazyLock::new(Mutex::default);
    BUILT.lock().unwrap().entry(name).or_insert_with(|| example(name)).clone()
}

fn command(name: &'static str, folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    let database = format!("sqlite://{}", file(folder).display());
    command.args(["--listen", "127.0.0.1:0", "--database", &database]).args(arguments);
    command.env("KOOGALLERY_BASIC_KEY", KEY).env("SECOND_KOOGALLERY_BASIC_KEY", "second-key");
    command
}
