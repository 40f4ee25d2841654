//! Names of the tables of several ledgers in one database.

use std::borrow::Cow;
use std::sync::Arc;

use crate::scope::is_store_name;

/// The names of the tables of one ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    prefix: Option<Arc<str>>,
}

impl Tables {
    /// Returns the tables of a ledger beside the default one, or `None` if the name is invalid.
    pub(super) fn named(name: &str) -> Option<Self> {
        is_store_name(name).then(|| Self { prefix: Some(format!("koogallery_{name}_").into()) })
    }

    /// Returns a statement on these tables, given it with the default names.
    pub(super) fn sql<'a>(&self, statement: &'a str) -> Cow<'a, str> {
        match &self.prefix {
            None => Cow::Borrowed(statement),
            Some(prefix) => Cow::Owned(statement.replace("koogallery_", prefix)),
        }
    }
}
