//! Usage that is to be recorded in a transaction of the seller's.

use std::sync::Arc;

use super::{Decision, Scope};
use crate::metering::Entry;
use crate::timestamp::Timestamp;

/// Usage that was checked, to be deducted from packages in a transaction of the seller's own; made by
/// [`PackageBook::deduction`](super::PackageBook::deduction).
#[derive(Clone, Debug)]
pub struct Deduction {
    pub(super) entry: Arc<Entry>,
    pub(super) now: Timestamp,
    pub(super) decision: Decision,
}

impl Deduction {
    pub(super) fn scope(&self) -> Scope<'_> {
        let usage = &self.entry.usage;
        let mut scope = Scope::new(&usage.instance_id, self.now);
        scope.package_instance_id = usage.package_instance_id.as_deref();
        scope.usage_id = usage.usage_id.as_deref();
        scope
    }
}
