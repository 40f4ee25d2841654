//! The container of encrypted fields: 16 characters of IV, then Base64 of AES-CBC with PKCS#7 padding.
//!
//! V1.0 only: `mobilePhone` and `email` in `newInstance`, account and password in answers. The AES key is neither the
//! access key nor a hash of it but what Java's `SHA1PRNG` draws from it. Source: SaaS access guide V1.0, "sensitive
//! information" and the official Java sample.

mod copied;

use std::fmt;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use copied::{Copied, CopiedForm, NotCiphertext};

use super::sha1prng;
use crate::key::AccessKey;
use crate::query::plus_restored;
use crate::random::{OsRandom, Random, RandomError};
use crate::redact::Sensitive;

/// Characters of initialization vector in front of the Base64 text.
const IV_LENGTH: usize = 16;

/// Longest text: 128 characters less the IV leave 112 of Base64, so 80 bytes of ciphertext, so 79 of text and 1 of
/// padding.
pub const MAX_PLAINTEXT: usize = 79;

/// Longest container that is tried; the longest documented field has 256 characters.
const MAX_CIPHERTEXT: usize = 1024;

/// The cipher, "敏感信息加密算法" chosen when the product was published. No call names it.
#[doc(alias = "encryptType")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EncryptType {
    /// `1`: AES256_CBC_PKCS5Padding, the default.
    #[default]
    #[serde(rename = "1")]
    Aes256,
    /// `2`: AES128_CBC_PKCS5Padding.
    #[serde(rename = "2")]
    Aes128,
}

impl EncryptType {
    /// Returns the type that this one is not.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Aes256 => Self::Aes128,
            Self::Aes128 => Self::Aes256,
        }
    }
}

impl std::str::FromStr for EncryptType {
    type Err = UnknownEncryptType;

    fn from_str(text: &str) -> Result<Self, UnknownEncryptType> {
        match text {
            "1" => Ok(Self::Aes256),
            "2" => Ok(Self::Aes128),
            _ => Err(UnknownEncryptType),
        }
    }
}

/// An `encryptType` other than `1` and `2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encrypt type is neither 1 (AES-256) nor 2 (AES-128)")]
#[non_exhaustive]
pub struct UnknownEncryptType;

/// An encrypted field as it stands on the wire.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ciphertext(String);

impl Ciphertext {
    /// The characters on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Ciphertext {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Ciphertext {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} characters of ciphertext]", self.0.len())
    }
}

/// Encrypts and decrypts fields with one access key; the AES key is derived once, when this is made.
///
/// ```
/// use koogallery::cipher::field::{EncryptType, FieldCipher};
/// use koogallery::key::AccessKey;
///
/// let key = AccessKey::new("12345678-90ab-cdef-1234-567890abcdef")?;
/// let cipher = FieldCipher::new(&key, EncryptType::Aes256);
/// let phone = cipher.decrypt(&"A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg==".into())?;
/// assert_eq!(phone.expose(), "13800138000");
/// let account = cipher.encrypt("tenant-admin")?;
/// assert!(account.as_str().len() <= 128);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FieldCipher(Schedule);

#[derive(Clone)]
#[allow(clippy::large_enum_variant)] // few of them live, and none is moved about
enum Schedule {
    Aes256(Aes256),
    Aes128(Aes128),
}

impl FieldCipher {
    /// Derives the AES key.
    pub fn new(key: &AccessKey, encrypt_type: EncryptType) -> Self {
        let seed = key.expose().as_bytes();
        Self(match encrypt_type {
            EncryptType::Aes256 => Schedule::Aes256(Aes256::new(&(*sha1prng::derive::<32>(seed)).into())),
            EncryptType::Aes128 => Schedule::Aes128(Aes128::new(&(*sha1prng::derive::<16>(seed)).into())),
        })
    }

    /// Returns the cipher.
    pub fn encrypt_type(&self) -> EncryptType {
        match self.0 {
            Schedule::Aes256(_) => EncryptType::Aes256,
            Schedule::Aes128(_) => EncryptType::Aes128,
        }
    }

    /// Encrypts under a fresh IV from the operating system.
    ///
    /// # Errors
    ///
    /// The text has more than 79 bytes, or the operating system gives no randomness.
    #[doc(alias = "generateSaaSUsernameOrPwd")]
    #[doc(alias = "encryptAESCBCEncode")]
    pub fn encrypt(&self, plaintext: &str) -> Result<Ciphertext, EncryptError> {
        self.encrypt_with(plaintext, &OsRandom)
    }

