//! Deterministic simulation of the library: replicas of the real [`CallbackService`](koogallery::callback::CallbackService) and
//! the real usage pusher, shared stores, the marketplace's calls and open APIs, and faults, on one scheduler with virtual time.
//! Everything is drawn from one seed, so that a history that breaks an invariant can be run again.
//!
//! `cargo run --release -p koogallery-simulation -- --seeds 0..1000` runs many; the README has more.

mod bug;
mod disturbance;
mod intake;
mod marketplace;
mod monitor;
mod order;
mod replica;
mod rng;
mod run;
mod scheduler;
mod seller;
mod simulation;
mod stores;

pub use bug::Bug;
pub use monitor::{AccountState, Invariant, Violation};
pub use run::{Outcome, Settings, Totals, run};

/// A failure of the simulation itself.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
