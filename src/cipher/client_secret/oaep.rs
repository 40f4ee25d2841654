//! Several keys, three variations, and which of them worked.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use super::ciphertext::Ciphertext;
use super::private_key::{PrivateKey, PrivateKeyError};
use super::{ClientSecretDecryptor, ClientSecretError};
use crate::redact::Sensitive;

/// The hashes of OAEP: of the (empty) label, and of the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variation {
    #[cfg_attr(not(feature = "rsa"), allow(dead_code))] // aws-lc-rs lacks it
    Sha256Mgf1Sha1,
    Sha256,
    Sha1,
}

/// A private key in the hands of a library.
pub(super) trait OaepKey: Send + Sync {
    /// What the library can read, in the order of trying.
    fn variations(&self) -> &'static [Variation];

    fn decrypt(&self, variation: Variation, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// Decrypts client secrets with one or several private keys.
///
/// Keep an older key beside the new one until the marketplace has switched every customer to the new one. For each key
/// the variation that worked last is tried first the next time.
///
#[cfg_attr(feature = "rsa", doc = "```no_run")]
#[cfg_attr(not(feature = "rsa"), doc = "```ignore")]
/// use koogallery::cipher::client_secret::{ClientSecretDecryptor as _, OaepDecryptor, PrivateKey};
///
/// let decryptor = OaepDecryptor::with_rsa(PrivateKey::from_env()?)?; // KOOGALLERY_RSA_PRIVATE_KEY_FILE
/// # let client_secret_of_a_verified_call = "";
/// let secret = decryptor.decrypt(client_secret_of_a_verified_call)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OaepDecryptor {
    slots: Vec<Slot>,
}

struct Slot {
    key: Box<dyn OaepKey>,
    modulus_length: usize,
    /// Index of the variation that worked last.
    preferred: AtomicUsize,
}

impl OaepDecryptor {
    /// With the `rsa` crate, which reads every variation; see the [module](super) for its advisory.
    ///
    /// # Errors
    ///
    /// There is no key, or the library refuses one.
    #[cfg(feature = "rsa")]
    pub fn with_rsa(keys: impl IntoIterator<Item = PrivateKey>) -> Result<Self, PrivateKeyError> {
        Self::new(keys, super::rust_crypto::load)
    }

    /// With the `aws-lc-rs` crate, which cannot read SHA-256 with MGF1-SHA-1.
    ///
    /// # Errors
    ///
    /// There is no key, or the library refuses one; its keys have at most 8192 bits.
    #[cfg(feature = "aws-lc-rs")]
    pub fn with_aws_lc_rs(keys: impl IntoIterator<Item = PrivateKey>) -> Result<Self, PrivateKeyError> {
        Self::new(keys, super::aws_lc::load)
    }

    fn new(
        keys: impl IntoIterator<Item = PrivateKey>,
        load: impl Fn(&PrivateKey) -> Option<Box<dyn OaepKey>>,
    ) -> Result<Self, PrivateKeyError> {
        let slot = |key: PrivateKey| -> Result<Slot, PrivateKeyError> {
            let modulus_length = key.bits().div_ceil(8);
            Ok(Slot {
                key: load(&key).ok_or(PrivateKeyError::Invalid)?,
                modulus_length,
                preferred: AtomicUsize::new(0),
            })
        };
        let slots = keys.into_iter().map(slot).collect::<Result<Vec<_>, _>>()?;
        if slots.is_empty() { Err(PrivateKeyError::NoKey) } else { Ok(Self { slots }) }
    }
}

impl Slot {
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let variations = self.key.variations();
        let preferred = self.preferred.load(Ordering::Relaxed);
        let others = (0..variations.len()).filter(|index| *index != preferred);
        std::iter::once(preferred).chain(others).find_map(|index| {
            let plaintext = self.key.decrypt(variations[index], ciphertext)?;
            self.preferred.store(index, Ordering::Relaxed);
            Some(plaintext)
        })
    }
}

impl ClientSecretDecryptor for OaepDecryptor {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        let ciphertext = Ciphertext::new(ciphertext).ok_or(ClientSecretError)?;
        let try_key = |slot: &Slot| slot.decrypt(&ciphertext.bytes(slot.modulus_length)?);
        let plaintext = self.slots.iter().find_map(try_key).ok_or(ClientSecretError)?;
        std::str::from_utf8(&plaintext).map(Sensitive::from).map_err(|_| ClientSecretError)
    }
}

impl fmt::Debug for OaepDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OaepDecryptor({} private keys)", self.slots.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// "Decrypts" under one variation, and notes which were tried.
    struct Pretended {
        works: Variation,
        tried: Arc<Mutex<Vec<Variation>>>,
    }

    impl OaepKey for Pretended {
        fn variations(&self) -> &'static [Variation] {
            &[Variation::Sha256Mgf1Sha1, Variation::Sha256, Variation::Sha1]
        }

        fn decrypt(&self, variation: Variation, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
            self.tried.lock().unwrap().push(variation);
            (variation == self.works).then(Zeroizing::default)
        }
    }

    #[test]
    fn the_variation_that_worked_is_tried_first_the_next_time() {
        use Variation::{Sha1, Sha256, Sha256Mgf1Sha1};

        let tried = Arc::new(Mutex::new(Vec::new()));
        let slot = |works| Slot {
            key: Box::new(Pretended { works, tried: Arc::clone(&tried) }),
            modulus_length: 1,
            preferred: AtomicUsize::new(0),
        };
        let take = || std::mem::take(&mut *tried.lock().unwrap());

        let slots = [slot(Sha1), slot(Sha256)];
        assert!(slots[0].decrypt(&[]).is_some());
        assert_eq!(take(), [Sha256Mgf1Sha1, Sha256, Sha1]);
        assert!(slots[0].decrypt(&[]).is_some());
        assert_eq!(take(), [Sha1]);
        assert!(slots[1].decrypt(&[]).is_some());
        assert_eq!(take(), [Sha256Mgf1Sha1, Sha256], "every key remembers for itself");

        slots[0].preferred.store(1, Ordering::Relaxed);
        assert!(slots[0].decrypt(&[]).is_some());
        assert_eq!(take(), [Sha256, Sha256Mgf1Sha1, Sha1], "what is remembered is no more than the order");
    }
}
