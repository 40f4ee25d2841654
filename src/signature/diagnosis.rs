//! Diagnosis of a signature that does not match: makes the known mistakes on purpose until one of them gives exactly
//! that signature.
//!
//! There is one function for each scheme. It takes what the scheme's `verify` takes, and the keys of all interface
//! types in the place of one ring. What it compares is the signature found in a call of any sender: the marketplace,
//! whose call was changed on its way, or a program of the seller's that has a fault. A [`Mistake`] is worded for both:
//! it names the differences between the signed text and the text given.
//!
//! Mistakes are tried alone and in pairs; of a large body only the pairs that cost little are tried. That takes
//! milliseconds for a call of usual size and seconds for one of a megabyte: it is work for a developer's machine, not for
//! every stranger who sends a wrong signature. Neither keys nor values of the call stand in the result. GBK, GB18030 and
//! Big5 are tried with the feature `charsets`, which the command line has.
//!
//! ```
//! use std::time::Duration;
//! use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
//! use koogallery::signature::diagnosis::{self, Diagnosis, Mistake};
//! use koogallery::signature::{Window, callback_v2};
//! use koogallery::timestamp::Timestamp;
//!
//! let key = AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")?;
//! let now = Timestamp::from_unix_millis(1735689600123);
//! let signed = b"{\"activity\":\"queryInstance\"}\n";
//! let query = callback_v2::signed_query(&key, "Qm7Zt2LxV9cRb4Kp", now, signed);
//! let keys = AccessKeys::new().with(InterfaceType::Basic, key)?;
//!
//! let received = b"{\"activity\":\"queryInstance\"}";
//! let found = diagnosis::callback_v2(&keys, InterfaceType::Basic, &query, received, now, Window::default());
//! assert_eq!(found, Diagnosis::Explained(vec![Mistake::TrailingLineBreak]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aksk;
mod body;
mod body_sign;
mod charset;
mod encoders;
mod gateway;
mod java;
mod keys;
mod making;
mod mistake;
mod mistaken;
mod search;
mod token;
mod usage_push;
mod v2;
mod written;

use std::fmt;
use std::time::Duration;

pub use aksk::aksk;
pub use body_sign::body_sign;
pub use gateway::{GatewayCause, gateway_answer};
pub use mistake::Mistake;
pub use mistaken::{MistakenSignature, mistaken_signatures};
pub use token::{auth_token, auth_token_body};
pub use usage_push::usage_push;
pub use v2::{callback_v2, kit_v2};

use super::{VerifyError, Window, is_proof};
use crate::key::InterfaceType;

/// The diagnosis of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The signature is right, and so is everything else that verification checks.
    Right,
    /// These mistakes together give exactly the signature found; where the list holds [`Mistake::OlderKey`] alone, it
    /// verifies nevertheless.
    Explained(Vec<Mistake>),
    /// Verification fails before, or after, the signature is compared.
    Refused(VerifyError),
    /// The signature is neither 64 hex digits nor the Base64 of 32 bytes, nor anything that could be made of them or by
    /// another hash function: most likely it is cut off.
    Unreadable,
    /// A mask stands in the place of the signature.
    Masked,
    /// No known mistake gives the signature, neither alone nor two together. Most often the key is another one.
    Unexplained {
        /// Mistakes that are certain: they can be seen without the key.
        certain: Vec<Mistake>,
        /// Mistakes that were tried in vain.
        tried: Vec<Mistake>,
    },
    /// There is no key of this interface type to compare with.
    NoKey(InterfaceType),
}

impl Diagnosis {
    /// Returns what can be seen without the key, where nothing gives the signature.
    fn or_certain(mut self, seen: Vec<Mistake>) -> Self {
        if let Self::Unexplained { certain, .. } = &mut self {
            certain.extend(seen);
        }
        self
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right => f.write_str("the signature is right"),
            Self::Explained(mistakes) => mistakes.iter().enumerate().try_for_each(|(index, mistake)| {
                f.write_str(if index > 0 { "; and " } else { "" })?;
                mistake.fmt(f)
            }),
            Self::Refused(error) => error.fmt(f),
            Self::Unreadable => f.write_str("the signature is neither 64 hex digits nor the Base64 of 32 bytes"),
            Self::Masked => {
                f.write_str("the signature was masked when the message was captured: it cannot be explained")
            }
            Self::Unexplained { certain, tried } => {
                certain.iter().try_for_each(|mistake| write!(f, "{mistake}; "))?;
                write!(f, "none of {} known mistakes gives this signature", tried.len())
            }
            Self::NoKey(interface) => write!(f, "{} is not set", interface.env_name()),
        }
    }
}

/// Returns the result of verification alone; `None` where the signature has to be looked into. `verify` gives the index
/// of the key.
fn verdict(window: Window, verify: impl Fn(Window) -> Result<usize, VerifyError>) -> Option<Diagnosis> {
    /// No call is too old to be explained.
    const ALWAYS: Window = Window::symmetric(Duration::MAX);

    Some(match verify(ALWAYS).and_then(|key| verify(window).map(|_| key)) {
        Ok(0) => Diagnosis::Right,
        Ok(older) => Diagnosis::Explained(vec![Mistake::OlderKey(older)]),
        Err(VerifyError::Mismatch) => return None,
        Err(VerifyError::Malformed(field)) if is_proof(field) => return None,
        Err(error) => misdated(&error).unwrap_or(Diagnosis::Refused(error)),
    })
}

/// A call that is whole hours off was dated in another time zone.
fn misdated(error: &VerifyError) -> Option<Diagnosis> {
    const HOUR: i64 = 3600;
    let seconds = match error {
        VerifyError::TooOld(by) => -i64::try_from(by.as_secs()).ok()?,
        VerifyError::TooFarAhead(by) => i64::try_from(by.as_secs()).ok()?,
        _ => return None,
    };
    let hours = (seconds + seconds.signum() * HOUR / 2) / HOUR;
    let is_zone = (1..=14).contains(&hours.abs()) && (seconds - hours * HOUR).abs() <= 60;
    is_zone.then(|| Diagnosis::Explained(vec![Mistake::TimeZone(hours)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_hours_are_a_time_zone() {
        let zone = |hours| Some(Diagnosis::Explained(vec![Mistake::TimeZone(hours)]));
        for (seconds, hours) in [(8 * 3600, 8), (8 * 3600 - 50, 8), (3600 + 60, 1), (14 * 3600, 14)] {
            assert_eq!(misdated(&VerifyError::TooFarAhead(Duration::from_secs(seconds))), zone(hours));
            assert_eq!(misdated(&VerifyError::TooOld(Duration::from_secs(seconds))), zone(-hours));
        }
        for seconds in [0, 61, 1800, 8 * 3600 + 61, 15 * 3600, u64::MAX] {
            assert_eq!(misdated(&VerifyError::TooOld(Duration::from_secs(seconds))), None, "{seconds}");
        }
    }
}
