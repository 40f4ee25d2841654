//! Several services on the same stores.

use std::fmt;
use std::str::FromStr;

/// Names the service of one seller, or of one product with keys of its own, among those that share their stores: the ledger,
/// the replay guard and the store of Licenses.
///
/// Services with different names never see each other's orders, instances, answers and Licenses, although the marketplace
/// may send them the same ids. A service without a name is one of its own, too. Give a name when a service is set up and
/// keep it: under another name, what was bought before is unknown.
///
/// ```
/// use koogallery::tenant::TenantName;
///
/// let name: TenantName = "acme".parse()?;
/// assert!("Acme".parse::<TenantName>().is_err());
/// # Ok::<(), koogallery::tenant::InvalidTenantName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantName(Box<str>);

impl TenantName {
    /// Takes a name of 1 to 32 lower-case letters, digits and hyphens.
    ///
    /// # Errors
    ///
    /// It is empty or longer, or has other characters.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidTenantName> {
        let name = name.into();
        let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match (1..=32).contains(&name.len()) && name.bytes().all(is_valid) {
            true => Ok(Self(name.into())),
            false => Err(InvalidTenantName(name)),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantName {
    type Err = InvalidTenantName;

    fn from_str(name: &str) -> Result<Self, InvalidTenantName> {
        Self::new(name)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no name for a tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tenant name: it takes 1 to 32 lower-case letters, digits and hyphens")]
pub struct InvalidTenantName(String);
