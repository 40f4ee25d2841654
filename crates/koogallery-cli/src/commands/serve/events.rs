//! What happens, as server-sent events: calls and requests from a place in the logs on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body::Frame;
use koogallery::query::{Plus, raw_pairs};
use koogallery_simulator::{Attempt, Marketplace, OpenApiCall, OpenApiServer};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::filter::Filter;
use super::lang::Lang;
use super::page::time;

/// How often the logs are looked at, which is how late an event may be.
const INTERVAL: Duration = Duration::from_millis(100);

/// A connection that is no longer read is found by writing to it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// The numbers of the latest call, request and change that a page has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub calls: u64,
    pub requests: u64,
    /// Of what is neither a call nor a request, such as a fault that was switched on.
    pub changes: u64,
}

impl Place {
    /// Reads a query, or the id of the last event, which counts more; what cannot be read is 0.
    pub fn read(query: Option<&str>, last_event_id: Option<&str>) -> Self {
        let numbers = last_event_id.unwrap_or_default().split('-').map(str::parse).collect::<Result<Vec<_>, _>>();
        if let Ok([calls, requests, changes]) = numbers.as_deref() {
            return Self { calls: *calls, requests: *requests, changes: *changes };
        }
        let number = |name: &str| {
            let pair = raw_pairs(query.unwrap_or_default()).find(|pair| pair.name == name)?;
            pair.decoded_value(Plus::Space)?.parse().ok()
        };
        let or_0 = |name| number(name).unwrap_or_default();
        Self { calls: or_0("calls"), requests: or_0("requests"), changes: or_0("changes") }
    }

    /// Begins again where the numbers are those of an earlier server.
    pub fn not_after(self, latest: Self) -> Self {
        let known = |number, latest| if number > latest { 0 } else { number };
        Self {
            calls: known(self.calls, latest.calls),
            requests: known(self.requests, latest.requests),
            changes: known(self.changes, latest.changes),
        }
    }
}

/// Counts what is neither a call nor a request, so that every open page shows it.
#[derive(Clone, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub fn is_wrong_call(attempt: &Attempt) -> bool {
    !attempt.outcome.is_final()
}

pub fn is_wrong_request(call: &OpenApiCall) -> bool {
    !call.explanation.is_empty() || call.status.is_none()
}

/// An entry of a log on the page.
pub fn of_call(lang: Lang, attempt: &Attempt) -> Value {
    json!({
        "href": format!("/_marketplace/calls/{}", attempt.sequence),
        "line": format!("{} {}", time(&attempt.at.to_compact_seconds()), line_of_call(lang, attempt)),
        "wrong": is_wrong_call(attempt),
    })
}

/// Returns a call in one line, without its time.
pub fn line_of_call(lang: Lang, attempt: &Attempt) -> String {
    if lang == Lang::English {
        return attempt.to_string();
    }
    let again = if attempt.number > 1 { format!("，第{}次", attempt.number) } else { String::new() };
    let (outcome, taken) = (attempt.outcome.to_string(), attempt.exchange.duration.as_millis());
    let outcome = lang.say(&outcome);
    format!("{} {}{again}：{outcome}（{taken}毫秒）", attempt.protocol.id(), attempt.activity)
}

pub fn line_of_request(lang: Lang, call: &OpenApiCall) -> String {
    let at = time(&call.at.to_compact_seconds());
    if lang == Lang::English {
        let text = call.to_string();
        let (_, rest) = text.lines().next().unwrap_or_default().split_once(' ').unwrap_or_default();
        return format!("{at} {rest}");
    }
    let about = if call.about.is_empty() { String::new() } else { format!("（{}）", lang.say(&call.about)) };
    let status = call.status.map_or_else(|| "没有响应".to_owned(), |status| format!("HTTP {}", status.as_u16()));
    let code = if call.code.is_empty() { String::new() } else { format!("，{}", call.code) };
    let faults: Vec<_> = call.faults.iter().map(|fault| lang.say(fault)).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("（故障：{}）", faults.join("、")) };
    format!("{at} {}{about}：{status}{code}{faults}", call.request)
}

/// An entry of a log on the page.
pub fn of_request(lang: Lang, call: &OpenApiCall) -> Value {
    json!({
        "href": format!("/_marketplace/requests/{}", call.sequence),
        "line": line_of_request(lang, call),
        "wrong": is_wrong_request(call),
    })
}

/// Where events come from.
#[derive(Clone)]
pub struct Source {
    pub open_api: OpenApiServer,
    pub marketplace: Option<Marketplace>,
    pub changes: Changes,
}

/// Returns the events after a place, and those that follow, for as long as they are read.
pub fn follow(
    source: Source,
    place: Place,
    filter: Filter,
    lang: Lang,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let begin = (place, VecDeque::from([": follows\n\n".to_owned()]), Instant::now());
    stream::unfold(begin, move |(mut place, mut ready, mut written)| {
        let (Source { open_api, marketplace, changes }, filter) = (source.clone(), filter.clone());
        async move {
            loop {
                if let Some(text) = ready.pop_front() {
                    return Some((Ok(Frame::data(Bytes::from(text))), (place, ready, Instant::now())));
                }
                let calls = marketplace.as_ref().map(|it| it.log_after(place.calls)).unwrap_or_default();
                for attempt in &calls {
                    place.calls = attempt.sequence;
                    if filter.takes_call(attempt) {
                        ready.push_back(event("call", place, &of_call(lang, attempt)));
                    }
                }
                for call in open_api.log_after(place.requests) {
                    place.requests = call.sequence;
                    if filter.takes_request(&call) {
                        ready.push_back(event("request", place, &of_request(lang, &call)));
                    }
                }
                if changes.count() > place.changes {
                    place.changes = changes.count();
                    ready.push_back(event("change", place, &json!({})));
                }
                if ready.is_empty() {
                    sleep(INTERVAL).await;
                    if written.elapsed() > SIGN_OF_LIFE {
                        written = Instant::now();
                        ready.push_back(": nothing new\n\n".to_owned());
                    }
                }
            }
        }
    })
}

/// JSON has no line ends outside of texts, and none in them.
fn event(kind: &str, place: Place, data: &Value) -> String {
    let Place { calls, requests, changes } = place;
    format!("event: {kind}\nid: {calls}-{requests}-{changes}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_has() {
        let place = |calls, requests, changes| Place { calls, requests, changes };
        assert_eq!(Place::read(Some("calls=3&requests=4&changes=1"), None), place(3, 4, 1));
        assert_eq!(Place::read(Some("calls=3&requests=4"), Some("5-6-7")), place(5, 6, 7));
        assert_eq!(Place::read(Some("calls=x"), Some("5-6")), place(0, 0, 0));
        assert_eq!(Place::read(None, None), Place::default());
    }
}
