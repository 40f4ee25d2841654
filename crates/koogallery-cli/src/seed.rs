//! From what ids and nonces are drawn.

use clap::Args;
use koogallery::random::{OsRandom, Random as _};

use crate::Failure;

#[derive(Args)]
pub struct Seed {
    /// Makes the same calls again. A seller with a durable store knows them, so every run draws another unless given.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl Seed {
    /// The one given, or another each time.
    pub fn get(&self) -> Result<u64, Failure> {
        if let Some(given) = self.seed {
            return Ok(given);
        }
        let mut bytes = [0; 4];
        OsRandom.fill(&mut bytes).map_err(|error| Failure::of("no seed was drawn", &error))?;
        Ok(u32::from_ne_bytes(bytes).into())
    }
}
