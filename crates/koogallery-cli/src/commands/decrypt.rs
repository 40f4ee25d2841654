//! `decrypt`: decrypts a V1.0 field.

use clap::Args;
use koogallery::cipher::field::{Ciphertext, Copied, EncryptType, FieldCipher};
use koogallery::key::InterfaceType;

use crate::support::output::Color;
use crate::support::{environment, input};
use crate::{Answer, Failure, Output};

/// Decrypt a V1.0 field with KOOGALLERY_V1_KEY or KOOGALLERY_BASIC_KEY; every key of a list is tried.
///
/// The field may be given as it was copied: from a URL, over several lines, in quotes, or with its name in front.
#[derive(Args)]
#[command(after_help = "\
Exit code 1 if no key decrypts it, or it is not an encrypted field.

Example, with a sample key:
  export KOOGALLERY_V1_KEY=12345678-90ab-cdef-1234-567890abcdef
  koogallery encrypt --type 1 13800138000
  koogallery decrypt --type 1 'A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg=='")]
pub struct Decrypt {
    /// `1` AES-256, `2` AES-128; default: KOOGALLERY_ENCRYPT_TYPE, or 1.
    #[arg(long = "type", value_name = "T")]
    encrypt_type: Option<EncryptType>,
    /// The encrypted field; `-` reads standard input.
    text: String,
}

impl Decrypt {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let ring = environment::ring(InterfaceType::V1)?;
        let encrypt_type = environment::encrypt_type(self.encrypt_type)?;
        let no = |reason: &str| output.status(Color::Red, "no", &format!(": {reason}")).map(|()| Answer::No);
        let Copied { ciphertext, forms, .. } = match Ciphertext::from_copied(&input::whole_text(&self.text)?) {
            Ok(copied) => copied,
            Err(error) => return no(&error.to_string()),
        };
        let decrypt = |as_type| ring.iter().find_map(|key| FieldCipher::new(key, as_type).decrypt(&ciphertext).ok());
        let others = [EncryptType::Aes256, EncryptType::Aes128].into_iter().filter(|other| *other != encrypt_type);
        let decrypted = [encrypt_type].into_iter().chain(others).find_map(|as_type| Some((as_type, decrypt(as_type)?)));
        let Some((found, text)) = decrypted else {
            return no("no key of the list decrypts the field, neither with AES-256 nor with AES-128");
        };
        output.result(text.expose())?;
        if found != encrypt_type {
            output.aside(&format!("it is encrypted with {}", named(found)));
        }
        forms.iter().for_each(|form| output.aside(&form.to_string()));
        Ok(Answer::Yes)
    }
}

/// Named as in `--type`, KOOGALLERY_ENCRYPT_TYPE and the console.
fn named(encrypt_type: EncryptType) -> &'static str {
    match encrypt_type {
        EncryptType::Aes128 => "AES-128 (--type 2, KOOGALLERY_ENCRYPT_TYPE=2)",
        _ => "AES-256 (--type 1, KOOGALLERY_ENCRYPT_TYPE=1)",
    }
}
