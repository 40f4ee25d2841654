//! The statements on instances, of one and of many.

use std::collections::HashSet;

use super::Named;
use crate::columns::Columns as _;
use crate::lease::Lease;
use crate::ledger::row::Record;
use crate::ledger::together::{Changed, New, order_columns};
use crate::ledger::{Instance, OrderKey, Step, Target};
use crate::mysql::mysql_async::Value;
use crate::mysql::rows::{Column, parameter, table};
use crate::mysql::{CLOCK, DatabaseError, Row, Session, id, lease_end, values};
use crate::timestamp::Timestamp;

/// Returns the columns of a record, where the table is called `instance`.
pub(super) fn columns() -> String {
    format!(
        "instance.instance_id, instance.order_id, instance.order_line_id, instance.order_product_id, product_id, state, \
         expire_time, handler_runs, status_signed_at, status_unsettled, lease_holder, \
         GREATEST(COALESCE(lease_until - {CLOCK}, 0), 0) AS lease_left"
    )
}

/// Returns whether the key of the step is stored with `instance`, as a column.
pub(super) fn noted(key: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM koogallery_step AS step WHERE step.instance_id = instance.instance_id \
         AND step.step_key = {key}) AS noted"
    )
}

/// Returns the record of a step, and whether its key is stored; both from one moment. Locks nothing.
pub(super) async fn find(work: &Named, step: &Step) -> Result<Option<(Record, bool)>, DatabaseError> {
    let mut parameters = vec![key(step.key())?];
    let instance = match &step.target {
        Target::Purchase { order, .. } => {
            parameters.extend(order_values(order)?);
            "(SELECT instance_id FROM koogallery_order \
             WHERE order_id = ?2 AND order_line_id = ?3 AND order_product_id = ?4)"
        }
        Target::Instance(instance_id) => {
            parameters.push(id("instance_id", instance_id)?);
            "?2"
        }
    };
    let statement = format!(
        "SELECT {}, {} FROM koogallery_instance AS instance WHERE instance.instance_id = {instance}",
        columns(),
        noted("?1")
    );
    let row = work.query_opt(&statement, &parameters).await?;
    row.as_ref().map(Record::read_noted).transpose()
}

pub(super) async fn by_id(work: &impl Session, instance_id: &str, lock: &str) -> Result<Option<Record>, DatabaseError> {
    let statement = format!("SELECT {} FROM koogallery_instance AS instance WHERE instance_id = ?1 {lock}", columns());
    let row = work.query_opt(&statement, &[id("instance_id", instance_id)?]).await?;
    row.as_ref().map(Record::read).transpose()
}

pub(super) fn order_values(order: &OrderKey) -> Result<[Value; 3], DatabaseError> {
    let [order_id, order_line_id, product_id] = order_columns(order);
    Ok([id("order_id", order_id)?, id("order_line_id", order_line_id)?, id("order_product_id", product_id)?])
}

fn key(key: Option<&str>) -> Result<Value, DatabaseError> {
    key.map_or(Ok(Value::NULL), |key| id("step_key", key))
}

/// What identifies a step that is to be found, as a row: its key, and the order or the instance.
pub(super) fn wanted(step: &Step) -> Result<Vec<Value>, DatabaseError> {
    let mut row = vec![key(step.key())?];
    match &step.target {
        Target::Purchase { order, .. } => row.extend(order_values(order)?),
        Target::Instance(instance_id) => row.push(id("instance_id", instance_id)?),
    }
    Ok(row)
}

/// Returns the records of purchases, with the places of these, and whether their keys are stored.
pub(super) async fn find_orders(work: &Named, wanted: &[Vec<Value>]) -> Result<Vec<Row>, DatabaseError> {
    let columns_wanted = ["wanted_key", "order_id", "order_line_id", "order_product_id"].map(Column::Id);
    // The keys of orders first, whatever the server takes the numbers of rows for.
    let statement = format!(
        "SELECT place, {}, {} FROM {} AS wanted STRAIGHT_JOIN koogallery_order AS known \
         USING (order_id, order_line_id, order_product_id) \
         STRAIGHT_JOIN koogallery_instance AS instance ON instance.instance_id = known.instance_id",
        columns(),
        noted("wanted_key"),
        table(&columns_wanted)
    );
    work.query(&statement, &[parameter(wanted)]).await
}

