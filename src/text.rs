//! Text forms: JSON on the wire, errors in a log.

pub(crate) mod chain;
pub(crate) mod json;
pub(crate) mod order;
pub(crate) mod words;
