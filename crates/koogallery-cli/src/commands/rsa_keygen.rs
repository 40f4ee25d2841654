//! `rsa-keygen`: generates the key pair of an application credential.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use koogallery::cipher::client_secret::PrivateKey;
use koogallery::random::OsRandom;

use crate::{Answer, Failure, Output};

/// Generate an RSA key pair: the private key is written to a file, the public key is printed in the console's format.
#[derive(Args)]
#[command(after_help = "Example:\n  koogallery rsa-keygen --out koogallery-rsa.pem")]
pub struct RsaKeygen {
    /// File for the private key (PEM, PKCS#8), readable by its owner only. It must not exist.
    #[arg(long, value_name = "FILE", default_value = "koogallery-rsa.pem")]
    out: PathBuf,
    /// Size of the modulus in bits, 3072 or 4096.
    #[arg(long, default_value_t = PrivateKey::MIN_BITS, value_parser = bits)]
    bits: usize,
}

/// Longer keys take minutes to generate, and the libraries reject the longest.
fn bits(text: &str) -> Result<usize, String> {
    let bits = text.parse().map_err(|_| "not a number".to_owned())?;
    if [3072, 4096].contains(&bits) { Ok(bits) } else { Err("neither 3072 nor 4096".to_owned()) }
}

impl RsaKeygen {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let path = self.out.display();
        if self.out.exists() {
            return Err(Failure::new(format!("{path} exists already; keys are never overwritten")));
        }
        let key =
            PrivateKey::generate(self.bits, &OsRandom).map_err(|error| Failure::of("no key was generated", &error))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&self.out).and_then(|mut file| file.write_all(key.to_pem().as_bytes()));
        written.map_err(|error| Failure::of(format!("{path} cannot be written"), &error))?;
        output.note(&format!("The private key is in {path}: set KOOGALLERY_RSA_PRIVATE_KEY_FILE to this path."))?;
        output.note("The public key for the application credential:")?;
        output.result(key.public_key())?;
        Ok(Answer::Yes)
    }
}
