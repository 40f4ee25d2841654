//! Receivers that get wrong who may call.

use super::*;

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "verifies nothing",
        profile: Of(SaasV2),
        fails: &["X1", "X10"],
        has_probe: true,
        handler: |good| judging(good, |_| true),
    },
    Bad {
        mistake: "checks only that there is a signature",
        profile: Of(SaasV2),
        fails: &["X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X12", "X13", "X16", "X19"],
        has_probe: true,
        handler: |good| {
            judging(good, |request| {
                pairs(query_of(request)).iter().any(|(name, value)| name == "signature" && !value.is_empty())
            })
        },
    },
    Bad {
        mistake: "has no time window",
        profile: Of(SaasV2),
        fails: &["X7", "X8"],
        has_probe: true,
        handler: |good| within(good, ANY_TIME),
    },
    Bad {
        mistake: "refuses old calls only, as the sample project does",
        profile: Of(SaasV2),
        fails: &["X8"],
        has_probe: true,
        handler: |good| within(good, Window::new(Duration::from_secs(60), Duration::from_secs(1 << 40))),
    },
    Bad {
        mistake: "remembers no nonce",
        profile: Of(SaasV2),
        fails: &["X10", "X12"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match is_proved(&request, Window::default()) {
                true => Ok(signed_body(request.body().to_vec())),
                false => Ok(request),
            })
        },
    },
    Bad {
        mistake: "recognizes repeats by their URL",
        profile: Of(SaasV2),
        fails: &["X11", "X12"],
        has_probe: true,
        handler: |good| {
            let urls = Mutex::new(HashSet::new());
            before(good, move |request| {
                match (is_proved(&request, Window::default()), urls.lock().unwrap().insert(request.uri().to_string())) {
                    (true, true) => Ok(signed_body(request.body().to_vec())),
                    (true, false) => Err(refusal("000001")),
                    (false, _) => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "verifies the body after serializing it again",
        profile: Of(SaasV2),
        fails: &["A2", "A7", "A15"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let compact = serde_json::from_slice::<Value>(request.body()).map(|json| json.to_string());
                match compact {
                    Ok(compact) if compact.as_bytes() != &request.body()[..] => Err(refusal("000001")),
                    _ => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "compares hex as text, in capitals",
        profile: Of(SaasV2),
        fails: &["A9"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_small = |(name, value): &(String, String)| {
                    name == "signature" && value.bytes().any(|byte| byte.is_ascii_lowercase())
                };
                match pairs(query_of(&request)).iter().any(is_small) {
                    true => Err(refusal("000001")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "compares hex as text",
        profile: Of(SaasV2),
        fails: &["A1"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_capital = |(name, value): &(String, String)| {
                    name == "signature" && value.bytes().any(|byte| byte.is_ascii_uppercase())
                };
                match pairs(query_of(&request)).iter().any(is_capital) {
                    true => Err(refusal("000001")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "uses the last of two duplicate members",
        profile: Of(SaasV2),
        fails: &["X16"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let parsed: Fields = serde_json::from_slice(request.body()).unwrap_or_default();
                let query = query_of(&request);
                let named = |name: &str| {
                    pairs(query)
                        .into_iter()
                        .find(|(found, _)| found == name)
                        .map(|(_, value)| value)
                        .unwrap_or_default()
                };
                let signature = callback_v2::sign(&key(), &named("nonce"), &named("timestamp"), request.body());
                let body = serde_json::to_vec(&parsed).unwrap();
                match named("signature").eq_ignore_ascii_case(&signature)
                    && body.len() < request.body().len()
                    && !request.body().contains(&b' ')
                    && parsed.len() > 3
                    && !parsed.contains_key("remark")
                {
                    true => Ok(signed_body(body)),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "allows clocks to differ by 20 s only",
        profile: Of(SaasV2),
        fails: &["A14"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let window = Window::symmetric(Duration::from_secs(20));
                match is_proved(&request, window) || !is_proved(&request, Window::default()) {
                    true => Ok(request),
                    false => Err(refusal("000002")),
                }
            })
        },
    },
    Bad {
        mistake: "refuses undocumented fields",
        profile: Of(SaasV2),
        fails: &["A4"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let known = [
                    "activity",
                    "orderId",
                    "orderLineId",
                    "businessId",
                    "instanceId",
                    "productId",
                    "scene",
                    "status",
                    "expireTime",
                    "testFlag",
                ];
                match fields(&request).keys().all(|name| known.contains(&&**name))
                    || !is_proved(&request, Window::default())
                {
                    true => Ok(request),
                    false => Err(refusal("000002")),
                }
            })
        },
    },
];
