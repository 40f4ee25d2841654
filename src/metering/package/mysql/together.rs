//! Changes of many callers in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::super::group::{Asked, Decided, Group, entries, usage_ids};
use super::super::row::{read_package, read_reservation};
use super::super::{Outcome, PackageError, StoredPackage};
use super::put;
use crate::batch::Batch;
use crate::columns::Columns as _;
use crate::metering::mysql::{insert_ids, lock_instances, record_new};
use crate::mysql::mysql_async::Value;
use crate::mysql::rows::{Column, parameter, table};
use crate::mysql::{Database, DatabaseError, Session as _, Work, clock, id, values};
use crate::timestamp::Timestamp;

/// Changes of packages, all with usage ids.
#[derive(Clone)]
pub(super) struct Changes(Database);

impl Changes {
    pub(super) fn new(database: &Database) -> Self {
        Self(database.clone())
    }
}

impl Batch for Changes {
    type Item = Asked;
    type Answer = Result<Outcome, PackageError>;
    type Error = DatabaseError;

    async fn run(&self, all: &[&Asked], ends: Instant) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        let outcomes = self.0.run_together(ends, |work| async move { change_all(&work, all).await }).await?;
        Ok(outcomes.map(|outcomes| outcomes.into_iter().map(Some).collect()).unwrap_or_default())
    }
}

/// Returns `None`, and writes nothing, if the changes have to be made one by one.
async fn change_all(work: &Work, all: &[&Asked]) -> Result<Option<Vec<Result<Outcome, PackageError>>>, DatabaseError> {
    let instances: BTreeSet<&str> = all.iter().map(|asked| asked.scope().instance_id).collect();
    lock_instances(work, &instances).await?;
    // What is read is read after the wait for the locks.
    let new_ids = insert_ids(work, usage_ids(all)).await?;
    let clock = clock(work).await?;
    let packages = packages(work, all, &instances).await?;
    let over = format!(
        "SELECT found.* FROM {} AS wanted STRAIGHT_JOIN koogallery_reservation AS found USING (instance_id) \
         WHERE found.state = 'open' AND found.ends_at <= ?2 ORDER BY found.instance_id, found.id",
        table(&[Column::Id("instance_id")])
    );
    let over = work.query(&over, &[parameter(&ids("instance_id", instances)?), clock.into()]).await?;
    let mut group = Group::new(packages, over.iter().map(read_reservation).collect::<Result<_, _>>()?);

    let mut rest: BTreeSet<&str> = new_ids.clone();
    let is_new: Vec<bool> = all.iter().map(|asked| asked.scope().usage_id.is_some_and(|id| rest.remove(id))).collect();
    let clock = Timestamp::from_unix_millis(clock);
    let Some(Decided { outcomes, unused }) = group.decide_all(all, &is_new, Some(clock)) else {
        remove_ids(work, new_ids).await?;
        return Ok(None);
    };
    remove_ids(work, unused).await?;
    record_new(work, &entries(&outcomes).collect::<Vec<_>>()).await?;
    put(work, group.packages().map(|stored| &**stored), group.reservations()).await?;
    Ok(Some(outcomes))
}

/// Reads the packages of instances, without those of the past, and in any case those that changes name; by their ids.
async fn packages(
    work: &Work,
    all: &[&Asked],
    instances: &BTreeSet<&str>,
) -> Result<Vec<Arc<StoredPackage>>, DatabaseError> {
    let present = format!(
        "SELECT found.* FROM {} AS wanted STRAIGHT_JOIN koogallery_package AS found USING (instance_id) \
         WHERE found.state <> 'ended' OR found.reserved > 0",
        table(&[Column::Id("instance_id")])
    );
    let mut rows = work.query(&present, &[parameter(&ids("instance_id", instances.iter().copied())?)]).await?;
    let named = |asked: &&Asked| {
        let scope = asked.scope();
        let package = scope.package_instance_id?;
        Some(id("package", package).map(|package| values![scope.instance_id, package].to_vec()))
    };
    let named = all.iter().filter_map(named).collect::<Result<Vec<_>, _>>()?;
    if !named.is_empty() {
        let find = format!(
            "SELECT found.* FROM {} AS wanted STRAIGHT_JOIN koogallery_package AS found USING (instance_id, package)",
            table(&["instance_id", "package"].map(Column::Id))
        );
        rows.extend(work.query(&find, &[parameter(&named)]).await?);
    }
    let mut packages = BTreeMap::new();
    for row in &rows {
        packages.insert((row.text("instance_id")?, row.text("package")?), Arc::new(read_package(row)?));
    }
    Ok(packages.into_values().collect())
}

async fn remove_ids<'a>(work: &Work, unused: impl IntoIterator<Item = &'a str>) -> Result<(), DatabaseError> {
    let remove = |places: &str| format!("DELETE FROM koogallery_usage_id WHERE usage_id IN ({places})");
    work.execute_rows(remove, &[], &ids("usage_id", unused)?).await.map(drop)
}

fn ids<'a>(column: &'static str, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Vec<Value>>, DatabaseError> {
    texts.into_iter().map(|text| Ok(vec![id(column, text)?])).collect()
}
