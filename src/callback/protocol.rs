//! What tells one protocol from another on the one way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::call::{Call, Reply};
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::AccessKey;
use crate::replay::CallId;
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError};

/// One protocol: how its calls are verified and read, and how its answers are written.
pub(super) trait Dialect: Send + Sync {
    /// The only thing that can be parsed.
    type Verified<'a>: Send + Sync;

    const PROTOCOL: Protocol;

    /// Whether a repeated call is answered again instead of being refused.
    const ANSWERS_REPEATS: bool;

    /// Whether answers may hold characters outside ASCII in `memo` only.
    const ASCII_ONLY: bool;

    /// Whether the answer to a purchase tells how to get in.
    const DESCRIBES_CREATION: bool;

    /// Whether a creation that takes too long is answered as being processed, or as done with its fixed id.
    const HAS_PROCESSING_CODE: bool;

    /// Whether a creation may go on after its answer. Where the answer has to hold what was made, it may not.
    const MAY_GO_ON: bool = true;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Self::Verified<'a>, CallbackError>;

    /// What to claim in the replay guard, and until when.
    fn claim<'v>(settings: &Settings, verified: &'v Self::Verified<'_>) -> (CallId<'v>, Timestamp);

    fn key_index(verified: &Self::Verified<'_>) -> usize;

    /// What the call says, not read yet.
    fn members<'v>(verified: &'v Self::Verified<'_>) -> Result<Members<'v>, ParseError>;

    /// What a call that could not be read is about.
    fn activity(_verified: &Self::Verified<'_>, members: &Members<'_>) -> Option<Activity> {
        members.text("activity")?.parse().ok()
    }

    fn read(
        settings: &Settings,
        verified: &Self::Verified<'_>,
        members: &Members<'_>,
        now: Timestamp,
    ) -> Result<Call, CallbackError>;

    fn render(settings: &Settings, key_index: usize, activity: Activity, reply: Reply) -> Result<Bytes, CallbackError>;

    /// The key that signs the answer, if answers are signed. Before a call is verified `key_index` is 0.
    fn signing_key(settings: &Settings, key_index: usize) -> Option<&AccessKey>;
}
