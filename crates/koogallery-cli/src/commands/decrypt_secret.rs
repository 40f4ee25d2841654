//! `decrypt-secret`: decrypts an OAuth client secret of the Kit.

use clap::Args;
use koogallery::cipher::client_secret::{ClientSecretDecryptor as _, OaepDecryptor};

use crate::support::output::Color;
use crate::support::{client_secret, input};
use crate::{Answer, Failure, Output};

/// Decrypt a clientSecret with the private keys in KOOGALLERY_RSA_PRIVATE_KEY_FILE.
#[derive(Args)]
#[command(
    after_help = "Example:\n  KOOGALLERY_RSA_PRIVATE_KEY_FILE=koogallery-rsa.pem koogallery decrypt-secret 'QkFTRTY0...'"
)]
pub struct DecryptSecret {
    /// `clientSecret` of an applicationSync call, in hex or Base64; `-` reads a line from standard input.
    text: String,
}

impl DecryptSecret {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = OaepDecryptor::new(client_secret::private_keys()?);
        let keys = keys.map_err(|error| Failure::of("KOOGALLERY_RSA_PRIVATE_KEY_FILE", &error))?;
        match keys.decrypt(&input::text(&self.text)?) {
            Ok(secret) => output.result(secret.expose()).map(|()| Answer::Yes),
            Err(error) => output.status(Color::Red, "no", &format!(": {error}")).map(|()| Answer::No),
        }
    }
}
