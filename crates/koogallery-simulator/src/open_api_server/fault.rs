//! Faults to inject into the next calls.

use std::fmt;
use std::time::Duration;

use super::seed::SeededRandom;
use super::{Operation, RefusalForm};
use crate::frequency::Frequency;

/// A fault that can be injected into a call.
#[doc(alias = "fault injection")]
#[doc(alias = "chaos")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Delays the answer by this time. Combines with every other fault.
    Slow(Duration),
    /// No connection is made. (A server's socket does accept it, and closes it at once.)
    NoConnection,
    /// The connection breaks before the request takes effect.
    LostRequest,
    /// The connection breaks after the request took effect.
    LostAnswer,
    /// The request arrives twice, and the second answer is returned.
    Duplicate,
    /// The gateway fails with this status, 5xx, before the request takes effect.
    ServerError(u16),
    /// Rate limit exceeded: HTTP 429 with `APIGW.0308`.
    Throttled {
        /// Value of `Retry-After` in whole seconds; `None` omits the header.
        retry_after: Option<Duration>,
    },
    /// Refused with this code, in the form of the API or the gateway and with its documented status.
    Refused(String),
    /// About half of the records of a push, and at least one, are refused with this code. Other calls are not affected.
    PartialFailure(String),
    /// Refused records of a push are listed in this form. Combines with every other fault; of two forms the one
    /// activated first counts.
    RefusalForm(RefusalForm),
    /// A proxy's HTML page, HTTP 502, instead of an answer; the request has no effect.
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

/// A fault and the calls that it affects (default: at every call).
///
/// ```
/// use std::time::Duration;
/// use koogallery_simulator::{Fault, FaultRule, OpenApiServer, Operation};
///
/// let open_api = OpenApiServer::builder().build();
/// open_api.add_fault(FaultRule::new(Fault::LostAnswer).with_operation(Operation::PushUsage).with_times(2));
/// open_api.add_fault(FaultRule::new(Fault::Slow(Duration::from_millis(300))).with_percent(10));
/// open_api.clear_faults();
/// ```
#[derive(Clone, Debug)]
pub struct FaultRule {
    fault: Fault,
    operation: Option<Operation>,
    frequency: Frequency,
}

impl FaultRule {
    /// Creates a rule for every call.
    pub fn new(fault: Fault) -> Self {
        Self { fault, operation: None, frequency: Frequency::ALWAYS }
    }

    /// Limits the rule to one API.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Limits the rule to this many calls.
    #[must_use]
    pub fn with_times(mut self, times: u32) -> Self {
        self.frequency.left = Some(times);
        self
    }

    /// Limits the rule to this percentage of calls, drawn from the seed.
    #[must_use]
    pub fn with_percent(mut self, percent: u8) -> Self {
        self.frequency.percent = percent;
        self
    }
}

/// Such as `lost answer of push-usage, 2 more, 10 %`.
impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)?;
        if let Some(operation) = self.operation {
            write!(f, " of {}", operation.as_str())?;
        }
        self.frequency.fmt(f)
    }
}

#[derive(Default)]
pub(super) struct Faults(Vec<FaultRule>);

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(super) fn active(&self) -> &[FaultRule] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Draws the faults of a call: every delay, the first form, and the first other fault, in order of activation.
    pub(super) fn draw(&mut self, operation: Option<Operation>, random: &SeededRandom) -> Drawn {
        let mut drawn = Drawn::default();
        for rule in &mut self.0 {
            let concerns = rule.operation.is_none() || rule.operation == operation;
            let is_taken = match rule.fault {
                Fault::Slow(_) => false,
                Fault::RefusalForm(_) => drawn.form.is_some(),
                _ => drawn.fault.is_some(),
            };
            if !concerns || is_taken || !rule.frequency.draw(random) {
                continue;
            }
            match &rule.fault {
                Fault::Slow(by) => drawn.delay = drawn.delay.saturating_add(*by),
                Fault::RefusalForm(form) => drawn.form = Some(*form),
                fault => drawn.fault = Some(fault.clone()),
            }
        }
        self.0.retain(|rule| !rule.frequency.is_used_up());
        drawn
    }
}

/// The faults of one call.
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
