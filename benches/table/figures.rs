//! The figures of a run: what was measured, in groups of the same work.

use serde_json::{Value, json};

use crate::peers::Measured;
use koogallery_benches::ratio::median;

use crate::sample::{Kind, Row};

/// Works in the order of the table: a name for rows, and what is done.
pub const GROUPS: [(&str, &str); 25] = [
    ("v2-verify", "V2.0: verify a body of 300 bytes by its query"),
    ("v2-verify-spaced", "V2.0: verify it with white space in it, by its canonical form"),
    ("kit-v2-verify", "Kit V2.0: verify the same body by its headers"),
    ("v1-verify", "V1.0: verify a query of 14 parameters"),
    ("kit-v1-verify", "Kit V1.0: verify a body of 9 members"),
    ("v2-canonical", "V2.0: canonical form of the body"),
    ("v2-parse", "V2.0: read the verified body into its type"),
    ("v1-parse", "V1.0: read the verified query into its type"),
    ("v2-read", "V2.0: verify and read"),
    ("v1-exchange", "V1.0: verify, and sign the answer"),
    ("body-sign", "V1.0: sign an answer"),
    ("usage-push", "sign a push of usage"),
    ("v2-memory", "V2.0: request to answer, ledger in memory"),
    ("v2-memory-all", "V2.0: the same, server of all families"),
    ("v1-memory", "V1.0: request to signed answer, ledger in memory"),
    ("v1-memory-encrypted", "V1.0: the same, account and password encrypted"),
    ("v2-sqlite", "V2.0: request to answer, ledger and nonces on SQLite"),
    ("v2-sqlite-all", "V2.0: the same, server of all families"),
    ("v2-postgres", "V2.0: request to answer, ledger and nonces on PostgreSQL"),
    ("v2-postgres-all", "V2.0: the same, server of all families"),
    ("encrypt-kept-key", "encrypt a field of 32 bytes, kept key"),
    ("encrypt-new-key", "encrypt a field of 32 bytes, key derived for each"),
    ("decrypt-kept-key", "decrypt a field of 32 bytes, kept key"),
    ("decrypt-new-key", "decrypt a field of 32 bytes, key derived for each"),
    ("aksk-get", "sign a GET of the open APIs with two parameters"),
];
/// Works of milliseconds, at the end.
pub const SLOW_GROUPS: [(&str, &str); 3] = [
    ("rsa-3072", "decrypt a client secret, RSA-OAEP with 3072 bits"),
    ("usage-one", "record a unit of usage durably, one caller"),
    ("usage-many", "record a unit of usage durably, 1,000 callers at once"),
];

pub fn groups() -> impl Iterator<Item = (&'static str, &'static str)> {
    GROUPS.into_iter().chain(SLOW_GROUPS)
}

/// One row of the table. Times are in nanoseconds.
pub struct Figure {
    pub group: &'static str,
    pub by: String,
    pub kind: Kind,
    pub median: f64,
    pub best: f64,
    /// Multiples of the floor in the same run: the median of the rounds, and of the best samples.
    pub of_floor: Option<(f64, f64)>,
    /// Multiples of the crate's time in the same run.
    pub of_ours: Option<(f64, f64)>,
}

/// Puts the rows of this program and of the others together.
pub fn of(rows: &[Row], measured: &[Measured]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (group, _) in groups() {
        let of_group: Vec<&Row> = rows.iter().filter(|row| row.group == group).collect();
        let first = |kind| of_group.iter().copied().find(|row| row.kind == kind);
        let (floor, ours) = (first(Kind::Floor), first(Kind::Ours));
        for row in &of_group {
            let of_floor = floor.filter(|_| row.kind != Kind::Floor).map(|floor| multiple(row, floor));
            let of_ours = ours.filter(|_| row.kind == Kind::Peer).map(|ours| multiple(row, ours));
            let median = median(&mut row.rounds.clone());
            figures.push(Figure {
                group,
                by: row.by.to_owned(),
                kind: row.kind,
                median,
                best: row.best,
                of_floor,
                of_ours,
            });
        }
        for other in measured.iter().filter(|other| other.group == group) {
            let to = |row: &Row| (other.median / median(&mut row.rounds.clone()), other.best / row.best);
            let (of_floor, of_ours) = (floor.map(to), ours.map(to));
            let (median, best) = (other.median, other.best);
            figures.push(Figure { group, by: other.by.clone(), kind: Kind::Peer, median, best, of_floor, of_ours });
        }
    }
    figures
}

/// Rounds are compared with each other, since the machine's speed changes between them.
fn multiple(row: &Row, base: &Row) -> (f64, f64) {
    let mut multiples: Vec<f64> = row.rounds.iter().zip(&base.rounds).map(|(row, base)| row / base).collect();
    (median(&mut multiples), row.best / base.best)
}

pub fn json(setting: &[(String, String)], figures: &[Figure], not_run: &[String]) -> Value {
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    let pair = |pair: Option<(f64, f64)>| pair.map(|(median, best)| [rounded(median), rounded(best)]);
    let figure = |figure: &Figure| {
        json!({
            "group": figure.group,
            "work": groups().find(|(group, _)| *group == figure.group).map(|(_, work)| work),
            "by": figure.by,
            "kind": match figure.kind { Kind::Floor => "floor", Kind::Ours => "ours", Kind::Peer => "peer" },
            "nanoseconds": { "median": rounded(figure.median), "best": rounded(figure.best) },
            "multipleOfFloor": pair(figure.of_floor),
            "multipleOfKoogallery": pair(figure.of_ours),
        })
    };
    let setting: serde_json::Map<String, Value> =
        setting.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({ "setting": setting, "notRun": not_run, "rows": figures.iter().map(figure).collect::<Vec<_>>() })
}
