//! Extending leases, many by one statement.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_postgres::Row;

use super::Tables;
use crate::lease::Lease;
use crate::postgres::{Database, DatabaseError, ints, lease_end, texts};
use crate::waiting::Queue;

/// The leases of a process that are to be extended.
#[derive(Clone)]
pub(super) struct Renewals {
    database: Database,
    tables: Tables,
    waiting: Queue<Renewal, bool>,
    /// Held by the statement that runs. One at a time, so that others gather behind it.
    running: Arc<Mutex<()>>,
}

struct Renewal {
    instance_id: String,
    holder: String,
    duration: i64,
}

impl Renewals {
    pub(super) fn new(database: Database, tables: Tables) -> Self {
        Self { database, tables, waiting: Queue::default(), running: Arc::default() }
    }

    /// Returns whether the lease was extended. If not, it may be lost, another transaction has its row locked, or the
    /// statement failed.
    pub(super) async fn extend(&self, instance_id: &str, lease: Lease) -> bool {
        let (instance_id, holder) = (instance_id.to_owned(), lease.holder_text());
        let (is_first, answered) =
            self.waiting.push(Renewal { instance_id, holder, duration: lease.duration_millis() });
        if is_first {
            // A task of its own, since others wait for it too, even if this caller does not.
            drop(tokio::spawn(self.clone().extend_all()));
        }
        answered.await.unwrap_or(false)
    }

    async fn extend_all(self) {
        let running = self.running.lock().await;
        let waiting = self.waiting.take();
        let extended = self.run(waiting.iter().map(|waiting| &waiting.item).collect()).await.unwrap_or_default();
        drop(running);
        for waiting in waiting {
            let is_extended = extended.contains(&waiting.item.holder);
            waiting.answer(is_extended);
        }
    }

    /// Returns the holders whose leases were extended. A holder has one lease.
    async fn run(&self, renewals: Vec<&Renewal>) -> Result<HashSet<String>, DatabaseError> {
        let column = |value: fn(&Renewal) -> &str| renewals.iter().map(|renewal| value(renewal)).collect::<Vec<&str>>();
        let (ids, holders) = (column(|renewal| &renewal.instance_id), column(|renewal| &renewal.holder));
        let durations: Vec<i64> = renewals.iter().map(|renewal| renewal.duration).collect();
        // One row that is locked for long must not end the leases of all others.
        let extend = format!(
            "UPDATE koogallery_instance AS instance SET lease_until = {} FROM (SELECT instance_id, duration \
             FROM koogallery_instance JOIN unnest($1, $2, $3) AS renewal (id, holder, duration) \
             ON instance_id = id AND lease_holder = holder FOR UPDATE OF koogallery_instance SKIP LOCKED) AS free \
             WHERE instance.instance_id = free.instance_id RETURNING lease_holder",
            lease_end("free.duration")
        );
        let parameters = [texts(&ids), texts(&holders), ints(&durations)];
        let rows = self.database.rows(&self.tables.sql(&extend), &parameters).await?;
        rows.iter().map(|row: &Row| Ok(row.try_get(0)?)).collect()
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewals")
    }
}