    /// Encrypts under an IV drawn from `random`.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::encrypt`].
    pub fn encrypt_with(&self, plaintext: &str, random: &(impl Random + ?Sized)) -> Result<Ciphertext, EncryptError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(EncryptError::TooLong(plaintext.len()));
        }
        Ok(self.seal(plaintext, &random_iv(random)?))
    }

    /// Encrypts under a given IV of 16 printable ASCII characters; for vectors and diagnosis, since an IV must not be
    /// used twice.
    ///
    /// # Errors
    ///
    /// The text has more than 79 bytes, or the IV is not of that form.
    pub fn encrypt_with_iv(&self, plaintext: &str, iv: &str) -> Result<Ciphertext, EncryptError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(EncryptError::TooLong(plaintext.len()));
        }
        match iv.as_bytes().try_into() {
            Ok(bytes) if iv.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(self.seal(plaintext, &bytes)),
            _ => Err(EncryptError::InvalidIv),
        }
    }

    /// Decrypts a field. Total: every input gives a text or the one error.
    ///
    /// # Errors
    ///
    /// The field is not an encrypted text under this key. The error gives no reason, which would only help an attacker.
    #[doc(alias = "decryptMobilePhoneOrEMail")]
    pub fn decrypt(&self, ciphertext: &Ciphertext) -> Result<Sensitive, DecryptError> {
        let text = ciphertext.as_str();
        if text.len() > MAX_CIPHERTEXT || !text.is_ascii() || text.len() <= IV_LENGTH {
            return Err(DecryptError);
        }
        let (iv, base64) = text.split_at(IV_LENGTH);
        let iv = <[u8; IV_LENGTH]>::try_from(iv.as_bytes()).map_err(|_| DecryptError)?.into();
        let blocks = STANDARD.decode(&*plus_restored(base64)).map_err(|_| DecryptError)?;
        let plaintext = match &self.0 {
            Schedule::Aes256(aes) => cbc::Decryptor::inner_iv_init(aes, &iv).decrypt_padded_vec::<Pkcs7>(&blocks),
            Schedule::Aes128(aes) => cbc::Decryptor::inner_iv_init(aes, &iv).decrypt_padded_vec::<Pkcs7>(&blocks),
        };
        let plaintext = Zeroizing::new(plaintext.map_err(|_| DecryptError)?);
        std::str::from_utf8(&plaintext).map(Sensitive::from).map_err(|_| DecryptError)
    }

    fn seal(&self, plaintext: &str, iv: &[u8; IV_LENGTH]) -> Ciphertext {
        let mut text = String::with_capacity(128);
        text.extend(iv.iter().map(|&byte| char::from(byte)));
        let iv = (*iv).into();
        let blocks = match &self.0 {
            Schedule::Aes256(aes) => {
                cbc::Encryptor::inner_iv_init(aes, &iv).encrypt_padded_vec::<Pkcs7>(plaintext.as_bytes())
            }
            Schedule::Aes128(aes) => {
                cbc::Encryptor::inner_iv_init(aes, &iv).encrypt_padded_vec::<Pkcs7>(plaintext.as_bytes())
            }
        };
        STANDARD.encode_string(blocks, &mut text);
        Ciphertext(text)
    }
}

impl fmt::Debug for FieldCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldCipher({:?})", self.encrypt_type())
    }
}

/// 16 characters of `[0-9A-Za-z]`, each equally likely.
fn random_iv(random: &(impl Random + ?Sized)) -> Result<[u8; IV_LENGTH], RandomError> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut iv = [0; IV_LENGTH];
    let mut filled = 0;
    while filled < IV_LENGTH {
        // A few more than needed, so that one draw is enough nearly always.
        let mut bytes = [0; IV_LENGTH + 4];
        random.fill(&mut bytes)?;
        // Six bits at a time; 62 and 63 are passed over, so that no character is favored.
        for index in bytes.map(|byte| usize::from(byte & 63)) {
            if filled < IV_LENGTH && index < ALPHABET.len() {
                iv[filled] = ALPHABET[index];
                filled += 1;
            }
        }
    }
    Ok(iv)
}

/// An error of encrypting a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The result would be longer than the 128 characters that the marketplace takes, and the customer would see
    /// nothing.
    #[error("the text has {0} bytes, of which {MAX_PLAINTEXT} fit into an encrypted field")]
    TooLong(usize),
    /// Not 16 printable ASCII characters.
    #[error("the IV is not 16 printable ASCII characters")]
    InvalidIv,
    /// No randomness for the IV.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The field is not an encrypted text under this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field cannot be decrypted with this key and encrypt type")]
#[non_exhaustive]
pub struct DecryptError;
