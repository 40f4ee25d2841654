//! `encrypt`: a field of V1.0.

use clap::Args;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::key::InterfaceType;

use crate::{Answer, Failure, Output, environment, input};

/// Encrypt a field of V1.0 (account, password, phone, e-mail) with KOOGALLERY_V1_KEY or KOOGALLERY_BASIC_KEY.
#[derive(Args)]
#[command(after_help = "\
Example, with a key to practise; `decrypt` takes what it prints:
  export KOOGALLERY_V1_KEY=12345678-90ab-cdef-1234-567890abcdef
  koogallery encrypt --type 1 tenant-admin")]
pub struct Encrypt {
    /// `1` AES-256, `2` AES-128; as KOOGALLERY_ENCRYPT_TYPE says, or 1.
    #[arg(long = "type", value_name = "T")]
    encrypt_type: Option<EncryptType>,
    /// 16 printable ASCII characters in the place of random ones, to compare with another program. Never use one twice.
    #[arg(long, value_name = "CHARS", allow_hyphen_values = true)]
    iv: Option<String>,
    /// The text, of at most 79 bytes; `-` reads a line from the standard input.
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
