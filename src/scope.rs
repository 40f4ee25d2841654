//! Names that keep several scopes apart in one store.

use std::borrow::Cow;

use crate::tenant::TenantName;

/// The prefix of authorization codes, which is older than scopes.
pub(crate) const CODES: &str = "code:";

/// Maps the ids of one scope to those of the store and back, so that no two scopes ever mean the same id.
///
/// The scope without a name keeps its ids as they are, since stores from before there were scopes hold them so. Any
/// other has a prefix that no id of that scope has: one that ends in a comma, or [`CODES`]. Should the marketplace send
/// an id that looks as if it had one, a comma is put in front of it.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    prefix: String,
    /// True if the scope is the nameless one of its tenant, in whose ids the prefixes of the others have to be escaped.
    is_plain: bool,
}

impl Scope {
    /// Creates the scope of a tenant, with the prefix of a family or an empty one.
    pub(crate) fn new(tenant: Option<&TenantName>, family: &str) -> Self {
        let tenant = tenant.map(|name| format!("@{name},")).unwrap_or_default();
        Self { prefix: tenant + family, is_plain: family.is_empty() }
    }

    /// Returns whether some of its ids are escaped.
    pub(crate) fn escapes(&self) -> bool {
        self.is_plain
    }

    /// Returns the prefix of its ids, or of those that are escaped.
    pub(crate) fn prefix(&self, escaped: bool) -> String {
        format!("{}{}", self.prefix, if escaped { "," } else { "" })
    }

    /// Returns the id in the store.
    pub(crate) fn stored<'i>(&self, id: &'i str) -> Cow<'i, str> {
        match self.is_plain && is_reserved(id) {
            false if self.prefix.is_empty() => Cow::Borrowed(id),
            escaped => Cow::Owned(self.prefix(escaped) + id),
        }
    }

    /// Returns whether the id in the store is longer than in the scope, if it belongs to that.
    pub(crate) fn lengthens(&self, stored: &str) -> bool {
        !self.prefix.is_empty() || stored.starts_with(',')
    }

    /// Returns the id in the scope, if the one in the store belongs to it.
    pub(crate) fn own<'i>(&self, stored: &'i str) -> Option<&'i str> {
        let id = stored.strip_prefix(&self.prefix)?;
        match id.strip_prefix(',') {
            _ if !self.is_plain => Some(id),
            None if is_reserved(id) => None,
            escaped => Some(escaped.unwrap_or(id)),
        }
    }
}

/// Returns whether an id could be mistaken for one of another scope.
pub(crate) fn is_reserved(id: &str) -> bool {
    id.starts_with(CODES) || memchr::memchr(b',', id.as_bytes()).is_some()
}

/// Returns whether a name may be part of the names of a store's tables.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "mysql_async-0_37", feature = "sqlite"))]
pub(crate) fn is_store_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase())
}
