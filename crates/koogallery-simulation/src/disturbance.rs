//! What goes wrong: times of calm, of failing stores and of a bad network, and replicas that are killed and paused.

use std::sync::Arc;
use std::time::Duration;

use crate::intake;
use crate::marketplace::Marketplace;
use crate::simulation::FaultRates;

/// Disturbs everything for some time, and then nothing any more.
pub(crate) async fn run(market: Arc<Marketplace>, duration: Duration) {
    let simulation = &market.simulation;
    let (scheduler, rng) = (&simulation.scheduler, &simulation.rng);
    intake::disturb(&simulation.open_api, rng);
    while scheduler.elapsed() < duration {
        simulation.set_rates(rates(rng.below(6)));
        scheduler.sleep(rng.between(Duration::from_secs(10), Duration::from_secs(400))).await;
        if rng.chance(100) {
            // An outage, about as long as outcomes are noted again and again.
            simulation.monitor().count_fault("store outage");
            simulation.set_rates(FaultRates { store: 1000, ..rates(1) });
            scheduler.sleep(rng.between(Duration::from_secs(1), Duration::from_secs(45))).await;
        }
        disturb_replica(&market).await;
    }
    simulation.set_rates(FaultRates::default());
    simulation.open_api.clear_faults();
    for replica in &market.replicas {
        if replica.start().is_err() {
            return;
        }
    }
}

fn rates(kind: usize) -> FaultRates {
    match kind {
        0 => FaultRates { network: 20, slow_handler: 100, ..FaultRates::default() },
        1 => FaultRates { store: 30, slow_store: 10, network: 30, handler: 40, slow_handler: 150 },
        2 => FaultRates { store: 150, slow_store: 20, network: 50, handler: 100, slow_handler: 200 },
        3 => FaultRates { store: 5, slow_store: 100, network: 50, handler: 20, slow_handler: 100 },
        4 => FaultRates { network: 300, slow_handler: 300, ..FaultRates::default() },
        _ => FaultRates { store: 20, slow_store: 20, network: 100, handler: 300, slow_handler: 500 },
    }
}

async fn disturb_replica(market: &Marketplace) {
    let rng = &market.simulation.rng;
    let replica = Arc::clone(&market.replicas[rng.below(market.replicas.len())]);
    let pause = rng.between(Duration::from_millis(500), Duration::from_secs(20));
    let simulation = Arc::clone(&market.simulation);
    match rng.below(10) {
        0..=3 => {
            replica.kill();
            simulation.scheduler.sleep(pause).await;
            drop(replica.start());
        }
        4..=5 => replica.pause(pause).await,
        // As a virtual machine that is moved or suspended.
        6 => replica.pause(pause * 40).await,
        _ => {}
    }
}
