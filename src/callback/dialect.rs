//! The protocols: verifying a call, reading it, writing its answer. Facts of a protocol stand in its row
//! ([`Protocol`]).

mod answer;
mod changes;
mod conversions;
mod kit;
mod kit_v1;
mod kit_v2;
mod license_code;
mod license_online;
mod license_v1;
mod order_notify;
mod saas_v1;
mod saas_v2;
mod verified;

use bytes::Bytes;

pub(super) use answer::AnswerRules;
pub(super) use verified::{Unverified, Verified};

use super::CallbackError;
use super::command::{Call, Reply};
use super::settings::Settings;
use crate::activity::Activity;
use crate::protocol::Protocol;
use crate::random::Random;
use crate::timestamp::Timestamp;
use crate::wire::{Members, ParseError};

/// The facts of a verified call beside its message.
pub(super) struct Envelope<'c> {
    pub(super) protocol: Protocol,
    /// Activity by the path; the Kit's only.
    pub(super) activity: Option<Activity>,
    pub(super) key_index: usize,
    pub(super) signed_at: Timestamp,
    pub(super) received_at: Timestamp,
    pub(super) settings: &'c Settings,
    pub(super) random: &'c dyn Random,
}

impl Envelope<'_> {
    pub(super) fn read(&self, members: &Members<'_>) -> Result<Call, CallbackError> {
        let activity = || self.activity.ok_or_else(|| ParseError::missing("activity"));
        let mut call = match self.protocol {
            Protocol::SaasV2 => saas_v2::read(members),
            Protocol::SaasV1 => saas_v1::read(members, self),
            Protocol::LicenseOnline => license_online::read(members),
            Protocol::LicenseCode => license_code::read(members),
            Protocol::LicenseV1 => license_v1::read(members, self),
            Protocol::OrderNotify => order_notify::read(members),
            Protocol::KitV1 => kit_v1::read(members, activity()?, self.signed_at),
            Protocol::KitV2 => kit_v2::read(members, activity()?, self.signed_at),
        }?;
        if let Some(change) = call.command.change_mut() {
            change.step.signed_at = Some(self.signed_at);
        }
        Ok(call)
    }

    pub(super) fn write(&self, activity: Activity, reply: Reply) -> Result<Bytes, CallbackError> {
        let rules = AnswerRules::new(self.protocol, Some(activity));
        Ok(match self.protocol {
            Protocol::SaasV2 => saas_v2::write(rules, reply)?,
            Protocol::SaasV1 => saas_v1::write(rules, reply, self)?,
            Protocol::LicenseOnline => license_online::write(rules, reply)?,
            Protocol::LicenseV1 => license_v1::write(rules, reply)?,
            // Neither creates anything, so the answer is the result code alone.
            Protocol::LicenseCode | Protocol::OrderNotify | Protocol::KitV1 | Protocol::KitV2 => rules.acknowledge()?,
        })
    }
}
