//! Settings of a Redis server by which it may forget calls.

use std::fmt;

use super::{RedisReplayGuard, ReplayError};
use crate::text::chain::Chain;

/// A reason for which a Redis server may forget calls within their window, so that they can be replayed, or for which that
/// is not known. The guard works all the same. `Display` writes it as one line: the setting, what it costs, and what to
/// set.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisWarning {
    /// A full server evicts calls.
    Evicts {
        /// The setting `maxmemory-policy`.
        policy: String,
    },
    /// The server has no append-only file.
    NotAppendOnly {
        /// Whether it makes snapshots; `None` if it does not say so.
        makes_snapshots: Option<bool>,
    },
    /// The server does not say how one of the settings is.
    Unknown {
        /// The setting.
        setting: &'static str,
    },
    /// The server could not be asked.
    NotChecked(ReplayError),
}

impl fmt::Display for RedisWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => write!(
                f,
                "Redis has maxmemory-policy {policy}: when it is full, it forgets calls, which can then be replayed within \
                 their window; set noeviction, by which it refuses new calls"
            ),
            Self::NotAppendOnly { makes_snapshots } => {
                let lost = match makes_snapshots {
                    Some(true) => "the calls since its last snapshot",
                    Some(false) => "all calls",
                    None => "the calls since its last snapshot, or all if it makes none",
                };
                write!(
                    f,
                    "Redis has appendonly no: at a restart it forgets {lost}, which can then be replayed within their \
                     window; set appendonly yes"
                )
            }
            Self::Unknown { setting } => write!(
                f,
                "Redis does not say how {setting} is set, so it may forget calls, which can then be replayed within their \
                 window; set maxmemory-policy noeviction and appendonly yes"
            ),
            Self::NotChecked(error) => {
                write!(f, "the settings of Redis by which it may forget calls were not checked: {}", Chain(error))
            }
        }
    }
}

impl RedisReplayGuard {
    /// Reads `maxmemory-policy` and the persistence of the server, and returns what is wrong with them; nothing if the
    /// server keeps calls for their window. Changes nothing. [`connect`](Self::connect) does so as well.
    ///
    /// Of the commands `INFO` and `CONFIG GET` the second may be forbidden, as in a managed Redis. Redis acknowledges
    /// calls before its replicas have them; what a failover may lose for that reason is not checked.
    pub async fn check(&self) -> Vec<RedisWarning> {
        let mut sections = redis::pipe();
        sections.cmd("INFO").arg("memory");
        sections.cmd("INFO").arg("persistence");
        let (memory, persistence): (String, String) = match self.send(&sections).await {
            Ok(sections) => sections,
            Err(error) => return vec![RedisWarning::NotChecked(error)],
        };
        let mut settings = redis::pipe();
        settings.cmd("CONFIG").arg("GET").arg("save");
        let save = self.send::<(Vec<String>,)>(&settings).await.ok().and_then(|(pair,)| pair.into_iter().nth(1));
        eviction(&memory).into_iter().chain(loss(&persistence, save.as_deref())).collect()
    }
}

/// Returns the warning about a section `memory` of `INFO`.
fn eviction(memory: &str) -> Option<RedisWarning> {
    let has_limit = value(memory, "maxmemory") != Some("0");
    match value(memory, "maxmemory_policy") {
        Some("noeviction") => None,
        _ if !has_limit => None,
        Some(policy) => Some(RedisWarning::Evicts { policy: policy.to_owned() }),
        None => Some(RedisWarning::Unknown { setting: "maxmemory-policy" }),
    }
}

/// Returns the warning about a section `persistence` of `INFO` and the setting `save`, if it is known.
fn loss(persistence: &str, save: Option<&str>) -> Option<RedisWarning> {
    match value(persistence, "aof_enabled") {
        Some("1") => None,
        Some(_) => Some(RedisWarning::NotAppendOnly { makes_snapshots: save.map(|save| !save.trim().is_empty()) }),
        None => Some(RedisWarning::Unknown { setting: "appendonly" }),
    }
}

/// Returns the value of a line `NAME:VALUE`.
fn value<'t>(section: &'t str, name: &str) -> Option<&'t str> {
    section.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(limit: &str, policy: &str) -> String {
        format!(
            "# Memory\r\nused_memory:1087744\r\nmaxmemory:{limit}\r\nmaxmemory_human:1G\r\nmaxmemory_policy:{policy}\r\n"
        )
    }

    #[test]
    fn a_server_that_may_evict_calls_is_named_with_its_policy() {
        let policy = |section: &str| match eviction(section) {
            Some(RedisWarning::Evicts { policy }) => policy,
            Some(RedisWarning::Unknown { setting }) => format!("unknown {setting}"),
            other => format!("{other:?}"),
        };
        assert_eq!(policy(&memory("1073741824", "noeviction")), "None");
        for name in ["allkeys-lru", "volatile-ttl", "volatile-lru"] {
            assert_eq!(policy(&memory("1073741824", name)), name);
        }
        assert_eq!(policy(&memory("0", "allkeys-lru")), "None", "without a limit nothing is evicted");
        assert_eq!(policy("maxmemory_policy:allkeys-lru\n"), "allkeys-lru", "with an unknown limit it may be");
        assert_eq!(policy("# Memory\r\n"), "unknown maxmemory-policy");
        assert_eq!(policy(""), "unknown maxmemory-policy");
    }

    #[test]
    fn a_server_that_loses_calls_at_a_restart_is_named_with_its_snapshots() {
        let file = |enabled: &str| format!("# Persistence\r\nloading:0\r\nrdb_saves:0\r\naof_enabled:{enabled}\r\n");
        assert!(loss(&file("1"), Some("")).is_none());
        for (save, expected) in [(Some("3600 1 300 100"), Some(true)), (Some(""), Some(false)), (None, None)] {
            let found = loss(&file("0"), save);
            let is_expected = matches!(&found, Some(RedisWarning::NotAppendOnly { makes_snapshots })
                if *makes_snapshots == expected);
            assert!(is_expected, "{save:?}: {found:?}");
        }
        assert!(matches!(loss("", None), Some(RedisWarning::Unknown { setting: "appendonly" })));
    }

    #[test]
    fn a_warning_says_what_is_set_what_it_costs_and_what_to_set() {
        let evicts = RedisWarning::Evicts { policy: "allkeys-lru".to_owned() }.to_string();
        let loses = RedisWarning::NotAppendOnly { makes_snapshots: Some(false) }.to_string();
        for (line, parts) in [
            (evicts, ["maxmemory-policy allkeys-lru", "can then be replayed", "set noeviction"]),
            (loses, ["appendonly no", "forgets all calls", "set appendonly yes"]),
        ] {
            for part in parts {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
    }
}
