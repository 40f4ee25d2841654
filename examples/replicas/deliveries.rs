//! Orders that are placed one after the other, each delivered several times at once until every copy has succeeded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery::random::{self, OsRandom};
use koogallery_simulator::delivery::{Callback, DeliveryOutcome};
use koogallery_simulator::{CallOptions, HttpTarget, LineSpec, Marketplace, OrderSpec, TargetError};
use tokio::task::JoinSet;

use crate::Outcome;

/// How orders are delivered.
#[derive(Clone, Copy)]
pub struct Load {
    pub orders: usize,
    /// Deliveries of each order at once.
    pub copies: usize,
    /// Time between two orders.
    pub pause: Duration,
    /// Time before a delivery that failed is repeated. The real marketplace waits longer.
    pub retry_pause: Duration,
    /// One answer of so many is lost, so that its call is repeated; 0 if none is.
    pub one_lost_of: usize,
    /// Time after which a delivery must have succeeded.
    pub timeout: Duration,
}

/// The deliveries of one order.
pub struct Delivered {
    /// Every instance id that was answered.
    pub instance_ids: BTreeSet<String>,
    /// How long each call took.
    pub calls: Vec<Duration>,
    /// Calls that were not answered, by reasons other than a replica's end.
    pub timed_out: usize,
    /// Time until the last copy had succeeded.
    pub time: Duration,
}

/// Returns a marketplace that calls the seller at an address.
pub fn marketplace(address: std::net::SocketAddr, key: &str) -> Outcome<Marketplace> {
    let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(key)?)?;
    let target = HttpTarget::new(&format!("http://{address}/saasproduce"))?;
    // A database that is used again knows the orders of earlier runs.
    let seed = u64::from_str_radix(random::hex(&OsRandom)?.get(..16).unwrap_or_default(), 16)?;
    Ok(Marketplace::builder(target, keys).seed(seed).build())
}

impl Load {
    /// Places the orders and delivers them until every copy has succeeded.
    pub async fn deliver(self, marketplace: &Marketplace) -> Outcome<Vec<Delivered>> {
        let mut deliveries = JoinSet::new();
        let answers = Arc::new(AtomicUsize::new(0));
        let began = tokio::time::Instant::now();
        for number in 0..self.orders {
            tokio::time::sleep_until(began + self.pause.mul_f64(number as f64)).await;
            let order = marketplace.place_order(OrderSpec::new(LineSpec::one_time("OFFI919400645308506112")));
            let purchase = Callback::purchase(Protocol::SaasV2, &order, 0).ok_or("V2.0 sells what is paid for once")?;
            deliveries.spawn(self.deliver_copies(marketplace.clone(), purchase, Arc::clone(&answers)));
        }
        let mut delivered = Vec::with_capacity(self.orders);
        while let Some(outcome) = deliveries.join_next().await {
            delivered.push(outcome??);
        }
        Ok(delivered)
    }

    async fn deliver_copies(
        self,
        marketplace: Marketplace,
        purchase: Callback,
        answers: Arc<AtomicUsize>,
    ) -> Outcome<Delivered> {
        let mut copies = JoinSet::new();
        for _ in 0..self.copies {
            copies.spawn(self.deliver_copy(marketplace.clone(), purchase.clone(), Arc::clone(&answers)));
        }
        let (instance_ids, calls) = (BTreeSet::new(), Vec::new());
        let mut all = Delivered { instance_ids, calls, timed_out: 0, time: Duration::ZERO };
        while let Some(copy) = copies.join_next().await {
            let Delivered { instance_ids, calls, timed_out, time } = copy??;
            all.instance_ids.extend(instance_ids);
            all.calls.extend(calls);
            all.timed_out += timed_out;
            all.time = all.time.max(time);
        }
        Ok(all)
    }

    async fn deliver_copy(
        self,
        marketplace: Marketplace,
        purchase: Callback,
        answers: Arc<AtomicUsize>,
    ) -> Outcome<Delivered> {
        let began = Instant::now();
        let mut copy =
            Delivered { instance_ids: BTreeSet::new(), calls: Vec::new(), timed_out: 0, time: Duration::ZERO };
        loop {
            let called = Instant::now();
            let attempt = marketplace.call(&purchase, &CallOptions::default()).await?;
            copy.calls.push(called.elapsed());
            copy.instance_ids.extend(attempt.outcome.instance_id().map(str::to_owned));
            match &attempt.outcome {
                DeliveryOutcome::Done { .. } => {
                    let number = answers.fetch_add(1, Ordering::Relaxed) + 1;
                    if self.one_lost_of == 0 || !number.is_multiple_of(self.one_lost_of) {
                        copy.time = began.elapsed();
                        return Ok(copy);
                    }
                }
                DeliveryOutcome::Unanswered { error: TargetError::Timeout(_) } => copy.timed_out += 1,
                _ => {}
            }
            if began.elapsed() > self.timeout {
                return Err(format!("a delivery does not succeed: {}", attempt.outcome).into());
            }
            tokio::time::sleep(self.retry_pause).await;
        }
    }
}
