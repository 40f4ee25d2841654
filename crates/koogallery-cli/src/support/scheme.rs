//! The signature schemes and their arguments, which `sign`, `verify` and `explain` share.

mod aksk;
mod auth_token;
mod body;
mod callback_v2;
mod kit_v2;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::InterfaceType;
use koogallery::signature::diagnosis::Diagnosis;
use koogallery::signature::{VerifyError, Window};
use koogallery::timestamp::Timestamp;

pub use aksk::{Aksk, GatewayAnswer};
pub use auth_token::AuthToken;
pub use body::{Body, diagnosis_of as body_sign_diagnosis};
pub use callback_v2::CallbackV2;
pub use kit_v2::KitV2;
pub use usage::Usage;

use crate::Failure;
use crate::support::http_message::Capture;
use crate::support::input;

/// Operations of a scheme on its arguments.
pub trait Scheme {
    /// Returns whether the message itself contains its signature.
    fn is_whole(&self) -> bool;

    fn sign(&self) -> Result<String, Failure>;

    /// The outer error means that verification was not possible.
    fn verify(&self, signature: Option<&str>, age: &Age) -> Result<Result<(), VerifyError>, Failure>;

    fn explain(&self, signature: Option<&str>, age: &Age) -> Result<Diagnosis, Failure>;
}

/// A scheme for verifying or explaining; `Answered` takes the gateway's answer, where that helps.
#[derive(Subcommand)]
pub enum ReceivedSchemes<Answered: Args = ()> {
    CallbackV2(Dated<CallbackV2>),
    KitV2(Dated<KitV2>),
    AuthToken(Dated<AuthToken>),
    Body(Signed<Body>),
    Usage(Signed<Usage>),
    Aksk(Reported<Answered>),
}

impl<Answered: Args> ReceivedSchemes<Answered> {
    pub fn verify(&self) -> Result<Result<(), VerifyError>, Failure> {
        self.with(|scheme, signature, age| scheme.verify(signature, age))
    }

    fn with<T>(&self, run: impl FnOnce(&dyn Scheme, Option<&str>, &Age) -> Result<T, Failure>) -> Result<T, Failure> {
        let undated = Age::default();
        let (scheme, signature, age): (&dyn Scheme, &Option<String>, &Age) = match self {
            Self::CallbackV2(Dated { signed, age }) => (&signed.scheme, &signed.signature, age),
            Self::KitV2(Dated { signed, age }) => (&signed.scheme, &signed.signature, age),
            Self::AuthToken(Dated { signed, age }) => (&signed.scheme, &signed.signature, age),
            Self::Body(signed) => (&signed.scheme, &signed.signature, &undated),
            Self::Usage(signed) => (&signed.scheme, &signed.signature, &undated),
            Self::Aksk(Reported { dated: Dated { signed, age }, .. }) => (&signed.scheme, &signed.signature, age),
        };
        if signature.is_none() && !scheme.is_whole() {
            return Err(Failure::new("there is no signature: --signature S, or --request FILE"));
        }
        run(scheme, signature.as_deref(), age)
    }
}

impl ReceivedSchemes<GatewayAnswer> {
    /// Returns the diagnosis, and what the gateway's answer adds, if given.
    pub fn explain(&self) -> Result<(Diagnosis, Option<String>), Failure> {
        match self {
            Self::Aksk(Reported { dated: Dated { signed, age }, answered }) if answered.is_given() => {
                signed.scheme.explain_answered(signed.signature.as_deref(), age, answered)
            }
            _ => self.with(|scheme, signature, age| Ok((scheme.explain(signature, age)?, None))),
        }
    }
}

#[derive(Args)]
pub struct Signed<S: Args> {
    #[command(flatten)]
    scheme: S,
    /// The received signature: the value of the parameter or header.
    #[arg(long, value_name = "S", conflicts_with = "request", allow_hyphen_values = true)]
    signature: Option<String>,
}

#[derive(Args)]
pub struct Dated<S: Args> {
    #[command(flatten)]
    signed: Signed<S>,
    #[command(flatten)]
    age: Age,
}

#[derive(Args)]
pub struct Reported<Answered: Args> {
    #[command(flatten)]
    dated: Dated<Aksk>,
    #[command(flatten)]
    answered: Answered,
}

// Options for the age of a call. (A doc comment here would become the help text of the scheme; so with the others.)
#[derive(Args, Default)]
pub struct Age {
    /// Check the age of the call as well, at this time: `now`, UNIX milliseconds, or yyyyMMddHHmmss in UTC.
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    at: Option<Timestamp>,
    /// Maximum age in seconds with --at. The service allows V1.0 more; open APIs always allow 900.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "at")]
    window: u64,
}

impl Age {
    fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(|| SystemClock.now())
    }

    fn window(&self) -> Window {
        Window::symmetric(self.at.map_or(Duration::MAX, |_| Duration::from_secs(self.window)))
    }
}

// A body by itself, or the whole message.
#[derive(Args)]
struct Source {
    /// The body, byte for byte; `-` reads standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "request", conflicts_with = "request")]
    body: Option<PathBuf>,
    /// The whole captured HTTP/1.1 message, instead of all other inputs; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

impl Source {
    fn capture(&self) -> Result<Option<Capture>, Failure> {
        self.request.as_deref().map(Capture::read).transpose()
    }

    fn body(&self) -> Result<Vec<u8>, Failure> {
        self.body.as_deref().map_or(Ok(Vec::new()), input::read)
    }
}

/// Interface type of a key.
#[derive(Clone, Copy, ValueEnum)]
enum Interface {
    /// Basic interface: SaaS V2.0 callbacks, usage.
    Basic,
    /// Seller Key of V1.0.
    V1,
    /// Joint-operations Kit.
    Kit,
    /// License code delivery.
    License,
    /// General interface: order notification.
    General,
}

impl From<Interface> for InterfaceType {
    fn from(interface: Interface) -> Self {
        match interface {
            Interface::Basic => Self::Basic,
            Interface::V1 => Self::V1,
            Interface::Kit => Self::Kit,
            Interface::License => Self::License,
            Interface::General => Self::General,
        }
    }
}

/// Returns a value that the message must have.
fn required(value: Option<impl Into<String>>, name: &str) -> Result<String, Failure> {
    value.map(Into::into).ok_or_else(|| Failure::new(format!("{name} is missing")))
}
