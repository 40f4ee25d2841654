//! Access keys of the callbacks, one per interface type and several at a time during a rotation, the access key pair of
//! the open APIs, and the secrets of the agents gateway. None is ever printed.

mod app_secrets;
mod credentials;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::env::{self, EnvError};
use crate::site::Site;

pub use app_secrets::AppSecrets;
pub use credentials::Credentials;

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// A seller's access key (访问密钥, "Key" on the V1.0 pages).
///
/// The marketplace uses the displayed text itself, in UTF-8, wherever a key is needed; it is never decoded from hex or
/// Base64 (for the European site see [`AccessKey::from_base64`]). The keyed HMAC state is prepared once, shared
/// by clones and wiped with the text when the last clone is dropped.
///
/// Source: SaaS access guide V2.0, "HTTP Body签名"; V1.0, "authToken".
///
/// ```
/// use koogallery::key::AccessKey;
///
/// let key = AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")?;
/// assert_eq!(format!("{key:?}"), "AccessKey([redacted])");
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
#[doc(alias = "访问密钥")]
#[derive(Clone)]
pub struct AccessKey(Arc<KeyMaterial>);

struct KeyMaterial {
    text: Zeroizing<String>,
    hmac: HmacSha256,
    /// The same after the key text itself, with which V2.0's canonical request begins.
    hmac_of_text: HmacSha256,
}

impl AccessKey {
    /// Returns the key exactly as the seller console shows it (China and international sites).
    ///
    /// # Errors
    ///
    /// The text is empty, or begins or ends with white space (a copying accident that no key contains).
    pub fn new(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.trim().len() != text.len() {
            return Err(KeyError::SurroundingWhitespace);
        }
        let hmac = hmac_of(text.as_bytes());
        let hmac_of_text = hmac.clone().chain_update(text.as_bytes());
        Ok(Self(Arc::new(KeyMaterial { text, hmac, hmac_of_text })))
    }

    /// Returns the key of the form that the European console shows: the Base64 encoding of the key text.
    ///
    /// # Errors
    ///
    /// The text is not standard Base64, or what it encodes is not UTF-8 or not acceptable to [`AccessKey::new`].
    ///
    /// Source: EU SaaS access guide, "Obtaining the Key".
    ///
    /// ```
    /// # use koogallery::key::AccessKey;
    /// assert_eq!(AccessKey::from_base64("YS1rZXk=")?.expose(), "a-key");
    /// assert!(AccessKey::from_base64("a-key").is_err());
    /// # Ok::<(), koogallery::key::KeyError>(())
    /// ```
    pub fn from_base64(displayed: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(displayed).map_err(|_| KeyError::NotBase64)?;
        Self::new(String::from_utf8(bytes).map_err(|_| KeyError::NotText)?)
    }

    /// Returns the key's text, for what signs or masks by itself. It must not get into a log.
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// Returns the HMAC-SHA256 of a message under this key, from which every signature of the marketplace is made.
    ///
    /// ```
    /// # use koogallery::key::AccessKey;
    /// let key = AccessKey::new("key")?;
    /// let hmac = key.hmac_sha256("The quick brown fox jumps over the lazy dog");
    /// assert_eq!(hmac[..4], [0xf7, 0xbc, 0x83, 0xf4]);
    /// # Ok::<(), koogallery::key::KeyError>(())
    /// ```
    pub fn hmac_sha256(&self, message: impl AsRef<[u8]>) -> [u8; 32] {
        self.hmac().chain_update(message).finalize().into_bytes().into()
    }

    pub(crate) fn hmac(&self) -> HmacSha256 {
        self.0.hmac.clone()
    }

    pub(crate) fn hmac_of_text(&self) -> HmacSha256 {
        self.0.hmac_of_text.clone()
    }

