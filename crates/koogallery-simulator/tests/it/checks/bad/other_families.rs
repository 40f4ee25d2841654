//! Receivers of Licenses and order notices.

use super::*;

pub const FAMILY: &[Bad] = &[
    Bad {
        mistake: "refuses a second notice",
        profile: Of(OrderNotify),
        fails: &["I9"],
        has_probe: false,
        handler: |good| refusing_repeats(good, &["orderId"], None),
    },
    Bad {
        mistake: "refuses a second call about a code",
        profile: Of(LicenseCode),
        fails: &["I9"],
        has_probe: false,
        handler: |good| refusing_repeats(good, &["license"], None),
    },
    Bad {
        mistake: "signs no answer",
        profile: Of(LicenseV1),
        fails: &["F3"],
        has_probe: true,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().remove("body-sign");
                response
            })
        },
    },
    Bad {
        mistake: "swallows errors about instances",
        profile: Of(LicenseOnline),
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
        mistake: "refuses to issue a License again",
        profile: Of(LicenseOnline),
        fails: &["L1"],
        has_probe: true,
        handler: |good| refusing_repeats(good, &["eventId"], None),
    },
    Bad {
        mistake: "issues Licenses for unknown instances",
        profile: Of(LicenseOnline),
        fails: &["L2"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| match (text(fields, "activity"), &*code_of(&response)) {
                ("getLicenseAsync", "000003") => refusal("000004"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "issues Licenses without an application's id",
        profile: Of(LicenseOnline),
        fails: &["L8"],
        has_probe: true,
        handler: |good| {
            after(good, |fields, response| {
                let is_meant = text(fields, "activity") == "getLicenseAsync" && !fields.contains_key("eventId");
                match is_meant && code_of(&response) == "000002" {
                    true => refusal("000000"),
                    false => response,
                }
            })
        },
    },
    Bad {
        mistake: "uses businessId as the instance id",
        profile: Of(LicenseOnline),
        fails: &["I1"],
        has_probe: false,
        handler: |good| renaming(good, |fields, _| text(fields, "businessId").to_owned()),
    },
];
