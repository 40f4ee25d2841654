//! Checks of an instance's lifecycle, and of calls that do not fit it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::Call;
use crate::charging::Charging;
use crate::message::{Message, TIME_STAMP};
use crate::probe::ProbedInstance;
use crate::profile::Profile;
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use koogallery::activity::Activity;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::protocol::{Protocol, SignatureScheme};
use koogallery::timestamp::{CHINA, Timestamp};
use koogallery::wire::{FieldClass, RenewalScene};

const UNKNOWN: &[&str] = &["000003"];
const INVALID: &[&str] = &["000002"];
const DAY: Duration = Duration::from_secs(86400);

pub(super) async fn whole_life(session: &mut Session) -> Checked {
    let id = session.instance().await?;
    if let Some(query) = session.author.query(&[&id]) {
        session.call(&query).await?.accepted("a query of a new instance")?;
    }
    let step = async |session: &mut Session, message: Option<Message>, what: &str, state: &str| -> Checked {
        let Some(message) = message else { return Ok(()) };
        session.call(&message).await?.accepted(what)?;
        session.expect_state(&id, state, what).await
    };
    let now = session.now();
    // Only as a test: a real one makes the seller deliver a License to the real marketplace.
    let application = session.author.application_for_license(&id, now).map(|message| message.with("testFlag", "1"));
    for what in ["an application for a License", "the same application again"] {
        step(session, application.clone(), what, "active").await?;
    }
    let until = session.now().saturating_add(DAY * 365);
    let renewal = session.author.renewal(&id, until);
    step(session, renewal, "a renewal", "active").await?;
    let freeze = session.author.freeze(&id);
    step(session, freeze, "a freeze", "frozen").await?;
    if session.profile.scheme() == SignatureScheme::AuthToken {
        // V1.0 has no unfreeze call: a renewal ends the freeze.
        let renewal = session.author.renewal(&id, until.saturating_add(DAY * 30));
        step(session, renewal, "a renewal of a frozen instance", "active").await?;
    } else {
        let unfreeze = session.author.unfreeze(&id);
        step(session, unfreeze, "an unfreeze", "active").await?;
    }
    let freeze = session.author.freeze(&id);
    step(session, freeze, "a second freeze", "frozen").await?;
    let release = session.author.release(&id);
    step(session, release, "a release", "released").await
}

pub(super) async fn unknown_instance(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let id = session.author.ids.uuid();
    let now = session.now();
    for message in [
        session.author.renewal(&id, now.saturating_add(DAY * 365)),
        session.author.freeze(&id),
        session.author.unfreeze(&id),
        session.author.upgrade(&id),
        session.author.application_for_license(&id, now),
    ]
    .into_iter()
    .flatten()
    {
        let what = format!("{} of an unknown instance", message.activity);
        session.refuse(&message, UNKNOWN, &what).await?;
    }
    let Some(release) = session.author.release(&id) else { return Ok(()) };
    let reading = session.call(&release).await?;
    // An instance that no longer exists may be reported as released.
    if reading.is_success() { Ok(()) } else { reading.refused(UNKNOWN, "a release of an unknown instance") }
}

pub(super) async fn upgrade(session: &mut Session) -> Checked {
    let upgrade =
        if session.profile == Protocol::SaasV1.into() { Activity::Upgrade } else { Activity::UpgradeInstance };
    session.needs(upgrade)?;
    let id = session.instance().await?;
    let until = session.now().saturating_add(DAY * 365);
    let order = session.author.ids.order();
    if let Some(formal) = session.author.renewal_by(&id, until, &order, RenewalScene::TrialToFormal) {
        session.call(&formal).await?.accepted("the conversion of a trial")?;
    }
    let Some(upgrade) = session.author.upgrade(&id) else { return Ok(()) };
    let advice = "implement upgrades if the product can be changed; otherwise this does not matter";
    session.call(&upgrade).await?.accepted("an upgrade").map_err(|stop| stop.advise(advice))?;
    session.call(&upgrade).await?.accepted("a repeated upgrade")?;
    session.expect_state(&id, "active", "an upgrade").await?;
    change_check(session, &id).await
}

