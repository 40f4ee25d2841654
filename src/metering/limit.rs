//! Limits that a seller sets for running totals.

use sha2::{Digest as _, Sha256};

use super::totals::total_of;
use super::usage::check_instance_id;
use super::{Meter, MeteringError, MeteringEvent, ThresholdReached, UsageError};
use crate::amount::Amount;
use crate::timestamp::Timestamp;

/// A seller's own limit on the running total of a pay-per-use instance, which is one billing item. It stops nothing; its
/// [thresholds](super::Thresholds) are reported.
///
/// ```
/// use koogallery::metering::Limit;
///
/// let limit = Limit::new("inst-0001", "1000".parse()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    instance_id: String,
    amount: Amount,
}

impl Limit {
    /// Creates a limit, given the pay-per-use instance and the amount in the product's unit: above zero, at most
    /// 99999999.9999.
    ///
    /// # Errors
    ///
    /// The instance id is not of 1 to 64 characters, or no usage can be of this amount.
    pub fn new(instance_id: impl Into<String>, amount: Amount) -> Result<Self, UsageError> {
        let instance_id = instance_id.into();
        check_instance_id(&instance_id)?;
        super::usage::check_amount(amount)?;
        Ok(Self { instance_id, amount })
    }

    /// Returns the name under which a store keeps that a threshold was reported. As long as an instance id may be, so
    /// that every store takes it, and none that others make.
    fn mark(&self, percent: u8) -> String {
        let Self { instance_id, amount } = self;
        let digest = Sha256::digest(format!("{percent} {amount} {instance_id}"));
        format!("limit-{}", &const_hex::encode(digest)[..58])
    }
}

impl Meter {
    /// Compares running totals in the cycle of now with limits, and calls the [observer](Self::with_observer) for each
    /// [threshold](Self::with_thresholds) that was reached. Returns the number of calls. To be called every minute or so, in
    /// any number of processes.
    ///
    /// A threshold is marked as reported in the store before the observer is called. So it is reported once for each instance, amount
    /// of the limit and cycle, also after a restart and by several replicas; not at all if the process ends between the mark
    /// and the call.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use koogallery::metering::{Limit, Meter, MeteringError};
    ///
    /// # async fn example(meter: Meter, limits: Vec<Limit>) {
    /// loop {
    ///     if let Err(error) = meter.check_limits(&limits).await {
    ///         eprintln!("limits could not be checked: {error}");
    ///     }
    ///     tokio::time::sleep(Duration::from_secs(60)).await;
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The store failed. What was not reported by then is reported by the next call.
    pub async fn check_limits(&self, limits: &[Limit]) -> Result<usize, MeteringError> {
        let mut reported = 0;
        for limit in limits {
            let (used, begin) = self.total_now(&limit.instance_id).await?;
            for percent in self.thresholds.reached(used, limit.amount) {
                if self.store.begin_cycle(&limit.mark(percent), begin).await? {
                    let mut reached = ThresholdReached::new(&limit.instance_id, percent, used, limit.amount);
                    reached.cycle_begin = Some(begin);
                    self.notify(&MeteringEvent::ThresholdReached(reached));
                    reported += 1;
                }
            }
        }
        Ok(reported)
    }

    /// Returns the running total of an instance in the cycle of now, at most what fits, and the begin of the cycle.
    async fn total_now(&self, instance_id: &str) -> Result<(Amount, Timestamp), MeteringError> {
        let totals = self.store.totals(instance_id).await?;
        let (sum, begin) = total_of(&totals, self.cycle, self.clock.now());
        Ok((Amount::from_ten_thousandths(i64::try_from(sum).unwrap_or(i64::MAX)), begin))
    }
}
