//! The statements on instances, of one and of many.

use std::collections::HashSet;

use super::Named;
use crate::lease::Lease;
use crate::ledger::row::Record;
use crate::ledger::together::{Changed, New, order_columns};
use crate::ledger::{Instance, Step, Target};
use crate::postgres::{CLOCK, DatabaseError, Parameter, ints, lease_end, text, texts};
use crate::timestamp::Timestamp;

pub(super) fn columns() -> String {
    format!(
        "instance_id, order_id, order_line_id, order_product_id, product_id, state, expire_time, handler_runs, \
         status_signed_at, status_unsettled, lease_holder, greatest(lease_until - {CLOCK}, 0) AS lease_left"
    )
}

/// Returns whether the key of the step is stored with `instance`, as a column.
pub(super) fn noted(key: &str) -> String {
    format!(
        "EXISTS (SELECT FROM koogallery_step AS step WHERE step.instance_id = instance.instance_id \
         AND step.step_key = {key}) AS noted"
    )
}

/// Returns the record of a step, and whether its key is stored; both from one moment.
pub(super) async fn find(
    transaction: &Named<'_>,
    step: &Step,
    lock: &str,
) -> Result<Option<(Record, bool)>, DatabaseError> {
    let key = step.key();
    let order;
    let mut parameters: Vec<Parameter<'_>> = vec![text(&key)];
    let condition = match &step.target {
        Target::Purchase { order: of_purchase, .. } => {
            order = order_columns(of_purchase);
            parameters.extend(order.iter().map(|column| text(column)));
            "order_id = $2 AND order_line_id = $3 AND order_product_id = $4"
        }
        Target::Instance(id) => {
            parameters.push(text(id));
            "instance.instance_id = $2"
        }
    };
    let statement =
        format!("SELECT {}, {} FROM koogallery_instance AS instance WHERE {condition} {lock}", columns(), noted("$1"));
    let row = transaction.query_opt(&statement, &parameters).await?;
    row.as_ref().map(Record::read_noted).transpose()
}

pub(super) async fn by_id(
    transaction: &Named<'_>,
    instance_id: &str,
    lock: &str,
) -> Result<Option<Record>, DatabaseError> {
    let statement = format!("SELECT {} FROM koogallery_instance WHERE instance_id = $1 {lock}", columns());
    let row = transaction.query_opt(&statement, &[text(&instance_id)]).await?;
    row.as_ref().map(Record::read).transpose()
}

/// Inserts instances whose order is unknown and whose id is not taken, and waits for others that are about to insert either.
/// No two may have one order. Returns the places of those that were inserted.
pub(super) async fn insert_new(transaction: &Named<'_>, new: &[&New]) -> Result<HashSet<usize>, DatabaseError> {
    let places: Vec<i64> = (0_i64..).zip(new).map(|(place, _)| place).collect();
    let column = |value: fn(&Instance) -> &str| new.iter().map(|new| value(&new.instance)).collect::<Vec<_>>();
    let orders = column(|instance| order_columns(&instance.order)[0]);
    let lines = column(|instance| order_columns(&instance.order)[1]);
    let products = column(|instance| order_columns(&instance.order)[2]);
    let ids = column(|instance| &instance.instance_id);
    let own_products: Vec<Option<&str>> = new.iter().map(|new| new.instance.product_id.as_deref()).collect();
    let states = column(|instance| instance.state.as_str());
    let keys: Vec<Option<&str>> = new.iter().map(|new| new.key.as_deref()).collect();
    let holders: Vec<Option<String>> = new.iter().map(|new| new.lease.map(Lease::holder_text)).collect();
    let durations: Vec<Option<i64>> = new.iter().map(|new| new.lease.map(Lease::duration_millis)).collect();
    let times: Vec<i64> = new.iter().map(|new| new.at.as_unix_millis()).collect();
    let parameters = [
        texts(&orders),
        texts(&lines),
        texts(&products),
        texts(&ids),
        texts(&own_products),
        texts(&states),
        texts(&keys),
        texts(&holders),
        ints(&durations),
        ints(&times),
        ints(&places),
    ];
    let statement = format!(
        "WITH new AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS new (order_id, \
         order_line_id, order_product_id, instance_id, product_id, state, step_key, holder, duration, created_at, place)), \
         first AS (INSERT INTO koogallery_instance (order_id, order_line_id, order_product_id, instance_id, product_id, \
         state, lease_holder, lease_until, handler_runs, created_at) SELECT order_id, order_line_id, order_product_id, \
         instance_id, product_id, state, holder, {}, CASE WHEN holder IS NULL THEN 0 ELSE 1 END, created_at FROM new \
         ON CONFLICT DO NOTHING RETURNING order_id, order_line_id, order_product_id), \
         added AS (SELECT new.* FROM first JOIN new USING (order_id, order_line_id, order_product_id)), \
         noted AS (INSERT INTO koogallery_step SELECT instance_id, step_key, created_at FROM added \
         WHERE step_key IS NOT NULL) \
         SELECT place FROM added",
        lease_end("duration")
    );
    let rows = transaction.query(&statement, &parameters).await?;
    rows.iter().map(place).collect()
}

