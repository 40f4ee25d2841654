//! `rsa-keygen`: the key pair of an application credential.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use koogallery::cipher::client_secret::PrivateKey;
use koogallery::random::OsRandom;

use crate::{Answer, Failure, Output};

/// Make an RSA key pair: the private key goes to a file, the public key is printed as the console takes it.
#[derive(Args)]
#[command(after_help = "Example:\n  koogallery rsa-keygen --out koogallery-rsa.pem")]
pub struct RsaKeygen {
    /// Where the private key (PEM, PKCS#8) is written, readable by its owner only. The file must not exist.
    #[arg(long, value_name = "FILE", default_value = "koogallery-rsa.pem")]
    out: PathBuf,
    /// Bits of the modulus, 3072 or 4096.
    #[arg(long, default_value_t = PrivateKey::MIN_BITS, value_parser = bits)]
    bits: usize,
}

/// Longer keys take minutes to make, and the libraries refuse the longest.
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
        let key = PrivateKey::generate(self.bits, &OsRandom).map_err(|error| Failure::of("no key was made", &error))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&self.out).and_then(|mut file| file.write_all(key.to_pem().as_bytes()));
        written.map_err(|error| Failure::of(format!("{path} cannot be written"), &error))?;
        output.note(&format!("The private key is in {path}: name it in KOOGALLERY_RSA_PRIVATE_KEY_FILE."))?;
        output.note("The public key for the application credential:")?;
        output.result(key.public_key())?;
        Ok(Answer::Yes)
    }
}
