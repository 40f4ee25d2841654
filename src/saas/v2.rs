//! SaaS Access Guide V2.0: `POST` with a JSON body, signed in the query (`signature`, `timestamp`, `nonce`).
//!
//! All messages go to the one production address and are distinguished by `activity`. Account and password in answers
//! are plain text. Source: SaaS access guide V2.0 of the China (2025-12), international (2025-10) and European
//! (2025-03) sites; where they differ the field says so.

pub mod change_instance_check;
pub mod new_instance;
pub mod query_instance;
pub mod refresh_instance;
pub mod release_instance;
pub mod update_instance_status;
pub mod upgrade_instance;

use crate::signature::callback_v2::Verified;
use crate::wire::{Fields, Members, ParseError, callbacks};

callbacks! {
    to_body: "The body that the marketplace would send: compact JSON with members in ascending order, not yet signed.", into_body_with_activity;
    NewInstance(new_instance),
    QueryInstance(query_instance),
    RefreshInstance(refresh_instance),
    UpdateInstanceStatus(update_instance_status),
    ReleaseInstance(release_instance),
    UpgradeInstance(upgrade_instance),
    ChangeInstanceCheck(change_instance_check),
}

impl Callback {
    /// Reads a verified call.
    ///
    /// # Errors
    ///
    /// The message is malformed, its activity is unknown, or a field is not as documented.
    pub fn parse(verified: &Verified<'_>) -> Result<Self, ParseError> {
        Self::from_members(&Members::from_json(verified.body())?)
    }

    pub(crate) fn from_members(members: &Members<'_>) -> Result<Self, ParseError> {
        let mut fields = Fields::new(members);
        let activity = fields.activity(Self::ACTIVITIES)?;
        Self::read(activity, fields)
    }
}
