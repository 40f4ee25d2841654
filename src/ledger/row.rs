//! The row of an instance, as far as SQL engines with a clock of their own share it.

use std::sync::Arc;
use std::time::Duration;

use super::{Instance, OrderKey, State, Step, StepStatus};
use crate::columns::Columns;
use crate::lease::Lease;

/// An instance with its lease.
pub(super) struct Record {
    pub(super) instance: Instance,
    holder: Option<String>,
    lease_left: Duration,
}

impl Record {
    pub(super) fn read<R: Columns>(row: &R) -> Result<Self, R::Error> {
        let unreadable = |column| R::unreadable("koogallery_instance", column);
        let lease_left = u64::try_from(row.int("lease_left")?).map_err(|_| unreadable("lease_until"))?;
        Ok(Self {
            instance: Instance {
                instance_id: row.text("instance_id")?,
                order: OrderKey {
                    order_id: row.text("order_id")?,
                    order_line_id: row.text_unless_empty("order_line_id")?,
                    product_id: row.text_unless_empty("order_product_id")?,
                },
                product_id: row.text_or_null("product_id")?,
                state: State::from_word(&row.text("state")?).ok_or_else(|| unreadable("state"))?,
                expire_time: row.time_or_null("expire_time")?,
                handler_runs: u32::try_from(row.int("handler_runs")?).map_err(|_| unreadable("handler_runs"))?,
                status_signed_at: row.time_or_null("status_signed_at")?,
                status_unsettled: row.int("status_unsettled")? != 0,
            },
            holder: row.text_or_null("lease_holder")?,
            lease_left: Duration::from_millis(lease_left),
        })
    }

    /// As `read`, with whether the key of the step is stored.
    pub(super) fn read_noted<R: Columns>(row: &R) -> Result<(Self, bool), R::Error> {
        Ok((Self::read(row)?, row.flag("noted")?))
    }

    pub(super) fn is_held_by(&self, lease: Lease) -> bool {
        self.holder.as_ref().is_some_and(|holder| *holder == lease.holder_text())
    }
}

/// Returns the status of a step, given the record of its instance and whether its key is stored.
pub(super) fn status(step: &Step, found: Option<(Record, bool)>) -> StepStatus {
    let (record, noted) = found.unzip();
    let (instance, lease_left) = record.map(|record| (Arc::new(record.instance), record.lease_left)).unzip();
    step.status(instance, noted.unwrap_or_default(), lease_left.unwrap_or_default())
}
