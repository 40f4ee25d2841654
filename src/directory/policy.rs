//! Effect of a change on the rows of a directory, and choice of the rows that answer a look-up; shared by all engines.

use super::record::{Kind, Record};
use super::{Change, ChangeMeta, Department, Departments, User, UsersChange, UsersRemoval};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// Treatment of departments that a list of all departments does not name.
///
/// The documents do not say whether the list replaces what was there (unverified), so nothing is lost by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a pair: those that are not listed stay or go")]
pub enum DepartmentSync {
    /// They stay.
    #[default]
    Merge,
    /// They are removed, as far as they came from the same purchase, and not later than the list.
    Replace,
}

/// Time and kind of the call that a row is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) sent_at: Timestamp,
    pub(super) test_call: bool,
}

impl Mark {
    /// `gives_way_to` in SQL, of a row of a table to the time and the test flag in the first two parameters.
    #[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
    pub(super) fn gives_way(table: &str) -> String {
        format!("({table}.test_call > ?2 OR ({table}.test_call = ?2 AND {table}.sent_at <= ?1))")
    }

    /// Returns whether a row of this mark may be replaced: a real call replaces the data of a test, never the other way
    /// round, and among calls of one kind the time decides, so that a late retry brings nothing back.
    pub(super) fn gives_way_to(self, newer: Self) -> bool {
        if self.test_call == newer.test_call { self.sent_at <= newer.sent_at } else { self.test_call }
    }

    /// Returns whether a clearing of this mark keeps out a late arrival. After a real clearing a test may begin again.
    pub(super) fn keeps_out(self, late: Self) -> bool {
        late.sent_at < self.sent_at && (late.test_call || !self.test_call)
    }
}

/// Identity of a row within an enterprise and instance: empty, an application, an application and a user, or a
/// department.
pub(super) type Ids = Vec<String>;

/// Effect of a change: clears the rows of some kinds that one purchase has, and then sets rows of one kind.
pub(super) struct Plan {
    pub(super) tenant_id: String,
    /// Empty where the change has none.
    pub(super) instance_id: String,
    pub(super) mark: Mark,
    /// Kinds of which all rows of the purchase that give way are deleted, and later arrivals from before kept out.
    pub(super) clears: &'static [Kind],
    pub(super) kind: Kind,
    /// Rows that are set, where what is there gives way.
    pub(super) rows: Vec<(Ids, Effect)>,
}

/// New state of a row.
pub(super) enum Effect {
    Put(Record),
    /// Hidden, with what is known kept.
    Revoke,
    /// A mark without content, so that late retries find that it is gone.
    Remove,
}

impl Effect {
    #[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::Put(_) => "present",
            Self::Revoke => "revoked",
            Self::Remove => "removed",
        }
    }
}

impl Plan {
    pub(super) fn new(change: Change, list: DepartmentSync) -> Self {
        let ChangeMeta { tenant_id, instance_id, sent_at, test_call } = change.meta().clone();
        let mut clears: &[Kind] = &[];
        let (kind, rows) = match change {
            Change::PutTenant(tenant) => (Kind::Tenant, vec![(vec![], Effect::Put(tenant.into()))]),
            Change::RemoveTenant(_) => {
                clears = &[Kind::Application, Kind::User, Kind::Department];
                (Kind::Tenant, vec![(vec![], Effect::Remove)])
            }
            Change::PutApplication(application) => {
                (Kind::Application, vec![(vec![application.app_id.clone()], Effect::Put(application.into()))])
            }
            Change::RemoveApplication(removal) => (Kind::Application, vec![(vec![removal.app_id], Effect::Remove)]),
            Change::PutUsers(UsersChange { app_id, users, .. }) => {
                let row = |user: User| (user_ids(&app_id, &user.user_name), Effect::Put(user.into()));
                (Kind::User, users.into_iter().map(row).collect())
            }
            Change::RevokeUsers(names) => (Kind::User, named(&names, || Effect::Revoke)),
            Change::RemoveUsers(names) => (Kind::User, named(&names, || Effect::Remove)),
            Change::PutDepartment(change) => (Kind::Department, vec![department_row(change.department)]),
            Change::RemoveDepartment(removal) => (Kind::Department, vec![(vec![removal.org_code], Effect::Remove)]),
            Change::PutDepartments(Departments { departments, .. }) => {
                if list == DepartmentSync::Replace {
                    clears = &[Kind::Department];
                }
                (Kind::Department, departments.into_iter().map(department_row).collect())
            }
        };
        let instance_id = instance_id.unwrap_or_default();
        Self { tenant_id, instance_id, mark: Mark { sent_at, test_call }, clears, kind, rows }
    }
}

