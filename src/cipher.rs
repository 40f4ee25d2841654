//! Encryption of single fields.

pub mod field;
mod sha1prng;
