//! Receivers that take their time in the wrong way, or have no memory for it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::future::Shared;
use http::{Request, Response};
use koogallery::clock::{Clock as _, ManualClock, SystemClock};
use koogallery::protocol::Protocol::SaasV2;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::Checker;
use koogallery_simulator::Profile::Protocol as Of;
use serde_json::json;

use super::{Bad, Case, Fields, after, edited, fields, is_success, random_id, text};
use crate::good::Good;

const DAY: Duration = Duration::from_secs(86400);
const DEADLINE: Duration = Duration::from_millis(300);
/// A receiver that needs longer than the one never answers within the other.
const SLEEP: Duration = Duration::from_millis(25);
const SHORT: Duration = Duration::from_millis(10);

/// The time of receivers that forget.
static CLOCK: LazyLock<Arc<ManualClock>> = LazyLock::new(|| Arc::new(ManualClock::new(SystemClock.now())));

fn good_in_time() -> Good {
    Good::with(|builder| builder.clock(Arc::clone(&CLOCK)))
}

fn travelling(checker: Checker) -> Checker {
    checker.with_clock(Arc::clone(&CLOCK)).with_time_travel(|by| CLOCK.advance(by))
}

fn is_purchase(fields: &Fields) -> bool {
    text(fields, "activity") == "newInstance" && text(fields, "testFlag") != "1"
}

type Answering = Shared<BoxFuture<'static, (u16, Bytes)>>;

