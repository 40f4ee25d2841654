//! Checks that the endpoint can be reached and answers.

use std::time::Duration;

use http::Method;
use tokio::time::sleep;

use crate::call::Proof;
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use crate::symptom::Symptom;

/// The marketplace's timeout for a whole answer.
const IN_TIME: Duration = Duration::from_secs(5);

/// Accepts any answer.
pub(super) async fn answers(session: &mut Session) -> Checked {
    let connected = match session.http() {
        Ok(target) => Some(target.connect().await?.times),
        Err(_) => None,
    };
    let message = session.fresh();
    match session.call(&message).await {
        // Whatever came, something is there; the next check looks into it.
        Err(Stop::Failed(failure)) if matches!(failure.symptom, Symptom::Crash | Symptom::Hang) => {}
        outcome => drop(outcome?),
    }
    let Some(times) = connected else { return Ok(()) };
    let tls = times.tls.map_or_else(String::new, |time| format!(", TLS {}", milliseconds(time)));
    let (dns, tcp) = (milliseconds(times.dns), milliseconds(times.tcp));
    session.notes.push(format!("the connection took: name {dns}, TCP {tcp}{tls}"));
    match times.total() > IN_TIME {
        true => Err(Stop::failed(
            format!("a connection within {IN_TIME:?}"),
            format!("one after {}", milliseconds(times.total())),
            "connecting alone takes as long as the marketplace waits for the answer",
        )),
        false => Ok(()),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// A caller outside an allow-list sees whatever stands in front of the endpoint.
pub(super) async fn not_restricted(session: &mut Session) -> Checked {
    let message = session.fresh();
    let reading = session.call(&message).await?;
    match (reading.status, &reading.code) {
        (401 | 403 | 407 | 429 | 451, None) => Err(Stop::failed(
            "an answer by the endpoint itself",
            format!("HTTP status {} without a resultCode", reading.status),
            "something in front refuses this machine: an allow-list, a firewall, or bot protection",
        )),
        _ => Ok(()),
    }
}

/// The marketplace checks from time to time whether the endpoint is up. The calls have no effect.
pub(super) async fn steady(session: &mut Session) -> Checked {
    const PROBES: u32 = 10;
    let kind = |reading: &Reading| match &reading.code {
        Some(code) => format!("resultCode {code}"),
        None => format!("HTTP status {}", reading.status),
    };
    let message = session.fresh();
    let mut first = None;
    for _ in 0..PROBES {
        let call = session.sign(&message).with_proof(Proof::Signature, None);
        let reading = session.send(call).await?;
        let first = first.get_or_insert_with(|| kind(&reading));
        if *first != kind(&reading) {
            return Err(Stop::failed(
                format!("{first}, as before"),
                kind(&reading),
                "the endpoint answers the same call differently at different times",
            ));
        }
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

pub(super) async fn wrong_method(session: &mut Session) -> Checked {
    let message = session.author.purchase();
    for method in [Method::PUT, Method::DELETE] {
        let mut call = session.sign(&message);
        call.method = method.clone();
        call.is_judged = false;
        let reading = session.send(call).await?;
        if reading.is_success() || reading.is_processing() {
            return Err(Stop::failed(
                format!("{method} is refused"),
                "it is accepted".to_owned(),
                "the method is not checked",
            ));
        }
    }
    let Some(order) = message.get("orderId").map(str::to_owned) else { return Ok(()) };
    session.expect_instances(&order, 0).await
}
