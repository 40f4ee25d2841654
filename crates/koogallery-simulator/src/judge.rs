//! State of the rules for every answer: what they need to know, and their findings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::profile::Profile;
use super::report::{Exchange, Failure};
use koogallery::clock::Clock;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};

/// Findings of the rules for every answer.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Number of answers that a rule was applied to.
    pub(super) judged: BTreeMap<&'static str, u32>,
    /// The first answer that broke a rule.
    pub(super) broken: BTreeMap<&'static str, (Failure, Exchange)>,
    /// Number of answers that broke a rule, by what was special about the calls.
    pub(super) counts: BTreeMap<&'static str, BTreeMap<String, u32>>,
    /// Remarks.
    pub(super) notes: BTreeMap<&'static str, Vec<String>>,
}

/// Judges every answer.
pub(super) struct Judge {
    pub(super) profile: Profile,
    pub(super) key: AccessKey,
    pub(super) ring: KeyRing,
    /// All keys of the seller, and the interface of the calls, for diagnosing signatures.
    pub(super) keys: AccessKeys,
    pub(super) interface: InterfaceType,
    pub(super) clock: Arc<dyn Clock>,
    /// Maximum response time.
    pub(super) deadline: Duration,
    /// Whether the target is a local test server.
    pub(super) is_local: bool,
    pub(super) findings: Findings,
    /// What is special about the call that is being answered.
    pub(super) subject: String,
    /// The rest of each encrypted field, by its IV.
    pub(super) ivs: HashMap<String, String>,
    /// Durations of answers, by activity.
    pub(super) durations: BTreeMap<String, Vec<Duration>>,
}

impl Judge {
    pub(super) fn new(
        profile: Profile,
        ring: KeyRing,
        keys: AccessKeys,
        interface: InterfaceType,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            profile,
            key: ring.signing_key().clone(),
            ring,
            keys,
            interface,
            clock,
            deadline: profile.timeout(),
            is_local: true,
            findings: Findings::default(),
            subject: String::new(),
            ivs: HashMap::new(),
            durations: BTreeMap::new(),
        }
    }

    /// Records that a rule for every answer was applied.
    pub(super) fn record(&mut self, id: &'static str, exchange: &Exchange, failure: Option<Failure>) {
        *self.findings.judged.entry(id).or_default() += 1;
        if let Some(failure) = failure {
            *self.findings.counts.entry(id).or_default().entry(self.subject.clone()).or_default() += 1;
            self.findings.broken.entry(id).or_insert_with(|| (failure, exchange.clone()));
        }
    }

    /// Records the durations of answers, for D1.
    pub(super) fn remark_durations(&mut self) {
        for (activity, mut taken) in std::mem::take(&mut self.durations) {
            taken.sort_unstable();
            // Nearest-rank percentile.
            let at = |percent: usize| taken[(taken.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1000.0;
            let (p50, p95, p100) = (at(50), at(95), at(100));
            let count = taken.len();
            let note = format!("{activity}: p50 {p50:.1} ms, p95 {p95:.1} ms, p100 {p100:.1} ms of {count} answers");
            self.remark("D1", note);
        }
    }

    /// Records a remark about a rule for every answer, once.
    pub(super) fn remark(&mut self, id: &'static str, note: String) {
        let notes = self.findings.notes.entry(id).or_default();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}
