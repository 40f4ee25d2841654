//! Errors of a call, and what to do about them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::code::number_of;
use super::headers::{RetryAfter, until};
use crate::text::words::shown;
use crate::timestamp::Timestamp;

/// A call of an open API that did not succeed.
///
/// Its text names the API and the HTTP status, repeats the words of the marketplace or its gateway, and then says what
/// the code means, what to do, and the request id. It holds neither secrets nor personal data nor the request: the
/// words are cut to 200 characters, and what looks like such is masked in them.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub struct ApiError {
    /// The API called.
    pub api: &'static str,
    /// The kind of error.
    pub kind: ApiErrorKind,
    /// The HTTP status of the answer.
    pub status: StatusCode,
    /// Whether the same request may be sent again.
    pub retry: Retry,
    /// The answer's `Retry-After`: the same request is not to be sent earlier. See [`ApiError::pause`].
    pub retry_after: Option<RetryAfter>,
    /// The gateway's id of the request, where it gave one; the marketplace's support asks for it.
    pub request_id: Option<String>,
    /// The answer's `Date`: the gateway's clock, cut to the second.
    pub answered_at: Option<Timestamp>,
    /// Seconds that this machine's clock is ahead of the gateway's; negative if it is behind. At least so many: the
    /// time that the call took, and the cut of `Date`, are allowed for. The client measures it; who sends requests
    /// without one calls [`ApiError::measure_clock`].
    pub clock_difference: Option<i32>,
}

/// The kind of an [`ApiError`].
#[derive(Clone)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The marketplace refused.
    Refused {
        /// Its code, blanks removed.
        code: String,
        /// Its text; unstable, for people only.
        message: String,
        /// The documents' words on the code, if they list it.
        meaning: Option<&'static str>,
    },
    /// The gateway in front of the marketplace refused.
    Gateway {
        /// Its code.
        code: String,
        /// Its text; for a wrong signature it holds the gateway's canonical request, see
        /// [`aksk::diff_with_gateway`](crate::signature::aksk::diff_with_gateway).
        message: String,
        /// The documents' words on the code.
        meaning: &'static str,
    },
    /// The answer is no JSON object, or has no code: a proxy's page, a cut-off body.
    UnexpectedContent {
        /// The answer's content type.
        content_type: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The answer points to another address (HTTP 3xx). A signed request is good for its own address only, so it is
    /// never sent there.
    Redirected {
        /// The host that it points to, if it names one.
        host: Option<String>,
    },
    /// The code says success, and the rest is not in the documented form.
    Malformed(Arc<dyn Error + Send + Sync>),
}

/// Whether the same request may be sent again, without change but for its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// It would fail again.
    No,
    /// Later, with growing pauses.
    BackOff,
}

/// Seconds that two clocks may be apart without a remark.
const CLOCK_TOLERANCE: u32 = 60;
/// Seconds that the gateway allows.
const CLOCK_LIMIT: u32 = 900;

impl ApiError {
    /// Returns whether the same request may be sent again, later.
    pub fn is_retryable(&self) -> bool {
        self.retry == Retry::BackOff
    }

    /// Returns the pause from `now` that the answer asks for before a retry, if it asks.
    pub fn pause(&self, now: Timestamp) -> Option<Duration> {
        self.retry_after.map(|after| match after {
            RetryAfter::In(pause) => pause,
            RetryAfter::At(time) => until(time, now),
        })
    }

    /// The code of the marketplace or its gateway, if the answer has one.
    pub fn code(&self) -> Option<&str> {
        match &self.kind {
            ApiErrorKind::Refused { code, .. } | ApiErrorKind::Gateway { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The number of the marketplace's code, which decides: `0150` of `MKT.0150` as of `CBC.0150`.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use koogallery::open_api::{Api as _, query_order};
    /// use koogallery::timestamp::Timestamp;
    ///
    /// let answer = Bytes::from_static(br#"{"resultCode":"CBC.0150","resultMsg":"Illegal operation"}"#);
    /// let answer = http::Response::builder().status(401).header("retry-after", "3").body(answer)?;
    /// let error = query_order::Request::from_http(&answer).unwrap_err();
    /// assert_eq!((error.code(), error.number()), (Some("CBC.0150"), Some("0150")));
    /// let pause = error.pause(Timestamp::from_unix_millis(0));
    /// assert_eq!(pause, Some(std::time::Duration::from_secs(3)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn number(&self) -> Option<&str> {
        match &self.kind {
            ApiErrorKind::Refused { code, .. } => number_of(code),
            _ => None,
        }
    }

    /// Compares this machine's clock with the answer's `Date`: when the request was sent, and when the answer was
    /// there.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// use koogallery::open_api::{Api as _, query_order};
    /// use koogallery::timestamp::Timestamp;
    ///
    /// let answer = http::Response::builder().status(401).header("date", "Thu, 02 Jan 2025 03:04:05 GMT");
    /// let answer = answer.body(Bytes::from_static(br#"{"error_code":"APIGW.0301","error_msg":"expired"}"#))?;
    /// let mut error = query_order::Request::from_http(&answer).unwrap_err();
    /// let sent: Timestamp = "20250102024705".parse()?;
    /// error.measure_clock(sent, sent);
    /// assert_eq!(error.clock_difference, Some(-1020));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn measure_clock(&mut self, sent: Timestamp, received: Timestamp) {
        self.clock_difference = self.answered_at.map(|date| clock_difference(date, sent, received));
    }

    /// Returns the name of the key behind a refused signature, if one was refused.
    fn refused_key(&self) -> Option<&'static str> {
        const PAIR: &str = "AK and SK (five failures in a row lock them for 5 minutes)";
        const KEY: &str = "the key";
        match &self.kind {
            ApiErrorKind::Gateway { code, .. } => {
                matches!(number_of(code), Some("0301" | "0303" | "0305")).then_some(PAIR)
            }
            ApiErrorKind::Refused { code, .. } => match number_of(code).unwrap_or(code) {
                "0154" => Some(PAIR),
                "0102" | "94060002" => Some(KEY),
                _ => None,
            },
            ApiErrorKind::UnexpectedContent { .. } => (self.status == StatusCode::UNAUTHORIZED).then_some(KEY),
            _ => None,
        }
    }
}

