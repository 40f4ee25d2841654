//! Calls with no signature, or a wrong one, tried on every activity: a server that verifies each activity by itself forgets
//! one easily.

use super::kit;
use super::reject::{UNPROVED, left_nothing, refused};
use crate::call::{Call, Proof};
use crate::message::Message;
use crate::profile::Profile;
use crate::session::{Checked, Session, Stop};
use crate::symptom::Symptom;
use koogallery::protocol::Protocol;
use std::time::Duration;

pub(super) async fn unsigned(session: &mut Session) -> Checked {
    let message = session.fresh();
    let creating = message.activity.clone();
    let call = session.sign(&message).with_proof(Proof::Signature, None);
    let mut outcome = Outcome::default();
    outcome.add(session, call, "a call without a signature").await?;
    let call = session.sign(&message).with_proof(Proof::Signature, Some(""));
    outcome.add(session, call, "a call with an empty signature").await?;
    if !outcome.is_accepted() {
        left_nothing(session, &message).await?;
    }
    for message in others(session).await? {
        let call = session.sign(&message).with_proof(Proof::Signature, None);
        outcome.add(session, call, "a call without a signature").await?;
    }
    outcome.remember(session, &creating);
    outcome.checked("calls without a signature are refused with 000001", "without a valid signature")
}

pub(super) async fn wrong_signature(session: &mut Session) -> Checked {
    let message = session.fresh();
    let creating = message.activity.clone();
    type Spoiling = fn(&str) -> String;
    let spoilings: [(&str, Spoiling); 4] = [
        ("a signature with one character changed", changed),
        ("a signature that is cut off", |right| right[..right.len() - 4].to_owned()),
        ("another signature of the same length", |right| right.chars().rev().collect()),
        ("arbitrary text as the signature", |_| "not-a-signature!".to_owned()),
    ];
    let mut outcome = Outcome::default();
    for (what, spoil) in spoilings {
        let call = spoiled(session, &message, spoil);
        outcome.add(session, call, what).await?;
    }
    if !outcome.is_accepted() {
        left_nothing(session, &message).await?;
    }
    for message in others(session).await? {
        let call = spoiled(session, &message, changed);
        outcome.add(session, call, "a signature with one character changed").await?;
    }
    outcome.remember(session, &creating);
    outcome.checked("calls with a wrong signature are refused with 000001", "with a wrong signature")
}

fn changed(right: &str) -> String {
    let at = right.len() / 2;
    let other = if right[at..].starts_with('1') { "2" } else { "1" };
    [&right[..at], other, &right[at + 1..]].concat()
}

fn spoiled(session: &mut Session, message: &Message, spoil: fn(&str) -> String) -> Call {
    let call = session.sign(message);
    let wrong = call.proof(Proof::Signature).filter(|right| right.len() > 8 && right.is_ascii()).map(spoil);
    call.with_proof(Proof::Signature, wrong.as_deref())
}

/// Returns one call of every other activity that the endpoint serves, about something that exists; releases come last.
async fn others(session: &mut Session) -> Result<Vec<Message>, Stop> {
    match super::find_out(session).await {
        // What has been found out so far counts.
        Err(_) => Ok(Vec::new()),
        Ok(()) => messages(session).await,
    }
}

async fn messages(session: &mut Session) -> Result<Vec<Message>, Stop> {
    let (now, id) = match session.profile {
        Profile::Protocol(Protocol::KitV1 | Protocol::KitV2) => {
            // The first of them is the call that is fresh.
            return Ok(kit::additions(session).into_iter().skip(1).collect());
        }
        Profile::Protocol(Protocol::LicenseCode) => (session.now(), session.author.ids.named("code-")),
        profile if profile.has_purchases() => (session.now(), super::served::known_instance(session).await?),
        _ => return Ok(Vec::new()),
    };
    let until = now.saturating_add(Duration::from_secs(365 * 86400));
    let author = &mut session.author;
    let all = [
        author.freeze(&id),
        author.unfreeze(&id),
        author.renewal(&id, until),
        author.upgrade(&id),
        author.application_for_license(&id, now).map(|message| message.with("testFlag", "1")),
        author.query(&[&id]),
        author.change_check(&id),
        author.release(&id),
    ];
    Ok(all.into_iter().flatten().collect())
}

/// What came of the forged calls.
#[derive(Default)]
struct Outcome {
    /// Activities of accepted calls.
    accepted: Vec<String>,
    /// Activities of refused calls.
    refused: Vec<String>,
    /// The first call that was refused in another way than documented.
    first: Option<Stop>,
}

impl Outcome {
    async fn add(&mut self, session: &mut Session, call: Call, what: &str) -> Checked {
        let activity = call.activity.clone();
        match refused(session, call, UNPROVED, what).await {
            Err(Stop::Failed(failure)) if failure.symptom == Symptom::Accepted => push(&mut self.accepted, activity),
            Err(Stop::Failed(failure)) => {
                // What crashes or hangs has refused nothing.
                if failure.symptom == Symptom::OtherRefusal {
                    push(&mut self.refused, activity);
                }
                self.first.get_or_insert(Stop::Failed(failure));
            }
            // What has been found out so far counts.
            Err(Stop::NotRun(_)) if self.is_accepted() => {}
            Err(stop @ Stop::NotRun(_)) => return Err(stop),
            Ok(()) => push(&mut self.refused, activity),
        }
        Ok(())
    }

    /// Adds the accepted activities to what the run knows; `creating` is that of the call that creates something.
    fn remember(&self, session: &mut Session, creating: &str) {
        self.accepted.iter().for_each(|activity| push(&mut session.unverified, activity.clone()));
        session.is_wholly_unverified |= self.accepted.iter().any(|activity| activity == creating);
    }

    fn is_accepted(&self) -> bool {
        !self.accepted.is_empty()
    }

    fn checked(self, expected: &str, how: &str) -> Checked {
        if self.accepted.is_empty() {
            return self.first.map_or(Ok(()), Err);
        }
        let accepted = self.accepted.join(", ");
        let refused: Vec<_> = self.refused.into_iter().filter(|it| !self.accepted.contains(it)).collect();
        let cause = match refused.is_empty() {
            true => format!("every call is accepted {how}"),
            false => format!("{accepted} {how}: accepted, while {} is refused", refused.join(", ")),
        };
        Err(Stop::failed(expected, format!("{accepted} accepted"), cause).with(Symptom::Accepted))
    }
}

fn push(activities: &mut Vec<String>, activity: String) {
    if !activities.contains(&activity) {
        activities.push(activity);
    }
}
