//! Encryption of single fields.

pub mod client_secret;
pub mod field;
mod sha1prng;
