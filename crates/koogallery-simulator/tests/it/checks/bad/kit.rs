//! Receivers of the Kit with one mistake each.

use std::collections::HashSet;
use std::sync::Mutex;

use futures_util::FutureExt as _;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKey, KeyRing};
use koogallery::protocol::Protocol::{KitV1, KitV2};
use koogallery::signature::{Window, kit_v2};
use koogallery_simulator::Profile::Protocol as Of;
use serde_json::{Value, json};

use super::{Bad, Fields, Handler, after, answer, code_of, is_success, random_id, refusal, refusing_repeats};
use crate::good::{Good, KIT_KEY};

/// Answers this code to right calls of a kind.
fn refusing(good: &Good, code: &'static str, is_meant: fn(&Fields) -> bool) -> Handler {
    after(good, move |fields, response| match is_success(&response) && is_meant(fields) {
        true => refusal(code),
        false => response,
    })
}

/// Takes wrong calls of a kind.
fn taking(good: &Good, is_meant: fn(&Fields) -> bool) -> Handler {
    after(good, move |fields, response| match code_of(&response) == "000002" && is_meant(fields) {
        true => answer(&json!({ "resultCode": "000000", "resultMsg": "" })),
        false => response,
    })
}

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "remembers no nonce",
        profile: Of(KitV2),
        fails: &["X12"],
        has_probe: false,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |mut request| {
                let service = service.clone();
                async move {
                    let ring = KeyRing::new(AccessKey::new(KIT_KEY).unwrap());
                    let (now, body) = (SystemClock.now(), request.body().clone());
                    if kit_v2::verify(&ring, request.headers(), &body, now, Window::default()).is_ok() {
                        for (name, value) in kit_v2::signed_headers(ring.signing_key(), &random_id(), now, &body) {
                            request.headers_mut().insert(name, value.try_into().unwrap());
                        }
                    }
                    service.call(request).await
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "refuses to delete unknown entries",
        profile: Of(KitV2),
        fails: &["I10"],
        has_probe: false,
        handler: |good| refusing_repeats(good, &["tenantId", "orgCode", "userList"], Some(0)),
    },
    Bad {
        mistake: "refuses to delete unknown entries",
        profile: Of(KitV1),
        fails: &["I10"],
        has_probe: false,
        handler: |good| refusing_repeats(good, &["tenantId", "orgCode", "userList"], Some(0)),
    },
    Bad {
        mistake: "requires the ids of instance and order",
        profile: Of(KitV2),
        fails: &["A5"],
        has_probe: false,
        handler: |good| refusing(good, "000002", |fields| !fields.contains_key("instanceId")),
    },
    Bad {
        mistake: "accepts no more than 100 users",
        profile: Of(KitV2),
        fails: &["A12"],
        has_probe: false,
        handler: |good| {
            refusing(good, "000005", |fields| {
                fields.get("userList").and_then(Value::as_array).is_some_and(|users| users.len() > 100)
            })
        },
    },
    Bad {
        mistake: "cannot change departments",
        profile: Of(KitV2),
        fails: &["L1"],
        has_probe: false,
        handler: |good| {
            refusing(good, "000005", |fields| fields.contains_key("orgCode") && fields.get("flag") == Some(&json!(2)))
        },
    },
    Bad {
        mistake: "cannot cancel authorizations",
        profile: Of(KitV2),
        fails: &["L1"],
        has_probe: false,
        handler: |good| refusing(good, "000002", |fields| fields.get("flag") == Some(&json!(3))),
    },
    Bad {
        mistake: "does not check which application users may use",
        profile: Of(KitV2),
        fails: &["L8"],
        has_probe: false,
        handler: |good| taking(good, |fields| fields.contains_key("userList") && !fields.contains_key("appId")),
    },
    Bad {
        mistake: "accepts any client secret",
        profile: Of(KitV2),
        fails: &["L13"],
        has_probe: false,
        handler: |good| taking(good, |fields| fields.contains_key("clientSecret")),
    },
    Bad {
        mistake: "crashes at a client secret that it cannot decrypt",
        profile: Of(KitV2),
        fails: &["L13"],
        has_probe: false,
        handler: |good| {
            after(good, |fields, response| {
                assert!(!fields.contains_key("clientSecret"), "the seller's code panicked");
                response
            })
        },
    },
    Bad {
        mistake: "deletes for known instances only",
        profile: Of(KitV1),
        fails: &["I10"],
        has_probe: false,
        handler: |good| {
            let known = Mutex::new(HashSet::new());
            after(good, move |fields, response| {
                let instance = fields.get("instanceId").map(Value::to_string).unwrap_or_default();
                let mut known = known.lock().unwrap();
                match fields.get("flag") == Some(&json!(0)) && !known.contains(&instance) {
                    true => refusal("000003"),
                    false => {
                        known.insert(instance);
                        response
                    }
                }
            })
        },
    },
    Bad {
        mistake: "expects a list where V1.0 sends a string",
        profile: Of(KitV1),
        fails: &["A5", "A12", "I10", "L1"],
        has_probe: false,
        handler: |good| refusing(good, "000002", |fields| fields.get("userList").is_some_and(Value::is_string)),
    },
];
