//! The seller's private key: read from PEM or made here, checked, and its public half as the console wants it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::Oaep;
use rsa::pkcs1::{ALGORITHM_OID, RsaPrivateKeyRef};
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding, PrivateKeyInfoRef};
use rsa::traits::PublicKeyParts as _;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::rng::Rng;
use crate::env::EnvError;
use crate::random::{Random, RandomError};
use crate::text::chain::Chain;

/// Names the file of the private keys, see [`PrivateKey::from_env`].
const ENV_NAME: &str = "KOOGALLERY_RSA_PRIVATE_KEY_FILE";

/// An RSA private key of 3072 to 8192 bits, whose public half stands in the application credential.
///
/// Wiped when dropped. Source: joint-operation access guide, "application credentials" (2024-12-25).
#[derive(Clone)]
pub struct PrivateKey {
    key: rsa::PrivateKey,
    public_key: String,
}

impl PrivateKey {
    /// The fewest bits that the marketplace allows.
    pub const MIN_BITS: usize = 3072;

    /// The most bits of a key that can be used.
    pub const MAX_BITS: usize = 8192;

    /// Reads an unencrypted private key in PEM, PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`). Its lines may
    /// have any length, and anything but a second private key may stand around it, such as a certificate or a byte order mark.
    ///
    /// # Errors
    ///
    /// The text is something else, or the key has fewer than [`PrivateKey::MIN_BITS`] or more than
    /// [`PrivateKey::MAX_BITS`].
    pub fn from_pem(pem: &str) -> Result<Self, PrivateKeyError> {
        let (label, base64) = private_key_in(pem)?;
        let read = match label {
            "PRIVATE KEY" => Self::from_pkcs8,
            // PKCS#1 marks an encrypted key by a header.
            "RSA PRIVATE KEY" if !base64.contains(",ENCRYPTED") => Self::from_pkcs1,
            "RSA PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => return Err(PrivateKeyError::Encrypted),
            _ => return Err(PrivateKeyError::NotRsaPrivateKey),
        };
        let mut joined = Zeroizing::new(String::with_capacity(base64.len()));
        joined.extend(base64.split_ascii_whitespace());
        let der = STANDARD.decode(joined.as_bytes()).map(Zeroizing::new);
        read(&der.map_err(|_| PrivateKeyError::NotPem)?)
    }

    /// Reads the files that `KOOGALLERY_RSA_PRIVATE_KEY_FILE` names, see [`PrivateKey::from_paths`]; none where it is
    /// unset or empty.
    ///
    /// # Errors
    ///
    /// As [`PrivateKey::from_paths`]; the error names the variable as well.
    pub fn from_env() -> Result<Vec<Self>, EnvError> {
        Self::from_variable(std::env::var_os(ENV_NAME).unwrap_or_default())
    }

    /// As [`PrivateKey::from_env`], from another source of configuration, which is asked for that name.
    ///
    /// # Errors
    ///
    /// As [`PrivateKey::from_env`].
    pub fn from_env_with(lookup: impl Fn(&str) -> Option<String>) -> Result<Vec<Self>, EnvError> {
        Self::from_variable(lookup(ENV_NAME).unwrap_or_default())
    }

    fn from_variable(paths: impl AsRef<OsStr>) -> Result<Vec<Self>, EnvError> {
        Self::from_paths(paths).map_err(|error| EnvError::new(ENV_NAME, Chain(&error)))
    }

    /// Reads files, one key each, separated as in `PATH`: by `:`, and on Windows by `;`.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or as [`PrivateKey::from_pem`]; the error names the file.
    pub fn from_paths(paths: impl AsRef<OsStr>) -> Result<Vec<Self>, PrivateKeyError> {
        let paths = std::env::split_paths(paths.as_ref()).filter(|path| !path.as_os_str().is_empty());
        paths.map(|path| Self::from_file(&path)).collect()
    }

