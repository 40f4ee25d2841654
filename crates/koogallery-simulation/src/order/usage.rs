//! The usage of an instance.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_channel::oneshot;
use koogallery::amount::Amount;
use koogallery::metering::Usage;
use koogallery_simulator::Instance;

use super::Order;
use crate::marketplace::Marketplace;
use crate::scheduler::Owner;

impl Order {
    /// Records usage of the instance now and then, each with an id, until it is acknowledged.
    pub(super) fn record_usage(&self, id: &str) {
        let simulation = &self.market.simulation;
        let opened_at = simulation.scheduler.now().saturating_sub(Duration::from_secs(3600));
        simulation.open_api.put_instance(Instance::on_demand(id, opened_at));
        let (market, id) = (Arc::clone(&self.market), id.to_owned());
        self.market.open_orders.fetch_add(1, Ordering::Relaxed);
        let task = async move {
            for number in 0..=market.simulation.rng.below(4) {
                let pause = market.simulation.rng.between(Duration::ZERO, Duration::from_secs(1500));
                market.sleep(pause).await;
                record(&market, &id, &format!("{id}-{number}")).await;
            }
            market.open_orders.fetch_sub(1, Ordering::Relaxed);
        };
        simulation.spawn(Owner::Outside, task);
    }
}

async fn record(market: &Marketplace, instance: &str, usage_id: &str) {
    let simulation = &market.simulation;
    let ten_thousandths = 1 + simulation.rng.below(50_000) as i64;
    let amount = Amount::from_ten_thousandths(ten_thousandths);
    let usage = Usage::new(instance, amount).with_id(usage_id).with_time(simulation.scheduler.now());
    simulation.monitor().usage_tried(usage_id, ten_thousandths);
    loop {
        if let Some(alive) = market.any_alive() {
            let (send, recorded) = oneshot::channel();
            let usage = usage.clone();
            simulation.spawn(alive.owner, async move {
                let is_ok = alive.meter.record(usage).await.is_ok();
                // No one waits for it only if the simulation ends.
                let _ = send.send(is_ok);
            });
            if recorded.await == Ok(true) {
                simulation.monitor().usage_acknowledged(ten_thousandths);
                return;
            }
        }
        market.sleep(Duration::from_secs(20)).await;
    }
}
