//! The OAuth client secret of an application (`clientSecret` of `applicationSync`): RSA-OAEP for the seller's public
//! key.
//!
//! Source: joint-operation access guide, "application synchronization" (V1 2025-12-30, V2) and "application
//! credentials" (2024-12-25). They say RSA of 3072 bits or more with OAEP padding, and leave open which hashes OAEP
//! uses and how the ciphertext is written. So all three usual variations are tried, and hex and Base64 are told apart
//! by their length.
//!
//! | variation | what makes it | `with_rsa` | `with_aws_lc_rs` |
//! |---|---|---|---|
//! | SHA-256, MGF1 with SHA-1 | Java's `OAEPWithSHA-256AndMGF1Padding` without explicit parameters | yes | no |
//! | SHA-256, MGF1 with SHA-256 | the same with explicit parameters; most other libraries | yes | yes |
//! | SHA-1, MGF1 with SHA-1 | Java's `OAEPPadding`, OpenSSL without options | yes | yes |
//!
//! # Which implementation
//!
//! `OaepDecryptor::with_rsa` (feature `rsa`) reads everything that the marketplace might send, and is the one to begin
//! with. The `rsa` crate falls under the advisory RUSTSEC-2023-0071 ("Marvin"): its private-key operation does not run
//! in constant time, so somebody who can have many ciphertexts of his own choice decrypted, and can measure each time
//! exactly, may learn a plaintext. There is no fixed release, and `cargo audit` reports it. It is sound here, under
//! these conditions:
//!
//! * **Decrypt only after the signature of the call was verified.** Then only the marketplace can choose ciphertexts,
//!   and it made the secret. Never offer decryption to unverified input.
//! * Every operation is blinded with fresh randomness, so that its time says little about the ciphertext.
//! * There is one error, [`ClientSecretError`], for everything. Answer it with one result code, and log nothing more.
//!
//! `OaepDecryptor::with_aws_lc_rs` (feature `aws-lc-rs`) runs in constant time and has no advisory, but cannot read the
//! first variation. Take it where an audit refuses the other one, and try it on the debugging page first. Whatever can
//! decrypt, such as a key management service, may stand in as a [`ClientSecretDecryptor`].

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(any(feature = "rsa", feature = "aws-lc-rs"))]
mod ciphertext;
#[cfg(any(feature = "rsa", feature = "aws-lc-rs"))]
mod oaep;
#[cfg(any(feature = "rsa", feature = "aws-lc-rs"))]
mod private_key;
#[cfg(feature = "rsa")]
mod rust_crypto;

use std::sync::Arc;

#[cfg(any(feature = "rsa", feature = "aws-lc-rs"))]
pub use oaep::OaepDecryptor;
#[cfg(any(feature = "rsa", feature = "aws-lc-rs"))]
pub use private_key::{PrivateKey, PrivateKeyError};

use crate::redact::Sensitive;

/// Decrypts client secrets.
///
/// The call computes for some milliseconds per key and variation, and waits for nothing.
pub trait ClientSecretDecryptor: Send + Sync + 'static {
    /// Turns a `clientSecret` as it stands on the wire into the secret.
    ///
    /// Only to be called with text out of a call whose signature was verified.
    ///
    /// # Errors
    ///
    /// No key gives a secret. Why is not told: it would help nobody but an attacker.
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError>;
}

impl<D: ClientSecretDecryptor + ?Sized> ClientSecretDecryptor for Arc<D> {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        (**self).decrypt(ciphertext)
    }
}

/// The client secret cannot be decrypted with the keys at hand.
///
/// Most often the public key in the application credential belongs to another private key, or was replaced there while
/// the older private key is no longer configured here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client secret cannot be decrypted with the private keys at hand")]
pub struct ClientSecretError;
