//! One module per command.

pub mod check;
pub mod completions;
pub mod decrypt;
pub mod decrypt_secret;
pub mod encrypt;
pub mod explain;
pub mod fire;
pub mod load;
pub mod reconcile;
pub mod record;
pub mod replay;
pub mod rsa_keygen;
pub mod scenario;
pub mod schema;
pub mod serve;
pub mod sign;
pub mod statement;
pub mod verify;