/// Upgrades are optional, and a refusal is a valid answer; but a check must not change anything.
async fn change_check(session: &mut Session, id: &str) -> Checked {
    let Some(question) = session.author.change_check(id) else { return Ok(()) };
    let before = session.probed_instance(id).await?;
    let reading = session.call(&question).await?;
    if reading.is_processing() {
        return Err(Stop::failed(
            "yes or no to a changeInstanceCheck",
            "resultCode 000004",
            "a check is answered with 000004",
        ));
    }
    let after = session.probed_instance(id).await?;
    let counted =
        |instance: Option<ProbedInstance>| instance.map(|instance| ProbedInstance { handler_runs: None, ..instance });
    match counted(before) == counted(after) {
        true => Ok(()),
        false => Err(Stop::failed(
            "the instance as it was after a changeInstanceCheck",
            "a change",
            "the check of a change is treated as the change",
        )),
    }
}

/// Renews to a time and checks that it is the new expiry.
async fn renew_to(session: &mut Session, id: &str, time: Timestamp, scene: RenewalScene, what: &str) -> Checked {
    let order = session.author.ids.order();
    let Some(renewal) = session.author.renewal_by(id, time, &order, scene) else { return Ok(()) };
    session.call(&renewal).await?.accepted(what)?;
    expect_expiry(session, id, time, what).await
}

pub(super) async fn expect_expiry(session: &Session, id: &str, time: Timestamp, what: &str) -> Checked {
    let Some(instance) = session.probed_instance(id).await? else { return Ok(()) };
    let wanted = time.to_compact_seconds();
    let found = instance.expire_time.unwrap_or_default();
    // The documents do not name the time zone of V1.0.
    let in_china = Timestamp::parse_compact(&wanted, CHINA).map(Timestamp::to_compact_seconds).unwrap_or_default();
    let fits =
        found.starts_with(&wanted) || (session.profile == Protocol::SaasV1.into() && found.starts_with(&in_china));
    match fits {
        true => Ok(()),
        false => Err(Stop::failed(
            format!("expiry {wanted} after {what}"),
            if found.is_empty() { "none".to_owned() } else { found },
            "the renewal is confirmed, but the expiry is not the one sent: it is ignored, added up, or in another time zone",
        )),
    }
}

fn wants_probe(session: &Session) -> Checked {
    match session.probe {
        Some(_) => Ok(()),
        None => Err(Stop::not_run("no probe is given, which shows the expiry")),
    }
}

pub(super) async fn expiry(session: &mut Session) -> Checked {
    wants_probe(session)?;
    let id = session.instance().await?;
    let now = session.now();
    renew_to(session, &id, now.saturating_add(DAY * 30), RenewalScene::Renewal, "a renewal").await?;
    renew_to(session, &id, now.saturating_add(DAY * 400), RenewalScene::Renewal, "a second renewal").await?;
    renew_to(session, &id, now.saturating_add(DAY * 60), RenewalScene::UnsubscribeRenewalPeriod, "a cancelled renewal")
        .await
}

pub(super) async fn special_times(session: &mut Session) -> Checked {
    wants_probe(session)?;
    let id = session.instance().await?;
    for text in ["20280229120000", "20280229000000", "20271231235959", "20290325023000"] {
        let Ok(time) = text.parse() else { continue };
        renew_to(session, &id, time, RenewalScene::Renewal, "a renewal to a special time").await?;
    }
    Ok(())
}

pub(super) async fn after_release(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let order = session.author.ids.order();
    let purchase = session.author.purchase_of(&order, 1);
    let id = session.buy(&purchase).await?;
    let Some(release) = session.author.release(&id) else { return Ok(()) };
    session.call(&release).await?.accepted("a release")?;
    let until = session.now().saturating_add(DAY * 365);
    for message in [session.author.renewal(&id, until), session.author.unfreeze(&id)].into_iter().flatten() {
        let what = format!("{} of a released instance", message.activity);
        session.refuse(&message, UNKNOWN, &what).await?;
    }
    session.expect_state(&id, "released", "a renewal after the release").await?;
    let purchase = session.author.purchase_of(&order, 1);
    let mut call = session.sign(&purchase);
    // The documents do not define the answer; the address is no longer usable.
    call.is_judged = false;
    session.send(call).await?;
    session.expect_state(&id, "released", "a late copy of the purchase").await?;
    session.expect_nothing_new(&order).await
}

