//! Receivers whose answers break the form.

use super::*;

/// The answer in other bytes.
fn in_bytes(mut response: Response<Bytes>, write: impl Fn(&str) -> Bytes) -> Response<Bytes> {
    *response.body_mut() = write(std::str::from_utf8(response.body()).unwrap());
    response
}

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "answers errors with HTTP 500",
        profile: Of(SaasV2),
        fails: &[
            "X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X12", "X13", "X16", "X19", "L2", "L5", "L7", "L8",
            "L18", "Q1", "F1",
        ],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                if !is_success(&response) {
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
                response
            })
        },
    },
    Bad {
        mistake: "answers the code as a number",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                let code: u32 = code_of(&response).parse().unwrap();
                edited(response, |json| json["resultCode"] = code.into())
            })
        },
    },
    Bad {
        mistake: "leaves resultMsg out",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| edited(response, |json| drop(json.as_object_mut().unwrap().remove("resultMsg"))))
        },
    },
    Bad {
        mistake: "answers an error page",
        profile: Of(SaasV2),
        fails: &["F1", "F2"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match is_success(&response) {
                true => response,
                false => {
                    let mut page = Response::new(Bytes::from_static(b"<h1>error</h1>"));
                    page.headers_mut().insert("content-type", HeaderValue::from_static("text/html"));
                    page
                }
            })
        },
    },
    Bad {
        mistake: "answers as text/html",
        profile: Of(SaasV2),
        fails: &["F2"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().insert("content-type", HeaderValue::from_static("text/html;charset=utf-8"));
                response
            })
        },
    },
    Bad {
        mistake: "writes seven digits, as one document does",
        profile: Of(SaasV2),
        fails: &["F7"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                match text(fields, "activity") == "newInstance"
                    && is_success(&response)
                    && text(fields, "testFlag") != "1"
                {
                    true => edited(response, |json| json["resultCode"] = "0000004".into()),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "uses codes of its own",
        profile: Of(SaasV2),
        fails: &["L2", "L5", "Q1", "F7", "L16"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match &*code_of(&response) {
                "000003" => edited(response, |json| json["resultCode"] = "404040".into()),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "leaves frontEndUrl out",
        profile: Of(SaasV2),
        fails: &["F8"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_access(json, &|access| drop(access.as_object_mut().unwrap().remove("frontEndUrl")))
                })
            })
        },
    },
    Bad {
        mistake: "answers an address that is too long",
        profile: Of(SaasV2),
        fails: &["F9"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                edited(response, |json| {
                    edit_access(json, &|access| access["adminUrl"] = format!("https://{:x<505}", "").into())
                })
            })
        },
    },
    Bad {
        mistake: "writes memo in UTF-8",
        profile: Of(SaasV2),
        fails: &["F10"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                let json: Value = serde_json::from_slice(response.body()).unwrap();
                with_body(response, json.to_string())
            })
        },
    },
    Bad {
        mistake: "compresses for callers that accept it",
        profile: Of(SaasV2),
        fails: &["R8"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let (service, unpacks) = (service.clone(), request.headers().contains_key("accept-encoding"));
                async move {
                    let mut response = service.call(request).await;
                    if unpacks {
                        response.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
                    }
                    response
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "is behind an allow-list",
        profile: Of(SaasV2),
        fails: &["R9", "A1", "F1", "F2"],
        has_probe: true,
        handler: |good| {
            before(good, |_| Err(Response::builder().status(403).body(Bytes::from_static(b"Forbidden")).unwrap()))
        },
    },
    Bad {
        mistake: "begins answers with a byte order mark",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| after(good, |_, response| in_bytes(response, |text| ["\u{feff}", text].concat().into())),
    },
    Bad {
        mistake: "answers in UTF-16",
        profile: Of(SaasV2),
        fails: &["F1"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| {
                in_bytes(response, |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().into())
            })
        },
    },
    Bad {
        mistake: "puts its key into error texts",
        profile: Of(SaasV2),
        fails: &["X17"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match is_success(&response) {
                true => response,
                false => edited(response, |json| json["resultMsg"] = format!("not signed with {KEY}").into()),
            })
        },
    },
    Bad {
        mistake: "puts the valid signature into error texts",
        profile: Of(SaasV2),
        fails: &["X17"],
        has_probe: true,
        handler: |good| {
            before(good, |request| {
                let named = |name: &str| {
                    pairs(query_of(&request)).into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
                };
                let (Some(nonce), Some(time), Some(sent)) = (named("nonce"), named("timestamp"), named("signature"))
                else {
                    return Ok(request);
                };
                let right = callback_v2::sign(&key(), &nonce, &time, request.body());
                match sent.eq_ignore_ascii_case(&right) || is_proved(&request, ANY_TIME) {
                    true => Ok(request),
                    false => Err(answer(&json!({ "resultCode": "000001", "resultMsg": format!("expected {right}") }))),
                }
            })
        },
    },
];