/// As `find_orders`, for steps on instances.
pub(super) async fn find_instances(work: &Named, wanted: &[Vec<Value>]) -> Result<Vec<Row>, DatabaseError> {
    let statement = format!(
        "SELECT place, {}, {} FROM {} AS wanted STRAIGHT_JOIN koogallery_instance AS instance USING (instance_id)",
        columns(),
        noted("wanted_key"),
        table(&["wanted_key", "instance_id"].map(Column::Id))
    );
    work.query(&statement, &[parameter(wanted)]).await
}

/// The columns of a new instance, in the order of its rows.
const NEW: [Column; 10] = [
    Column::Id("order_id"),
    Column::Id("order_line_id"),
    Column::Id("order_product_id"),
    Column::Id("instance_id"),
    Column::Text("product_id"),
    Column::Id("state"),
    Column::Id("step_key"),
    Column::Id("holder"),
    Column::Int("duration"),
    Column::Int("created_at"),
];

impl New {
    /// Returns the row of the instance.
    pub(super) fn row(&self) -> Result<Vec<Value>, DatabaseError> {
        let Instance { instance_id, product_id, state, order, .. } = &self.instance;
        let mut row = order_values(order)?.to_vec();
        let (holder, duration) = (self.lease.map(Lease::holder_text), self.lease.map(Lease::duration_millis));
        let (key, at) = (key(self.key.as_deref())?, self.at.as_unix_millis());
        let instance_id = id("instance_id", instance_id)?;
        row.extend(values![instance_id, product_id.as_deref(), state.as_str(), key, holder, duration, at]);
        Ok(row)
    }
}

/// Inserts instances, of which no two have one order or id, unless the order is known or the id taken. If another
/// transaction inserts one of them at the same time, this one has to begin again. Returns the places of those that were
/// inserted.
pub(super) async fn insert_new(work: &Named, new: &[&New]) -> Result<HashSet<usize>, DatabaseError> {
    let mut rows = new.iter().map(|new| new.row()).collect::<Result<Vec<_>, _>>()?;
    let new = table(&NEW);
    let there = format!(
        "SELECT place FROM {new} AS new WHERE EXISTS (SELECT 1 FROM koogallery_order AS known \
         WHERE known.order_id = new.order_id AND known.order_line_id = new.order_line_id \
         AND known.order_product_id = new.order_product_id) \
         OR EXISTS (SELECT 1 FROM koogallery_instance AS taken WHERE taken.instance_id = new.instance_id)"
    );
    let there = work.query(&there, &[parameter(&rows)]).await?;
    let there = there.iter().map(place).collect::<Result<HashSet<_>, _>>()?;
    let inserted: HashSet<usize> = (0..rows.len()).filter(|place| !there.contains(place)).collect();
    if inserted.is_empty() {
        return Ok(inserted);
    }
    let mut places = 0..;
    rows.retain(|_| places.next().is_some_and(|place| inserted.contains(&place)));
    // In order, so that two transactions never wait for each other.
    rows.sort_by(|one, other| one[..3].iter().map(bytes).cmp(other[..3].iter().map(bytes)));
    let rows = [parameter(&rows)];
    let orders = "INSERT INTO koogallery_order (order_id, order_line_id, order_product_id, instance_id) \
                  SELECT order_id, order_line_id, order_product_id, instance_id FROM";
    work.insert_missing(&format!("{orders} {new} AS new"), &rows).await?;
    let instances = format!(
        "INSERT INTO koogallery_instance (order_id, order_line_id, order_product_id, instance_id, product_id, state, \
         lease_holder, lease_until, handler_runs, created_at) SELECT order_id, order_line_id, order_product_id, \
         instance_id, product_id, state, holder, {}, IF(holder IS NULL, 0, 1), created_at FROM {new} AS new",
        lease_end("duration")
    );
    work.insert_missing(&instances, &rows).await?;
    let steps =
        "INSERT INTO koogallery_step (instance_id, step_key, done_at) SELECT instance_id, step_key, created_at FROM";
    work.insert_missing(&format!("{steps} {new} AS new WHERE step_key IS NOT NULL"), &rows).await?;
    Ok(inserted)
}