/// A renewal that arrives before the creation has finished must not be lost.
async fn renewed_early(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let purchase = session.author.purchase();
    let bought = session.call(&purchase).await?;
    if !bought.is_processing() {
        return Ok(());
    }
    let until = session.now().saturating_add(DAY * 100);
    let Some(renewal) = bought.instance_id().and_then(|id| session.author.renewal(id, until)) else { return Ok(()) };
    let renewed = session.call(&renewal).await?;
    let id = session.settled(&purchase, bought).await?;
    // A refused call is repeated.
    if !renewed.is_success() || session.probe.is_none() {
        return Ok(());
    }
    expect_expiry(session, &id, until, "a renewal right after the purchase").await
}

pub(super) async fn out_of_order(session: &mut Session) -> Checked {
    renewed_early(session).await?;
    let id = session.instance().await?;
    let Some(release) = session.author.release(&id) else { return Ok(()) };
    session.call(&release).await?.accepted("a release of an instance that was never frozen")?;
    if let Some(freeze) = session.author.freeze(&id) {
        session.call(&freeze).await?;
    }
    session.expect_state(&id, "released", "a freeze after the release").await
}

pub(super) async fn unknown_activity(session: &mut Session) -> Checked {
    let message = session.fresh();
    let right = message.activity.clone();
    // Where several families share an address, the key for such a call is undefined.
    let codes: &[&str] = match session.profile {
        Profile::Protocol(Protocol::SaasV1) | Profile::Protocol(Protocol::SaasV2) => INVALID,
        _ => &["000001", "000002"],
    };
    let wrong = [
        ("an unknown activity", Some("makeCoffee".to_owned())),
        ("an activity in the wrong letter case", Some(right.to_uppercase())),
        ("an empty activity", Some(String::new())),
        ("a call without an activity", None),
    ];
    for (what, activity) in wrong {
        let mut message = match &activity {
            Some(activity) => message.clone().with("activity", &**activity),
            None => message.clone().without("activity"),
        };
        message.activity = activity.unwrap_or_default();
        session.refuse(&message, codes, what).await?;
    }
    Ok(())
}

/// Returns whether a call needs a field: the documents call it mandatory, and it has an effect.
fn is_needed(profile: Profile, activity: &str, name: &str) -> bool {
    let fields = activity.parse().ok().and_then(|activity| profile.protocol().fields(activity));
    let spec = fields.and_then(|fields| fields.iter().find(|spec| spec.name == name));
    spec.is_some_and(|spec| spec.mandatory && spec.class != FieldClass::Information)
}

/// Returns one call of every kind that has mandatory fields of its own.
fn samples(session: &mut Session) -> Vec<Message> {
    match session.profile {
        Profile::Protocol(Protocol::KitV1) | Profile::Protocol(Protocol::KitV2) => super::kit::additions(session),
        _ => {
            let (fresh, now, id) = (session.fresh(), session.now(), session.author.ids.uuid());
            [Some(fresh), session.author.application_for_license(&id, now)].into_iter().flatten().collect()
        }
    }
}

pub(super) async fn missing_fields(session: &mut Session) -> Checked {
    let profile = session.profile;
    for (index, sample) in samples(session).into_iter().enumerate() {
        // It is about an unknown instance, which may be checked first.
        let codes = if sample.activity == "getLicenseAsync" { &["000002", "000003"] } else { INVALID };
        // A call that succeeds by mistake must not influence the next one.
        let fresh = |session: &mut Session| samples(session).swap_remove(index);
        for (name, value) in sample.fields.iter().filter(|(name, _)| is_needed(profile, &sample.activity, name)) {
            // In V1.0 it is part of the proof, and covered by the checks of times.
            if name == TIME_STAMP {
                continue;
            }
            let of = &sample.activity;
            let message = fresh(session).without(name);
            session.refuse(&message, codes, &format!("{of} without {name}")).await?;
            // Fields that fail to decrypt are covered by another check.
            if value.is_string() && name != "clientSecret" {
                let message = fresh(session).with(name, "x".repeat(300));
                session.refuse(&message, codes, &format!("{of} with a {name} of 300 characters")).await?;
            }
            if session.profile.scheme().has_nonce() {
                let message = fresh(session).with(name, json!({ "x": [1] }));
                session.refuse(&message, codes, &format!("{of} whose {name} is an object")).await?;
            }
        }
        for (activity, member) in [("authSync", "userName"), ("allOrgSync", "orgCode")] {
            if sample.activity == activity {
                let message = fresh(session).without_in_list(member);
                session.refuse(&message, codes, &format!("{activity} with an entry without {member}")).await?;
            }
        }
    }
    Ok(())
}

