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
    use koogallery::random::{Random as _, RandomError};
    use rsa::Oaep;
    use rsa::pkcs8::DecodePublicKey as _;
    use rsa::rand_core::{TryCryptoRng, TryRng};
    use sha1::Sha1;
    use sha2::Sha256;

    use super::Sealed;
    use crate::SeededRandom;

    /// The seller's public RSA key, as it stands in the application credential: with the lines `BEGIN PUBLIC KEY` and
    /// `END PUBLIC KEY` or without them. [`PrivateKey::public_key`](koogallery::cipher::client_secret::PrivateKey::public_key)
    /// gives one.
    #[derive(Clone)]
    pub struct PublicKey(rsa::PublicKey);

    /// The text is no public RSA key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("no public RSA key: Base64 of an X.509 SubjectPublicKeyInfo is expected, with or without its PEM lines")]
    pub struct PublicKeyError;

    impl FromStr for PublicKey {
        type Err = PublicKeyError;

        fn from_str(text: &str) -> Result<Self, PublicKeyError> {
            let base64: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
            let der = STANDARD.decode(base64).map_err(|_| PublicKeyError)?;
            rsa::PublicKey::from_public_key_der(&der).map(Self).map_err(|_| PublicKeyError)
        }
    }

    impl PublicKey {
        /// A secret under each variation that the marketplace may mean, the likeliest first.
        pub(crate) fn seal(&self, secret: &str, seed: u64) -> Vec<Sealed> {
            let (mut rng, secret) = (Rng(SeededRandom::new(seed)), secret.as_bytes());
            let sealed = [
                (
                    "SHA-256 with MGF1-SHA-1",
                    self.0.encrypt(&mut rng, Oaep::<Sha256, Sha1>::new_with_mgf_hash(), secret),
                ),
                ("SHA-256 with MGF1-SHA-256", self.0.encrypt(&mut rng, Oaep::<Sha256>::new(), secret)),
                ("SHA-1 with MGF1-SHA-1", self.0.encrypt(&mut rng, Oaep::<Sha1>::new(), secret)),
            ];
            let sealed = sealed
                .into_iter()
                .filter_map(|(variation, bytes)| Some(Sealed { variation, text: STANDARD.encode(bytes.ok()?) }));
            sealed.collect()
        }
    }

    /// Padding that a seed determines. What it hides are secrets of a simulation.
    struct Rng(SeededRandom);

    impl Rng {
        fn draw<const N: usize>(&self) -> Result<[u8; N], RandomError> {
            let mut bytes = [0; N];
            self.0.fill(&mut bytes)?;
            Ok(bytes)
        }
    }

    impl TryRng for Rng {
        type Error = RandomError;

        fn try_next_u32(&mut self) -> Result<u32, RandomError> {
            self.draw().map(u32::from_le_bytes)
        }

        fn try_next_u64(&mut self) -> Result<u64, RandomError> {
            self.draw().map(u64::from_le_bytes)
        }

        fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            self.0.fill(buffer)
        }
    }

    impl TryCryptoRng for Rng {}

    impl fmt::Debug for PublicKey {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("PublicKey")
        }
    }
}