fn bytes(value: &Value) -> &[u8] {
    if let Value::Bytes(bytes) = value { bytes } else { &[] }
}

/// The columns of a changed instance, in the order of its rows.
const CHANGED: [Column; 9] = [
    Column::Id("instance_id"),
    Column::Id("holder"),
    Column::Text("new_product_id"),
    Column::Id("new_state"),
    Column::Int("new_expire_time"),
    Column::Int("new_signed_at"),
    Column::Int("new_unsettled"),
    Column::Id("step_key"),
    Column::Int("done_at"),
];

impl Changed<'_> {
    /// Returns the row of the instance.
    fn row(&self) -> Result<Vec<Value>, DatabaseError> {
        let Instance { instance_id, product_id, state, expire_time, status_signed_at, status_unsettled, .. } =
            &self.instance;
        let [expire_time, signed_at] = [expire_time, status_signed_at].map(|time| time.map(Timestamp::as_unix_millis));
        let (unsettled, key, at) = (i64::from(*status_unsettled), key(self.key)?, self.at.as_unix_millis());
        let (instance_id, holder) = (id("instance_id", instance_id)?, &*self.holder);
        let state = state.as_str();
        Ok(values![instance_id, holder, product_id.as_deref(), state, expire_time, signed_at, unsettled, key, at]
            .to_vec())
    }
}

/// Stores instances with the keys of their steps, and ends their leases. Returns the places of those that were stored: not of
/// those whose lease another holder has, or whose row another transaction has locked.
pub(super) async fn store(work: &impl Session, changed: &[Changed<'_>]) -> Result<HashSet<usize>, DatabaseError> {
    let mut rows = changed.iter().map(Changed::row).collect::<Result<Vec<_>, _>>()?;
    let done = table(&CHANGED);
    let held = format!(
        "SELECT place FROM {done} AS done STRAIGHT_JOIN koogallery_instance AS instance USING (instance_id) \
         WHERE lease_holder = holder FOR UPDATE SKIP LOCKED"
    );
    let held = work.query(&held, &[parameter(&rows)]).await?;
    let held = held.iter().map(place).collect::<Result<HashSet<_>, _>>()?;
    if held.is_empty() {
        return Ok(held);
    }
    let mut places = 0..;
    rows.retain(|_| places.next().is_some_and(|place| held.contains(&place)));
    let rows = [parameter(&rows)];
    // Of an instance that is locked here no one else stores a key.
    let steps = format!(
        "INSERT INTO koogallery_step (instance_id, step_key, done_at) SELECT instance_id, step_key, done_at \
         FROM {done} AS done WHERE step_key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM koogallery_step AS noted \
         WHERE noted.instance_id = done.instance_id AND noted.step_key = done.step_key)"
    );
    work.insert_missing(&steps, &rows).await?;
    // All of them are there, so that it inserts none. An update of a table that is joined with rows is refused where
    // `sql_safe_updates` is on.
    let instances = format!(
        "INSERT INTO koogallery_instance (instance_id, order_id, order_line_id, order_product_id, handler_runs, created_at, \
         product_id, state, expire_time, status_signed_at, status_unsettled, released_at) SELECT instance.instance_id, \
         instance.order_id, instance.order_line_id, instance.order_product_id, instance.handler_runs, instance.created_at, \
         new_product_id, new_state, new_expire_time, new_signed_at, new_unsettled, \
         IF(new_state = 'released', COALESCE(instance.released_at, done_at), NULL) \
         FROM {done} AS done STRAIGHT_JOIN koogallery_instance AS instance USING (instance_id) \
         ON DUPLICATE KEY UPDATE {}, lease_holder = NULL, lease_until = NULL",
        ["product_id", "state", "expire_time", "status_signed_at", "status_unsettled", "released_at"]
            .map(|column| format!("{column} = VALUES({column})"))
            .join(", ")
    );
    work.execute(&instances, &rows).await?;
    Ok(held)
}

/// Returns where in a list of what was asked for a row belongs.
pub(super) fn place(row: &Row) -> Result<usize, DatabaseError> {
    Ok(usize::try_from(row.int("place")?).unwrap_or(usize::MAX))
}
