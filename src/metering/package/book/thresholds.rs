//! Thresholds of packages.

use std::sync::Arc;

use super::super::{Decision, Outcome, PackageError, Scope, StoredPackage};
use super::PackageBook;
use crate::amount::Amount;
use crate::metering::{MeteringEvent, Recorded, ThresholdReached};

impl PackageBook {
    /// Changes the store, and then reports thresholds that were reached by it.
    ///
    /// What was read and what was written belong to one transaction, and the next one reads what this one wrote. So one
    /// transaction only finds a threshold not reached before it and reached after it.
    pub(super) async fn change(&self, scope: Scope<'_>, decision: Decision) -> Result<Outcome, PackageError> {
        let outcome = self.store.change(scope, decision).await?;
        self.report_all(&outcome);
        Ok(outcome)
    }

    pub(super) fn report_all(&self, outcome: &Outcome) {
        if outcome.recorded == Recorded::First {
            for after in &outcome.change.packages {
                let is_same = |known: &&Arc<StoredPackage>| known.package.instance_id == after.package.instance_id;
                self.report(outcome.shelf.packages.iter().find(is_same).map(|known| &**known), after);
            }
        }
    }

    fn report(&self, before: Option<&StoredPackage>, after: &StoredPackage) {
        let used_before = before.map_or((Amount::ZERO, after.quota), |before| (before.used, before.quota));
        for percent in self.meter.thresholds.newly_reached(used_before, (after.used, after.quota)) {
            let instance_id = &after.package.pay_per_use_instance_id;
            let mut reached = ThresholdReached::new(instance_id, percent, after.used, after.quota);
            reached.package_instance_id = Some(&after.package.instance_id);
            self.meter.notify(&MeteringEvent::ThresholdReached(reached));
        }
    }
}
