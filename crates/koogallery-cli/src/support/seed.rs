//! The seed for ids and nonces.

use clap::Args;
use koogallery::random::{OsRandom, Random as _};

use crate::Failure;

#[derive(Args)]
pub struct Seed {
    /// Seed for ids and nonces, to repeat a run. Default: random, since a seller with a durable store remembers earlier
    /// calls.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl Seed {
    /// Returns the given seed, or a random one.
    pub fn get(&self) -> Result<u64, Failure> {
        if let Some(given) = self.seed {
            return Ok(given);
        }
        let mut bytes = [0; 4];
        OsRandom.fill(&mut bytes).map_err(|error| Failure::of("no randomness for a seed", &error))?;
        Ok(u32::from_ne_bytes(bytes).into())
    }
}
