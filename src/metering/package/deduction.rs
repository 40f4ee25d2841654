//! Usage that is to be recorded in a transaction of the seller's.

use super::{Decision, Scope};
use crate::timestamp::Timestamp;

/// Usage that was checked, to be deducted from packages in a transaction of the seller's own; made by
/// [`PackageBook::deduction`](super::PackageBook::deduction).
#[derive(Clone, Debug)]
pub struct Deduction {
    pub(super) instance_id: String,
    pub(super) now: Timestamp,
    pub(super) package_instance_id: Option<String>,
    pub(super) usage_id: Option<String>,
    pub(super) decision: Decision,
}

impl Deduction {
    pub(super) fn scope(&self) -> Scope<'_> {
        let mut scope = Scope::new(&self.instance_id, self.now);
        scope.package_instance_id = self.package_instance_id.as_deref();
        scope.usage_id = self.usage_id.as_deref();
        scope
    }
}