    fn from_file(path: &Path) -> Result<Self, PrivateKeyError> {
        let pem = std::fs::read_to_string(path).map(Zeroizing::new);
        let pem = pem.map_err(|error| PrivateKeyError::Unreadable { path: path.into(), source: Arc::new(error) })?;
        Self::from_pem(&pem).map_err(|error| PrivateKeyError::InFile { path: path.into(), source: Box::new(error) })
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| PrivateKeyError::Invalid)?;
        if info.algorithm.oid != ALGORITHM_OID {
            return Err(PrivateKeyError::NotRsaPrivateKey);
        }
        Self::from_pkcs1(info.private_key.as_bytes())
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let key = RsaPrivateKeyRef::try_from(der).map_err(|_| PrivateKeyError::Invalid)?;
        if key.other_prime_infos.is_some() {
            return Err(PrivateKeyError::MultiPrime);
        }
        // Before anything is computed with the numbers. The library has limits of its own, and no error that names them.
        let modulus = key.modulus.as_bytes();
        let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        check_bits(8 * modulus.len() - unused)?;
        Self::from_rsa(rsa::PrivateKey::try_from(key).map_err(|_| PrivateKeyError::Invalid)?)
    }

    fn from_rsa(key: rsa::PrivateKey) -> Result<Self, PrivateKeyError> {
        let public_key = key.as_public_key().to_public_key_der().map_err(|_| PrivateKeyError::Invalid)?;
        Ok(Self { key, public_key: STANDARD.encode(public_key) })
    }

    /// Makes a key of so many bits, 3072 or 4096 by custom. Takes a second or more, and far longer without optimisation.
    ///
    /// ```no_run
    /// use koogallery::cipher::client_secret::PrivateKey;
    /// use koogallery::random::OsRandom;
    ///
    /// let key = PrivateKey::generate(3072, &OsRandom)?;
    /// std::fs::write("koogallery-rsa.pem", &*key.to_pem())?; // readable by the server only
    /// println!("for the application credential: {}", key.public_key());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fewer than [`PrivateKey::MIN_BITS`] or more than [`PrivateKey::MAX_BITS`], or no randomness.
    pub fn generate(bits: usize, random: &(impl Random + ?Sized)) -> Result<Self, PrivateKeyError> {
        check_bits(bits)?;
        Self::from_rsa(rsa::PrivateKey::new(&mut Rng(random), bits).map_err(failed)?)
    }

    /// Encrypts a secret for this key as the marketplace probably does (SHA-256 with MGF1-SHA-1, Base64). For tests and
    /// simulators, which need the public half only.
    ///
    /// # Errors
    ///
    /// The secret is longer than the key can hold, or no randomness.
    pub fn encrypt(&self, secret: &str, random: &(impl Random + ?Sized)) -> Result<String, PrivateKeyError> {
        let padding = Oaep::<Sha256, Sha1>::new_with_mgf_hash();
        let ciphertext = self.key.as_public_key().encrypt(&mut Rng(random), padding, secret.as_bytes());
        ciphertext.map(|ciphertext| STANDARD.encode(ciphertext)).map_err(failed)
    }

    /// The length of the modulus.
    pub fn bits(&self) -> usize {
        self.key.n().bit_width_vartime() as usize
    }

    /// The public key as the application credential and the debugging page take it: PEM without its first and last line
    /// and in one line, which is Base64 of an X.509 `SubjectPublicKeyInfo`.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The private key in PEM, PKCS#8.
    pub fn to_pem(&self) -> Zeroizing<String> {
        // The length of a key is far from what PEM could not hold.
        self.key.to_pkcs8_pem(LineEnding::LF).unwrap_or_default()
    }

    pub(super) fn rsa(&self) -> &rsa::PrivateKey {
        &self.key
    }
}

/// Returns label and Base64 text of the one private key in a PEM text.
fn private_key_in(pem: &str) -> Result<(&str, &str), PrivateKeyError> {
    let (mut found, mut nothing) = (None, PrivateKeyError::NotPem);
    let mut rest = pem;
    while let Some((_, block)) = rest.split_once("-----BEGIN ") {
        let (label, block) = block.split_once("-----").ok_or(PrivateKeyError::NotPem)?;
        let (base64, behind) = block.split_once(&*format!("-----END {label}-----")).ok_or(PrivateKeyError::NotPem)?;
        rest = behind;
        nothing = PrivateKeyError::NotRsaPrivateKey;
        if label.ends_with("PRIVATE KEY") && found.replace((label, base64)).is_some() {
            return Err(PrivateKeyError::Several);
        }
    }
    found.ok_or(nothing)
}

/// Returns the reason why the library makes no key, or no ciphertext.
fn failed(error: rsa::Error) -> PrivateKeyError {
    match error {
        rsa::Error::Rng => PrivateKeyError::Random(RandomError),
        _ => PrivateKeyError::Invalid,
    }
}

fn check_bits(bits: usize) -> Result<(), PrivateKeyError> {
    match bits {
        ..PrivateKey::MIN_BITS => Err(PrivateKeyError::TooShort(bits)),
        PrivateKey::MIN_BITS..=PrivateKey::MAX_BITS => Ok(()),
        _ => Err(PrivateKeyError::TooLong(bits)),
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.bits())
    }
}

/// Reason why a private key cannot be used. The key itself is never part of the error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// There is no key to decrypt with.
    #[error("no private key is configured; {ENV_NAME} names the files that hold one")]
    NoKey,
    /// Not PEM, or cut off.
    #[error("the private key is not PEM, Base64 between a BEGIN and an END line; `openssl pkey` writes it so")]
    NotPem,
    /// Several private keys.
    #[error("the PEM text holds several private keys; {ENV_NAME} names a file for each")]
    Several,
    /// The key is encrypted with a password.
    #[error("the private key is encrypted; `openssl pkey` decrypts it")]
    Encrypted,
    /// A public key, a certificate, or a key of another algorithm.
    #[error("the PEM text holds something other than an RSA private key")]
    NotRsaPrivateKey,
    /// Fewer bits than the marketplace allows.
    #[error("the key has {0} bits, and the marketplace wants {min} or more", min = PrivateKey::MIN_BITS)]
    TooShort(usize),
    /// More bits than can be used.
    #[error("the key has {0} bits, and {max} or fewer can be used", max = PrivateKey::MAX_BITS)]
    TooLong(usize),
    /// The modulus is the product of three primes or more.
    #[error("the private key has more than two primes; `openssl genrsa` without `-primes` makes one that can be used")]
    MultiPrime,
    /// The numbers in it are not those of an RSA key.
    #[error("the private key is damaged")]
    Invalid,
    /// No randomness to make a key.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A file cannot be read.
    #[error("{path} cannot be read", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: Arc<std::io::Error>,
    },
    /// A file holds no key that can be used.
    #[error("{path} holds no private key that can be used", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: Box<PrivateKeyError>,
    },
}
