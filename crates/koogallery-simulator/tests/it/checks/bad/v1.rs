//! Receivers of V1.0 calls with mistakes of their own.

use super::*;

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "signs successful answers only",
        profile: Of(SaasV1),
        fails: &["F3"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                if !is_success(&response) {
                    response.headers_mut().remove("body-sign");
                }
                response
            })
        },
    },
    Bad {
        mistake: "writes Body-Sign without quotes",
        profile: Of(SaasV1),
        fails: &["F5"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                let sign = response.headers()["body-sign"].to_str().unwrap().replace('"', "");
                response.headers_mut().insert("body-sign", sign.try_into().unwrap());
                response
            })
        },
    },
    Bad {
        mistake: "sends a newline after signing",
        profile: Of(SaasV1),
        fails: &["F6"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                *response.body_mut() = [&response.body()[..], b"\n"].concat().into();
                response
            })
        },
    },
    Bad {
        mistake: "encrypts with AES-128 and says AES-256",
        profile: Of(SaasV1),
        fails: &["F11"],
        has_probe: true,
        handler: |good| sealing(good, |text| seal(text, EncryptType::Aes128)),
    },
    Bad {
        mistake: "writes encryptType as a number",
        profile: Of(SaasV1),
        fails: &["F11"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    if json.get("encryptType").is_some() {
                        json["encryptType"] = 1.into();
                    }
                })
            })
        },
    },
    Bad {
        mistake: "sends the IV alone",
        profile: Of(SaasV1),
        fails: &["F12"],
        has_probe: true,
        handler: |good| sealing(good, |text| seal(text, EncryptType::Aes256)[..16].to_owned()),
    },
    Bad {
        mistake: "drops the last block of the ciphertext",
        profile: Of(SaasV1),
        fails: &["F12"],
        has_probe: true,
        handler: |good| {
            sealing(good, |text| seal(&format!("{text}, and so on and on"), EncryptType::Aes256)[..16 + 24].to_owned())
        },
    },
    Bad {
        mistake: "sends account and password in plain text",
        profile: Of(SaasV1),
        fails: &["F12"],
        has_probe: true,
        handler: |good| sealing(good, str::to_owned),
    },
    Bad {
        mistake: "encrypts under one IV",
        profile: Of(SaasV1),
        fails: &["F13"],
        has_probe: true,
        handler: |good| {
            sealing(good, |text| {
                FieldCipher::new(&key(), EncryptType::Aes256)
                    .encrypt_with_iv(text, "A1b2C3d4E5f6G7h8")
                    .unwrap()
                    .as_str()
                    .to_owned()
            })
        },
    },
    Bad {
        mistake: "signs the first of two values, as the sample does",
        profile: Of(SaasV1),
        fails: &["X5"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                Ok(misread(request, |query| {
                    let mut seen = HashSet::new();
                    let first = query
                        .split('&')
                        .filter(|pair| seen.insert(pair.split('=').next().unwrap_or_default().to_owned()));
                    first.take(200).collect::<Vec<_>>().join("&")
                }))
            })
        },
    },
    Bad {
        mistake: "reads + as a plus sign",
        profile: Of(SaasV1),
        fails: &["A3"],
        has_probe: true,
        handler: |good| before(good, |request| Ok(misread(request, |query| query.replace('+', "%2B")))),
    },
    Bad {
        mistake: "tries a second decoding",
        profile: Of(SaasV1),
        fails: &["X14"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match is_proved(&request, HOURS) {
                true => Ok(request),
                false => Ok(misread(request, |query| query.replace("%25", "%"))),
            })
        },
    },
    Bad {
        mistake: "leaves empty values out of the signed content",
        profile: Of(SaasV1),
        fails: &["A6", "L7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                Ok(misread(request, |query| {
                    query.split('&').filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("&")
                }))
            })
        },
    },
    Bad {
        mistake: "has no limit on the age of calls",
        profile: Of(SaasV1),
        fails: &["X7", "X8"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut sent = fields(&request);
                let is_apart = is_proved(&request, ANY_TIME) && !is_proved(&request, HOURS);
                if is_apart {
                    sent.insert("timeStamp".into(), SystemClock.now().to_compact_millis().into());
                    return Ok(signed(request.method(), &sent));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "uses the order alone as the idempotency key of pay-per-use",
        profile: Of(SaasV1),
        fails: &["I7"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let mut sent = fields(&request);
                if text(&sent, "chargingMode") == "0" && is_proved(&request, HOURS) {
                    sent.insert("productId".into(), "OFFI".into());
                    return Ok(signed(request.method(), &sent));
                }
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "crashes without a token",
        profile: Of(SaasV1),
        fails: &["X1"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                assert!(query_of(&request).contains("authToken="), "the seller's code panicked");
                Ok(request)
            })
        },
    },
    Bad {
        mistake: "refuses orders without a specification",
        profile: Of(SaasV1),
        fails: &["A5"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let sent = fields(&request);
                match text(&sent, "activity") == "newInstance"
                    && !sent.contains_key("skuCode")
                    && is_proved(&request, HOURS)
                {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "accepts yearly and monthly purchases only",
        profile: Of(SaasV1),
        fails: &["A5", "L17"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let sent = fields(&request);
                match text(&sent, "activity") == "newInstance"
                    && text(&sent, "chargingMode") != "1"
                    && is_proved(&request, HOURS)
                {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "sells by the year only",
        profile: Of(SaasV1),
        fails: &["A16", "L9"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                match text(&fields(&request), "periodType") == "month" && is_proved(&request, HOURS) {
                    true => Err(refusal("000002")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "does not support pay-per-use packages",
        profile: Of(SaasV1),
        fails: &["L17"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match text(&fields(&request), "chargingMode") == "5" && is_proved(&request, HOURS) {
                true => Err(refusal("000002")),
                false => Ok(request),
            })
        },
    },
    Bad {
        mistake: "cannot decrypt a phone number",
        profile: Of(SaasV1),
        fails: &["L13"],
        has_probe: true,
        handler: |good| {
            before(good, |request| match fields(&request).contains_key("mobilePhone") && is_proved(&request, HOURS) {
                true => Err(refusal("000005")),
                false => Ok(request),
            })
        },
    },
    Bad {
        mistake: "cannot read extension parameters",
        profile: Of(SaasV1),
        fails: &["L12"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                match fields(&request).contains_key("saasExtendParams") && is_proved(&request, HOURS) {
                    true => Err(refusal("000005")),
                    false => Ok(request),
                }
            })
        },
    },
    Bad {
        mistake: "serializes its JSON again after signing",
        profile: Of(SaasV1),
        fails: &["F6"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                let spaced = str::from_utf8(response.body()).unwrap().replace("\":", "\": ");
                *response.body_mut() = spaced.into();
                response
            })
        },
    },
];
