//! `encrypt`: encrypts a V1.0 field.

use clap::Args;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::key::InterfaceType;

use crate::support::{environment, input};
use crate::{Answer, Failure, Output};

/// Encrypt a V1.0 field (account, password, phone, e-mail) with KOOGALLERY_V1_KEY or KOOGALLERY_BASIC_KEY.
#[derive(Args)]
#[command(after_help = "\
Example, with a sample key; `decrypt` accepts the output:
  export KOOGALLERY_V1_KEY=12345678-90ab-cdef-1234-567890abcdef
  koogallery encrypt --type 1 tenant-admin")]
pub struct Encrypt {
    /// `1` AES-256, `2` AES-128; default: KOOGALLERY_ENCRYPT_TYPE, or 1.
    #[arg(long = "type", value_name = "T")]
    encrypt_type: Option<EncryptType>,
    /// IV of 16 printable ASCII characters instead of a random one, to compare with another program. Never reuse one.
    #[arg(long, value_name = "CHARS", allow_hyphen_values = true)]
    iv: Option<String>,
    /// The text, at most 79 bytes; `-` reads a line from standard input.
    text: String,
}

impl Encrypt {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let ring = environment::ring(InterfaceType::V1)?;
        let cipher = FieldCipher::new(ring.signing_key(), environment::encrypt_type(self.encrypt_type)?);
        let text = input::text(&self.text)?;
        let encrypted = match &self.iv {
            Some(iv) => cipher.encrypt_with_iv(&text, iv),
            None => cipher.encrypt(&text),
        };
        output.result(encrypted.map_err(|error| Failure::of("not encrypted", &error))?.as_str())?;
        Ok(Answer::Yes)
    }
}
