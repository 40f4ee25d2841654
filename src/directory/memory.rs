//! The directory in memory: everything is gone with the process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::policy::{Effect, Ids, Mark, Plan, Query, Reach, Row, best_of_each};
use super::reads::{Reads, reads};
use super::record::{Entry, Kind, Record};
use super::{Application, Change, Department, DepartmentSync, DirectoryStore, DirectoryStoreError, Tenant, User};

/// A directory that lives as long as the process; for tests and for trying out.
///
/// A seller's server must not use it: the marketplace sends everything once, and after a restart no user could log in.
#[derive(Default)]
pub struct MemoryDirectory {
    rows: Mutex<Rows>,
    department_sync: DepartmentSync,
}

#[derive(Default)]
struct Rows {
    rows: BTreeMap<Key, Held>,
    /// By kind, enterprise and instance.
    cleared: BTreeMap<(Kind, String, String), Mark>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Kind,
    tenant_id: String,
    ids: Ids,
    instance_id: String,
}

struct Held {
    mark: Mark,
    is_present: bool,
    record: Option<Record>,
}

impl MemoryDirectory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what a list of all departments does to the others.
    #[must_use]
    pub fn with_department_sync(mut self, list: DepartmentSync) -> Self {
        self.department_sync = list;
        self
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing that is done under the lock panics.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reads for MemoryDirectory {
    fn read<T: Entry>(&self, query: Query) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        ready(Ok(self.rows().read(&query))).boxed()
    }

    fn decrypted(&self, application: Application) -> Result<Application, DirectoryStoreError> {
        Ok(application)
    }
}

impl Rows {
    fn apply(&mut self, plan: Plan) {
        let Plan { tenant_id, instance_id, mark, clears, kind, rows } = plan;
        let place = |kind| (kind, tenant_id.clone(), instance_id.clone());
        for &kind in clears {
            self.rows.retain(|key, held| {
                let is_of_purchase = key.tenant_id == tenant_id && key.instance_id == instance_id;
                !(key.kind == kind && is_of_purchase && held.mark.gives_way_to(mark))
            });
            let cleared = self.cleared.entry(place(kind)).or_insert(mark);
            if cleared.gives_way_to(mark) {
                *cleared = mark;
            }
        }
        if self.cleared.get(&place(kind)).is_some_and(|cleared| cleared.keeps_out(mark)) {
            return;
        }
        for (ids, effect) in rows {
            let key = Key { kind, tenant_id: tenant_id.clone(), ids, instance_id: instance_id.clone() };
            let known = self.rows.remove(&key);
            let held = match known {
                Some(known) if !known.mark.gives_way_to(mark) => known,
                known => Held::new(mark, effect, known),
            };
            self.rows.insert(key, held);
        }
    }

    fn read<T: Entry>(&self, query: &Query) -> Vec<T> {
        let Query { kind, tenant_id, ids, reach, limit } = query;
        let from = Key { kind: *kind, tenant_id: tenant_id.clone(), ids: ids.clone(), instance_id: String::new() };
        let shared = if *reach == Reach::Exactly { ids.len() } else { ids.len().saturating_sub(1) };
        let is_reached =
            |key: &Key| key.kind == *kind && key.tenant_id == *tenant_id && key.ids[..shared] == ids[..shared];
        let reached = self.rows.range(from..).take_while(|(key, _)| is_reached(key));
        let reached = reached.skip_while(|(key, _)| *reach == Reach::After && key.ids == *ids);
        let rows = reached.filter_map(|(key, held)| {
            let record = held.record.as_ref().filter(|_| held.is_present)?;
            let last_id = key.ids.last().cloned().unwrap_or_default();
            Some(Ok::<_, Infallible>(Row { last_id, instance_id: key.instance_id.clone(), mark: held.mark, record }))
        });
        let Ok(best) = best_of_each(rows, *limit);
        best.into_iter().filter_map(|row| T::assemble(row.meta(tenant_id), row.record.clone())).collect()
    }
}

impl Held {
    fn new(mark: Mark, effect: Effect, known: Option<Self>) -> Self {
        match effect {
            Effect::Put(record) => Self { mark, is_present: true, record: Some(record) },
            Effect::Revoke => Self { mark, is_present: false, record: known.and_then(|known| known.record) },
            Effect::Remove => Self { mark, is_present: false, record: None },
        }
    }
}

impl DirectoryStore for MemoryDirectory {
    fn apply(&self, change: Change) -> BoxFuture<'_, Result<(), DirectoryStoreError>> {
        self.rows().apply(Plan::new(change, self.department_sync));
        ready(Ok(())).boxed()
    }

    reads!();
}

impl fmt::Debug for MemoryDirectory {
    /// Shows no rows: they hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDirectory").field("rows", &self.rows().rows.len()).finish_non_exhaustive()
    }
}
