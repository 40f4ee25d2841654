//! What a run has seen, call by call, for the diagnosis.

use std::cmp::Reverse;

use super::symptom::Symptom;

/// An activity that no protocol has.
pub(super) const UNKNOWN_ACTIVITY: &str = "activityOfNoProtocol";

/// One call and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The check that made the call.
    pub(super) check: &'static str,
    /// Activity of the call.
    pub(super) activity: String,
    /// Whether the endpoint has to accept the call.
    pub(super) is_right: bool,
    /// The HTTP status, if there was an answer.
    pub(super) status: Option<u16>,
    /// The result code, if there was one.
    pub(super) code: Option<String>,
    /// A crash, a hang or an unreachable address.
    pub(super) symptom: Option<Symptom>,
    /// Why the marketplace cannot read the body, although there may be JSON in it.
    pub(super) oddity: Option<&'static str>,
}

impl Seen {
    /// Names what was special about the call: the mistake in it, or else its activity.
    pub(super) fn subject(&self) -> String {
        subject(self.check, &self.activity, self.is_right)
    }
}

/// Names what is special about a call of a check: the mistake in it, or else its activity.
pub(super) fn subject(check: &str, activity: &str, is_right: bool) -> String {
    let mistake = match check {
        _ if is_right => None,
        _ if activity == UNKNOWN_ACTIVITY => Some("unknown activity"),
        "X1" | "X2" => Some("missing or wrong signature"),
        "X3" | "X4" | "X14" | "X19" => Some("changed after signing"),
        "X5" => Some("repeated parameter"),
        "X6" | "X20" => Some("other key"),
        "X7" | "X8" => Some("stale time"),
        "X9" => Some("malformed time"),
        "X12" | "X13" => Some("used or malformed nonce"),
        "X16" | "X18" => Some("hostile call"),
        "L2" => Some("unknown instance"),
        "L7" => Some("unknown activity"),
        "L8" => Some("missing or malformed field"),
        _ => None,
    };
    mistake
        .map_or_else(|| if activity.is_empty() { "no activity".to_owned() } else { activity.to_owned() }, str::to_owned)
}

/// Lists names with their counts, the most frequent first: so many by name, and the number of the others.
pub(super) fn listed(mut counts: Vec<(String, u32)>, named: usize, others: &str) -> String {
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let mut text: Vec<_> = counts.iter().take(named).map(|(name, count)| format!("{name} {count}")).collect();
    if counts.len() > named {
        text.push(format!("{} {others}", counts.len() - named));
    }
    text.join(", ")
}
