//! Several keys, three variations, and which of them worked.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rsa::Oaep;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::ciphertext::Ciphertext;
use super::private_key::{PrivateKey, PrivateKeyError};
use super::rng::Rng;
use super::{ClientSecretDecryptor, ClientSecretError};
use crate::random::OsRandom;
use crate::redact::Sensitive;

/// The hashes of OAEP: of the (empty) label, and of the mask.
///
/// PKCS#1 v1.5 must never be among them: it gives some plaintext for every ciphertext, so that no later one would be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variation {
    Sha256Mgf1Sha1,
    Sha256,
    Sha1,
}

/// In the order of trying.
const VARIATIONS: [Variation; 3] = [Variation::Sha256Mgf1Sha1, Variation::Sha256, Variation::Sha1];

/// Decrypts client secrets with one or several private keys.
///
/// Keep an older key beside the new one until the marketplace has switched every customer to the new one. For each key
/// the variation that worked last is tried first the next time.
///
/// ```no_run
/// use koogallery::cipher::client_secret::{ClientSecretDecryptor as _, OaepDecryptor, PrivateKey};
///
/// let decryptor = OaepDecryptor::new(PrivateKey::from_env()?)?; // KOOGALLERY_RSA_PRIVATE_KEY_FILE
/// # let client_secret_of_a_verified_call = "";
/// let secret = decryptor.decrypt(client_secret_of_a_verified_call)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OaepDecryptor {
    slots: Vec<Slot>,
}

struct Slot {
    key: PrivateKey,
    preferred: Preferred,
}

impl OaepDecryptor {
    /// Returns a decryptor that tries these keys in turn.
    ///
    /// # Errors
    ///
    /// There is no key.
    pub fn new(keys: impl IntoIterator<Item = PrivateKey>) -> Result<Self, PrivateKeyError> {
        let slots: Vec<_> = keys.into_iter().map(|key| Slot { key, preferred: Preferred::default() }).collect();
        if slots.is_empty() { Err(PrivateKeyError::NoKey) } else { Ok(Self { slots }) }
    }
}

impl Slot {
    fn decrypt(&self, ciphertext: &Ciphertext) -> Option<Zeroizing<Vec<u8>>> {
        let ciphertext = ciphertext.bytes(self.key.bits().div_ceil(8))?;
        self.preferred.find(|variation| decrypt(&self.key, variation, &ciphertext))
    }
}

fn decrypt(key: &PrivateKey, variation: Variation, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (key, mut rng) = (key.rsa(), Rng(&OsRandom));
    // Without randomness of ours, the library would not blind.
    let plaintext = match variation {
        Variation::Sha256Mgf1Sha1 => {
            key.decrypt_blinded(&mut rng, Oaep::<Sha256, Sha1>::new_with_mgf_hash(), ciphertext)
        }
        Variation::Sha256 => key.decrypt_blinded(&mut rng, Oaep::<Sha256>::new(), ciphertext),
        Variation::Sha1 => key.decrypt_blinded(&mut rng, Oaep::<Sha1>::new(), ciphertext),
    };
    plaintext.ok().map(Zeroizing::new)
}

/// The index of the variation that worked last.
#[derive(Default)]
struct Preferred(AtomicUsize);

impl Preferred {
    /// Tries it, and then the others, until one gives something.
    fn find<T>(&self, mut attempt: impl FnMut(Variation) -> Option<T>) -> Option<T> {
        let preferred = self.0.load(Ordering::Relaxed);
        let others = (0..VARIATIONS.len()).filter(|index| *index != preferred);
        std::iter::once(preferred).chain(others).find_map(|index| {
            let found = attempt(VARIATIONS[index])?;
            self.0.store(index, Ordering::Relaxed);
            Some(found)
        })
    }
}

impl ClientSecretDecryptor for OaepDecryptor {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        let ciphertext = Ciphertext::new(ciphertext).ok_or(ClientSecretError)?;
        let plaintext = self.slots.iter().find_map(|slot| slot.decrypt(&ciphertext)).ok_or(ClientSecretError)?;
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
    use super::*;

    #[test]
    fn the_variation_that_worked_is_tried_first_the_next_time() {
        use Variation::{Sha1, Sha256, Sha256Mgf1Sha1};

        let tried = |preferred: &Preferred, works: Option<Variation>| {
            let mut tried = Vec::new();
            let found = preferred.find(|variation| {
                tried.push(variation);
                (Some(variation) == works).then_some(())
            });
            assert_eq!(found.is_some(), works.is_some());
            tried
        };
        let preferred = Preferred::default();
        assert_eq!(tried(&preferred, Some(Sha1)), [Sha256Mgf1Sha1, Sha256, Sha1]);
        assert_eq!(tried(&preferred, Some(Sha1)), [Sha1]);
        assert_eq!(tried(&preferred, None), [Sha1, Sha256Mgf1Sha1, Sha256]);
        assert_eq!(tried(&preferred, Some(Sha256)), [Sha1, Sha256Mgf1Sha1, Sha256], "a failure is not remembered");
        assert_eq!(tried(&preferred, Some(Sha1)), [Sha256, Sha256Mgf1Sha1, Sha1], "it is no more than the order");
    }
}