    /// Returns an HMAC whose key is the text of this one followed by another text.
    pub(crate) fn hmac_followed_by(&self, text: &str) -> HmacSha256 {
        let (key, text) = (self.expose().as_bytes(), text.as_bytes());
        // What fits into a block of the hash, as keys of the console do, needs no memory of its own.
        let mut block = Zeroizing::new([0; 64]);
        match block.get_mut(..key.len() + text.len()) {
            Some(joined) => {
                joined[..key.len()].copy_from_slice(key);
                joined[key.len()..].copy_from_slice(text);
                hmac_of(joined)
            }
            None => hmac_of(&Zeroizing::new([key, text].concat())),
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey([redacted])")
    }
}

/// A fresh HMAC-SHA256 state; HMAC accepts keys of every length, so there is no failure to report.
pub(crate) fn hmac_of(key: &[u8]) -> HmacSha256 {
    match HmacSha256::new_from_slice(key) {
        Ok(hmac) => hmac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// Several keys for one interface type: every one verifies, the first signs where nothing says which key is meant.
///
/// A rotation is done by putting the new key first, deploying, switching the console, and removing the old key later.
///
/// ```
/// use koogallery::key::KeyRing;
///
/// let ring: KeyRing = "new-key,old-key".parse()?;
/// assert_eq!(ring.len(), 2);
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
#[doc(alias = "密钥轮换")]
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Vec<AccessKey>,
}

#[allow(clippy::len_without_is_empty)] // a ring is never empty
impl KeyRing {
    /// Returns a ring of one key.
    pub fn new(key: AccessKey) -> Self {
        Self { keys: vec![key] }
    }

    /// Adds an older key that still verifies.
    #[must_use]
    pub fn with_previous(mut self, key: AccessKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Reads a list separated by commas, the newest key first.
    ///
    /// # Errors
    ///
    /// An entry is refused by `read`, which turns one entry into a key ([`AccessKey::new`] or
    /// [`AccessKey::from_base64`]).
    pub fn parse_list(list: &str, read: impl Fn(&str) -> Result<AccessKey, KeyError>) -> Result<Self, KeyError> {
        Self::read_list(list, read).map_err(|(_, error)| error)
    }

    /// As [`KeyRing::parse_list`]; an error comes with the place of its entry, counted from 1.
    fn read_list(list: &str, read: impl Fn(&str) -> Result<AccessKey, KeyError>) -> Result<Self, (usize, KeyError)> {
        let entries = list.split(',').zip(1..);
        let keys = entries.map(|(entry, place)| read(entry.trim()).map_err(|error| (place, error)));
        Ok(Self { keys: keys.collect::<Result<Vec<_>, _>>()? })
    }

    /// Returns the number of keys; at least one.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the keys in order, the signing key first.
    pub fn iter(&self) -> impl Iterator<Item = &AccessKey> {
        self.keys.iter()
    }

    /// The key that signs.
    pub fn signing_key(&self) -> &AccessKey {
        &self.keys[0]
    }

    pub(crate) fn get(&self, index: usize) -> &AccessKey {
        self.keys.get(index).unwrap_or(&self.keys[0])
    }
}

impl std::str::FromStr for KeyRing {
    type Err = KeyError;

    fn from_str(list: &str) -> Result<Self, KeyError> {
        Self::parse_list(list, |entry| AccessKey::new(entry))
    }
}

impl From<AccessKey> for KeyRing {
    fn from(key: AccessKey) -> Self {
        Self::new(key)
    }
}

/// Interface type: the binding of a key in the seller console. The marketplace forbids binding one key to two types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InterfaceType {
    /// 基础接口: the SaaS V2.0 callbacks.
    Basic,
    /// The seller Key of the V1.0 protocol ("服务商信息" page). Unless set, the basic key serves.
    V1,
    /// 联营SaaS同步接口: the joint-operations Kit.
    Kit,
    /// License授权码交付接口: License code delivery.
    License,
    /// 通用接口: the general interface (order notification).
    General,
}

impl InterfaceType {
    /// All interface types.
    pub const ALL: [Self; 5] = [Self::Basic, Self::V1, Self::Kit, Self::License, Self::General];

    /// The environment variable that holds the key, see [`AccessKeys::from_env`].
    ///
    /// ```
    /// # use koogallery::key::InterfaceType;
    /// assert_eq!(InterfaceType::License.env_name(), "KOOGALLERY_LICENSE_KEY");
    /// ```
    pub const fn env_name(self) -> &'static str {
        match self {
            Self::Basic => "KOOGALLERY_BASIC_KEY",
            Self::V1 => "KOOGALLERY_V1_KEY",
            Self::Kit => "KOOGALLERY_KIT_KEY",
            Self::License => "KOOGALLERY_LICENSE_KEY",
            Self::General => "KOOGALLERY_GENERAL_KEY",
        }
    }
}

/// The access keys of one seller, by interface type.
///
/// ```
/// use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
///
/// let keys = AccessKeys::new()
///     .with(InterfaceType::Basic, AccessKey::new("basic-key")?)?
///     .with(InterfaceType::Kit, AccessKey::new("kit-key")?)?;
/// assert!(keys.get(InterfaceType::V1).is_some(), "the basic key serves V1.0 unless another is set");
/// assert!(keys.get(InterfaceType::License).is_none());
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AccessKeys {
    rings: Vec<(InterfaceType, KeyRing)>,
}

impl AccessKeys {
    /// Returns an empty set of keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the ring of one interface type, replacing an earlier one.
    ///
    /// # Errors
    ///
    /// A key of the ring is already bound to another type ([`KeyError::BoundTwice`]). The basic and the V1.0 key may be
    /// the same.
    pub fn with(mut self, interface: InterfaceType, ring: impl Into<KeyRing>) -> Result<Self, KeyError> {
        let ring = ring.into();
        let compatible = |other| {
            other == interface
                || matches!(
                    (other, interface),
                    (InterfaceType::Basic, InterfaceType::V1) | (InterfaceType::V1, InterfaceType::Basic)
                )
        };
        for (other, bound) in self.rings.iter().filter(|(other, _)| !compatible(*other)) {
            if bound.iter().any(|a| ring.iter().any(|b| a.expose() == b.expose())) {
                return Err(KeyError::BoundTwice(*other, interface));
            }
        }
        self.rings.retain(|(other, _)| *other != interface);
        self.rings.push((interface, ring));
        Ok(self)
    }

