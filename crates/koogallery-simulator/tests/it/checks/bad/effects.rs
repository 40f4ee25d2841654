//! Receivers whose mistake is in what they do.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use futures_util::FutureExt as _;
use http::Method;
use koogallery::callback::CallbackService;
use koogallery::protocol::Protocol::{SaasV1, SaasV2};
use koogallery::signature::Window;
use koogallery_simulator::Profile::Protocol as Of;
use std::time::Duration;

use super::{
    Bad, Fields, HOURS, after, answer, before, code_of, fields, is_proved, is_success, refusal, retelling, signed, text,
};
use serde_json::json;

/// Work that goes on when nobody waits for it, and that nobody remembers.
struct Abandoned {
    service: CallbackService,
    sent: Fields,
    is_done: bool,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        if !self.is_done {
            let line = format!("{}-000009", text(&self.sent, "orderId"));
            self.sent.insert("orderLineId".into(), line.into());
            let (service, request) = (self.service.clone(), signed(&Method::POST, &self.sent));
            tokio::spawn(async move { service.call(request).await });
        }
    }
}

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "creates the instance before it stores the order",
        profile: Of(SaasV2),
        fails: &["I4"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let service = service.clone();
                async move {
                    let sent = fields(&request);
                    let is_purchase = text(&sent, "activity") == "newInstance" && text(&sent, "testFlag") != "1";
                    let is_right = is_purchase && is_proved(&request, Window::default());
                    let mut work = Abandoned { service: service.clone(), sent, is_done: !is_right };
                    if is_right {
                        tokio::time::sleep(Duration::from_millis(4)).await;
                    }
                    let response = service.call(request).await;
                    work.is_done = true;
                    response
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "adds a year with every repeat of a renewal",
        profile: Of(SaasV2),
        fails: &["I8"],
        has_probe: true,
        handler: |good| {
            let renewals = Mutex::new(HashMap::<String, u32>::new());
            before(good, move |request| {
                let mut sent = fields(&request);
                if text(&sent, "activity") != "refreshInstance" || !is_proved(&request, Window::default()) {
                    return Ok(request);
                }
                let mut renewals = renewals.lock().unwrap();
                let repeats = renewals.entry(text(&sent, "orderId").to_owned()).or_default();
                let time = text(&sent, "expireTime");
                let Ok(year) = time.get(..4).unwrap_or_default().parse::<u32>() else { return Ok(request) };
                let time = format!("{}{}", year + *repeats, &time[4..]);
                *repeats += 1;
                sent.insert("expireTime".into(), time.into());
                // The good receiver receives another renewal, or it would answer what it answered at first.
                let order = format!("{}{repeats}", text(&sent, "orderId"));
                sent.insert("orderId".into(), order.into());
                Ok(signed(request.method(), &sent))
            })
        },
    },
    Bad {
        mistake: "treats the check of a change as a release",
        profile: Of(SaasV2),
        fails: &["L3"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |sent| text(sent, "activity") == "changeInstanceCheck",
                |sent| {
                    sent.insert("activity".into(), "releaseInstance".into());
                },
            )
        },
    },
    Bad {
        mistake: "confirms renewals of released instances",
        profile: Of(SaasV2),
        fails: &["L5"],
        has_probe: true,
        handler: |good| {
            let released = Mutex::new(HashSet::new());
            after(good, move |fields, response| {
                let mut released = released.lock().unwrap();
                match text(fields, "activity") {
                    "releaseInstance" if is_success(&response) => {
                        released.insert(text(fields, "instanceId").to_owned());
                        response
                    }
                    "refreshInstance"
                        if code_of(&response) == "000003" && released.contains(text(fields, "instanceId")) =>
                    {
                        answer(&json!({ "resultCode": "000000", "resultMsg": "" }))
                    }
                    _ => response,
                }
            })
        },
    },
    Bad {
        mistake: "releases only frozen instances",
        profile: Of(SaasV2),
        fails: &["L5", "L6"],
        has_probe: true,
        handler: |good| {
            let frozen = Mutex::new(HashSet::new());
            before(good, move |request| {
                let sent = fields(&request);
                let id = text(&sent, "instanceId").to_owned();
                if text(&sent, "testFlag") == "1" || !is_proved(&request, Window::default()) {
                    return Ok(request);
                }
                let mut frozen = frozen.lock().unwrap();
                match text(&sent, "activity") {
                    "updateInstanceStatus" => drop(frozen.insert(id)),
                    "releaseInstance" if !frozen.contains(&id) => return Err(refusal("000003")),
                    _ => {}
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "uses order and product as the idempotency key in every charging mode",
        profile: Of(SaasV1),
        fails: &["I11"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut sent = fields(&request);
                let is_meant = text(&sent, "activity") == "newInstance" && text(&sent, "chargingMode") != "0";
                if !is_meant || text(&sent, "productId") == "OFFI000000000000000001" || !is_proved(&request, HOURS) {
                    return Ok(request);
                }
                let order = format!("{}{}", text(&sent, "orderId"), text(&sent, "productId"));
                sent.insert("orderId".into(), order.into());
                Ok(signed(request.method(), &sent))
            })
        },
    },
    Bad {
        mistake: "treats any testFlag as a test",
        profile: Of(SaasV2),
        fails: &["L11"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |sent| text(sent, "testFlag") == "0",
                |sent| {
                    sent.insert("testFlag".into(), "1".into());
                },
            )
        },
    },
    Bad {
        mistake: "keeps times in a zone with daylight saving",
        profile: Of(SaasV2),
        fails: &["L14"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut sent = fields(&request);
                let missing_hour = text(&sent, "expireTime").strip_prefix("2029032502").map(str::to_owned);
                match missing_hour {
                    Some(rest) if is_proved(&request, Window::default()) => {
                        sent.insert("expireTime".into(), format!("2029032503{rest}").into());
                        Ok(signed(request.method(), &sent))
                    }
                    _ => Ok(request),
                }
            })
        },
    },
];
