//! Client secrets, encrypted as the marketplace may do it.

/// A client secret that only the seller can read.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    /// Which hashes OAEP used.
    pub(super) variation: &'static str,
    pub(super) text: String,
}

impl Sealed {
    /// The same with another character in the middle.
    pub(super) fn spoiled(&self) -> String {
        let (front, back) = self.text.split_at(self.text.len() / 2);
        let other = if back.starts_with('A') { "B" } else { "A" };
        [front, other, back.get(1..).unwrap_or_default()].concat()
    }
}

#[cfg(feature = "rsa")]
pub use public::{PublicKey, PublicKeyError};

#[cfg(feature = "rsa")]
mod public {
    use std::fmt;
    use std::str::FromStr;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use pkcs8::DecodePublicKey as _;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use rsa::sha2::Sha256;
    use rsa::{Oaep, RsaPublicKey};
    use sha1::Sha1;

    use super::Sealed;

    /// The seller's public RSA key, as it stands in the application credential: with the lines `BEGIN PUBLIC KEY` and
    /// `END PUBLIC KEY` or without them. [`PrivateKey::public_key`](koogallery::cipher::client_secret::PrivateKey::public_key)
    /// gives one.
    #[derive(Clone)]
    pub struct PublicKey(RsaPublicKey);

    /// The text is no public RSA key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("no public RSA key: Base64 of an X.509 SubjectPublicKeyInfo is expected, with or without its PEM lines")]
    pub struct PublicKeyError;

    impl FromStr for PublicKey {
        type Err = PublicKeyError;

        fn from_str(text: &str) -> Result<Self, PublicKeyError> {
            let base64: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
            let der = STANDARD.decode(base64).map_err(|_| PublicKeyError)?;
            RsaPublicKey::from_public_key_der(&der).map(Self).map_err(|_| PublicKeyError)
        }
    }

    impl PublicKey {
        /// A secret under each variation that the marketplace may mean, the likeliest first.
        pub(crate) fn seal(&self, secret: &str, seed: u64) -> Vec<Sealed> {
            let mut random = ChaCha20Rng::seed_from_u64(seed);
            let variations = [
                ("SHA-256 with MGF1-SHA-1", Oaep::new_with_mgf_hash::<Sha256, Sha1>()),
                ("SHA-256 with MGF1-SHA-256", Oaep::new::<Sha256>()),
                ("SHA-1 with MGF1-SHA-1", Oaep::new::<Sha1>()),
            ];
            let sealed = variations.into_iter().filter_map(|(variation, padding)| {
                let bytes = self.0.encrypt(&mut random, padding, secret.as_bytes()).ok()?;
                Some(Sealed { variation, text: STANDARD.encode(bytes) })
            });
            sealed.collect()
        }
    }

    impl fmt::Debug for PublicKey {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("PublicKey")
        }
    }
}