    /// Returns the ring of one interface type; for [`InterfaceType::V1`] the basic ring unless one was set.
    pub fn get(&self, interface: InterfaceType) -> Option<&KeyRing> {
        let find = |wanted| self.rings.iter().find(|(bound, _)| *bound == wanted).map(|(_, ring)| ring);
        match interface {
            InterfaceType::V1 => find(InterfaceType::V1).or_else(|| find(InterfaceType::Basic)),
            other => find(other),
        }
    }

    /// The keys of several interface types in one ring; `None` if there is none.
    pub(crate) fn joined(&self, interfaces: &[InterfaceType]) -> Option<KeyRing> {
        let mut keys: Vec<AccessKey> = Vec::new();
        for key in interfaces.iter().filter_map(|interface| self.get(*interface)).flat_map(KeyRing::iter) {
            if !keys.iter().any(|known| known.expose() == key.expose()) {
                keys.push(key.clone());
            }
        }
        (!keys.is_empty()).then_some(KeyRing { keys })
    }

    /// Reads the environment: `KOOGALLERY_BASIC_KEY`, `KOOGALLERY_V1_KEY`, `KOOGALLERY_KIT_KEY`,
    /// `KOOGALLERY_LICENSE_KEY` and `KOOGALLERY_GENERAL_KEY`, each a list separated by commas, newest first. With
    /// `KOOGALLERY_SITE=europe` the values are taken in that site's Base64 form. Unset or empty variables set no key.
    ///
    /// # Errors
    ///
    /// A value is not a list of keys, a key is bound twice, or the site is unknown.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::from_env_with(env::process)
    }

    /// As [`AccessKeys::from_env`], with any source of configuration in place of the environment.
    ///
    /// # Errors
    ///
    /// As [`AccessKeys::from_env`].
    ///
    /// ```
    /// use koogallery::key::{AccessKeys, InterfaceType};
    ///
    /// let variables = |name: &str| (name == "KOOGALLERY_BASIC_KEY").then(|| "new-key,old-key".to_owned());
    /// let keys = AccessKeys::from_env_with(variables)?;
    /// assert_eq!(keys.get(InterfaceType::Basic).map(|ring| ring.len()), Some(2));
    /// # Ok::<(), koogallery::env::EnvError>(())
    /// ```
    pub fn from_env_with(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let read = match Site::from_env_with(&lookup)? {
            Site::Europe => AccessKey::from_base64,
            _ => |entry: &str| AccessKey::new(entry),
        };
        InterfaceType::ALL.into_iter().try_fold(Self::new(), |keys, interface| {
            let name = interface.env_name();
            let Some(list) = env::set(&lookup, name) else { return Ok(keys) };
            let ring = KeyRing::read_list(&list, read).map_err(|(place, error)| {
                let problem = error.predicate();
                if list.contains(',') {
                    EnvError::new(name, format_args!("key {place} of the list {problem}"))
                } else {
                    EnvError::new(name, format_args!("the key {problem}"))
                }
            })?;
            keys.with(interface, ring).map_err(|error| match error {
                KeyError::BoundTwice(other, _) => EnvError::new(
                    name,
                    format_args!("a key is bound to two interface types: it is in {} too", other.env_name()),
                ),
                other => EnvError::new(name, other),
            })
        })
    }
}

/// An unusable key. The key itself is never part of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key, or one entry of a list, is empty.
    #[error("an access key {}", self.predicate())]
    Empty,
    /// The key begins or ends with white space.
    #[error("an access key {}", self.predicate())]
    SurroundingWhitespace,
    /// The European display form is not Base64.
    #[error("an access key {}", self.predicate())]
    NotBase64,
    /// The European display form does not encode UTF-8 text, or a part of an access key pair could not stand in a
    /// header.
    #[error("an access key {}", self.predicate())]
    NotText,
    /// The marketplace allows each key for one interface type only.
    #[error("one access key is bound to two interface types, {0:?} and {1:?}")]
    BoundTwice(InterfaceType, InterfaceType),
}

