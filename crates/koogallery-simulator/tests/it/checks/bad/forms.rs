//! Receivers that do not take what the documents say, or take what they do not say; and those that the debugging page of
//! V1.0, of Licenses or of other ways of charging does not let through.

use koogallery::protocol::Protocol::{KitV1, KitV2};
use koogallery_simulator::Charging;
use koogallery_simulator::Profile::{Console, ConsoleLicense, ConsoleV1};

use super::*;

pub fn cases() -> impl Iterator<Item = Case> {
    let rows = |family: &'static [Bad], setting: fn(Checker) -> Checker| {
        family.iter().map(move |bad| Case { bad, good: Good::of, setting })
    };
    rows(FAMILY, |checker| checker)
        .chain(rows(BY_USAGE, |checker| checker.with_charging([Charging::OnDemand])))
        .chain(rows(BY_PACKAGE, |checker| checker.with_charging([Charging::Package])))
}

/// Does not understand calls of a kind.
fn not_taking(good: &Good, is_meant: fn(&Fields) -> bool) -> Handler {
    after(good, move |fields, response| match is_success(&response) && is_meant(fields) {
        true => refusal("000002"),
        false => response,
    })
}

/// Takes calls of a kind for granted.
fn granting(good: &Good, is_meant: fn(&Fields) -> bool) -> Handler {
    after(good, move |fields, response| match code_of(&response) == "000002" && is_meant(fields) {
        true => refusal("000000"),
        false => response,
    })
}

fn holds(fields: &Fields, name: &str, part: &str) -> bool {
    fields.get(name).is_some_and(|value| value.to_string().contains(part))
}

/// Adds usage to the answer to a query.
fn measuring(good: &Good, usage: fn() -> Value) -> Handler {
    after(good, move |_, response| {
        edited(response, |json| infos(json).for_each(|info| info["usageInfo"] = json!([usage()])))
    })
}

/// Returns whether names have another order where capitals stand beside their small letters.
fn sorts_otherwise(fields: &Fields) -> bool {
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort_unstable();
    !names.is_sorted_by_key(|name| name.to_lowercase())
}

