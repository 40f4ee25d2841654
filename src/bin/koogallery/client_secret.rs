//! Client secrets that are made up.

use koogallery::cipher::client_secret::PrivateKey;
use koogallery::random::OsRandom;
use koogallery::simulator::delivery::Draft;

use crate::Failure;

pub const FIELD: &str = "clientSecret";

/// An invented secret, encrypted with the seller's key, if it is in the environment: the seller could not read it otherwise.
pub fn invented() -> Result<Option<String>, Failure> {
    let keys = PrivateKey::from_env().map_err(|error| Failure::of("KOOGALLERY_RSA_PRIVATE_KEY_FILE", &error))?;
    let encrypted = keys.first().map(|key| key.encrypt("an invented client secret", &OsRandom)).transpose();
    encrypted.map_err(|error| Failure::of("the client secret cannot be encrypted", &error))
}

/// Gives a call such a secret, where it has one.
pub fn encrypt(draft: &mut Draft) -> Result<(), Failure> {
    if draft.get(FIELD).is_some()
        && let Some(secret) = invented()?
    {
        draft.set(FIELD, secret);
    }
    Ok(())
}
