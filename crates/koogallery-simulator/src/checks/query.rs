//! Checks of instance queries.

use crate::session::{Checked, Session, Stop};
use koogallery::activity::Activity;

async fn expect(session: &mut Session, asked: &[&str]) -> Checked {
    let Some(query) = session.author.query(asked) else { return Ok(()) };
    let reading = session.call(&query).await?;
    reading.accepted("a query")?;
    let described = reading.described_ids();
    match asked.iter().all(|id| described.contains(id)) {
        true => Ok(()),
        false => Err(Stop::failed(
            format!("info about {}", asked.join(" and ")),
            if described.is_empty() { "none".to_owned() } else { format!("info about {}", described.join(" and ")) },
            match (reading.has_info(), asked.len()) {
                (false, _) => "the answer to queryInstance has no info: what it describes is not read elsewhere",
                (true, 1) => "the requested instance is missing in the info of the answer to queryInstance",
                (true, _) => {
                    "requested instances are missing in the answer: instanceId may contain several, joined with commas"
                }
            },
        )
        .advise(match (reading.has_info(), asked.len()) {
            (false, _) => "describe each instance as an element of the list info: instanceId, appInfo, usageInfo",
            (true, 1) => "return the instanceId as it was asked for",
            (true, _) => "split instanceId at commas",
        })),
    }
}

pub(super) async fn one_many_unknown(session: &mut Session) -> Checked {
    session.needs(Activity::QueryInstance)?;
    let (first, second) = (session.instance().await?, session.instance().await?);
    expect(session, &[&first]).await?;
    expect(session, &[&first, &second]).await?;
    let stranger = session.author.ids.uuid();
    let Some(query) = session.author.query(&[&stranger]) else { return Ok(()) };
    let reading = session.call(&query).await?;
    match reading.is_success() && reading.described_ids().is_empty() {
        true => Ok(()),
        false => reading
            .refused(&["000003"], "a query of an unknown instance")
            .map_err(|stop| stop.advise("look up the instance; refuse with 000003, or describe none")),
    }
}

pub(super) async fn steady(session: &mut Session) -> Checked {
    session.needs(Activity::QueryInstance)?;
    let id = session.instance().await?;
    for _ in 0..3 {
        expect(session, &[&id]).await?;
    }
    Ok(())
}

pub(super) async fn without_effect(session: &mut Session) -> Checked {
    session.needs(Activity::QueryInstance)?;
    let id = session.instance().await?;
    let Some(query) = session.author.query(&[&id]) else { return Ok(()) };
    let before = session.probed_instance(&id).await?;
    let calls = (0..20).map(|_| session.sign(&query)).collect();
    for reading in session.send_all(calls).await? {
        reading.accepted("one of 20 queries at once")?;
    }
    let after = session.probed_instance(&id).await?;
    match before == after {
        true => Ok(()),
        false => Err(Stop::failed("the instance as it was", "a change", "a query changes the instance")),
    }
}