/// Returns purchases in every way of charging, with its name.
fn purchases_by(session: &mut Session, is_meant: impl Fn(&Session, Charging) -> bool) -> Vec<(String, Message)> {
    let mut purchases = Vec::new();
    for charging in Charging::ALL {
        if !is_meant(session, charging) {
            continue;
        }
        let purchase = session.author.purchase_by(charging).with("orderAmount", "12.345");
        if charging == Charging::Period {
            let monthly = session.author.purchase_by(charging).with("periodType", "month");
            purchases.push((format!("a purchase of a month ({charging})"), monthly));
        }
        purchases.push((format!("a purchase that is charged for by {charging}"), purchase));
    }
    purchases
}

/// Purchases in the ways of charging that are given; sold by period if none is.
pub(super) async fn charging_modes(session: &mut Session) -> Checked {
    let is_sold = |session: &Session, charging: Charging| match session.charging.is_empty() {
        true => charging == Charging::Period,
        false => session.charging.contains(&charging),
    };
    for (what, purchase) in purchases_by(session, is_sold) {
        session.call(&purchase).await?.accepted(&what)?;
    }
    Ok(())
}

/// What an endpoint that is sold otherwise may refuse.
pub(super) async fn other_charging_modes(session: &mut Session) -> Checked {
    if !session.charging.is_empty() {
        return Err(Stop::not_run("the ways of charging are given"));
    }
    for (what, purchase) in purchases_by(session, |_, charging| charging != Charging::Period) {
        let call = session.sign(&purchase);
        let refused = match session.send_unjudged(call).await {
            Ok(reading) if reading.is_accepted() => continue,
            Ok(reading) => reading.described(),
            Err(Stop::Failed(failure)) => failure.got,
            Err(stop) => return Err(stop),
        };
        let has_expiry = purchase.get("expireTime").is_some();
        let without = if has_expiry { "" } else { ", which has no expireTime," };
        return Err(Stop::failed(
            format!("{what} is accepted (000000)"),
            refused.clone(),
            format!("{what}{without} is refused ({refused}), while one by period is accepted"),
        ));
    }
    Ok(())
}

pub(super) async fn test_life(session: &mut Session) -> Checked {
    let purchase = session.author.purchase().with("testFlag", "1");
    let order = purchase.get("orderId").unwrap_or_default().to_owned();
    let id = session.author.ids.uuid();
    let until = session.now().saturating_add(DAY * 365);
    let messages = [
        Some(purchase),
        session.author.query(&[&id]),
        session.author.renewal(&id, until),
        session.author.freeze(&id),
        session.author.unfreeze(&id),
        session.author.release(&id),
    ];
    for message in messages.into_iter().flatten() {
        let message = message.with("testFlag", "1");
        let what = format!("{} with testFlag 1, for any instance", message.activity);
        let reading = session.call(&message).await?;
        if !reading.is_success() {
            let activity = &message.activity;
            reading.accepted(&what).map_err(|stop| {
                stop.because(format!(
                    "{activity} with testFlag 1 is refused ({}): test calls are about any instance",
                    reading.described()
                ))
            })?;
        }
    }
    session.expect_instances(&order, 0).await
}

pub(super) async fn test_flag_off(session: &mut Session) -> Checked {
    session.wants_effects()?;
    let purchase = session.author.purchase().with("testFlag", "0");
    let order = purchase.get("orderId").unwrap_or_default().to_owned();
    session.buy(&purchase).await?;
    session.expect_instances(&order, 1).await
}

