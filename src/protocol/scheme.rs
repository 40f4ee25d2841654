//! Signature schemes of the calls.

/// Signature scheme of a call; each has a module of the same name in [`signature`](crate::signature).
///
/// Exhaustive on purpose: another scheme would be another protocol, which all code that signs or verifies must handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "tools that write calls must know each scheme")]
pub enum SignatureScheme {
    /// `signature`, `timestamp` and `nonce` in the query, over the body.
    CallbackV2,
    /// `x-sign`, `x-timestamp` and `x-nonce` in headers, over the body.
    KitV2,
    /// `authToken` in the query, over the other parameters.
    AuthToken,
    /// `authToken` in a header, over the members of the body.
    AuthTokenBody,
}

impl SignatureScheme {
    /// Returns whether calls have a nonce and are valid for 60 seconds either way. Calls without one have a time stamp in
    /// their message, and no documented age.
    pub fn has_nonce(self) -> bool {
        matches!(self, Self::CallbackV2 | Self::KitV2)
    }

    /// Returns whether the signature stands in the query; otherwise it is in a header.
    pub fn is_in_query(self) -> bool {
        matches!(self, Self::CallbackV2 | Self::AuthToken)
    }

    /// Returns the parameter or header that has the signature.
    pub fn signature_name(self) -> &'static str {
        match self {
            Self::CallbackV2 => "signature",
            Self::KitV2 => "x-sign",
            Self::AuthToken | Self::AuthTokenBody => "authToken",
        }
    }
}
