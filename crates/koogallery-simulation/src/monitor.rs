//! What happened, and whether it may: the history, the first broken invariant, and the figures.

mod leases;
mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use koogallery::timestamp::Timestamp;

use crate::scheduler::Owner;
use leases::{Run, Tenure};
pub use orders::AccountState;
use orders::{Account, StatusCalls};

/// What must hold after every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Invariant {
    /// An order has one instance id for ever, and no two orders have the same.
    OneId,
    /// A store gives an instance or an application to one holder at a time, each with a greater number.
    OneHolder,
    /// A store takes nothing from who does not hold the lease.
    HolderOnly,
    /// The handler runs once for each change, unless it failed, its process was killed or paused, or the store failed so that
    /// the lease was lost.
    OneRun,
    /// The handler runs for one change of an instance at a time, with the same exceptions.
    OneAtATime,
    /// Nothing takes effect after something that was signed later, or after the release.
    NewestWins,
    /// Where the answer is a success, the change is in the ledger and in the seller's account.
    SuccessIsDone,
    /// An application has one License.
    OneLicense,
    /// A captured query gives no access data.
    NoReplayedQuery,
    /// A usage record counts as delivered only if the marketplace has taken it.
    DeliveredWithEvidence,
    /// Usage that was acknowledged is in the store, and billed once.
    NoUsageLost,
    /// When the faults have stopped, every order, License and usage record comes to its end.
    EverythingEnds,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The invariant.
    pub invariant: Invariant,
    /// What was seen.
    pub what: String,
    /// The time since the begin of the simulation.
    pub at: Duration,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}: {}", self.invariant, self.at, self.what)
    }
}

/// Sees everything and decides what may happen. Nothing in it comes from the library's own conclusions.
pub(crate) struct Monitor {
    history: Option<String>,
    /// Ends the simulation.
    is_over: Arc<AtomicBool>,
    pub(crate) violation: Option<Violation>,
    /// Injected faults by kind.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) runs_started: u64,
    pub(crate) answers: u64,
    elapsed: Duration,
    // Of leases and runs.
    tenures: BTreeMap<(String, u32), Tenure>,
    current: BTreeMap<String, u32>,
    disturbed: BTreeSet<u128>,
    runs: BTreeMap<(String, String), Run>,
    active: BTreeMap<String, BTreeMap<u32, String>>,
    /// Runs that have failed.
    failed: BTreeSet<(String, u32)>,
    // Of orders and usage.
    id_of: BTreeMap<String, String>,
    order_of: BTreeMap<String, String>,
    statuses: BTreeMap<String, StatusCalls>,
    accounts: BTreeMap<String, Account>,
    licenses: BTreeMap<String, String>,
    answered_queries: BTreeSet<u64>,
    usage_tried: BTreeMap<String, i64>,
    usage_acknowledged: i64,
}

impl Monitor {
    pub(crate) fn new(keeps_history: bool, is_over: Arc<AtomicBool>) -> Self {
        Self {
            is_over,
            history: keeps_history.then(String::new),
            violation: None,
            faults: BTreeMap::new(),
            runs_started: 0,
            answers: 0,
            elapsed: Duration::ZERO,
            tenures: BTreeMap::new(),
            current: BTreeMap::new(),
            disturbed: BTreeSet::new(),
            runs: BTreeMap::new(),
            active: BTreeMap::new(),
            failed: BTreeSet::new(),
            id_of: BTreeMap::new(),
            order_of: BTreeMap::new(),
            statuses: BTreeMap::new(),
            accounts: BTreeMap::new(),
            licenses: BTreeMap::new(),
            answered_queries: BTreeSet::new(),
            usage_tried: BTreeMap::new(),
            usage_acknowledged: 0,
        }
    }

    pub(crate) fn set_time(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    /// Adds a line to the history, if one is kept.
    pub(crate) fn note(&mut self, owner: Owner, line: fmt::Arguments<'_>) {
        let Some(history) = &mut self.history else { return };
        let millis = self.elapsed.as_millis();
        let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
        let time = format_args!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1000);
        let owner = match owner {
            Owner::Outside => "-".to_owned(),
            Owner::Replica { index, life } => format!("r{index}.{life}"),
        };
        *history += &format!("{time} {owner:5} {line}\n");
    }

    pub(crate) fn take_history(&mut self) -> String {
        self.history.take().unwrap_or_default()
    }

    /// Notes that an invariant does not hold. The first one counts.
    pub(crate) fn violate(&mut self, invariant: Invariant, what: String) {
        self.note(Owner::Outside, format_args!("VIOLATION {invariant}: {what}"));
        let at = self.elapsed;
        self.violation.get_or_insert(Violation { invariant, what, at });
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn count_fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// A V2.0 query was answered with access data.
    pub(crate) fn query_answered(&mut self, query: u64) {
        if !self.answered_queries.insert(query) {
            self.violate(Invariant::NoReplayedQuery, format!("query {query} was answered twice"));
        }
    }

    /// Usage is about to be recorded.
    pub(crate) fn usage_tried(&mut self, id: &str, ten_thousandths: i64) {
        self.usage_tried.insert(id.to_owned(), ten_thousandths);
    }

    pub(crate) fn usage_acknowledged(&mut self, ten_thousandths: i64) {
        self.usage_acknowledged += ten_thousandths;
    }

    /// Checks the sum of all usage in the store.
    pub(crate) fn check_usage(&mut self, in_store: i64) {
        let tried: i64 = self.usage_tried.values().sum();
        if in_store < self.usage_acknowledged || in_store > tried {
            let acknowledged = self.usage_acknowledged;
            let what = format!("the store has {in_store}, of {acknowledged} acknowledged and {tried} tried");
            self.violate(Invariant::NoUsageLost, what);
        }
    }

    /// Checks what was billed in the end.
    pub(crate) fn check_billed(&mut self, billed: i64) {
        let tried: i64 = self.usage_tried.values().sum();
        if billed != tried {
            self.violate(Invariant::NoUsageLost, format!("{billed} was billed, of {tried}"));
        }
    }

    /// The License of an application was seen.
    pub(crate) fn saw_license(&mut self, application: &str, license: &str) {
        let first = self.licenses.entry(application.to_owned()).or_insert_with(|| license.to_owned()).clone();
        if first != license {
            let what = format!("application {application} has {license} after {first}");
            self.violate(Invariant::OneLicense, what);
        }
    }
}

/// The time of a call or a record, in milliseconds.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_unix_millis()
}
