//! Changes of many callers with few statements.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Transaction;

use super::super::group::{Asked, Decided, Group, entries};
use super::super::{Outcome, PackageError, Scope};
use super::{change, over, packages_of, put_packages, put_reservations};
use crate::metering::sqlite::{add_all, add_ids, remove_id};
use crate::sqlite::Together;
use crate::timestamp::Timestamp;

/// Changes that wait at the same time. A refusal is no failure of the database: it writes nothing, and changes nothing for
/// those that share the commit.
impl Together for Asked {
    type Answer = Result<Outcome, PackageError>;

    fn is_shareable(&self) -> bool {
        Self::is_shareable(self)
    }

    fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Self::Answer> {
        change(transaction, self.scope(), &self.decision)
    }

    fn run_all(all: &[&Self], transaction: &Transaction<'_>) -> rusqlite::Result<Option<Vec<Self::Answer>>> {
        let ids = all.iter().map(|asked| asked.scope()).map(|Scope { usage_id, now, .. }| (usage_id, now));
        let is_new = add_ids(transaction, ids)?;
        let mut group = read_all(transaction, all)?;
        let Some(Decided { outcomes, unused }) = group.decide_all(all, &is_new, None) else { return Ok(None) };
        unused.into_iter().try_for_each(|id| remove_id(transaction, id))?;
        add_all(transaction, &entries(&outcomes).collect::<Vec<_>>())?;
        put_packages(transaction, group.packages())?;
        put_reservations(transaction, group.reservations())?;
        Ok(Some(outcomes))
    }
}

/// Reads what changes ask for, once for each instance.
fn read_all(transaction: &Transaction<'_>, all: &[&Asked]) -> rusqlite::Result<Group> {
    let mut wanted: HashMap<&str, (Timestamp, BTreeSet<&str>)> = HashMap::new();
    for scope in all.iter().map(|asked| asked.scope()) {
        let (clock, named) = wanted.entry(scope.instance_id).or_insert_with(|| (scope.now, BTreeSet::new()));
        *clock = scope.now.max(*clock);
        named.extend(scope.package_instance_id);
    }
    let (mut packages, mut reservations) = (Vec::new(), Vec::new());
    for (instance_id, (clock, named)) in wanted {
        let mut named = named.into_iter();
        let mut of_instance = packages_of(transaction, instance_id, named.next(), false)?;
        for package in named {
            of_instance.extend(packages_of(transaction, instance_id, Some(package), false)?);
        }
        of_instance.sort_by(|one, other| one.package.instance_id.cmp(&other.package.instance_id));
        of_instance.dedup();
        packages.extend(of_instance);
        reservations.extend(over(transaction, instance_id, clock.as_unix_millis())?);
    }
    Ok(Group::new(packages, reservations))
}