impl KeyError {
    /// The text behind the name of the key.
    fn predicate(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::SurroundingWhitespace => "begins or ends with white space; copy it again without",
            Self::NotBase64 => "is not standard Base64, the form that the European console shows",
            Self::NotText => "is not text of the expected form",
            Self::BoundTwice(..) => "is bound to two interface types",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_followed_by_a_text_may_be_shorter_or_longer_than_a_block() {
        for length in 1..=130 {
            let text = "k".repeat(length);
            let digest = |hmac: HmacSha256| hmac.chain_update("signed").finalize().into_bytes();
            let joined = AccessKey::new(&*text).unwrap().hmac_followed_by("20250101000000123");
            assert_eq!(digest(joined), digest(hmac_of(format!("{text}20250101000000123").as_bytes())), "{length}");
        }
    }

    #[test]
    fn debug_never_shows_a_key() {
        let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("s3cret").unwrap()).unwrap();
        assert!(!format!("{keys:?}").contains("s3cret"));
    }

    #[test]
    fn refuses_what_no_console_shows() {
        assert_eq!(AccessKey::new("").unwrap_err(), KeyError::Empty);
        assert_eq!(AccessKey::new("key\n").unwrap_err(), KeyError::SurroundingWhitespace);
        assert_eq!("a,,b".parse::<KeyRing>().unwrap_err(), KeyError::Empty);
        assert_eq!(AccessKey::from_base64("***").unwrap_err(), KeyError::NotBase64);
        assert_eq!(AccessKey::from_base64("/w==").unwrap_err(), KeyError::NotText);
    }

    #[test]
    fn one_key_is_not_bound_to_two_types() {
        let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("k").unwrap()).unwrap();
        assert!(keys.clone().with(InterfaceType::V1, AccessKey::new("k").unwrap()).is_ok());
        assert_eq!(
            keys.with(InterfaceType::Kit, AccessKey::new("k").unwrap()).unwrap_err(),
            KeyError::BoundTwice(InterfaceType::Basic, InterfaceType::Kit)
        );
    }

    #[test]
    fn environment_lists_are_rotations_and_europe_shows_base64() {
        let lookup = |name: &str| match name {
            "KOOGALLERY_SITE" => Some("europe".to_owned()),
            "KOOGALLERY_BASIC_KEY" => Some("bmV3,b2xk".to_owned()),
            _ => None,
        };
        let keys = AccessKeys::from_env_with(lookup).unwrap();
        let texts: Vec<_> = keys.get(InterfaceType::Basic).unwrap().iter().map(AccessKey::expose).collect();
        assert_eq!(texts, ["new", "old"]);
    }

    #[test]
    fn errors_of_the_environment_name_the_variable_and_no_value() {
        let refused = |set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            AccessKeys::from_env_with(value)
                .map(drop)
                .and(Credentials::from_env_with(value).map(drop))
                .unwrap_err()
                .to_string()
        };
        for (set, expected) in [
            (&[("KOOGALLERY_BASIC_KEY", "a,,b")][..], "KOOGALLERY_BASIC_KEY: key 2 of the list is empty"),
            (&[("KOOGALLERY_SITE", "mars")], "KOOGALLERY_SITE: the site is none of china, international and europe"),
            (
                &[("KOOGALLERY_SITE", "Europe"), ("KOOGALLERY_KIT_KEY", "s3cret!")],
                "KOOGALLERY_KIT_KEY: the key is not standard Base64, the form that the European console shows",
            ),
            (
                &[("KOOGALLERY_BASIC_KEY", "s3cret"), ("KOOGALLERY_KIT_KEY", "s3cret")],
                "KOOGALLERY_KIT_KEY: a key is bound to two interface types: it is in KOOGALLERY_BASIC_KEY too",
            ),
            (&[("KOOGALLERY_AK", "id")], "KOOGALLERY_SK: not set, although KOOGALLERY_AK is"),
            (&[("KOOGALLERY_SK", "s3cret")], "KOOGALLERY_AK: not set, although KOOGALLERY_SK is"),
            (
                &[("KOOGALLERY_AK", "i d"), ("KOOGALLERY_SK", "s3cret")],
                "KOOGALLERY_AK: the value is not text of the expected form",
            ),
            (
                &[("KOOGALLERY_AK", "id"), ("KOOGALLERY_SK", "s3cret ")],
                "KOOGALLERY_SK: the value begins or ends with white space; copy it again without",
            ),
        ] {
            assert_eq!(refused(set), expected);
        }
    }
}
