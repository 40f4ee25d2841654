//! What the command is to measure, and on what it does so.

use std::path::PathBuf;

use koogallery::mysql::mysql_async::prelude::Queryable as _;

use crate::Outcome;
use crate::comparison::BASELINE;
use crate::place::{Engine, Place, Servers};

const PARTS: [&str; 6] = ["kills", "overload", "lock", "strangers", "speed", "growth"];

/// The arguments of the command.
#[derive(Default)]
pub struct Setting {
    pub is_full: bool,
    pub servers: Servers,
    pub baseline: Option<String>,
    pub only: Option<String>,
    pub output: Option<PathBuf>,
}

impl Setting {
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let server = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
        let (postgres, mysql) = (server("KOOGALLERY_TEST_POSTGRES_URL"), server("KOOGALLERY_TEST_MYSQL_URL"));
        let mut setting = Self { servers: Servers { postgres, mysql }, ..Self::default() };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
            match name.as_str() {
                "--quick" => setting.is_full = false,
                "--full" => setting.is_full = true,
                "--postgres" => setting.servers.postgres = Some(value()?),
                "--mysql" => setting.servers.mysql = Some(value()?),
                "--baseline" => {
                    let revision = value()?;
                    setting.baseline = Some(if revision == "default" { BASELINE.to_owned() } else { revision });
                }
                "--only" => setting.only = Some(value()?),
                "--output" => setting.output = Some(value()?.into()),
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(setting)
    }

    /// Returns the parts to measure.
    pub fn parts(&self) -> Vec<&str> {
        self.only.as_deref().map_or_else(|| PARTS.to_vec(), |part| vec![part])
    }
}

/// Returns what the figures depend on: machine, its load by others, and versions.
pub async fn machine(setting: &Setting) -> Outcome<Vec<(&'static str, String)>> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load: Vec<_> = read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    let mut versions = vec![
        ("sizes", if setting.is_full { "full" } else { "quick" }.to_owned()),
        ("build", if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned()),
        ("machine", format!("{}, {cores} cores, all programs and servers on it", cpu.unwrap_or("unknown processor"))),
        ("load (1, 5, 15 minutes) at the end", load.join(", ")),
        ("SQLite", koogallery::sqlite::rusqlite::version().to_owned()),
    ];
    if let Some(place) = Place::new(Engine::Postgres, &setting.servers, "version").await? {
        let version = place.postgres().await?.query_one("SHOW server_version", &[]).await?.try_get(0)?;
        place.remove().await?;
        versions.push(("PostgreSQL", version));
    }
    if let Some(place) = Place::new(Engine::Mysql, &setting.servers, "version").await? {
        let version: Option<String> = place.mysql_server().await?.query_first("SELECT VERSION()").await?;
        place.remove().await?;
        versions.push(("MariaDB or MySQL", version.unwrap_or_default()));
    }
    if let Some(revision) = &setting.baseline {
        versions.push(("baseline", format!("commit {revision}")));
    }
    Ok(versions)
}
