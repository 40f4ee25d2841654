//! Receivers that the console's debugging page does not let through.

use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode};
use koogallery_simulator::Checker;
use koogallery_simulator::Profile::Console;
use std::time::Duration;

use super::{Bad, Case, after, before, edit_access, edited, fields, refusal, text};
use crate::good::Good;

const DEADLINE: Duration = Duration::from_millis(300);

pub fn cases() -> impl Iterator<Item = Case> {
    let setting = |checker: Checker| checker.with_deadline(DEADLINE);
    FAMILY.iter().map(move |bad| Case { bad, good: Good::of, setting })
}

const FAMILY: [Bad; 8] = [
    Bad {
        mistake: "crashes at a renewal",
        profile: Console,
        fails: &["C11"],
        has_probe: false,
        handler: |good| {
            before(good, |request| {
                assert!(text(&fields(&request), "activity") != "refreshInstance", "the seller's code panicked");
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "does the work of a release before it answers",
        profile: Console,
        fails: &["C12"],
        has_probe: false,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let service = service.clone();
                async move {
                    if text(&fields(&request), "activity") == "releaseInstance" {
                        tokio::time::sleep(DEADLINE * 2).await;
                    }
                    service.call(request).await
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "answers a purchase with HTTP 201",
        profile: Console,
        fails: &["C13"],
        has_probe: false,
        handler: |good| {
            after(good, |fields, mut response| {
                if text(fields, "activity") == "newInstance" {
                    *response.status_mut() = StatusCode::CREATED;
                }
                response
            })
        },
    },
    Bad {
        mistake: "answers as text/plain",
        profile: Console,
        fails: &["C10"],
        has_probe: false,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
                response
            })
        },
    },
    Bad {
        mistake: "leaves resultMsg out",
        profile: Console,
        fails: &["C9"],
        has_probe: false,
        handler: |good| {
            after(good, |_, response| edited(response, |json| drop(json.as_object_mut().unwrap().remove("resultMsg"))))
        },
    },
    Bad {
        mistake: "looks up the instance of a test",
        profile: Console,
        fails: &["C6"],
        has_probe: false,
        handler: |good| {
            after(good, |fields, response| match text(fields, "activity") {
                "newInstance" => response,
                _ => refusal("000003"),
            })
        },
    },
    Bad {
        mistake: "returns no instance id to a test",
        profile: Console,
        fails: &["C7"],
        has_probe: false,
        handler: |good| {
            after(good, |fields, response| match text(fields, "activity") {
                "newInstance" => refusal("000000"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "answers an address that is too long",
        profile: Console,
        fails: &["C8"],
        has_probe: false,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_access(json, &|access| {
                        access["frontEndUrl"] = format!("https://app.example.com/{}", "x".repeat(512)).into();
                    });
                })
            })
        },
    },
];