/// Expects any answer that the endpoint gives by itself.
fn answered(reading: Reading, what: &str) -> Checked {
    if reading.is_crash() { reading.refused(INVALID, what) } else { Ok(()) }
}

/// As many as a product may have: `[{"name":"a","value":"1"},{"name":"b","value":""},{"name":"c","value":"x y"}]`.
const THREE_PARAMS: &str =
    "W3sibmFtZSI6ImEiLCJ2YWx1ZSI6IjEifSx7Im5hbWUiOiJiIiwidmFsdWUiOiIifSx7Im5hbWUiOiJjIiwidmFsdWUiOiJ4IHkifV0=";

/// That of products of WeLink: one named `platformParams`, whose value is the text of an object with `tenantName`,
/// `tennantId` (as the document spells it) and `userId`.
const PLATFORM_PARAMS: &str = "W3sibmFtZSI6InBsYXRmb3JtUGFyYW1zIiwidmFsdWUiOiJ7XCJ0ZW5hbnROYW1lXCI6XCJ0XCIsXCJ0ZW5uYW50SWRcIjpcIjFcIixcInVzZXJJZFwiOlwidVwifSJ9XQ==";

pub(super) async fn extend_params(session: &mut Session) -> Checked {
    let params = [
        ("extension parameters", "W3sibmFtZSI6ImVtYWlsRG9tYWluTmFtZSIsInZhbHVlIjoidGVzdC5leGFtcGxlLmNvbSJ9XQ=="),
        ("extension parameters in Chinese", "W3sibmFtZSI6Im5hbWUiLCJ2YWx1ZSI6Iua1i+ivlSJ9XQ=="),
        ("three extension parameters", THREE_PARAMS),
        ("an extension parameter that contains JSON", PLATFORM_PARAMS),
        ("no extension parameters", "W10="),
    ];
    for (what, value) in params {
        let purchase = session.author.purchase().with("saasExtendParams", value);
        session.call(&purchase).await?.accepted(&format!("a purchase with {what}"))?;
    }
    if !session.author.not_served.contains(&Activity::Upgrade) && !session.author.test_flag {
        let id = session.instance().await?;
        // Another check reports that there are no upgrades at all.
        let plain = session.author.upgrade(&id);
        let has_upgrades = match &plain {
            Some(plain) => session.call(plain).await?.is_accepted(),
            None => false,
        };
        if let (Some(plain), true) = (plain, has_upgrades) {
            let order = session.author.ids.order();
            let upgrade = plain.with("orderId", order).with("saasExtendParams", THREE_PARAMS);
            session.call(&upgrade).await?.accepted("an upgrade with extension parameters")?;
        }
    }
    let purchase = session.author.purchase().with("saasExtendParams", "not Base64!");
    let call = session.sign(&purchase);
    // Refused or ignored, but answered.
    answered(session.send(Call { is_right: false, ..call }).await?, "a purchase with damaged extension parameters")
}

pub(super) async fn encrypted_fields(session: &mut Session) -> Checked {
    let purchase = session.author.purchase();
    let reading = session.call(&purchase).await?;
    let announced = reading.json.as_ref().and_then(|json| json.get("encryptType")).and_then(Value::as_str);
    let size: EncryptType = announced.unwrap_or("1").parse().unwrap_or_default();
    let cipher = FieldCipher::new(&session.key, size);
    // Numbers and domains reserved for examples.
    let fields = [("mobilePhone", "13800000000"), ("email", "ada@example.com")];
    let mut purchase = session.author.purchase();
    for (name, text) in fields {
        let Ok(sealed) = cipher.encrypt_with_iv(text, "A1b2C3d4E5f6G7h8") else { continue };
        purchase.set(name, sealed.as_str());
    }
    session.call(&purchase).await?.accepted("a purchase with an encrypted phone number and e-mail address")?;
    let damaged = session.author.purchase().with("mobilePhone", "A1b2C3d4E5f6G7h8AAAA");
    let call = session.sign(&damaged);
    // Refused or accepted without a number, but answered.
    answered(session.send(Call { is_right: false, ..call }).await?, "a purchase with a damaged phone number")
}
