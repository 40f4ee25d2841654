//! Text forms of the wire: query strings and JSON.

pub(crate) mod json;
pub(crate) mod query;
