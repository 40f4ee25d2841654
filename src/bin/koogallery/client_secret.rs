//! Client secrets that are made up.

use koogallery::cipher::client_secret::PrivateKey;
use koogallery::random::OsRandom;
use koogallery::simulator::delivery::Draft;

use crate::Failure;

/// Encrypts the invented secret with the seller's key, if it is in the environment: the seller could not read it otherwise.
pub fn encrypt(draft: &mut Draft) -> Result<(), Failure> {
    const FIELD: &str = "clientSecret";
    if draft.get(FIELD).is_none() {
        return Ok(());
    }
    let keys = PrivateKey::from_env().map_err(|error| Failure::of("KOOGALLERY_RSA_PRIVATE_KEY_FILE", &error))?;
    if let Some(key) = keys.first() {
        let encrypted = key.encrypt("an invented client secret", &OsRandom);
        draft.set(FIELD, encrypted.map_err(|error| Failure::of("the client secret cannot be encrypted", &error))?);
    }
    Ok(())
}
