//! What a run expects in the seller's own data, if there is a probe.

use super::{Checked, Session, Stop};
use crate::probe::ProbedInstance;
use koogallery::cipher::field::{EncryptType, FieldCipher};

impl Session {
    /// Returns the seller's instances, if there is a probe.
    pub(crate) async fn probed(&self) -> Result<Option<Vec<ProbedInstance>>, Stop> {
        let Some(probe) = &self.probe else { return Ok(None) };
        probe.instances().await.map(Some).map_err(|error| {
            Stop::failed(
                "the list of the seller's instances, as at the beginning of the run",
                error.to_string(),
                "the list of instances (--probe) became unreadable during the run, so that effects cannot be seen",
            )
        })
    }

    /// Returns the number of instances of an order; `None` without a probe.
    pub(crate) async fn instances_of(&self, order: &str) -> Result<Option<usize>, Stop> {
        let probed = self.probed().await?;
        Ok(probed.map(|instances| instances.iter().filter(|instance| instance.order_id == order).count()))
    }

    /// Expects the order to have exactly this many instances, if there is a probe.
    pub(crate) async fn expect_instances(&self, order: &str, wanted: usize) -> Checked {
        match self.instances_of(order).await? {
            Some(count) if count != wanted => Err(Stop::failed(
                format!("{wanted} instances of the order"),
                format!("{count} in the seller's list"),
                if count > wanted { "a call had a forbidden effect" } else { "a call had no effect" },
            )),
            _ => Ok(()),
        }
    }

    /// Returns whether two ids are the same text, be it encrypted with the seller's key as V1.0 encrypts fields.
    pub(crate) fn is_same_id(&self, one: &str, other: &str) -> bool {
        let decrypted = |id: &str, size| {
            let plain = FieldCipher::new(&self.key, size).decrypt(&id.into()).ok()?;
            Some(plain.expose().to_owned())
        };
        let sizes = [EncryptType::Aes256, EncryptType::Aes128];
        one == other
            || sizes.into_iter().any(|size| {
                let plain = decrypted(one, size);
                plain.is_some() && (plain.as_deref() == Some(other) || plain == decrypted(other, size))
            })
    }

    /// Expects no instance of the order but the one that was released, which may be gone from the list.
    pub(crate) async fn expect_nothing_new(&self, order: &str) -> Checked {
        match self.instances_of(order).await? {
            Some(0) => Ok(()),
            _ => self.expect_instances(order, 1).await,
        }
    }

    /// Returns one instance in the seller's data; `None` without a probe.
    pub(crate) async fn probed_instance(&self, id: &str) -> Result<Option<ProbedInstance>, Stop> {
        let Some(instances) = self.probed().await? else { return Ok(None) };
        self.find(instances, id).map(Some).ok_or_else(no_such_instance)
    }

    fn find(&self, instances: Vec<ProbedInstance>, id: &str) -> Option<ProbedInstance> {
        instances.into_iter().find(|instance| self.is_same_id(id, &instance.instance_id))
    }

    /// Expects this state, if there is a probe. A released instance may be gone from the list.
    pub(crate) async fn expect_state(&self, id: &str, wanted: &str, after: &str) -> Checked {
        let Some(instances) = self.probed().await? else { return Ok(()) };
        let Some(instance) = self.find(instances, id) else {
            return if wanted == "released" { Ok(()) } else { Err(no_such_instance()) };
        };
        match instance.state.as_deref() {
            Some(state) if !state.trim().eq_ignore_ascii_case(wanted) => Err(Stop::failed(
                format!("the instance is {wanted} after {after}"),
                format!("it is {state}"),
                format!("{after} does not have the confirmed effect"),
            )),
            _ => Ok(()),
        }
    }
}

fn no_such_instance() -> Stop {
    Stop::failed("the instance in the seller's list", "no such instance", "the id in the answer is not the stored one")
}
