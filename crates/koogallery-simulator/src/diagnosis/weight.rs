//! What weighs more: the order of mistakes of the same severity.

/// Kind of a mistake, the heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing can be called.
    Reach,
    /// The plain form of a valid call is refused.
    FirstCall,
    /// Anyone can make calls.
    Verification,
    /// Other valid calls are refused.
    Valid,
    /// Every order is fulfilled twice, or two of them once.
    Orders,
    /// Customers or the seller lose money or data.
    Effect,
    /// Captured calls can be used again.
    Replay,
    /// Answers come too late.
    Deadline,
    /// The marketplace misunderstands refusals.
    Codes,
    /// The marketplace cannot read answers.
    Form,
    /// Security practice.
    Hardening,
}

/// Returns the weight of what a check finds.
pub(super) fn of(check: &str) -> Weight {
    match check {
        "R4" | "R5" | "R6" | "R7" | "R8" | "R9" => Weight::Hardening,
        "X1" | "X2" | "X3" | "X4" | "X6" | "X19" => Weight::Verification,
        "X7" | "X8" | "X10" | "X11" | "X12" => Weight::Replay,
        "D1" | "D4" | "D5" => Weight::Deadline,
        // The marketplace sends the documented form.
        "A7" | "A10" | "A15" => Weight::Codes,
        "L17" => Weight::Valid,
        "I1" | "I2" | "I6" | "I7" => Weight::Orders,
        "L2" | "L7" | "L8" | "L16" | "F7" => Weight::Codes,
        // A purchase without an id is lost.
        "F8" => Weight::Effect,
        _ => match check.as_bytes().first() {
            Some(b'R') => Weight::Reach,
            Some(b'A') => Weight::Valid,
            Some(b'I' | b'L' | b'Q' | b'D') => Weight::Effect,
            Some(b'F' | b'C') => Weight::Form,
            _ => Weight::Hardening,
        },
    }
}