/// The smallest whole number of seconds that explains when the request was sent, what the gateway's clock then showed,
/// cut to the second, and when the answer was there.
fn clock_difference(date: Timestamp, sent: Timestamp, received: Timestamp) -> i32 {
    let ahead = |time: Timestamp| time.as_unix_millis().saturating_sub(date.as_unix_millis());
    // The request was answered at some time in [date, date + 1 s).
    let least = ahead(sent.min(received)).saturating_sub(1000).div_euclid(1000).saturating_add(1);
    let most = ahead(received.max(sent)).div_euclid(1000);
    let nearest = if least > 0 { least } else { most.min(0) };
    i32::try_from(nearest).unwrap_or(if nearest > 0 { i32::MAX } else { i32::MIN })
}

/// Writes the advice on a refused signature: about the clock where it is the reason, and about the key otherwise.
fn advise(f: &mut fmt::Formatter<'_>, key: &str, clock_difference: Option<i32>) -> fmt::Result {
    match clock_difference {
        None => write!(f, "; check {key}, and the clock"),
        Some(ahead) if ahead.unsigned_abs() <= CLOCK_TOLERANCE => write!(f, "; check {key}: the clock is right"),
        Some(ahead) => {
            let direction = if ahead > 0 { "ahead of" } else { "behind" };
            let difference = Grouped(ahead.unsigned_abs());
            if ahead.unsigned_abs() <= CLOCK_LIMIT {
                write!(f, "; check {key}")?;
            }
            write!(
                f,
                "; this machine's clock is {difference} s {direction} the gateway's, which allows {CLOCK_LIMIT} s"
            )
        }
    }
}

/// A number with commas between its thousands.
struct Grouped(u32);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small @ ..1000 => write!(f, "{small}"),
            large => write!(f, "{},{:03}", Grouped(large / 1000), large % 1000),
        }
    }
}

impl fmt::Display for ApiErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = |f: &mut fmt::Formatter<'_>, code: &str, message: &str, meaning: &str| {
            match &*shown(message) {
                "" => write!(f, "{}", shown(code))?,
                words => write!(f, "\"{words}\" ({})", shown(code))?,
            }
            write!(f, ": {meaning}")
        };
        match self {
            Self::Refused { code, message, meaning } => {
                refused(f, code, message, meaning.unwrap_or("a code that the documents do not list"))
            }
            Self::Gateway { code, message, meaning } => refused(f, code, message, meaning),
            Self::UnexpectedContent { content_type, length } => {
                write!(f, "{length} bytes of {content_type} in place of a JSON answer")
            }
            Self::Redirected { host: Some(host) } => {
                write!(
                    f,
                    "redirected to {host}, which a signed request never follows: check the address of the open APIs"
                )
            }
            Self::Redirected { host: None } => {
                f.write_str("redirected, which a signed request never follows: check the address of the open APIs")
            }
            Self::Malformed(error) => {
                write!(f, "success in another form than documented: {}", shown(&error.to_string()))
            }
        }
    }
}

impl fmt::Debug for ApiErrorKind {
    /// As its text: words of the gateway may repeat what was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Refused { .. } => "Refused",
            Self::Gateway { .. } => "Gateway",
            Self::UnexpectedContent { .. } => "UnexpectedContent",
            Self::Redirected { .. } => "Redirected",
            Self::Malformed(_) => "Malformed",
        };
        write!(f, "{name}({self})")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: HTTP {}, {}", self.api, self.status.as_u16(), self.kind)?;
        if let Some(key) = self.refused_key() {
            advise(f, key, self.clock_difference)?;
        }
        match &self.request_id {
            Some(id) => {
                write!(f, ", request id ")?;
                id.chars().filter(char::is_ascii_graphic).take(64).try_for_each(|character| write!(f, "{character}"))
            }
            None => Ok(()),
        }
    }
}
