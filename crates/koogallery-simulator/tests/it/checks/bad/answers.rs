//! Receivers whose answers have one mistake each.

use http::{HeaderValue, StatusCode};
use koogallery::protocol::Protocol::{SaasV1, SaasV2};
use koogallery::timestamp::Timestamp;
use koogallery_simulator::Profile::Protocol as Of;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::time::Duration;

use super::{
    Bad, after, before, code_of, edit_access, edited, infos, is_success, query_of, refusal, seal, sealing, text,
};
use koogallery::cipher::field::EncryptType;

fn edit_usage(json: &mut Value, edit: impl Fn(&mut Value)) {
    infos(json).filter_map(|info| info.get_mut("usageInfo")?.as_array_mut()).flatten().for_each(edit);
}

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "gives usage without its time",
        profile: Of(SaasV2),
        fails: &["Q4"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_usage(json, |usage| drop(usage.as_object_mut().unwrap().remove("statisticalTime")))
                })
            })
        },
    },
    Bad {
        mistake: "adds usage up in binary numbers",
        profile: Of(SaasV2),
        fails: &["Q7"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| edit_usage(json, |usage| usage["usageValue"] = (0.1 + 0.2).into()))
            })
        },
    },
    Bad {
        mistake: "reports more usage than the field holds",
        profile: Of(SaasV1),
        fails: &["Q7"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| edit_usage(json, |usage| usage["usageValue"] = "100000000".into()))
            })
        },
    },
    Bad {
        mistake: "gives usage without its value",
        profile: Of(SaasV1),
        fails: &["Q4"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| edit_usage(json, |usage| usage["usageValue"] = Value::Null))
            })
        },
    },
    Bad {
        mistake: "writes times in China's zone",
        profile: Of(SaasV2),
        fails: &["F16"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_usage(json, |usage| {
                        let time: Timestamp = usage["statisticalTime"].as_str().unwrap().parse().unwrap();
                        let local = time.saturating_add(Duration::from_secs(8 * 3600));
                        usage["statisticalTime"] = local.to_compact_millis().into();
                    })
                })
            })
        },
    },
    Bad {
        mistake: "writes times to the second",
        profile: Of(SaasV2),
        fails: &["F16"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_usage(json, |usage| {
                        let time = usage["statisticalTime"].as_str().unwrap()[..14].to_owned();
                        usage["statisticalTime"] = time.into();
                    })
                })
            })
        },
    },
    Bad {
        mistake: "gives every customer the same simple password",
        profile: Of(SaasV2),
        fails: &["F14"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| edit_access(json, &|access| access["password"] = "12345678".into()))
            })
        },
    },
    Bad {
        mistake: "uses the account's name as the password",
        profile: Of(SaasV1),
        fails: &["F14"],
        has_probe: true,
        handler: |good| sealing(good, |_| seal("administrator", EncryptType::Aes256)),
    },
    Bad {
        mistake: "returns an address without https",
        profile: Of(SaasV2),
        fails: &["F14"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| edit_access(json, &|access| access["adminUrl"] = "app.example.com".into()))
            })
        },
    },
    Bad {
        mistake: "reveals the version of its server",
        profile: Of(SaasV2),
        fails: &["F15"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().insert("server", HeaderValue::from_static("Apache/2.4.49 (Unix)"));
                response
            })
        },
    },
    Bad {
        mistake: "answers with all stored data",
        profile: Of(SaasV2),
        fails: &["F15"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| infos(json).for_each(|info| info["contact"] = "ada@example.com".into()))
            })
        },
    },
    Bad {
        mistake: "gives access data to unauthenticated callers",
        profile: Of(SaasV2),
        fails: &["X17"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match &*code_of(&response) {
                "000001" => edited(response, |json| {
                    json["appInfo"] = json!({ "frontEndUrl": "https://app.example.com" });
                }),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "answers with a purchase's code to a query",
        profile: Of(SaasV2),
        fails: &["Q1", "F7", "L16"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                match text(fields, "activity") == "queryInstance" && code_of(&response) == "000003" {
                    true => refusal("000107"),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "reads + in a token as a space",
        profile: Of(SaasV1),
        fails: &["A11"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let token = query_of(&request).split('&').find_map(|pair| pair.strip_prefix("authToken="));
                let token = percent_decode_str(token.unwrap_or_default()).decode_utf8_lossy().into_owned();
                if token.contains('+') { Err(refusal("000001")) } else { Ok(request) }
            })
        },
    },
    Bad {
        mistake: "forgets an instance when it is asked for the third time",
        profile: Of(SaasV2),
        fails: &["Q2"],
        has_probe: true,
        handler: |good| {
            let asked = std::sync::Mutex::new(std::collections::HashMap::<String, u32>::new());
            after(good, move |fields, response| {
                if text(fields, "activity") != "queryInstance" || !is_success(&response) {
                    return response;
                }
                let mut asked = asked.lock().unwrap();
                let times = asked.entry(text(fields, "instanceId").to_owned()).or_default();
                *times += 1;
                if *times == 3 { refusal("000004") } else { response }
            })
        },
    },
    Bad {
        mistake: "redirects unauthenticated callers to its front page",
        profile: Of(SaasV2),
        fails: &["R5", "F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                if code_of(&response) == "000001" {
                    *response.status_mut() = StatusCode::FOUND;
                    response.headers_mut().insert("location", HeaderValue::from_static("/"));
                }
                response
            })
        },
    },
    Bad {
        mistake: "crashes at a query that is not UTF-8",
        profile: Of(SaasV1),
        fails: &["X16"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let is_text = percent_decode_str(query_of(&request)).decode_utf8().is_ok();
                assert!(is_text, "the seller's code panicked");
                Ok(request)
            })
        },
    },
];
