//! RSA by the `rsa` crate, always blinded.

use pkcs8::PrivateKeyInfo;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rsa::sha2::Sha256;
use rsa::{Oaep, RsaPrivateKey};
use sha1_0_10::Sha1;
use zeroize::Zeroizing;

use super::oaep::{OaepKey, Variation};
use super::private_key::PrivateKey;
use crate::random::{OsRandom, Random, RandomError};

pub(super) fn load(key: &PrivateKey) -> Option<Box<dyn OaepKey>> {
    let info = PrivateKeyInfo::try_from(key.pkcs8_der()).ok()?;
    Some(Box::new(RsaPrivateKey::try_from(info).ok()?))
}

/// `None` if the text is too long.
pub(super) fn encrypt(
    key: &PrivateKey,
    secret: &[u8],
    random: &(impl Random + ?Sized),
) -> Result<Option<Vec<u8>>, RandomError> {
    let mut generator = generator(random)?;
    let key = PrivateKeyInfo::try_from(key.pkcs8_der()).ok().and_then(|info| RsaPrivateKey::try_from(info).ok());
    let padding = Oaep::new_with_mgf_hash::<Sha256, Sha1>();
    Ok(key.and_then(|key| key.to_public_key().encrypt(&mut generator, padding, secret).ok()))
}

impl OaepKey for RsaPrivateKey {
    fn variations(&self) -> &'static [Variation] {
        &[Variation::Sha256Mgf1Sha1, Variation::Sha256, Variation::Sha1]
    }

    fn decrypt(&self, variation: Variation, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let padding = match variation {
            Variation::Sha256Mgf1Sha1 => Oaep::new_with_mgf_hash::<Sha256, Sha1>(),
            Variation::Sha256 => Oaep::new::<Sha256>(),
            Variation::Sha1 => Oaep::new::<Sha1>(),
        };
        let mut blinding = generator(&OsRandom).ok()?;
        self.decrypt_blinded(&mut blinding, padding, ciphertext).ok().map(Zeroizing::new)
    }
}

/// The crate asks for randomness that cannot fail, and ours can; so the seed is drawn beforehand.
pub(super) fn generator(random: &(impl Random + ?Sized)) -> Result<ChaCha20Rng, RandomError> {
    let mut seed = Zeroizing::new([0; 32]);
    random.fill(&mut *seed)?;
    Ok(ChaCha20Rng::from_seed(*seed))
}