/// The answer to the first of several tries, for all of them.
async fn shared(answering: Answering) -> Response<Bytes> {
    let (status, body) = answering.await;
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

pub fn cases() -> impl Iterator<Item = Case> {
    CASES.into_iter()
}

const CASES: [Case; 7] = [
    Case {
        bad: &Bad {
            mistake: "does the work before it answers",
            profile: Of(SaasV2),
            fails: &["D1"],
            has_probe: true,
            handler: |good| {
                let service = good.service.clone();
                Box::new(move |request| {
                    let service = service.clone();
                    async move {
                        if text(&fields(&request), "activity") == "upgradeInstance" {
                            tokio::time::sleep(DEADLINE).await;
                        }
                        service.call(request).await
                    }
                    .boxed()
                })
            },
        },
        good: Good::of,
        setting: |checker| checker.with_deadline(DEADLINE),
    },
    Case {
        bad: &Bad {
            mistake: "starts over in every attempt that takes too long",
            profile: Of(SaasV2),
            fails: &["D3", "D1"],
            has_probe: true,
            handler: |good| {
                let service = good.service.clone();
                Box::new(move |request| {
                    let service = service.clone();
                    async move {
                        if is_purchase(&fields(&request)) {
                            tokio::time::sleep(SLEEP).await;
                        }
                        service.call(request).await
                    }
                    .boxed()
                })
            },
        },
        good: Good::of,
        setting: |checker| checker.with_deadline(SHORT),
    },
    Case {
        bad: &Bad {
            mistake: "lets every attempt wait for the work of the first",
            profile: Of(SaasV2),
            fails: &["D1"],
            has_probe: true,
            handler: |good| {
                let (service, begun) =
                    (good.service.clone(), Arc::new(Mutex::new(HashMap::<String, Answering>::new())));
                Box::new(move |request: Request<Bytes>| {
                    let (service, begun) = (service.clone(), Arc::clone(&begun));
                    async move {
                        let sent = fields(&request);
                        let order = text(&sent, "orderId").to_owned();
                        let response = service.call(request).await;
                        if !is_purchase(&sent) || !is_success(&response) {
                            return response;
                        }
                        let line = format!("{order} {}", text(&sent, "orderLineId"));
                        let begin = || {
                            let done = (response.status().as_u16(), response.body().clone());
                            let work = tokio::spawn(async move {
                                tokio::time::sleep(SLEEP).await;
                                done
                            });
                            work.map(Result::unwrap).boxed().shared()
                        };
                        let answering = begun.lock().unwrap().entry(line).or_insert_with(begin).clone();
                        shared(answering).await
                    }
                    .boxed()
                })
            },
        },
        good: Good::of,
        setting: |checker| checker.with_deadline(SHORT),
    },
    Case {
        bad: &Bad {
            mistake: "never finishes deferred work",
            profile: Of(SaasV2),
            fails: &[
                "X10", "I1", "I5", "I6", "I8", "I9", "D2", "L1", "L3", "L4", "L5", "L6", "L11", "L18", "Q1", "Q2", "Q3",
            ],
            has_probe: true,
            handler: |good| {
                after(good, |fields, response| {
                    let is_asked = text(fields, "activity") == "queryInstance" && text(fields, "testFlag") != "1";
                    match (is_purchase(fields) || is_asked) && is_success(&response) {
                        true => edited(response, |json| json["resultCode"] = "000004".into()),
                        false => response,
                    }
                })
            },
        },
        good: Good::of,
        setting: |checker| checker.with_ready_timeout(Duration::from_millis(50)),
    },
    Case {
        bad: &Bad {
            mistake: "starts over when a repeat arrives during the work",
            profile: Of(SaasV2),
            fails: &["X10", "I3", "I13"],
            has_probe: false,
            handler: |good| {
                let working = Mutex::new(HashMap::<String, Option<String>>::new());
                after(good, move |fields, response| {
                    let mut working = working.lock().unwrap();
                    if text(fields, "activity") == "queryInstance" {
                        // The invented instances get ready too.
                        let id = text(fields, "instanceId").to_owned();
                        let is_invented = working.values().flatten().any(|known| *known == id);
                        return match is_invented {
                            true => edited(response, |json| {
                                *json =
                                    json!({ "resultCode": "000000", "resultMsg": "", "info": [{ "instanceId": id }] });
                            }),
                            false => response,
                        };
                    }
                    let is_working = is_purchase(fields) && super::code_of(&response) == "000004";
                    let order = text(fields, "orderId").to_owned();
                    if !is_working {
                        return response;
                    }
                    if let std::collections::hash_map::Entry::Vacant(entry) = working.entry(order.clone()) {
                        entry.insert(None);
                        return response;
                    }
                    let other = random_id();
                    working.insert(order, Some(other.clone()));
                    edited(response, |json| json["instanceId"] = other.into())
                })
            },
        },
        good: |profile| Good::slow(profile, Duration::from_millis(150), Duration::from_millis(50)),
        setting: |checker| checker,
    },
    Case {
        bad: &Bad {
            mistake: "forgets orders after a week",
            profile: Of(SaasV2),
            fails: &["I12"],
            has_probe: true,
            handler: |good| {
                let bought = Mutex::new(HashMap::<String, Timestamp>::new());
                after(good, move |fields, response| {
                    if !is_purchase(fields) || !is_success(&response) {
                        return response;
                    }
                    let now = CLOCK.now();
                    let first = *bought.lock().unwrap().entry(text(fields, "orderId").to_owned()).or_insert(now);
                    match now > first.saturating_add(DAY * 7) {
                        true => edited(response, |json| json["instanceId"] = random_id().into()),
                        false => response,
                    }
                })
            },
        },
        good: |_| good_in_time(),
        setting: travelling,
    },
    Case {
        bad: &Bad {
            mistake: "deletes instances frozen for a week",
            profile: Of(SaasV2),
            fails: &["L15"],
            has_probe: true,
            handler: |good| {
                let frozen = Mutex::new(HashMap::<String, Timestamp>::new());
                after(good, move |fields, response| {
                    let (id, now) = (text(fields, "instanceId").to_owned(), CLOCK.now());
                    let mut frozen = frozen.lock().unwrap();
                    if text(fields, "status") == "FREEZE" {
                        frozen.insert(id, now);
                        return response;
                    }
                    match frozen.get(&id).is_some_and(|since| now > since.saturating_add(DAY * 7)) {
                        true => super::refusal("000003"),
                        false => response,
                    }
                })
            },
        },
        good: |_| good_in_time(),
        setting: travelling,
    },
];