const FAMILY: &[Bad] = &[
    Bad {
        mistake: "sorts names regardless of letter case",
        profile: Of(SaasV2),
        fails: &["A8"],
        has_probe: true,
        handler: |good| refusing(good, "000001", sorts_otherwise),
    },
    Bad {
        mistake: "sorts names regardless of letter case",
        profile: Of(SaasV1),
        fails: &["A8"],
        has_probe: true,
        handler: |good| refusing(good, "000001", sorts_otherwise),
    },
    Bad {
        mistake: "does not know what a cancelled renewal is",
        profile: Of(SaasV2),
        fails: &["A16"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| text(sent, "scene") == "UNSUBSCRIBE_RENEWAL_PERIOD"),
    },
    Bad {
        mistake: "reads times of 14 digits only",
        profile: Of(SaasV2),
        fails: &["A16"],
        has_probe: true,
        handler: |good| not_taking(good, |sent| text(sent, "expireTime").len() == 17),
    },
    Bad {
        mistake: "takes testFlag 0 for a mistake",
        profile: Of(SaasV2),
        fails: &["A16", "L11"],
        has_probe: true,
        handler: |good| not_taking(good, |sent| text(sent, "testFlag") == "0"),
    },
    Bad {
        mistake: "takes any status for a freeze",
        profile: Of(SaasV2),
        fails: &["L18"],
        has_probe: true,
        handler: |good| {
            retelling(
                good,
                |sent| sent.contains_key("status") && !matches!(text(sent, "status"), "FREEZE" | "UNFREEZE"),
                |sent| drop(sent.insert("status".into(), "FREEZE".into())),
            )
        },
    },
    Bad {
        mistake: "cannot read an amount below zero",
        profile: Of(SaasV1),
        fails: &["A16"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| text(sent, "orderAmount").starts_with('-')),
    },
    Bad {
        mistake: "cannot read the number of months",
        profile: Of(SaasV1),
        fails: &["A16"],
        has_probe: true,
        handler: |good| not_taking(good, |sent| text(sent, "periodNumber").len() > 1),
    },
    Bad {
        mistake: "sells no trials",
        profile: Of(SaasV1),
        fails: &["A16"],
        has_probe: true,
        handler: |good| not_taking(good, |sent| text(sent, "trialFlag") == "1"),
    },
    Bad {
        mistake: "takes any status",
        profile: Of(SaasV1),
        fails: &["L18"],
        has_probe: true,
        handler: |good| granting(good, |sent| sent.contains_key("instanceStatus")),
    },
    Bad {
        mistake: "writes Chinese into every resultMsg",
        profile: Of(SaasV1),
        fails: &["F9"],
        has_probe: true,
        handler: |good| after(good, |_, response| edited(response, |json| json["resultMsg"] = "成功".into())),
    },
    Bad {
        mistake: "writes Chinese into the resultMsg of refusals",
        profile: Of(SaasV1),
        fails: &["F9"],
        has_probe: true,
        handler: |good| {
            after(good, |_, response| match is_success(&response) {
                true => response,
                false => edited(response, |json| json["resultMsg"] = "失败".into()),
            })
        },
    },
    Bad {
        mistake: "issues no Licenses for devices",
        profile: Of(LicenseOnline),
        fails: &["A16"],
        has_probe: true,
        handler: |good| not_taking(good, |sent| sent.contains_key("deviceFingerprint")),
    },
    Bad {
        mistake: "does not know what a cancelled renewal is",
        profile: Of(LicenseCode),
        fails: &["A16"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| text(sent, "scene") == "UNSUBSCRIBE_RENEWAL_PERIOD"),
    },
    Bad {
        mistake: "takes any status",
        profile: Of(LicenseCode),
        fails: &["L18"],
        has_probe: false,
        handler: |good| granting(good, |sent| sent.contains_key("status")),
    },
    Bad {
        mistake: "cannot read extension parameters",
        profile: Of(LicenseV1),
        fails: &["A16"],
        has_probe: true,
        handler: |good| not_taking(good, |sent| sent.contains_key("saasExtendParams")),
    },
    Bad {
        mistake: "looks up the order of a test",
        profile: Of(OrderNotify),
        fails: &["A16"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| text(sent, "testFlag") == "1"),
    },
    Bad {
        mistake: "cannot read interns",
        profile: Of(KitV1),
        fails: &["A16"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| holds(sent, "userList", r#"\"employeeType\":\"2\""#)),
    },
    Bad {
        mistake: "cannot read a disabled user",
        profile: Of(KitV2),
        fails: &["A16"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| holds(sent, "userList", r#""enable":"false""#)),
    },
    Bad {
        mistake: "takes any flag",
        profile: Of(KitV2),
        fails: &["L18"],
        has_probe: false,
        handler: |good| granting(good, |sent| sent.get("flag").is_some_and(|flag| *flag == 9)),
    },
    Bad {
        mistake: "looks up the instance of a test of an upgrade",
        profile: Console,
        fails: &["C6"],
        has_probe: false,
        handler: |good| {
            after(good, |sent, response| match text(sent, "activity") {
                "upgradeInstance" => refusal("000003"),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "sends usage without its time",
        profile: Console,
        fails: &["C7"],
        has_probe: false,
        handler: |good| measuring(good, || json!({ "usageValue": 1 })),
    },
    Bad {
        mistake: "describes no instance in a test",
        profile: Console,
        fails: &["C7"],
        has_probe: false,
        handler: |good| {
            after(good, |sent, response| match text(sent, "activity") {
                "queryInstance" => edited(response, |json| json["info"] = json!([])),
                _ => response,
            })
        },
    },
    Bad {
        mistake: "answers an address of usage details that is too long",
        profile: Console,
        fails: &["C8"],
        has_probe: false,
        handler: |good| {
            measuring(good, || {
                let time = SystemClock.now().to_compact_millis();
                json!({ "usageValue": 1, "statisticalTime": time, "dashboardUrl": "x".repeat(513) })
            })
        },
    },
    Bad {
        mistake: "signs no answer",
        profile: ConsoleV1,
        fails: &["C1"],
        has_probe: false,
        handler: |good| {
            after(good, |_, mut response| {
                response.headers_mut().remove("body-sign");
                response
            })
        },
    },
    Bad {
        mistake: "writes Body-Sign without quotes",
        profile: ConsoleV1,
        fails: &["C1"],
        has_probe: false,
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
        profile: ConsoleV1,
        fails: &["C2"],
        has_probe: false,
        handler: |good| {
            after(good, |_, mut response| {
                *response.body_mut() = [&response.body()[..], b"\n"].concat().into();
                response
            })
        },
    },
    Bad {
        mistake: "returns no access data to a test",
        profile: ConsoleV1,
        fails: &["C7"],
        has_probe: false,
        handler: |good| {
            after(good, |_, response| edited(response, |json| drop(json.as_object_mut().unwrap().remove("appInfo"))))
        },
    },
    Bad {
        mistake: "converts no trials",
        profile: ConsoleV1,
        fails: &["C6"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| text(sent, "trialToFormal") == "1"),
    },
    Bad {
        mistake: "does not know applications for Licenses",
        profile: ConsoleLicense,
        fails: &["C6"],
        has_probe: false,
        handler: |good| not_taking(good, |sent| text(sent, "activity") == "getLicenseAsync"),
    },
];

const BY_USAGE: &[Bad] = &[Bad {
    mistake: "sells by usage, and cannot be unfrozen",
    profile: ConsoleV1,
    fails: &["C6"],
    has_probe: false,
    handler: |good| not_taking(good, |sent| text(sent, "instanceStatus") == "NORMAL"),
}];

const BY_PACKAGE: &[Bad] = &[Bad {
    mistake: "sells packages, and not what they are for",
    profile: ConsoleV1,
    fails: &["C6"],
    has_probe: false,
    handler: |good| not_taking(good, |sent| text(sent, "chargingMode") == "0"),
}];
