//! Checks of the Kit: enterprises, applications, departments and users.

use serde_json::Value;

use crate::delivery::TenantBinding;
use crate::message::Message;
use crate::message::kit::{departments, users};
use crate::session::{Checked, Session, Stop};
use koogallery::kit::{AuthFlag, Flag};
use koogallery::protocol::Protocol;

/// Returns the message in each of the forms that identify no instance.
pub(super) async fn without_instance(session: &mut Session) -> Checked {
    for form in [Some(Value::from("")), Some(Value::Null), None] {
        for message in additions(session) {
            let what = format!(
                "{} whose instanceId is {}",
                message.activity,
                form.as_ref().map_or_else(|| "absent".to_owned(), Value::to_string)
            );
            let has_order = message.get("orderId").is_some();
            let names = ["instanceId", "orderId"].into_iter().filter(|name| *name != "orderId" || has_order);
            let message = names.fold(message.clone(), |message, name| match &form {
                Some(value) => message.with(name, value.clone()),
                None => message.without(name),
            });
            session.call(&message).await?.accepted(&what)?;
        }
    }
    Ok(())
}

/// Returns one of each message, each about an unknown enterprise.
pub(super) fn additions(session: &mut Session) -> Vec<Message> {
    let firm = session.author.enterprise();
    messages(session, &firm, Flag::Add, AuthFlag::Add)
}

/// Returns all messages about an enterprise, the tenant first. `applicationSync` is included only with a secret that
/// the seller can decrypt.
fn messages(session: &mut Session, firm: &TenantBinding, flag: Flag, users_flag: AuthFlag) -> Vec<Message> {
    let (now, secret) = (session.now(), session.client_secrets.first().map(|sealed| sealed.text.clone()));
    let author = &mut session.author;
    let mut messages = vec![author.tenant(firm, flag, now)];
    messages.extend(secret.map(|secret| author.application(firm, &secret, flag, now)));
    if flag != Flag::Delete {
        messages.push(author.departments(firm, departments(3), now));
    }
    messages.push(author.department(firm, flag, now));
    messages.push(author.users(firm, users(2), users_flag, now));
    messages
}

fn note_missing_secret(session: &mut Session) {
    if session.client_secrets.is_empty() {
        session.notes.push("applicationSync was left out: no public key to encrypt clientSecret".to_owned());
    }
}

/// Sends an enterprise with a purchase, if the endpoint accepts one without having seen the purchase.
async fn bound(session: &mut Session) -> Result<TenantBinding, Stop> {
    let mut firm = session.author.enterprise();
    firm.instance_id = session.author.ids.uuid();
    let now = session.now();
    let message = session.author.tenant(&firm, Flag::Add, now);
    let reading = session.call(&message).await?;
    if reading.code.as_deref() != Some("000003") {
        return reading.accepted("binding an enterprise").map(|()| firm);
    }
    session.notes.push("the endpoint requires a known instance: no call named one".to_owned());
    firm.instance_id.clear();
    Ok(firm)
}

pub(super) async fn whole_life(session: &mut Session) -> Checked {
    note_missing_secret(session);
    let firm = bound(session).await?;
    let mut life = messages(session, &firm, Flag::Add, AuthFlag::Add);
    let now = session.now();
    life.push(session.author.department(&firm, Flag::Modify, now));
    life.push(session.author.users(&firm, users(1), AuthFlag::Modify, now));
    if session.profile == Protocol::KitV2.into() {
        life.push(session.author.tenant(&firm, Flag::Modify, now));
        life.push(session.author.users(&firm, users(1), AuthFlag::CancelAuthorization, now));
    }
    life.extend(messages(session, &firm, Flag::Delete, AuthFlag::Delete).into_iter().rev());
    for message in life {
        session.call(&message).await?.accepted(&described(&message))?;
    }
    Ok(())
}

fn described(message: &Message) -> String {
    let flag = message.fields.iter().find(|(name, _)| name == "flag");
    flag.map_or_else(|| message.activity.clone(), |(_, flag)| format!("{} with flag {flag}", message.activity))
}

pub(super) async fn repeats(session: &mut Session) -> Checked {
    note_missing_secret(session);
    let firm = bound(session).await?;
    let mut stranger = session.author.enterprise();
    stranger.instance_id = session.author.ids.uuid();
    for (firm, flag, users_flag, how) in [
        (&firm, Flag::Add, AuthFlag::Add, "sent again"),
        (&firm, Flag::Delete, AuthFlag::Delete, "sent again"),
        (&stranger, Flag::Delete, AuthFlag::Delete, "about an unknown instance"),
    ] {
        for message in messages(session, firm, flag, users_flag) {
            for _ in 0..2 {
                session.call(&message).await?.accepted(&format!("{}, {how},", described(&message)))?;
            }
        }
    }
    Ok(())
}

pub(super) async fn large(session: &mut Session) -> Checked {
    let firm = session.author.enterprise();
    let now = session.now();
    let mut many = users(200);
    for user in &mut many {
        user.position = Some("职".repeat(64));
        user.work_place = Some("w".repeat(256));
        user.email = Some(format!("{:a<116}@example.com", "").into());
    }
    let users = session.author.users(&firm, many, AuthFlag::Add, now);
    session.call(&users).await?.accepted("authSync with 200 users")?;
    let departments = session.author.departments(&firm, departments(200), now);
    session.call(&departments).await?.accepted("allOrgSync with 200 departments")
}

/// Accepts any code, because the tables and the sample contradict each other.
const FAILED: &[&str] = &["000002", "000005", "000101"];

pub(super) async fn client_secret(session: &mut Session) -> Checked {
    let firm = session.author.enterprise();
    let spoiled = session.client_secrets.first().map(|sealed| sealed.spoiled());
    for damaged in ["no ciphertext".to_owned(), "A".repeat(512)].into_iter().chain(spoiled) {
        let now = session.now();
        let message = session.author.application(&firm, &damaged, Flag::Add, now);
        session.refuse(&message, FAILED, "applicationSync whose clientSecret cannot be decrypted").await?;
    }
    if session.client_secrets.is_empty() {
        return Err(Stop::not_run("damaged secrets are refused; checking valid ones needs the seller's public key"));
    }
    let mut refused = Vec::new();
    let sealed = session.client_secrets.clone();
    for sealed in &sealed {
        let now = session.now();
        let message = session.author.application(&firm, &sealed.text, Flag::Add, now);
        let reading = session.call(&message).await?;
        if let Err(stop) = reading.accepted(&format!("clientSecret encrypted with {}", sealed.variation)) {
            refused.push((sealed.variation, stop));
        }
    }
    // The documents do not name the OAEP variation.
    let all_refused = refused.len() == sealed.len();
    session.notes.extend(refused.iter().map(|(variation, _)| format!("{variation} is not supported")));
    match refused.into_iter().next() {
        Some((_, stop)) if all_refused => Err(stop),
        _ => Ok(()),
    }
}
