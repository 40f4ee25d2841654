//! Receivers that do the wrong thing.

use super::*;

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "uses businessId as the instance id",
        profile: Of(SaasV2),
        fails: &["I1"],
        has_probe: false,
        handler: |good| renaming(good, |fields, _| text(fields, "businessId").to_owned()),
    },
    Bad {
        mistake: "creates a new id in every attempt",
        profile: Of(SaasV2),
        fails: &["X10", "I1"],
        has_probe: false,
        handler: |good| renaming(good, |_, _| random_id()),
    },
    Bad {
        mistake: "does not deduplicate concurrent copies",
        profile: Of(SaasV2),
        fails: &["I3"],
        has_probe: false,
        handler: |good| {
            let (service, in_flight) = (good.service.clone(), Arc::new(Mutex::new(HashSet::new())));
            Box::new(move |request| {
                let (service, in_flight) = (service.clone(), Arc::clone(&in_flight));
                async move {
                    let sent = fields(&request);
                    let order = text(&sent, "orderId").to_owned();
                    let (is_first, _flight) = Flight::begin(in_flight, order);
                    tokio::task::yield_now().await;
                    let response = service.call(request).await;
                    match text(&sent, "activity") == "newInstance" && !is_first && is_success(&response) {
                        true => edited(response, |json| json["instanceId"] = random_id().into()),
                        false => response,
                    }
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "uses the order alone as the idempotency key",
        profile: Of(SaasV2),
        fails: &["I6"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |sent| text(sent, "orderLineId").ends_with("-000002"),
                |sent| {
                    sent.insert("orderLineId".into(), format!("{}-000001", text(sent, "orderId")).into());
                },
            )
        },
    },
    Bad {
        mistake: "remembers failures",
        profile: Of(SaasV2),
        fails: &["I5"],
        has_probe: true,
        handler: |good| {
            let failed = Mutex::new(HashSet::new());
            before(good, move |request| {
                let sent = fields(&request);
                let order = text(&sent, "orderId").to_owned();
                if text(&sent, "activity") != "newInstance"
                    || order.is_empty()
                    || !is_proved(&request, Window::default())
                {
                    return Ok(request);
                }
                let mut failed = failed.lock().unwrap();
                if !sent.contains_key("businessId") {
                    failed.insert(order.clone());
                }
                if failed.contains(&order) { Err(refusal("000002")) } else { Ok(request) }
            })
        },
    },
    Bad {
        mistake: "ignores renewals",
        profile: Of(SaasV2),
        fails: &["L4", "L15"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let service = service.clone();
                async move {
                    let sent = fields(&request);
                    if text(&sent, "activity") != "refreshInstance" || !is_proved(&request, Window::default()) {
                        return service.call(request).await;
                    }
                    let mut query = Fields::new();
                    query.insert("activity".into(), "queryInstance".into());
                    for name in ["instanceId", "testFlag"] {
                        query.extend(sent.get(name).map(|value| (name.to_owned(), value.clone())));
                    }
                    let known = service.call(signed(&Method::POST, &query)).await;
                    refusal(&code_of(&known))
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "adds a year instead of setting the expiry",
        profile: Of(SaasV2),
        fails: &["L4", "L15"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut sent = fields(&request);
                let year: Result<u32, _> = text(&sent, "expireTime").get(..4).unwrap_or_default().parse();
                if let (Ok(year), true) = (year, is_proved(&request, Window::default())) {
                    let later = format!("{}{}", year + 1, &text(&sent, "expireTime")[4..]).replace("0229", "0228");
                    sent.insert("expireTime".into(), later.into());
                    return Ok(signed(request.method(), &sent));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "releases once only",
        profile: Of(SaasV2),
        fails: &["I9"],
        has_probe: true,
        handler: |good| {
            let released = Mutex::new(HashSet::new());
            before(good, move |request| {
                let sent = fields(&request);
                let id = text(&sent, "instanceId").to_owned();
                let is_release = text(&sent, "activity") == "releaseInstance" && text(&sent, "testFlag") != "1";
                match is_release && is_proved(&request, Window::default()) && !released.lock().unwrap().insert(id) {
                    true => Err(refusal("000003")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "swallows errors about instances",
        profile: Of(SaasV2),
        fails: &["L2", "L5"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match &*code_of(&response) {
                "000003" => refusal("000000"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "reads a list of instances as one",
        profile: Of(SaasV2),
        fails: &["Q1"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut sent = fields(&request);
                if let (Some((first, _)), true) =
                    (text(&sent, "instanceId").split_once(','), is_proved(&request, Window::default()))
                {
                    let first = first.to_owned();
                    sent.insert("instanceId".into(), first.into());
                    return Ok(signed(request.method(), &sent));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "treats tests as real calls",
        profile: Of(SaasV2),
        fails: &["L10"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |sent| text(sent, "testFlag") == "1",
                |sent| {
                    sent.remove("testFlag");
                },
            )
        },
    },
    Bad {
        mistake: "crashes at an unknown activity",
        profile: Of(SaasV2),
        fails: &["L7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_unknown =
                    text(&fields(&request), "activity") == "makeCoffee" && is_proved(&request, Window::default());
                assert!(!is_unknown, "the seller's code panicked");
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "does not check mandatory fields",
        profile: Of(SaasV2),
        fails: &["L8"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                let lacks = text(fields, "activity") == "newInstance"
                    && fields.contains_key("businessId")
                    && !fields.contains_key("orderLineId");
                match lacks && code_of(&response) == "000002" {
                    true => answer(&json!({ "resultCode": "000000", "resultMsg": "", "instanceId": "i" })),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "requires one spelling of the content type",
        profile: Of(SaasV2),
        fails: &["A13"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                match request.headers().get("content-type").is_none_or(|kind| kind == "application/json;charset=utf8") {
                    true => Ok(request),
                    false => Err(refusal("000002")),
                }
            })
        },
    },
    Bad {
        mistake: "accepts every method",
        profile: Of(SaasV2),
        fails: &["R4"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |mut request| {
                if *request.method() == Method::PUT {
                    *request.method_mut() = Method::POST;
                }
                let service = service.clone();
                async move { service.call(request).await }.boxed()
            })
        },
    },
    Bad {
        mistake: "has no room for ids of more than 40 characters",
        profile: Of(SaasV2),
        fails: &["A12"],
        has_probe: true,
        handler: |good| {
            refusing(good, "000005", |sent| {
                ["orderId", "orderLineId"].iter().any(|name| (41..=64).contains(&text(sent, name).len()))
            })
        },
    },
    Bad {
        mistake: "forgets an order after five attempts",
        profile: Of(SaasV2),
        fails: &["I2", "I3"],
        has_probe: false,
        handler: |good| {
            let tries = Mutex::new(HashMap::<String, u32>::new());
            renaming(good, move |fields, id| {
                let mut tries = tries.lock().unwrap();
                let tries = tries.entry(text(fields, "orderId").to_owned()).or_default();
                *tries += 1;
                if *tries > 5 { format!("{id}-again") } else { id.to_owned() }
            })
        },
    },
    Bad {
        mistake: "cannot freeze",
        profile: Of(SaasV2),
        fails: &["X10", "I9", "L1", "L2", "L10"],
        has_probe: true,
        handler: |good| refusing(good, "000005", |sent| text(sent, "status") == "FREEZE"),
    },
    Bad {
        mistake: "confirms freezes without an effect",
        profile: Of(SaasV2),
        fails: &["L1"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |sent| text(sent, "status") == "FREEZE",
                |sent| {
                    sent.insert("status".into(), "UNFREEZE".into());
                },
            )
        },
    },
    Bad {
        mistake: "fails at a list of instances",
        profile: Of(SaasV2),
        fails: &["Q1"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| match text(fields, "instanceId").contains(',') && is_success(&response) {
                true => refusal("000005"),
                false => response,
            })
        },
    },
    Bad {
        mistake: "requires a timestamp in milliseconds",
        profile: Of(SaasV2),
        fails: &["A10"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_short = |(name, value): &(String, String)| name == "timestamp" && value.len() == 10;
                match pairs(query_of(&request)).iter().any(is_short) {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
];

/// An order that is worked on, also if the caller hangs up.
struct Flight(Arc<Mutex<HashSet<String>>>, String);

impl Flight {
    fn begin(in_flight: Arc<Mutex<HashSet<String>>>, order: String) -> (bool, Self) {
        let is_first = in_flight.lock().unwrap().insert(order.clone());
        (is_first, Self(in_flight, order))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}
