//! A call and its answer, as reports show them.

use std::time::Duration;

use super::command::{self, Origin};
use super::lines::{cut, printable};
use crate::call::{Call, Proof};
use crate::masking::Masking;
use crate::target::{Answer, TargetError};
use koogallery::key::AccessKey;

/// Characters of a body that a report shows, at its beginning and at its end.
const SHOWN: (usize, usize) = (1536, 512);

/// Headers that are shown.
const MAX_HEADERS: usize = 32;

/// Bytes of a body that are looked at; masking more takes too long.
const READ: usize = 256 * 1024;

/// A call and its answer, without secrets: the signature and the personal data of the answer are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Activity of the call.
    pub activity: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers of the request that belong to the protocol.
    pub request_headers: Vec<(String, String)>,
    /// The request's body, without the middle of a long one.
    pub request_body: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The headers of the answer.
    pub answer_headers: Vec<(String, String)>,
    /// Its body, without the middle of a long one; length and coding alone of a compressed one.
    pub answer_body: String,
    /// The error, if there was no answer.
    pub error: Option<String>,
    /// Duration of the call.
    pub duration: Duration,
    /// A command line that makes the call again, with a new signature for the current time: `koogallery fire` for a valid
    /// call, `koogallery check` for one that only its check can make. Empty if there is none.
    pub repeat: String,
}

/// The bodies of a call and its answer, masked like an [`Exchange`], but with the middle of long ones.
pub(crate) struct WholeBodies {
    pub(crate) request: String,
    pub(crate) answer: String,
}

impl Exchange {
    pub(crate) fn new(
        call: &Call,
        outcome: &Result<Answer, TargetError>,
        key: Option<&AccessKey>,
        origin: Origin<'_>,
    ) -> Self {
        Self::with_bodies(call, outcome, key, origin).0
    }

    pub(crate) fn with_bodies(
        call: &Call,
        outcome: &Result<Answer, TargetError>,
        key: Option<&AccessKey>,
        origin: Origin<'_>,
    ) -> (Self, WholeBodies) {
        let masked = call.masked();
        let query = masked.query_text().replace("%24SIGNATURE", "$SIGNATURE");
        let separator = if query.is_empty() { "" } else { "?" };
        let masking = masking(call, key);
        let text = |text: &str| masking.text(text);
        let headers = |headers: &[(String, String)]| -> Vec<(String, String)> {
            let headers = headers.iter().take(MAX_HEADERS);
            headers.map(|(name, value)| (printable(name), Shown::new(value.as_bytes(), text).short())).collect()
        };
        let (status, answer_headers, answer_body, error, duration) = match outcome {
            Ok(answer) => {
                let body = match answer.compression() {
                    Some(coding) => Shown::of(format!("[{} bytes compressed with {coding}]", answer.body.len())),
                    None => Shown::new(&answer.body, |text| masking.json(&masking.text(text))),
                };
                (Some(answer.status), headers(&answer.headers), body, None, answer.duration)
            }
            Err(error) => {
                let nothing = Shown::of(String::new());
                (None, Vec::new(), nothing, Some(printable(&error.to_string())), Duration::ZERO)
            }
        };
        let target = format!("{}{separator}{query}", masked.path);
        let request_body = Shown::new(&masked.body, text);
        let exchange = Self {
            activity: call.activity.clone(),
            method: call.method.to_string(),
            target: Shown::new(target.as_bytes(), text).short(),
            request_headers: headers(&masked.headers),
            request_body: request_body.short(),
            status,
            answer_headers,
            answer_body: answer_body.short(),
            error,
            duration,
            repeat: command::repeat(call, origin, &masking),
        };
        (exchange, WholeBodies { request: request_body.whole(), answer: answer_body.whole() })
    }

    /// Returns whether the call itself can be repeated, without its check.
    pub(crate) fn is_fired(&self) -> bool {
        !self.repeat.is_empty() && !command::is_check(&self.repeat)
    }
}

/// Masks what no report may show.
fn masking(call: &Call, key: Option<&AccessKey>) -> Masking {
    let mut masking = Masking::default();
    key.into_iter().for_each(|key| masking.add_secret(key.expose()));
    // The signature sent may be the valid one of another call.
    let sent = call.proof(Proof::Signature).filter(|sent| sent.len() > 16).map(str::to_owned);
    for signature in key.and_then(|key| call.right_signature(key)).into_iter().chain(sent) {
        masking.add_secret(&signature);
    }
    masking
}

/// A masked text. It is masked before it is cut: nothing could be recognized in what is left over.
struct Shown {
    masked: String,
    /// Bytes that were not looked at.
    unread: usize,
}

impl Shown {
    fn new(bytes: &[u8], mask: impl Fn(&str) -> String) -> Self {
        let read = &bytes[..bytes.len().min(READ)];
        Self { masked: mask(&printable(&String::from_utf8_lossy(read))), unread: bytes.len() - read.len() }
    }

    fn of(masked: String) -> Self {
        Self { masked, unread: 0 }
    }

    /// Returns the text without the middle.
    fn short(&self) -> String {
        let (head, tail) = SHOWN;
        if self.unread == 0 {
            return cut(&self.masked, head, tail);
        }
        let shown: String = self.masked.chars().take(head).collect();
        let left_out = (READ + self.unread).saturating_sub(shown.len());
        format!("{shown} ...[{left_out} bytes left out]")
    }

    /// Returns all that was looked at.
    fn whole(self) -> String {
        match self.unread {
            0 => self.masked,
            unread => format!("{} ...[{unread} bytes left out]", self.masked),
        }
    }
}
