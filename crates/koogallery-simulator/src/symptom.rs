//! Kinds of violations, by which the common cause of several is found.

/// What went wrong, whichever check noticed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Symptom {
    /// Anything that has no kind of its own.
    #[default]
    Other,
    /// Nothing answers at the address.
    Unreachable,
    /// There was no answer in time.
    Hang,
    /// The code behind the address failed: an HTTP status from 500, or a connection that was closed without an answer.
    Crash,
    /// A valid call was refused.
    Refused,
    /// An invalid call was accepted.
    Accepted,
    /// An invalid call was refused, in another way than documented.
    OtherRefusal,
}
