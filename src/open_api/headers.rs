//! Headers of an answer: its time, and when to retry.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

use crate::timestamp::Timestamp;

/// Earliest time of a retry, as an answer gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "HTTP has these two")]
pub enum RetryAfter {
    /// So long after the answer.
    In(Duration),
    /// At this time, by the gateway's clock, which the answer does not tell.
    At(Timestamp),
}

/// The gateway's clock when it answered, cut to the second.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(text(headers, DATE)?)
}

/// `Retry-After` in both its forms (RFC 9110, 10.2.3). A date is that of the gateway's clock, so it is taken relative
/// to the answer's own `Date` where there is one.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = text(headers, RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are a long time.
        return Some(RetryAfter::In(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
    }
    let at = http_date(text)?;
    Some(date(headers).map_or(RetryAfter::At(at), |now| RetryAfter::In(until(at, now))))
}

/// Returns the time until `at`; zero if that is past.
pub(super) fn until(at: Timestamp, now: Timestamp) -> Duration {
    if at > now { at.abs_diff(now) } else { Duration::ZERO }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Any of the three forms of a date in HTTP (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let since_epoch = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).ok()?))
}
