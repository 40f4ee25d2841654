//! `verify`: verifies a signature.

use clap::Args;

use crate::support::output::Color;
use crate::support::scheme::ReceivedSchemes;
use crate::{Answer, Failure, Output};

/// Verify a signature: exit code 0 if it is valid, 1 with the reason if not. Every key of a list is tried.
#[derive(Args)]
#[command(after_help = "\
A captured call is old, so its age counts only with --at.

Examples:
  koogallery verify callback-v2 --request captured.txt
  koogallery verify body --body answer.json --signature 'sign_type=\"HMAC-SHA256\", signature=\"...\"'")]
pub struct Verify {
    #[command(subcommand)]
    scheme: ReceivedSchemes,
}

impl Verify {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        match self.scheme.verify()? {
            Ok(()) => output.status(Color::Green, "yes", ": the signature is valid").map(|()| Answer::Yes),
            Err(reason) => output.status(Color::Red, "no", &format!(": {reason}")).map(|()| Answer::No),
        }
    }
}
