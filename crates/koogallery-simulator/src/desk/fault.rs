//! What can go wrong on the way, switched on for the next calls.

use std::fmt;
use std::time::Duration;

use super::seed::SeededRandom;
use super::{Operation, RefusalForm};

/// Something that goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The answer comes so much later. Goes together with every other fault.
    Slow(Duration),
    /// Nobody can be reached. (A server's socket is reached all the same, and closed at once.)
    NoConnection,
    /// The connection breaks before the request takes effect.
    LostRequest,
    /// The connection breaks after the request took effect.
    LostAnswer,
    /// The request arrives twice, and the second answer is given.
    Duplicate,
    /// The gateway fails with this status, 5xx, before the request takes effect.
    ServerError(u16),
    /// Called too often: HTTP 429 with `APIGW.0308`.
    Throttled {
        /// What `Retry-After` says, in whole seconds; the header is left out where absent.
        retry_after: Option<Duration>,
    },
    /// Refused with this code, in the form of the API or the gateway and with its documented status.
    Refused(String),
    /// About half of the records of a push, and at least one, are refused with this code. Of other calls, nothing.
    PartialFailure(String),
    /// Refused records of a push are listed in this form. Goes together with every other fault; of two forms the one switched
    /// on first counts.
    RefusalForm(RefusalForm),
    /// A proxy's page, HTTP 502, in the place of an answer; the request took no effect.
    HtmlPage,
    /// The request takes effect, and its answer is cut off in the middle.
    TruncatedAnswer,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(by) => write!(f, "slow by {by:?}"),
            Self::NoConnection => f.write_str("no connection"),
            Self::LostRequest => f.write_str("lost request"),
            Self::LostAnswer => f.write_str("lost answer"),
            Self::Duplicate => f.write_str("duplicate"),
            Self::ServerError(status) => write!(f, "server error {status}"),
            Self::Throttled { retry_after: None } => f.write_str("throttled"),
            Self::Throttled { retry_after: Some(after) } => write!(f, "throttled for {after:?}"),
            Self::Refused(code) => write!(f, "refused with {code}"),
            Self::PartialFailure(code) => write!(f, "partial failure with {code}"),
            Self::RefusalForm(form) => write!(f, "refused records as {form}"),
            Self::HtmlPage => f.write_str("HTML page"),
            Self::TruncatedAnswer => f.write_str("truncated answer"),
        }
    }
}

/// When a fault happens: at every call, unless narrowed.
///
/// ```
/// use std::time::Duration;
/// use koogallery_simulator::{Desk, Fault, FaultRule, Operation};
///
/// let desk = Desk::builder().build();
/// desk.add_fault(FaultRule::new(Fault::LostAnswer).of(Operation::PushUsage).times(2));
/// desk.add_fault(FaultRule::new(Fault::Slow(Duration::from_millis(300))).percent(10));
/// desk.clear_faults();
/// ```
#[derive(Clone, Debug)]
pub struct FaultRule {
    fault: Fault,
    operation: Option<Operation>,
    left: Option<u32>,
    percent: u8,
}

impl FaultRule {
    /// At every call.
    pub fn new(fault: Fault) -> Self {
        Self { fault, operation: None, left: None, percent: 100 }
    }

    /// At calls of one API only.
    #[must_use]
    pub fn of(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// So many times only.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// At so many of a hundred calls, as the seed has it.
    #[must_use]
    pub fn percent(mut self, percent: u8) -> Self {
        self.percent = percent;
        self
    }
}

#[derive(Default)]
pub(super) struct Faults(Vec<FaultRule>);

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to a call: every delay, and the first form and the first other fault in the order in which they were
    /// switched on.
    pub(super) fn draw(&mut self, operation: Option<Operation>, random: &SeededRandom) -> Drawn {
        let mut drawn = Drawn::default();
        for rule in &mut self.0 {
            let concerns = rule.operation.is_none() || rule.operation == operation;
            let is_taken = match rule.fault {
                Fault::Slow(_) => false,
                Fault::RefusalForm(_) => drawn.form.is_some(),
                _ => drawn.fault.is_some(),
            };
            if !concerns || rule.left == Some(0) || is_taken {
                continue;
            }
            if rule.percent < 100 && random.below(100) >= u64::from(rule.percent) {
                continue;
            }
            rule.left = rule.left.map(|left| left - 1);
            match &rule.fault {
                Fault::Slow(by) => drawn.delay = drawn.delay.saturating_add(*by),
                Fault::RefusalForm(form) => drawn.form = Some(*form),
                fault => drawn.fault = Some(fault.clone()),
            }
        }
        self.0.retain(|rule| rule.left != Some(0));
        drawn
    }
}

/// What happens to one call.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    pub(super) form: Option<RefusalForm>,
}

impl Drawn {
    pub(super) fn names(&self) -> Vec<String> {
        let delay = Some(self.delay).filter(|delay| !delay.is_zero()).map(Fault::Slow);
        let form = self.form.map(Fault::RefusalForm);
        self.fault.iter().chain(&delay).chain(&form).map(ToString::to_string).collect()
    }
}
