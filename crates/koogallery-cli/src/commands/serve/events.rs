//! What happens, as server-sent events: calls and requests from a place in the logs on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body::Frame;
use koogallery::query::{Plus, raw_pairs};
use koogallery_simulator::{Attempt, Marketplace, OpenApiCall, OpenApiServer};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How often the logs are looked at, which is how late an event may be.
const INTERVAL: Duration = Duration::from_millis(100);

/// A connection that nobody reads any more is found by writing to it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// The numbers of the latest call and request that a page has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub calls: u64,
    pub requests: u64,
}

impl Place {
    /// Reads `calls` and `requests` of a query, or the id of the last event, which counts more; what cannot be read is 0.
    pub fn read(query: Option<&str>, last_event_id: Option<&str>) -> Self {
        if let Some((calls, requests)) = last_event_id.and_then(|id| id.split_once('-'))
            && let (Ok(calls), Ok(requests)) = (calls.parse(), requests.parse())
        {
            return Self { calls, requests };
        }
        let number = |name: &str| {
            let pair = raw_pairs(query.unwrap_or_default()).find(|pair| pair.name == name)?;
            pair.decoded_value(Plus::Space)?.parse().ok()
        };
        Self { calls: number("calls").unwrap_or_default(), requests: number("requests").unwrap_or_default() }
    }
}

/// An entry of a log on the page.
pub fn of_call(attempt: &Attempt) -> Value {
    json!({
        "href": format!("/_marketplace/calls/{}", attempt.sequence),
        "line": format!("{} {attempt}", attempt.at.to_compact_seconds()),
        "wrong": !attempt.outcome.is_final(),
    })
}

/// An entry of a log on the page.
pub fn of_request(call: &OpenApiCall) -> Value {
    let text = call.to_string();
    json!({
        "href": format!("/_marketplace/requests/{}", call.sequence),
        "line": text.lines().next().unwrap_or_default(),
        "wrong": !call.explanation.is_empty() || call.status.is_none(),
    })
}

/// Returns the events after a place, and those that follow, for as long as they are read.
pub fn follow(
    open_api: OpenApiServer,
    marketplace: Option<Marketplace>,
    place: Place,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let begin = (place, VecDeque::from([": follows\n\n".to_owned()]), Instant::now());
    stream::unfold(begin, move |(mut place, mut ready, mut written)| {
        let (open_api, marketplace) = (open_api.clone(), marketplace.clone());
        async move {
            loop {
                if let Some(text) = ready.pop_front() {
                    return Some((Ok(Frame::data(Bytes::from(text))), (place, ready, Instant::now())));
                }
                let calls = marketplace.as_ref().map(|it| it.log_after(place.calls)).unwrap_or_default();
                for attempt in &calls {
                    place.calls = attempt.sequence;
                    ready.push_back(event("call", place, &of_call(attempt)));
                }
                for call in open_api.log_after(place.requests) {
                    place.requests = call.sequence;
                    ready.push_back(event("request", place, &of_request(&call)));
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
    format!("event: {kind}\nid: {}-{}\ndata: {data}\n\n", place.calls, place.requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_has() {
        let place = |calls, requests| Place { calls, requests };
        assert_eq!(Place::read(Some("calls=3&requests=4"), None), place(3, 4));
        assert_eq!(Place::read(Some("calls=3&requests=4"), Some("5-6")), place(5, 6));
        assert_eq!(Place::read(Some("calls=x"), Some("5")), place(0, 0));
        assert_eq!(Place::read(None, None), Place::default());
    }
}
