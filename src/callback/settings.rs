//! Settings of a service.

use std::time::Duration;

use time::UtcOffset;

use super::CallbackError;
use super::body::BodyLimits;
use super::handler::subscription::AccessInfo;
use crate::cipher::field::{EncryptType, FieldCipher};
use crate::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use crate::protocol::{Protocol, SignatureScheme};
use crate::signature::Window;

/// Settings that the dialects need.
pub(super) struct Settings {
    pub(super) keys: AccessKeys,
    /// One per key of the V1.0 ring.
    pub(super) v1_ciphers: Vec<FieldCipher>,
    pub(super) encrypt_type: EncryptType,
    pub(super) v1_zone: UtcOffset,
    pub(super) v1_window: Window,
    pub(super) v2_window: Window,
    pub(super) v1_deadline: Duration,
    pub(super) v2_deadline: Duration,
    pub(super) kit_deadline: Duration,
    pub(super) body_limits: BodyLimits,
    pub(super) online_license_key: InterfaceType,
    /// The keys of each protocol, in the order of [`Protocol::ALL`].
    pub(super) rings: [Option<KeyRing>; Protocol::ALL.len()],
    /// Keys of the basic interface and of `online_license_key`, where these are two: the key distinguishes their
    /// calls.
    pub(super) basic_or_online_license_keys: Option<KeyRing>,
    pub(super) families: Families,
    pub(super) sign_v2_answers: bool,
    pub(super) debug_calls: DebugCalls,
    pub(super) debug_access: AccessInfo,
}

impl Settings {
    /// The cipher that goes with the key that verified a call.
    pub(super) fn v1_cipher(&self, key_index: usize) -> Result<&FieldCipher, CallbackError> {
        self.v1_ciphers.get(key_index).ok_or(CallbackError::NoKey(InterfaceType::V1))
    }

    /// Collects the keys that may sign the calls of each protocol, and derives the AES keys of V1.0. The order is that
    /// of the interface types, and for the online License begins with the one that the seller names.
    pub(super) fn join_keys(&mut self) {
        let online = self.online_license_key;
        self.rings = Protocol::ALL.map(|protocol| match protocol {
            Protocol::LicenseOnline => self.keys.joined(&[&[online], protocol.interfaces()].concat()),
            other => self.keys.joined(other.interfaces()),
        });
        let v1_keys = self.rings[Protocol::SaasV1 as usize].iter().flat_map(KeyRing::iter);
        self.v1_ciphers = v1_keys.map(|key| FieldCipher::new(key, self.encrypt_type)).collect();
        self.basic_or_online_license_keys = match online {
            InterfaceType::Basic => None,
            other => self.keys.joined(&[InterfaceType::Basic, other]),
        };
    }

    /// The keys that verify the calls of a protocol, and sign its answers.
    pub(super) fn keys_of(&self, protocol: Protocol) -> Result<&KeyRing, CallbackError> {
        let missing = || match protocol {
            Protocol::LicenseOnline => self.online_license_key,
            other => other.interfaces().last().copied().unwrap_or(InterfaceType::Basic),
        };
        self.rings[protocol as usize].as_ref().ok_or_else(|| CallbackError::NoKey(missing()))
    }

    /// The key that signs the answer, if answers are signed. Before a call is verified `key_index` is 0.
    pub(super) fn signing_key(&self, protocol: Protocol, key_index: usize) -> Option<&AccessKey> {
        let is_signed =
            protocol.signs_answers() || (protocol.scheme() == SignatureScheme::CallbackV2 && self.sign_v2_answers);
        if is_signed { Some(self.keys_of(protocol).ok()?.get(key_index)) } else { None }
    }

    pub(super) fn window_of(&self, scheme: SignatureScheme) -> Window {
        if scheme.has_nonce() { self.v2_window } else { self.v1_window }
    }

    pub(super) fn deadline_of(&self, protocol: Protocol) -> Duration {
        match (protocol.is_kit(), protocol.scheme().has_nonce()) {
            (true, _) => self.kit_deadline,
            (false, true) => self.v2_deadline,
            (false, false) => self.v1_deadline,
        }
    }
}

/// The families that the service has handlers for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Families {
    pub(super) subscription: bool,
    pub(super) directory: bool,
    pub(super) licensing: bool,
    pub(super) orders: bool,
}

impl Families {
    /// Returns whether the activity may name another protocol than SaaS.
    pub(super) fn has_others_than_saas(self) -> bool {
        self.licensing || self.orders
    }

    /// Returns whether calls of a protocol that come to the production address itself have a handler.
    pub(super) fn serve(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::SaasV2 | Protocol::SaasV1 => self.subscription,
            Protocol::LicenseOnline | Protocol::LicenseCode | Protocol::LicenseV1 => self.licensing,
            Protocol::OrderNotify => self.orders,
            Protocol::KitV1 | Protocol::KitV2 => false,
        }
    }
}

/// Handling of debugging and dial-test calls (`testFlag` 1). Their signature and form are checked in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DebugCalls {
    /// The service answers with invented data; neither handler nor ledger is involved. Kit calls without an instance are
    /// handled nevertheless: the login of the test account needs their data.
    #[default]
    Answer,
    /// The handler runs, with `test_call` set in its events, and its outcome is the answer. The ledger is not involved, so
    /// every call runs the handler, for any instance id.
    Handle,
}
