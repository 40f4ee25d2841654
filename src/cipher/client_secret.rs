//! The OAuth client secret of an application (`clientSecret` of `applicationSync`): RSA-OAEP for the seller's public
//! key.
//!
//! Source: joint-operation access guide, "application synchronization" (V1 2025-12-30, V2) and "application
//! credentials" (2024-12-25). They say RSA of 3072 bits or more with OAEP padding, and leave open which hashes OAEP
//! uses and how the ciphertext is written. So all three usual variations are tried, and hex and Base64 are
//! distinguished by their length.
//!
//! | variation | what makes it |
//! |---|---|
//! | SHA-256, MGF1 with SHA-1 | Java's `OAEPWithSHA-256AndMGF1Padding` without explicit parameters |
//! | SHA-256, MGF1 with SHA-256 | the same with explicit parameters; most other libraries |
//! | SHA-1, MGF1 with SHA-1 | Java's `OAEPPadding`, OpenSSL without options |
//!
//! `OaepDecryptor` (feature `rsa`) reads all of them. A key management service or an HSM may stand in for it as a
//! [`ClientSecretDecryptor`].
//!
//! # Timing attacks
//!
//! The advisory RUSTSEC-2023-0071 ("Marvin") says of the `rsa` crate that the time of its private-key operation leaks
//! something about the plaintext to an attacker who has many ciphertexts of their own choice decrypted. Release 0.10,
//! which is used here, is meant to do this arithmetic in constant time (by `crypto-bigint`), and its README sends users
//! there because of the advisory. `cargo audit` says whether the advisory database counts it as fixed. Whatever it
//! says, this holds:
//!
//! * **Decrypt only after the signature of the call was verified.** Then only the marketplace can choose ciphertexts,
//!   and it made the secret. Never offer decryption to unverified input.
//! * Every operation is blinded with fresh randomness, so that its time says little about the ciphertext.
//! * There is one error, [`ClientSecretError`], for everything. Answer it with one result code, and log nothing more.
//! * PKCS#1 v1.5, which such attacks aim at, is never tried.

#[cfg(feature = "rsa")]
mod ciphertext;
#[cfg(feature = "rsa")]
mod oaep;
#[cfg(feature = "rsa")]
mod private_key;
#[cfg(feature = "rsa")]
mod rng;

use std::sync::Arc;

#[cfg(feature = "rsa")]
pub use oaep::OaepDecryptor;
#[cfg(feature = "rsa")]
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
    /// No key gives a secret. The error gives no reason, which would only help an attacker.
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError>;
}

impl<D: ClientSecretDecryptor + ?Sized> ClientSecretDecryptor for Arc<D> {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        (**self).decrypt(ciphertext)
    }
}

/// The client secret cannot be decrypted with the given keys.
///
/// Most often the public key in the application credential belongs to another private key, or was replaced there while
/// the older private key is no longer configured here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client secret cannot be decrypted with the private keys at hand")]
#[allow(clippy::exhaustive_structs, reason = "every implementation of `ClientSecretDecryptor` makes it")]
pub struct ClientSecretError;
