//! The marketplace's answers about a License, and their meaning for its use.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StateError;
use crate::open_api::query_license::License;
use crate::open_api::{ApiErrorKind, CallError};
use crate::text::chain::Chain;
use crate::timestamp::Timestamp;

const NOT_ACTIVATED: &str = "92020011";
const ACTIVATED_BEFORE: &str = "92020003";

/// The marketplace's answer about a License, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// A status (`ALIVE`) or the code of a refusal (`92020005`), as on the wire.
    word: String,
    pub(super) answered_at: Timestamp,
    expire_time: Option<Timestamp>,
    product_id: Option<String>,
    order_id: Option<String>,
    amount: Option<u32>,
}

impl Answer {
    pub(super) fn of_license(license: License, answered_at: Timestamp) -> Self {
        Self {
            word: clipped(license.status.as_str()),
            answered_at,
            expire_time: license.expire_time,
            product_id: license.product_id.as_deref().map(clipped),
            order_id: license.order_id.as_deref().map(clipped),
            amount: license.amount,
        }
    }

    /// Reads a refusal, if it is about the License and not about the call: codes of the License APIs other than that of
    /// an internal error, which an older table also gives to a caller who is not authorized.
    pub(super) fn of_refusal(error: &CallError, answered_at: Timestamp) -> Option<Self> {
        let code = refusal_code(error).filter(|code| code.starts_with("9202") && *code != "92020001")?;
        let word = clipped(code);
        Some(Self { word, answered_at, expire_time: None, product_id: None, order_id: None, amount: None })
    }

    /// Checks that the License may be used at a time; the expiry counts even where the status lags behind it.
    pub(super) fn allows_at(&self, time: Timestamp) -> Result<(), Denial> {
        let expired = Denial::Expired { expire_time: self.expire_time };
        Err(match self.word.as_str() {
            "ALIVE" if self.expire_time.is_none_or(|expiry| time < expiry) => return Ok(()),
            "ALIVE" | "EXPIRED" => expired,
            "FREEZE" | "FROZEN" => Denial::Frozen,
            "RELEASED" => Denial::Released,
            "92020004" => Denial::NotReceived,
            "92020005" => Denial::NotFound,
            NOT_ACTIVATED => Denial::NotActivated,
            code if code.starts_with("9202") => Denial::Refused { code: code.to_owned() },
            status => Denial::Unknown { status: status.to_owned() },
        })
    }

    /// Returns the permit that the answer gives until its expiry.
    pub(super) fn permit(&self) -> Permit {
        Permit {
            usable_until: self.expire_time,
            expire_time: self.expire_time,
            product_id: self.product_id.clone(),
            order_id: self.order_id.clone(),
            amount: self.amount,
            answered_at: self.answered_at,
            unconfirmed: None,
        }
    }
}

/// Limits a text, so that no answer makes the state larger than what is read back. The documents allow 128 characters.
fn clipped(text: &str) -> String {
    text.chars().take(256).collect()
}

fn refusal_code(error: &CallError) -> Option<&str> {
    match error {
        CallError::Api(error) => match &error.kind {
            ApiErrorKind::Refused { code, .. } => Some(code),
            _ => None,
        },
        _ => None,
    }
}

/// Returns whether a query was refused because the code was never activated.
pub(super) fn is_not_activated(error: &CallError) -> bool {
    refusal_code(error) == Some(NOT_ACTIVATED)
}

/// Returns whether a failed activation leaves an activated code: by an earlier call whose answer was lost, by another
/// process, or by this call, whose success was answered in another form than documented.
pub(super) fn is_activated_all_the_same(error: &CallError) -> bool {
    let reported_oddly = matches!(error, CallError::Api(error) if matches!(error.kind, ApiErrorKind::Malformed(_)));
    reported_oddly || refusal_code(error) == Some(ACTIVATED_BEFORE)
}

