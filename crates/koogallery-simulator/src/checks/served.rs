//! Which callbacks have to be implemented: those of the product's way of charging. If that is not known, the endpoint is
//! asked which of the others it implements.

use crate::charging::Charging;
use crate::message::Message;
use crate::reading::Reading;
use crate::seen::UNKNOWN_ACTIVITY;
use crate::session::{OUT_OF_TIME, Session, Stop};
use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use std::time::Duration;

/// Finds out which activities the endpoint has to serve.
pub(crate) async fn find_out(session: &mut Session) -> Result<(), Stop> {
    if std::mem::replace(&mut session.has_asked, true) {
        return Ok(());
    }
    let protocol = session.profile.protocol();
    let is_needed = |charging: &Charging, activity| charging.requires(protocol, activity);
    let given = session.charging.clone();
    let asked = protocol.activities().iter().copied().filter(|activity| match given.is_empty() {
        true => !Charging::ALL.iter().all(|charging| is_needed(charging, *activity)),
        false => !given.iter().any(|charging| is_needed(charging, *activity)),
    });
    let asked: Vec<_> = asked.collect();
    if !matches!(protocol, Protocol::SaasV1 | Protocol::SaasV2 | Protocol::LicenseV1) || asked.is_empty() {
        return Ok(());
    }
    for activity in unserved(session, asked).await? {
        session.author.not_served.insert(activity);
        session.notes.push(format!("{activity} is not implemented: {}", needed_for(protocol, activity)));
    }
    Ok(())
}

/// Returns those of some activities whose calls are answered like one of an activity that does not exist.
pub(super) async fn unserved(session: &mut Session, asked: Vec<Activity>) -> Result<Vec<Activity>, Stop> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let id = known_instance(session).await?;
    let unknown = session.fresh_named(UNKNOWN_ACTIVITY);
    let messages = asked.into_iter().filter_map(|activity| Some((activity, about(session, activity, &id)?)));
    let (asked, messages): (Vec<_>, Vec<_>) = messages.collect::<Vec<_>>().into_iter().unzip();
    let calls = messages.iter().chain([&unknown]).map(|message| session.sign(message)).collect();
    // An endpoint may be slow, so all are asked at once. What is wrong with an answer is left to the checks.
    let mut answers = session.send_each_unjudged(calls).await;
    let unknown = match answers.pop() {
        Some(Ok(unknown)) => unknown,
        Some(Err(stop @ Stop::NotRun(_))) => return Err(stop),
        _ => return Ok(Vec::new()),
    };
    let is_unserved = |reading: &Reading| !reading.is_accepted() && !reading.is_crash() && is_same(reading, &unknown);
    let answered = asked.into_iter().zip(answers);
    Ok(answered.filter(|(_, answer)| answer.as_ref().is_ok_and(is_unserved)).map(|(activity, _)| activity).collect())
}

fn is_same(one: &Reading, other: &Reading) -> bool {
    (one.status, &one.code) == (other.status, &other.code)
}

fn needed_for(protocol: Protocol, activity: Activity) -> String {
    let needing = Charging::ALL.iter().filter(|charging| charging.requires(protocol, activity));
    let needing: Vec<_> = needing.map(|charging| charging.as_str()).collect();
    match needing.is_empty() {
        true => "it is optional".to_owned(),
        false => format!("needed for {} only (see --charging)", needing.join(" and ")),
    }
}

/// Returns an instance that exists, unless the endpoint gives its instances no id.
pub(super) async fn known_instance(session: &mut Session) -> Result<String, Stop> {
    if session.author.test_flag {
        return Ok(session.author.ids.uuid());
    }
    match session.instance().await {
        Ok(id) => Ok(id),
        Err(Stop::NotRun(_)) if session.is_out_of_time() => Err(Stop::not_run(OUT_OF_TIME)),
        Err(_) => Ok(session.author.ids.uuid()),
    }
}

/// Returns the plain form of a call about an instance or a code; of a purchase or a notice, a new one.
pub(super) fn about(session: &mut Session, activity: Activity, id: &str) -> Option<Message> {
    let now = session.now();
    let until = now.saturating_add(Duration::from_secs(365 * 86400));
    match activity {
        Activity::NewInstance | Activity::GetLicense => Some(session.author.purchase()),
        Activity::RefreshInstance | Activity::RefreshLicense | Activity::RefreshLicenseCode => {
            session.author.renewal(id, until)
        }
        Activity::UpdateInstanceStatus | Activity::UpdateLicenseCodeStatus | Activity::InstanceStatus => {
            session.author.unfreeze(id)
        }
        Activity::ExpireInstance | Activity::ExpireLicense => session.author.freeze(id),
        Activity::UpgradeInstance | Activity::Upgrade => session.author.upgrade(id),
        Activity::ChangeInstanceCheck => session.author.change_check(id),
        Activity::QueryInstance => session.author.query(&[id]),
        Activity::ReleaseInstance | Activity::ReleaseLicense | Activity::ReleaseLicenseCode => {
            session.author.release(id)
        }
        Activity::GetLicenseAsync => session.author.application_for_license(id, now),
        Activity::OrderNotify => Some(session.fresh()),
        _ => super::kit::additions(session).into_iter().find(|message| message.activity == activity.as_str()),
    }
}
