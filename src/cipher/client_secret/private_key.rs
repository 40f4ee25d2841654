//! The seller's private key: read from PEM or made here, checked, and its public half as the console wants it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::der::asn1::BitStringRef;
use pkcs8::der::{Decode as _, Encode as _, ErrorKind, Header, SliceReader};
use pkcs8::{LineEnding, PrivateKeyInfo, SecretDocument, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use crate::random::RandomError;

/// Where the private keys are, see [`PrivateKey::from_env`].
const ENV_NAME: &str = "KOOGALLERY_RSA_PRIVATE_KEY_FILE";

/// An RSA private key of at least 3072 bits, whose public half stands in the application credential.
///
/// Wiped when dropped. Source: joint-operation access guide, "application credentials" (2024-12-25).
#[derive(Clone)]
pub struct PrivateKey {
    pkcs8: SecretDocument,
    bits: usize,
    public_key: String,
}

impl PrivateKey {
    /// The fewest bits that the marketplace allows.
    pub const MIN_BITS: usize = 3072;

    /// Reads an unencrypted private key in PEM, PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`).
    ///
    /// # Errors
    ///
    /// The text is something else, or the key has fewer than [`PrivateKey::MIN_BITS`].
    pub fn from_pem(pem: &str) -> Result<Self, PrivateKeyError> {
        let (label, document) = SecretDocument::from_pem(pem).map_err(|error| match error.kind() {
            // PKCS#1 tells an encrypted key by a header.
            _ if pem.contains(",ENCRYPTED") => PrivateKeyError::Encrypted,
            ErrorKind::Pem(_) => PrivateKeyError::NotPem,
            _ => PrivateKeyError::Invalid,
        })?;
        match label {
            "PRIVATE KEY" => Self::from_pkcs8(document.as_bytes()),
            "RSA PRIVATE KEY" => Self::from_pkcs1(document.as_bytes()),
            "ENCRYPTED PRIVATE KEY" => Err(PrivateKeyError::Encrypted),
            _ => Err(PrivateKeyError::NotRsaPrivateKey),
        }
    }

    /// Reads the files that `KOOGALLERY_RSA_PRIVATE_KEY_FILE` names, see [`PrivateKey::from_paths`]; none where it is
    /// unset or empty.
    ///
    /// # Errors
    ///
    /// As [`PrivateKey::from_paths`].
    pub fn from_env() -> Result<Vec<Self>, PrivateKeyError> {
        Self::from_paths(std::env::var_os(ENV_NAME).unwrap_or_default())
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
        let info = PrivateKeyInfo::try_from(der).map_err(|_| PrivateKeyError::Invalid)?;
        if info.algorithm.oid != pkcs1::ALGORITHM_OID {
            return Err(PrivateKeyError::NotRsaPrivateKey);
        }
        Self::from_pkcs1(info.private_key)
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        // Keys of version 1 have further primes, which few libraries take.
        if version(der) == Some(1) {
            return Err(PrivateKeyError::MultiPrime);
        }
        let key = pkcs1::RsaPrivateKey::try_from(der).map_err(|_| PrivateKeyError::Invalid)?;
        let modulus = key.modulus.as_bytes();
        let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = 8 * modulus.len() - unused;
        if bits < Self::MIN_BITS {
            return Err(PrivateKeyError::TooShort(bits));
        }
        let encode = || -> pkcs8::der::Result<Self> {
            let public = key.public_key().to_der()?;
            let public = SubjectPublicKeyInfoRef {
                algorithm: pkcs1::ALGORITHM_ID,
                subject_public_key: BitStringRef::from_bytes(&public)?,
            };
            Ok(Self {
                pkcs8: SecretDocument::encode_msg(&PrivateKeyInfo::new(pkcs1::ALGORITHM_ID, der))?,
                bits,
                public_key: STANDARD.encode(public.to_der()?),
            })
        };
        encode().map_err(|_| PrivateKeyError::Invalid)
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
    /// Fewer than [`PrivateKey::MIN_BITS`], or no randomness.
    #[cfg(feature = "rsa")]
    pub fn generate(bits: usize, random: &(impl crate::random::Random + ?Sized)) -> Result<Self, PrivateKeyError> {
        use pkcs8::EncodePrivateKey as _;

        if bits < Self::MIN_BITS {
            return Err(PrivateKeyError::TooShort(bits));
        }
        let mut generator = super::rust_crypto::generator(random)?;
        let key = rsa::RsaPrivateKey::new(&mut generator, bits).map_err(|_| PrivateKeyError::Invalid)?;
        let pkcs8 = key.to_pkcs8_der().map_err(|_| PrivateKeyError::Invalid)?;
        Self::from_pkcs8(pkcs8.as_bytes())
    }

    /// Encrypts a secret for this key as the marketplace probably does (SHA-256 with MGF1-SHA-1, Base64). For tests and
    /// simulators, which need the public half only.
    ///
    /// # Errors
    ///
    /// The secret is longer than the key can hold, or no randomness.
    #[cfg(feature = "rsa")]
    pub fn encrypt(
        &self,
        secret: &str,
        random: &(impl crate::random::Random + ?Sized),
    ) -> Result<String, PrivateKeyError> {
        let ciphertext = super::rust_crypto::encrypt(self, secret.as_bytes(), random)?;
        Ok(STANDARD.encode(ciphertext.ok_or(PrivateKeyError::Invalid)?))
    }

    /// The length of the modulus.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The public key as the application credential and the debugging page take it: PEM without its first and last line
    /// and in one line, which is Base64 of an X.509 `SubjectPublicKeyInfo`.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The private key in PEM, PKCS#8.
    pub fn to_pem(&self) -> Zeroizing<String> {
        // The length of a key is far from what PEM could not hold.
        self.pkcs8.to_pem("PRIVATE KEY", LineEnding::LF).unwrap_or_default()
    }

    pub(super) fn pkcs8_der(&self) -> &[u8] {
        self.pkcs8.as_bytes()
    }
}

/// The version with which the sequence of a PKCS#1 key begins.
fn version(der: &[u8]) -> Option<u8> {
    let mut reader = SliceReader::new(der).ok()?;
    Header::decode(&mut reader).ok()?;
    u8::decode(&mut reader).ok()
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.bits)
    }
}

/// Why a private key cannot be used. The key itself is never part of the error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// There is no key to decrypt with.
    #[error("no private key is configured; {ENV_NAME} names the files that hold one")]
    NoKey,
    /// Not PEM, or PEM with other than 64 characters to a line.
    #[error("the private key is not PEM in lines of 64 characters; `openssl pkey` writes it so")]
    NotPem,
    /// The key is encrypted with a password.
    #[error("the private key is encrypted; `openssl pkey` decrypts it")]
    Encrypted,
    /// A public key, a certificate, or a key of another algorithm.
    #[error("the PEM text holds something other than an RSA private key")]
    NotRsaPrivateKey,
    /// Fewer bits than the marketplace allows.
    #[error("the key has {0} bits, and the marketplace wants {min} or more", min = PrivateKey::MIN_BITS)]
    TooShort(usize),
    /// The modulus is the product of three primes or more.
    #[error("the private key has more than two primes; `openssl genrsa` without `-primes` makes one that can be used")]
    MultiPrime,
    /// The numbers in it are not those of an RSA key, or the library does not take a key of this length.
    #[error("the private key is damaged, or of a length that the library does not take")]
    Invalid,
    /// No randomness to make a key.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A file cannot be read.
    #[error("{path} cannot be read", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// A file holds no key that can be used.
    #[error("{path} holds no private key that can be used", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<PrivateKeyError>,
    },
}
