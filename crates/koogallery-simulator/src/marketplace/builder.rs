//! Settings of a marketplace.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::time::Time;
use super::{Inner, Marketplace};
use crate::delivery::Endpoint;
use crate::target::ErasedTarget;
use crate::{OpenApiServer, SeededRandom};
use koogallery::clock::ManualClock;
use koogallery::key::AccessKeys;

/// Settings of a [`Marketplace`].
pub struct MarketplaceBuilder {
    target: Arc<dyn ErasedTarget>,
    keys: AccessKeys,
    open_api: Option<OpenApiServer>,
    clock: Option<Arc<ManualClock>>,
    compression: u32,
    seed: u64,
}

impl MarketplaceBuilder {
    pub(super) fn new(target: Arc<dyn ErasedTarget>, keys: AccessKeys) -> Self {
        Self { target, keys, open_api: None, clock: None, compression: 1, seed: 0 }
    }

    /// Sets the open-API server that the seller calls (default: one that admits no caller).
    #[must_use]
    pub fn open_api(mut self, open_api: OpenApiServer) -> Self {
        self.open_api = Some(open_api);
        self
    }

    /// Uses a virtual clock that only the marketplace moves: instead of waiting it advances the clock. The seller and
    /// the open-API server must use the same clock.
    #[must_use]
    pub fn virtual_time(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Speeds time up by this factor: with 3600, an hour between two attempts takes a second, and a year two and a half
    /// hours. Calls are still signed with the real time.
    #[must_use]
    pub fn compressed(mut self, factor: u32) -> Self {
        self.compression = factor.max(1);
        self
    }

    /// Sets the seed for ids and nonces (default: 0). A seller with a durable store remembers the orders of the
    /// previous run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the marketplace.
    pub fn build(self) -> Marketplace {
        let Self { target, keys, open_api, clock, compression, seed } = self;
        let address = target.path().parse().unwrap_or_default();
        let open_api = open_api.unwrap_or_else(|| {
            let builder = OpenApiServer::builder().seed(seed);
            match &clock {
                Some(clock) => builder.clock(Arc::clone(clock)).build(),
                None => builder.build(),
            }
        });
        let time = match clock {
            Some(clock) => Time::Virtual(clock),
            None => Time::real(compression),
        };
        let inner = Inner {
            endpoint: Endpoint::new(address, keys),
            target,
            open_api,
            time,
            random: SeededRandom::new(seed),
            held_back: watch::Sender::default(),
            state: Mutex::default(),
        };
        Marketplace { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for MarketplaceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketplaceBuilder").field("target", &self.target.name()).finish_non_exhaustive()
    }
}