/// Stores instances with the keys of their steps, and ends their leases. Returns the places of those that were stored: not of
/// those whose lease another holder has, or whose row another transaction has locked.
pub(super) async fn store(transaction: &Named<'_>, changed: &[Changed<'_>]) -> Result<HashSet<usize>, DatabaseError> {
    let times = |value: fn(&Instance) -> Option<Timestamp>| {
        let millis = |changed: &Changed<'_>| value(&changed.instance).map(Timestamp::as_unix_millis);
        changed.iter().map(millis).collect::<Vec<_>>()
    };
    let places: Vec<i64> = (0_i64..).zip(changed).map(|(place, _)| place).collect();
    let ids: Vec<&str> = changed.iter().map(|changed| &*changed.instance.instance_id).collect();
    let holders: Vec<&str> = changed.iter().map(|changed| &*changed.holder).collect();
    let products: Vec<Option<&str>> = changed.iter().map(|changed| changed.instance.product_id.as_deref()).collect();
    let states: Vec<&str> = changed.iter().map(|changed| changed.instance.state.as_str()).collect();
    let expire_times = times(|instance| instance.expire_time);
    let signed_at = times(|instance| instance.status_signed_at);
    let unsettled: Vec<i64> = changed.iter().map(|changed| i64::from(changed.instance.status_unsettled)).collect();
    let keys: Vec<Option<&str>> = changed.iter().map(|changed| changed.key).collect();
    let done_at: Vec<i64> = changed.iter().map(|changed| changed.at.as_unix_millis()).collect();
    let parameters = [
        ints(&places),
        texts(&ids),
        texts(&holders),
        texts(&products),
        texts(&states),
        ints(&expire_times),
        ints(&signed_at),
        texts(&keys),
        ints(&done_at),
        ints(&unsettled),
    ];
    let statement = "WITH done AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done (place, instance_id, \
                     holder, product_id, state, expire_time, status_signed_at, step_key, done_at, unsettled)), \
                     held AS (SELECT done.* FROM done JOIN koogallery_instance AS instance USING (instance_id) \
                     WHERE instance.lease_holder = done.holder FOR UPDATE OF instance SKIP LOCKED), \
                     noted AS (INSERT INTO koogallery_step SELECT instance_id, step_key, done_at FROM held \
                     WHERE step_key IS NOT NULL ON CONFLICT DO NOTHING) \
                     UPDATE koogallery_instance AS instance SET product_id = held.product_id, state = held.state, \
                     expire_time = held.expire_time, lease_holder = NULL, lease_until = NULL, \
                     status_signed_at = held.status_signed_at, status_unsettled = held.unsettled, released_at = CASE held.state WHEN 'released' \
                     THEN coalesce(instance.released_at, held.done_at) END \
                     FROM held WHERE instance.instance_id = held.instance_id RETURNING held.place";
    let rows = transaction.query(statement, &parameters).await?;
    rows.iter().map(place).collect()
}

/// Returns where in a list of what was asked for a row belongs.
pub(super) fn place(row: &tokio_postgres::Row) -> Result<usize, DatabaseError> {
    Ok(usize::try_from(row.try_get::<_, i64>("place")?).unwrap_or(usize::MAX))
}
