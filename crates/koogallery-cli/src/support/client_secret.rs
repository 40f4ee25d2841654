//! Invented client secrets.

use koogallery::cipher::client_secret::PrivateKey;
use koogallery::random::OsRandom;
use koogallery_simulator::delivery::MessageBuilder;
use koogallery_simulator::{PublicKey, PublicKeyError};

use crate::Failure;

pub const FIELD: &str = "clientSecret";

/// Returns the seller's keys that are in the environment.
pub fn private_keys() -> Result<Vec<PrivateKey>, Failure> {
    PrivateKey::from_env().map_err(|error| Failure::new(error.to_string()))
}

/// Returns the public part of the seller's key, if it is in the environment.
pub fn public_key() -> Result<Option<PublicKey>, Failure> {
    let unreadable = |error: PublicKeyError| Failure::of("KOOGALLERY_RSA_PRIVATE_KEY_FILE", &error);
    private_keys()?.first().map(|key| key.public_key().parse().map_err(unreadable)).transpose()
}

/// The secret that `fire` invents.
pub const INVENTED: &str = "an invented client secret";

/// Returns an invented secret, encrypted with the seller's key, if that is in the environment: the seller could not
/// decrypt it otherwise.
pub fn invented() -> Result<Option<String>, Failure> {
    encrypted(INVENTED)
}

/// Returns a secret, encrypted with the seller's key, if that is in the environment.
pub fn encrypted(secret: &str) -> Result<Option<String>, Failure> {
    let encrypted = private_keys()?.first().map(|key| key.encrypt(secret, &OsRandom)).transpose();
    encrypted.map_err(|error| Failure::of("the client secret cannot be encrypted", &error))
}

/// Puts such a secret into a call that has one.
pub fn encrypt(builder: &mut MessageBuilder) -> Result<(), Failure> {
    if builder.get(FIELD).is_some()
        && let Some(secret) = invented()?
    {
        builder.set(FIELD, secret);
    }
    Ok(())
}