/// Permission to use the software.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Permit {
    /// End of the permission: the License's expiry, or the earlier end of what the policy allows without the
    /// marketplace. `None` where no expiry is known.
    pub usable_until: Option<Timestamp>,
    /// Expiry of the License. The query returns it as documented, but under a name that is not documented (unverified).
    pub expire_time: Option<Timestamp>,
    /// The product, if it was returned.
    pub product_id: Option<String>,
    /// The order, if it was returned (unverified).
    pub order_id: Option<String>,
    /// The quantity bought, for instance of seats, if it was returned (unverified).
    pub amount: Option<u32>,
    /// Time of the marketplace's answer.
    pub answered_at: Timestamp,
    /// The error of today's call, if the permit rests on the answer of an earlier day.
    pub unconfirmed: Option<Arc<CallError>>,
}

impl Permit {
    /// Creates a permit without an end, for tests of an application.
    pub fn new(answered_at: Timestamp) -> Self {
        Self {
            usable_until: None,
            expire_time: None,
            product_id: None,
            order_id: None,
            amount: None,
            answered_at,
            unconfirmed: None,
        }
    }
}

impl fmt::Display for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the License is valid")?;
        if let Some(until) = self.usable_until {
            write!(f, " until {until} UTC")?;
        }
        match &self.unconfirmed {
            None => Ok(()),
            Some(error) => {
                let last = self.answered_at;
                write!(f, ", by the answer of {last} UTC; the marketplace could not be asked today: {}", Chain(error))
            }
        }
    }
}

/// The marketplace's refusal of use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The License expired.
    #[error("the License has expired{}: renew it in the marketplace", At(*expire_time))]
    Expired {
        /// The expiry, if it is known.
        expire_time: Option<Timestamp>,
    },
    /// The License is frozen. (The documents list no such status for the query; `FREEZE` and `FROZEN` are read so.)
    #[error("the License is frozen: renew it in the marketplace")]
    Frozen,
    /// The License was released: unsubscribed, or not renewed in time.
    #[error("the License was released: buy another in the marketplace")]
    Released,
    /// The marketplace does not know the code.
    #[error("the License code does not exist: compare it with the one shown in the marketplace")]
    NotFound,
    /// The code was not activated, and automatic activation is off or has not come into effect.
    #[error("the License code is not activated")]
    NotActivated,
    /// The buyer has not received the code.
    #[error("the License code cannot be activated: its buyer has to confirm its receipt in the marketplace")]
    NotReceived,
    /// A status that the documents do not list.
    #[error("unknown License status {status:?}")]
    Unknown {
        /// The status.
        status: String,
    },
    /// The marketplace refused the code for another reason.
    #[error("the marketplace refuses the License with code {code}")]
    Refused {
        /// Its code.
        code: String,
    },
}

/// A time that may not be known.
struct At(Option<Timestamp>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |time| write!(f, " on {time} UTC"))
    }
}

/// A reason why the software may not be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeartbeatError {
    /// The marketplace refuses use; no policy overrides that.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The marketplace could not be asked today, and the policy does not allow use without it.
    #[error(
        "the marketplace could not be asked about the License, last answer{}: check the connection, the clock and \
         AK/SK",
        LastAnswer(*last_answer)
    )]
    Unreachable {
        /// Time of the last answer.
        last_answer: Option<Timestamp>,
        /// The error of the call.
        source: Arc<CallError>,
    },
    /// The clock was turned back, and the marketplace could not be asked.
    #[error("the clock shows {now} UTC after it has shown {seen_at} UTC: set it right, and connect to the marketplace")]
    ClockTurnedBack {
        /// The current time.
        now: Timestamp,
        /// The latest time seen.
        seen_at: Timestamp,
    },
    /// The stored state cannot be read; nothing was overwritten.
    #[error(transparent)]
    State(#[from] StateError),
    /// A client's id is empty or longer than 256 characters.
    #[error("invalid client id: expected 1 to 256 characters")]
    ClientId,
    /// The check was cut off, because the runtime stops or runs no tasks.
    #[error("the check was cut off: the runtime does not run its task")]
    Interrupted,
}

struct LastAnswer(Option<Timestamp>);

impl fmt::Display for LastAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(_) => At(self.0).fmt(f),
            None => f.write_str(": never"),
        }
    }
}
