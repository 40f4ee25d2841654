//! RSA by the `aws-lc-rs` crate, in constant time.

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use super::oaep::{OaepKey, Variation};
use super::private_key::PrivateKey;

pub(super) fn load(key: &PrivateKey) -> Option<Box<dyn OaepKey>> {
    let key = PrivateDecryptingKey::from_pkcs8(key.pkcs8_der()).ok()?;
    Some(Box::new(OaepPrivateDecryptingKey::new(key).ok()?))
}

impl OaepKey for OaepPrivateDecryptingKey {
    fn variations(&self) -> &'static [Variation] {
        &[Variation::Sha256, Variation::Sha1]
    }

    fn decrypt(&self, variation: Variation, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let algorithm = match variation {
            Variation::Sha256Mgf1Sha1 => return None,
            Variation::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Variation::Sha1 => &OAEP_SHA1_MGF1SHA1,
        };
        let mut plaintext = Zeroizing::new(vec![0; self.min_output_size()]);
        let length = self.decrypt(algorithm, ciphertext, &mut plaintext, None).ok()?.len();
        plaintext.truncate(length);
        Some(plaintext)
    }
}