fn user_ids(app_id: &str, user_name: &Sensitive) -> Ids {
    vec![app_id.to_owned(), user_name.expose().to_owned()]
}

fn named(names: &UsersRemoval, effect: fn() -> Effect) -> Vec<(Ids, Effect)> {
    names.user_names.iter().map(|name| (user_ids(&names.app_id, name), effect())).collect()
}

fn department_row(department: Department) -> (Ids, Effect) {
    (vec![department.org_code.clone()], Effect::Put(department.into()))
}

/// A look-up over all instances.
pub(super) struct Query {
    pub(super) kind: Kind,
    pub(super) tenant_id: String,
    pub(super) ids: Ids,
    pub(super) reach: Reach,
    /// Greatest number of rows with different ids in the answer.
    pub(super) limit: usize,
}

/// Choice of the rows to look up, among those with the same ids before the last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those with the given last id.
    Exactly,
    /// Those with it and all behind them.
    From,
    /// Those behind it.
    After,
}

impl Query {
    pub(super) fn one(kind: Kind, tenant_id: &str, ids: &[&str]) -> Self {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Self { kind, tenant_id: tenant_id.to_owned(), ids, reach: Reach::Exactly, limit: 1 }
    }

    pub(super) fn page(kind: Kind, tenant_id: &str, ids: &[&str], after: Option<&str>, limit: usize) -> Self {
        let reach = if after.is_some() { Reach::After } else { Reach::From };
        Self { reach, limit, ..Self::one(kind, tenant_id, &[ids, &[after.unwrap_or_default()]].concat()) }
    }
}

/// A row that is there, neither revoked nor removed.
pub(super) struct Row<R> {
    /// The last of its ids.
    pub(super) last_id: String,
    pub(super) instance_id: String,
    pub(super) mark: Mark,
    pub(super) record: R,
}

impl<R> Row<R> {
    pub(super) fn meta(&self, tenant_id: &str) -> ChangeMeta {
        ChangeMeta {
            tenant_id: tenant_id.to_owned(),
            instance_id: Some(self.instance_id.clone()).filter(|id| !id.is_empty()),
            sent_at: self.mark.sent_at,
            test_call: self.mark.test_call,
        }
    }

    /// Data of real calls come before those of tests, and then the latest.
    fn rank(&self) -> (bool, Timestamp) {
        (!self.mark.test_call, self.mark.sent_at)
    }
}

/// Of the rows that several instances have under the same ids the one that counts. Rows come in order of their ids and
/// then of their instances, and no more are taken than are needed.
pub(super) fn best_of_each<R, E>(
    rows: impl IntoIterator<Item = Result<Row<R>, E>>,
    limit: usize,
) -> Result<Vec<Row<R>>, E> {
    let mut best: Vec<Row<R>> = Vec::new();
    for row in rows {
        let row = row?;
        let found = best.len();
        match best.last_mut() {
            Some(last) if last.last_id == row.last_id => {
                if row.rank() >= last.rank() {
                    *last = row;
                }
            }
            _ if found == limit => break,
            _ => best.push(row),
        }
    }
    Ok(best)
}
