//! Pages of a scope's instances, out of those of a ledger.

use std::sync::Arc;

use super::Scoped;
use crate::ledger::{Instance, LedgerError};
use crate::scope::CODES;

impl Scoped {
    /// Instances of the scope in order of their ids, from the first after `after`, at most `limit`.
    pub(super) async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Arc<Instance>>, LedgerError> {
        let mut listed = self.range(false, after, limit).await?;
        if self.scope.escapes() {
            // They come from another place, in the same order.
            listed.extend(self.range(true, after, limit).await?);
            listed.sort_by(|one, other| one.instance_id.cmp(&other.instance_id));
            listed.truncate(limit);
        }
        Ok(listed)
    }

    /// Those of the instances whose ids are stored in one way, escaped or not.
    async fn range(&self, escaped: bool, after: Option<&str>, limit: usize) -> Result<Vec<Arc<Instance>>, LedgerError> {
        let prefix = self.scope.prefix(escaped);
        let mut listed = Vec::new();
        let mut from = match after {
            None if prefix.is_empty() => None,
            after => Some(format!("{prefix}{}", after.unwrap_or_default())),
        };
        while listed.len() < limit {
            let page = self.ledger.instances(from.as_deref(), limit).await?;
            let mut goes_on = page.len() >= limit;
            for instance in page {
                let stored = &instance.instance_id;
                let Some(id) = stored.strip_prefix(&prefix) else { return Ok(listed) };
                if self.scope.own(stored).is_none_or(|own| own.len() < id.len()) {
                    // Over all of another scope at once.
                    let scope =
                        if id.starts_with(CODES) { CODES } else { id.split_inclusive(',').next().unwrap_or(id) };
                    from = Some(format!("{prefix}{scope}{}", char::MAX).max(stored.clone()));
                    goes_on = true;
                    break;
                }
                from = Some(stored.clone());
                if listed.len() < limit && !self.is_stray_notice(&instance).await? {
                    listed.push(self.own(instance));
                }
            }
            if !goes_on {
                break;
            }
        }
        Ok(listed)
    }
}
