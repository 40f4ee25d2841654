//! A request that the gateway refuses.

use super::refusal::Refusal;

/// Reason why a caller was not admitted: for the answer, and for the log.
pub(super) struct NotAdmitted {
    pub(super) refusal: Refusal,
    pub(super) explanation: Vec<String>,
}

impl From<String> for NotAdmitted {
    fn from(why: String) -> Self {
        Self { refusal: Refusal::new("APIGW.0301", why), explanation: Vec::new() }
    }
}
