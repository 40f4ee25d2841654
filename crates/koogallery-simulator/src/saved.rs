//! The state of a marketplace as JSON, to be kept across restarts. The format may change with each version of this crate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AcceptedUsage, Instance, LicenseCode, Marketplace, OpenApiServer, PlacedOrder, Subscription};

const VERSION: u32 = 1;

/// Reason why a state could not be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The text is no state.
    #[error("not a state of this marketplace: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Another version wrote it.
    #[error("the state has version {0}, and {VERSION} is read")]
    Version(u32),
}

/// What an open-API server has, without tenants: their secrets are nothing to be written down.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct SavedOpenApi {
    pub(crate) orders: Vec<PlacedOrder>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) usage: Vec<AcceptedUsage>,
    pub(crate) licenses: Vec<LicenseCode>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    /// By how much the calendar is ahead of the clock.
    #[serde(default)]
    ahead: Duration,
    #[serde(default)]
    subscriptions: Vec<Subscription>,
    open_api: SavedOpenApi,
}

impl Saved {
    fn write(ahead: Duration, subscriptions: Vec<Subscription>, open_api: &OpenApiServer) -> String {
        let saved = Self { version: VERSION, ahead, subscriptions, open_api: open_api.saved() };
        // Strings and numbers can always be written.
        serde_json::to_string(&saved).unwrap_or_default()
    }

    fn read(text: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }

        let Head { version } = serde_json::from_str(text)?;
        match version {
            VERSION => Ok(serde_json::from_str(text)?),
            other => Err(StateError::Version(other)),
        }
    }
}

impl OpenApiServer {
    /// Returns orders, instances, accepted usage and authorization codes as JSON, for [`restore`](Self::restore). Tenants,
    /// logins, uploads, faults and the log are left out.
    pub fn save(&self) -> String {
        Saved::write(Duration::ZERO, Vec::new(), self)
    }

    /// Adds what was saved; what has the same ids is replaced.
    ///
    /// # Errors
    ///
    /// The text is not what [`save`](Self::save) returns.
    pub fn restore(&self, state: &str) -> Result<(), StateError> {
        self.put_saved(Saved::read(state)?.open_api);
        Ok(())
    }
}

impl Marketplace {
    /// Returns subscriptions, calendar, and the state of the [open-API server](OpenApiServer::save) as JSON, for
    /// [`restore`](Self::restore). Calls that wait for their next attempt and the log are left out.
    pub fn save(&self) -> String {
        Saved::write(self.ahead(), self.subscriptions(), self.open_api())
    }

    /// Adds what was saved; what has the same ids is replaced. The calendar is moved to where it was, if it is not there.
    ///
    /// # Errors
    ///
    /// The text is not what [`save`](Self::save) returns.
    pub fn restore(&self, state: &str) -> Result<(), StateError> {
        let Saved { ahead, subscriptions, open_api, .. } = Saved::read(state)?;
        self.open_api().put_saved(open_api);
        self.put_subscriptions(subscriptions);
        self.advance(ahead.saturating_sub(self.ahead()));
        Ok(())
    }
}

/// A protocol by its id.
pub(crate) mod protocol_id {
    use koogallery::protocol::Protocol;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(protocol: &Protocol, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(protocol.id())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Protocol, D::Error> {
        let id = std::borrow::Cow::<str>::deserialize(deserializer)?;
        id.parse().map_err(serde::de::Error::custom)
    }
}
