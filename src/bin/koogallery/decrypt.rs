//! `decrypt`: a field of V1.0.

use clap::Args;
use koogallery::cipher::field::{Ciphertext, EncryptType, FieldCipher};
use koogallery::key::InterfaceType;

use crate::output::Color;
use crate::{Answer, Failure, Output, environment, input};

/// Decrypt a field of V1.0 with KOOGALLERY_V1_KEY or KOOGALLERY_BASIC_KEY; every key of a list is tried.
#[derive(Args)]
#[command(after_help = "Example:\n  koogallery decrypt --type 1 'A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg=='")]
pub struct Decrypt {
    /// `1` AES-256, `2` AES-128; as KOOGALLERY_ENCRYPT_TYPE says, or 1.
    #[arg(long = "type", value_name = "T")]
    encrypt_type: Option<EncryptType>,
    /// The encrypted field; `-` reads a line from the standard input.
    text: String,
}

impl Decrypt {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let ring = environment::ring(InterfaceType::V1)?;
        let encrypt_type = environment::encrypt_type(self.encrypt_type)?;
        let field = Ciphertext::from(input::text(&self.text)?);
        let decrypted = ring.iter().find_map(|key| FieldCipher::new(key, encrypt_type).decrypt(&field).ok());
        match decrypted {
            Some(text) => output.result(text.expose()).map(|()| Answer::Yes),
            None => {
                let reason = ": no key of the list decrypts the field; try the other --type";
                output.verdict(Color::Red, "no", reason).map(|()| Answer::No)
            }
        }
    }
}
