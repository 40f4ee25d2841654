//! Tenants: several services on the same stores.

use std::fmt;
use std::str::FromStr;

/// The name of one service among those that share a ledger, a replay guard and a License store: that of one seller, or
/// of one product with its own keys.
///
/// Services with different names never see each other's orders, instances, answers and Licenses, although the
/// marketplace may send them the same ids. A service without a name is another one, too. Choose the name when the
/// service is set up and keep it: under another name, earlier purchases are unknown.
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
    /// Creates a name of 1 to 32 lower-case letters, digits and hyphens.
    ///
    /// # Errors
    ///
    /// The name is empty or longer, or has other characters.
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

/// An invalid name of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid tenant name {0:?}: expected 1 to 32 lower-case letters, digits and hyphens")]
pub struct InvalidTenantName(String);
