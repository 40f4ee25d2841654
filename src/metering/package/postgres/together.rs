//! Changes of many callers in one transaction.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::future::{try_join, try_join4};
use tokio::time::Instant;

use super::super::group::{Asked, Decided, Group, entries, usage_ids};
use super::super::row::{package_cells, read_package, read_reservation, reservation_cells};
use super::super::{Outcome, PackageError};
use super::{put_packages, put_reservations};
use crate::batch::Batch;
use crate::columns::Columns as _;
use crate::metering::Entry;
use crate::metering::postgres::{lock, record_new};
use crate::postgres::{CLOCK, Database, DatabaseError, WAIT_BRIEFLY, Work, ints, texts};

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
        let change = async |work: &Work<'_>| {
            let ((), outcomes) = try_join(work.batch(WAIT_BRIEFLY), change_all(work, all)).await?;
            Ok(outcomes)
        };
        let outcomes = self.0.run_until(ends, change).await?;
        Ok(outcomes.map(|outcomes| outcomes.into_iter().map(Some).collect()).unwrap_or_default())
    }
}

/// Returns `None`, and writes nothing, if the changes have to be made one by one.
async fn change_all(
    work: &Work<'_>,
    all: &[&Asked],
) -> Result<Option<Vec<Result<Outcome, PackageError>>>, DatabaseError> {
    let instances: BTreeSet<&str> = all.iter().map(|asked| asked.scope().instance_id).collect();
    let (names, named): (Vec<&str>, Vec<&str>) = (
        instances.iter().copied().collect(),
        all.iter().filter_map(|asked| asked.scope().package_instance_id).collect(),
    );
    let packages = "SELECT * FROM koogallery_package WHERE instance_id = ANY($1) \
                    AND (state <> 'ended' OR reserved > 0 OR package = ANY($2)) ORDER BY instance_id, package";
    let over = "SELECT * FROM koogallery_reservation WHERE instance_id = ANY($1) AND state = 'open' \
                AND ends_at <= floor(extract(epoch FROM statement_timestamp()) * 1000)::BIGINT ORDER BY instance_id, id";
    let (clock, names_parameter) = (format!("SELECT {CLOCK} AS clock"), [texts(&names)]);
    let packages_parameters = [texts(&names), texts(&named)];
    // What is read is read after the wait for the locks.
    let (((), mut new_ids), packages, over, clock) = try_join4(
        try_join(lock(work, &instances), add_ids(work, all)),
        work.query(packages, &packages_parameters),
        work.query(over, &names_parameter),
        work.query(&clock, &[]),
    )
    .await?;
    let clock = clock.first().map(|row| row.time("clock")).transpose()?;
    let packages = packages.iter().map(|row| read_package(row).map(Arc::new)).collect::<Result<_, _>>()?;
    let mut group = Group::new(packages, over.iter().map(read_reservation).collect::<Result<_, _>>()?);

    let is_new: Vec<bool> =
        all.iter().map(|asked| asked.scope().usage_id.is_some_and(|id| new_ids.remove(id))).collect();
    let Some(Decided { outcomes, unused }) = group.decide_all(all, &is_new, clock) else {
        let new = all.iter().zip(is_new).filter_map(|(asked, is_new)| asked.scope().usage_id.filter(|_| is_new));
        remove_ids(work, &new.collect::<Vec<_>>()).await?;
        return Ok(None);
    };
    let entries: Vec<&Entry> = entries(&outcomes).collect();
    try_join(remove_ids(work, &unused), record_new(work, &entries)).await?;
    write(work, &group).await?;
    Ok(Some(outcomes))
}

/// Stores the usage ids, in order, so that two transactions never wait for each other. Returns those that were new.
async fn add_ids(work: &Work<'_>, all: &[&Asked]) -> Result<HashSet<String>, DatabaseError> {
    let (ids, times): (Vec<&str>, Vec<i64>) = usage_ids(all).into_iter().unzip();
    let add = "INSERT INTO koogallery_usage_id (usage_id, recorded_at) SELECT * FROM unnest($1, $2) \
               ON CONFLICT DO NOTHING RETURNING usage_id";
    let new = work.query(add, &[texts(&ids), ints(&times)]).await?;
    new.iter().map(|row| row.text("usage_id")).collect()
}

async fn remove_ids(work: &Work<'_>, ids: &[&str]) -> Result<(), DatabaseError> {
    if ids.is_empty() {
        return Ok(());
    }
    let remove = "DELETE FROM koogallery_usage_id WHERE usage_id = ANY($1)";
    work.execute(remove, &[texts(&ids)]).await.map(drop)
}

async fn write(work: &Work<'_>, group: &Group) -> Result<(), DatabaseError> {
    let packages = put_packages(work, group.packages().map(|stored| package_cells(stored)).collect());
    let reservations = put_reservations(work, group.reservations().map(reservation_cells).collect());
    work.last(try_join(packages, reservations)).await.map(drop)
}
