//! `sign`: prints the signature of a message.

use clap::{Args, Subcommand};

use crate::support::scheme::{Aksk, AuthToken, Body, CallbackV2, KitV2, Scheme, Usage};
use crate::{Answer, Failure, Output};

/// Print the signature of a message in one of the marketplace's schemes. The first key of a list signs.
#[derive(Args)]
#[command(
    after_help = "Example:\n  koogallery sign callback-v2 --nonce Qm7Zt2LxV9cRb4Kp --timestamp 1735689600123 --body body.json"
)]
pub struct Sign {
    #[command(subcommand)]
    scheme: Schemes,
}

#[derive(Subcommand)]
enum Schemes {
    CallbackV2(CallbackV2),
    KitV2(KitV2),
    AuthToken(AuthToken),
    Body(Body),
    Usage(Usage),
    Aksk(Aksk),
}

impl Sign {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let signature = match self.scheme {
            Schemes::CallbackV2(scheme) => scheme.sign(),
            Schemes::KitV2(scheme) => scheme.sign(),
            Schemes::AuthToken(scheme) => scheme.sign(),
            Schemes::Body(scheme) => scheme.sign(),
            Schemes::Usage(scheme) => scheme.sign(),
            Schemes::Aksk(scheme) => scheme.sign(),
        };
        output.result(&signature?)?;
        Ok(Answer::Yes)
    }
}
