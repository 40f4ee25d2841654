//! The goals of the crate, against the figures of a run.

use crate::figures::Figure;

/// A goal, and what was found: the median and the best multiple.
pub struct Goal {
    pub text: &'static str,
    pub limit: String,
    pub found: Option<(f64, f64)>,
    /// By the median.
    pub is_met: bool,
}

const AT_MOST_OF_FLOOR: [(&str, &str, f64); 6] = [
    ("V2.0 verified, of its bare HMACs", "v2-verify", 1.05),
    ("V1.0 verified, of its bare HMAC", "v1-verify", 1.05),
    ("Kit V2.0 verified, of its bare HMACs", "kit-v2-verify", 1.05),
    ("V2.0 whole way in memory, of its bare HMACs", "v2-memory", 2.5),
    ("V1.0 whole way in memory, of its bare HMACs", "v1-memory", 4.0),
    ("GET signed, of its bare SHA-256 and HMAC", "aksk-get", 1.3),
];

const AT_LEAST_OF_OURS: [(&str, &str, &str, f64); 8] = [
    ("Java as in the samples, of koogallery: V2.0 verified", "v2-verify", "Java, as in the samples", 2.5),
    ("tuned Java, of koogallery: V2.0 verified", "v2-verify", "Java, tuned", 1.3),
    ("Node, of koogallery: V2.0 verified", "v2-verify", "Node, as in the samples", 5.0),
    ("Python, of koogallery: V2.0 verified", "v2-verify", "Python, as in the samples", 5.0),
    ("ring, of koogallery: V2.0 verified", "v2-verify", "ring, kept key", 1.3),
    ("aws-lc-rs, of koogallery: V2.0 verified", "v2-verify", "aws-lc-rs, kept key", 1.3),
    ("the official SDK for Python, of koogallery: GET signed", "aksk-get", "the official SDK for Python", 10.0),
    ("the official SDK for Node, of koogallery: GET signed", "aksk-get", "the official SDK for Node", 5.0),
];

pub fn of(figures: &[Figure]) -> Vec<Goal> {
    let figure = |group: &str, by: &str| figures.iter().find(|figure| figure.group == group && figure.by == by);
    let at_most = |text, found: Option<(f64, f64)>, limit: f64| Goal {
        text,
        limit: format!("at most {limit}"),
        found,
        is_met: found.is_some_and(|(median, _)| median <= limit),
    };
    let of_floor = AT_MOST_OF_FLOOR
        .map(|(text, group, limit)| at_most(text, figure(group, "koogallery").and_then(|row| row.of_floor), limit));
    let [one, all] = ["v2-memory", "v2-memory-all"].map(|group| figure(group, "koogallery"));
    let families = one.zip(all).map(|(one, all)| (all.median / one.median, all.best / one.best));
    let of_families = at_most("V2.0 whole way: server of all families, of one family", families, 1.1);
    let of_ours = AT_LEAST_OF_OURS.map(|(text, group, by, limit)| {
        let found = figure(group, by).and_then(|row| row.of_ours);
        let is_met = found.is_some_and(|(median, _)| median >= limit);
        Goal { text, limit: format!("at least {limit}"), found, is_met }
    });
    of_floor.into_iter().chain([of_families]).chain(of_ours).collect()
}
